// queue.hpp - the consumer's queue in the database: claims events, and reports what became of them.
//
// A report that the server did not get is kept and made again on the next connection, with the same lease: so a restart
// of the server does not repeat work that is done. Throws ServerError.
#pragma once

#include <memory>
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

	// Claims up to max events in place of the settled ones; false if none is due.
	bool claim(int max);
	const std::vector<Event> &events() const { return events_; }

	// Until then nobody else gets the events.
	TimePoint lease_end() const { return lease_end_; }

	void done(size_t number) { outcomes_[number] = kDoneHere; }
	void failed(size_t number, const std::string &why);

	// Reports what is done, if the last report is some time ago. An error comes out at settle().
	void report_when_due();

	// Reports everything and gives back what is neither done nor failed; returns how many were given back.
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

	void report();
	std::vector<Parameter> parameters(std::initializer_list<Parameter> others) const;
	std::string take_ids(Outcome outcome, std::vector<size_t> &numbers) const;

	const Options &options_;
	std::unique_ptr<Connection> connection_;
	std::vector<Event> events_;
	std::vector<Outcome> outcomes_;
	std::vector<std::string> reasons_;
	std::string lease_;
	TimePoint lease_end_;
	TimePoint last_report_;
};

} // namespace worker
