// queue.hpp - the consumer's queue in the database: claims events, and reports what became of them.
//
// A report that the server did not get is kept and made again on the next connection, with the same lease: so a restart
// of the server does not repeat work that is done. Throws ServerError.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "clock.hpp"
#include "database.hpp"
#include "options.hpp"

namespace worker {

// How long what is done may stay unreported while a page is worked on.
constexpr Milliseconds kReportInterval{100};

struct Event
{
	std::string id;
	std::string line; // JSON, with its newline
};

class Queue
{
public:
	explicit Queue(const Options &options) : options_(options) {}

	// Connects, again if need be, and makes the reports that are left from before.
	void connect();
	void disconnect() { connection_.reset(); }
	Connection &connection() { return *connection_; }

	// Claims up to max events in place of the settled ones; false if none is due. Those that cannot be sent fail at once.
	bool claim(int max);

	// What is to be delivered. Fewer than were claimed when those are too large together, or after keep().
	std::span<const Event> events() const { return {events_.data(), sendable_}; }
	int claimed() const { return static_cast<int>(events_.size()); }

	// Whether there is time to begin one more: half of the lease is not over.
	bool may_begin() const { return Clock::now() < extend_at_; }

	// When keep() is to be called, while somebody works on events.
	TimePoint extend_at() const { return extend_at_; }

	// If half of the lease is over, gives back the events that have not begun and extends the lease of the others; of the
	// events the first so many have begun. False if the lease is over: from then on others may get the events.
	bool keep(size_t begun);

	// Why the lease could not be extended.
	const std::string &trouble() const { return trouble_; }

	void done(size_t number) { outcomes_[number] = kDoneHere; }
	void failed(size_t number, const std::string &why);

	// Reports what is done, if the last report is some time ago. An error comes out at settle().
	void report_when_due();

	// Reports everything and gives back what is neither done nor failed; returns how many were given back in all.
	int settle();

	// Sends events with NOTIFY instead; returns how many.
	long relay(const std::string &channel, int max);

private:
	enum Outcome
	{
		kOpen,
		kDoneHere,
		kFailedHere,
		kReported
	};

	Result ask(const char *statement, std::initializer_list<Parameter> others, RowReader reader = nullptr);
	void subscribe();
	void read_page(const char *statement, int max);
	void make_lines();
	void clear();
	void report();
	void report_failure(size_t number);
	void give_back(size_t from);
	void extend();
	std::string take_ids(Outcome outcome, std::vector<size_t> &numbers, size_t from = 0) const;

	const Options &options_;
	std::unique_ptr<Connection> connection_;
	std::vector<Event> events_;
	std::vector<Outcome> outcomes_;
	std::vector<std::string> reasons_;
	size_t sendable_ = 0;
	int given_back_ = 0;
	std::string lease_;
	TimePoint lease_end_;
	TimePoint extend_at_;
	TimePoint last_report_;
	std::string trouble_;
};

} // namespace worker
