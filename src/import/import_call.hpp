// import_call.hpp - one call of contacts.import(), whose progress a second connection reads, and which Ctrl-C ends.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/clock.hpp"
#include "matching.hpp"
#include "options.hpp"
#include "server.hpp"
#include "staging.hpp"
#include "terminal.hpp"

namespace importer {

// Watcher reads the progress of an import from beside it. Where it cannot connect, or loses the connection, there is none to show.
class Watcher
{
public:
	Watcher(const Options &options, const std::string &workspace, const std::string &table, bool is_dry_run);

	// What to wait for, and until when.
	pollfd file() const;
	client::TimePoint due() const;

	// Does what can be done without waiting; true if there is something new.
	bool advance(client::Milliseconds interval);

	const std::optional<Progress> &progress() const { return progress_; }

private:
	std::vector<Parameter> parameters_;
	std::unique_ptr<Connection> connection_;
	bool is_connecting_ = true;
	bool is_asking_ = false;
	client::TimePoint next_ = client::Clock::now();
	std::optional<Progress> progress_;
};

class ImportCall
{
public:
	ImportCall(Connection &connection, Terminal &terminal, const Options &options, const std::string &workspace,
			   const std::string &table, const Matching &matching);

	// Runs it to its end; returns what became of it. Throws Failure when it is stopped, and ServerError.
	Progress run(bool is_dry_run);

private:
	void wait_for_end(bool is_dry_run);

	Connection &connection_;
	Terminal &terminal_;
	const Options &options_;
	std::string workspace_;
	std::string table_;
	const Matching &matching_;
};

} // namespace importer
