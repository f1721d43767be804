// queue.hpp - the consumer's queue in the database: claim, ack, fail, release and extend.
//
// A report that the server did not get is kept and made again on the next connection, with the same lease: so a restart
// of the server does not repeat work that is done. Throws ServerError.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "client/clock.hpp"
#include "client/database.hpp"
#include "options.hpp"

namespace worker {

// How long an outcome may stay unreported while a page is worked on.
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

	// Claims up to max events in place of the settled ones; false if none is due. Events that cannot be sent fail at once.
	bool claim(int max);

	// The claimed events that are to be delivered: not all, when they are too large together, or after keep().
	std::span<const Event> events() const { return {events_.data(), sendable_}; }
	int claimed() const { return static_cast<int>(events_.size()); }

	// Whether there is time to begin one more event: half of the lease is not over.
	bool may_begin() const { return Clock::now() < extend_at_; }

	// When keep() is to be called, as long as work has begun on an event.
	TimePoint extend_at() const { return extend_at_; }

	// Work has begun on that many events, the first of the page. If half of the lease is over, keep() releases the events after
	// them and extends the lease. False if the lease is over: from then on another worker may claim the events.
	bool keep(size_t begun);

	// Why keep() could not extend the lease.
	const std::string &trouble() const { return trouble_; }

	void ack(size_t number) { outcomes_[number] = kToAck; }
	void fail(size_t number, const std::string &why);

	// Reports outcomes if the last report is kReportInterval ago. What the server did not get is left to settle().
	void report_when_due();

	// Reports every outcome and releases the events without one; returns how many of the page were released in all.
	int settle();

	// Sends up to max events with NOTIFY in place of claiming them; returns how many.
	long relay(const std::string &channel, int max);

private:
	enum Outcome
	{
		kOpen,
		kToAck,
		kToFail,
		kReported // acknowledged, failed or released
	};

	Result ask(const char *statement, std::initializer_list<Parameter> others, RowReader reader = nullptr);
	void subscribe();
	void read_page(const char *statement, int max);
	void make_lines();
	void clear();
	void report();
	void report_failure(size_t number);
	void release(size_t from);
	void extend();
	std::string take_ids(Outcome outcome, std::vector<size_t> &numbers, size_t from = 0) const;

	const Options &options_;
	std::unique_ptr<Connection> connection_;
	std::vector<Event> events_;
	std::vector<Outcome> outcomes_;
	std::vector<std::string> reasons_;
	size_t sendable_ = 0;
	int released_ = 0;
	std::string lease_;
	TimePoint lease_end_;
	TimePoint extend_at_;
	TimePoint last_report_;
	std::string trouble_;
};

} // namespace worker
