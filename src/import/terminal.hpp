// terminal.hpp - the person at the terminal, if there is one: what is shown, and the question.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "client/clock.hpp"
#include "options.hpp"

namespace importer {

// Terminal shows results on standard output and progress on standard error: a line that changes if that is a terminal, else a
// line every ten seconds. A quiet one shows nothing.
class Terminal
{
public:
	explicit Terminal(bool is_quiet);

	// What ends the program is said on a line of its own.
	~Terminal() { end_progress(); }
	Terminal(const Terminal &) = delete;
	Terminal &operator=(const Terminal &) = delete;

	// Whether somebody can be asked.
	bool can_ask() const;

	// A text that ends its lines.
	void show(std::string_view text);

	// How far something is that began at some time; is shown if it is time to.
	void progress(std::string_view what, int64_t done, int64_t total);

	// The same for bytes.
	void progress_bytes(std::string_view what, uint64_t done, uint64_t total);

	// Takes the line that changes away.
	void end_progress();

	// Whether the answer is yes. A stop that is requested is a no.
	bool ask(std::string_view question);

	// How long until progress should be shown again.
	client::Milliseconds interval() const { return has_line_ ? kLineInterval : kPlainInterval; }

private:
	static constexpr client::Milliseconds kLineInterval{200};
	static constexpr client::Milliseconds kPlainInterval{10000};

	size_t width() const;
	bool is_due(std::string_view what, int64_t done);
	double rate(int64_t done) const;
	void write_line(std::string_view line);

	bool is_quiet_;
	bool has_line_; // a line that changes
	bool is_line_shown_ = false;
	std::string what_;
	int64_t done_at_begin_ = 0;
	client::TimePoint begin_;
	client::TimePoint next_ = client::TimePoint::min();
};

// Throws Failure if the options leave a question, whether to do that, and nobody can be asked.
void require_answer(const Options &options, const Terminal &terminal, const std::string &deed);

} // namespace importer
