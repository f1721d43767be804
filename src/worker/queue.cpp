#include "queue.hpp"

#include "client/log.hpp"
#include "client/text.hpp"

namespace worker {

namespace {

// The consumer and its workspace are the first two parameters of each.
#define WORKSPACE "workspace_id => $2"

constexpr char kClaim[] = "SELECT c.event_id, c.lease, contacts_internal.event_line(c)"
						  " FROM contacts.claim($1, $3, pg_catalog.make_interval(secs => $4), " WORKSPACE ") c";
// An event that has no line in the client's encoding, or none at all, must not keep the others from being claimed: this
// has no line, but the event in bytes that any encoding has, and kLine makes the line of one.
constexpr char kClaimBytes[] =
	"SELECT c.event_id, c.lease,"
	" pg_catalog.encode(pg_catalog.convert_to(c::text, pg_catalog.getdatabaseencoding()), 'hex')"
	" FROM contacts.claim($1, $3, pg_catalog.make_interval(secs => $4), " WORKSPACE ") c";
constexpr char kLine[] = "SELECT contacts_internal.event_line(pg_catalog.convert_from(pg_catalog.decode($1, 'hex'), "
						 "pg_catalog.getdatabaseencoding())"
						 "::contacts.claimed_event)";
constexpr char kAck[] = "SELECT contacts.ack($1, $3, $4, " WORKSPACE ")";
constexpr char kFail[] = "SELECT contacts.fail($1, $3, $4, $5, " WORKSPACE ")";
constexpr char kRelease[] = "SELECT contacts.release($1, $3, $4, " WORKSPACE ")";
constexpr char kExtend[] = "SELECT contacts.extend($1, $3, pg_catalog.make_interval(secs => $4), " WORKSPACE ")";
constexpr char kSubscribe[] =
	"SELECT contacts.subscribe($1, workspace_id => w.id)"
	" FROM (SELECT coalesce($2::bigint, contacts_internal.current_workspace())) w (id)"
	" WHERE NOT EXISTS (SELECT FROM contacts.consumer c WHERE c.workspace_id OPERATOR(pg_catalog.=) w.id"
	" AND c.name OPERATOR(pg_catalog.=) $1)";
// Its transactions wait for no disk, and so hold the lock of NOTIFY for a moment only: what a crash undoes is sent again.
constexpr char kRelay[] = "SELECT contacts.relay($1, $3, $4, " WORKSPACE "),"
						  " pg_catalog.set_config('synchronous_commit', 'off', true)";

// How many events are claimed when some of them cannot be read: each of them costs a round trip.
constexpr int kUnreadablePage = 100;

// How many bytes of a page are kept in memory; the events behind them are released.
constexpr size_t kMaxPage = size_t{64} * 1024 * 1024;

// How often the lease is tried to be extended when that fails.
constexpr Milliseconds kExtendInterval{500};

} // namespace

void
Queue::connect()
{
	connection_ = std::make_unique<Connection>(options_.dbname, options_.limit());
	connection_->connect();
	if (options_.subscribe)
		subscribe();
	(void)settle();
}

void
Queue::subscribe()
{
	try
	{
		(void)ask(kSubscribe, {});
	}
	catch (const ServerError &error)
	{
		if (error.permanent())
			say("cannot register the consumer: that is for the owner of the contact tables to do");
		throw;
	}
}

// Runs a statement whose first two parameters are the consumer and its workspace.
Result
Queue::ask(const char *statement, std::initializer_list<Parameter> others, RowReader reader)
{
	std::vector<Parameter> parameters = {options_.consumer, options_.workspace};

	parameters.insert(parameters.end(), others);
	if (!connection_)
		throw ServerError("there is no connection", "", true);
	return connection_->execute(statement, parameters, std::move(reader));
}

bool
Queue::claim(int max)
{
	// Before the server begins to count, so that the lease never seems longer than it is.
	TimePoint start = Clock::now();
	bool some = true;

	try
	{
		read_page(kClaim, max);
		some = !events_.empty();
	}
	catch (const ServerError &error)
	{
		if (!error.about_data())
			throw;
		start = Clock::now();
		read_page(kClaimBytes, std::min(max, kUnreadablePage));
		some = !events_.empty();
		make_lines();
	}
	lease_end_ = start + options_.lease;
	extend_at_ = start + options_.lease / 2;
	last_report_ = start;
	trouble_.clear();
	return some;
}

// Claims, and keeps as many of the lines as fit into memory.
void
Queue::read_page(const char *statement, int max)
{
	size_t size = 0;

	clear();
	try
	{
		(void)ask(statement, {std::to_string(max), std::to_string(options_.lease.count())}, [&](const Result &row) {
			lease_ = row.value(0, 1);
			events_.push_back({row.value(0, 0), size < kMaxPage ? row.value(0, 2) + "\n" : ""});
			sendable_ += size < kMaxPage ? 1 : 0;
			size += events_.back().line.size();
		});
	}
	catch (const ServerError &)
	{
		clear();
		throw;
	}
	outcomes_.assign(events_.size(), kOpen);
	reasons_.assign(events_.size(), "");
}

// Makes the lines of events that are there in bytes. Those that have none fail.
void
Queue::make_lines()
{
	for (size_t i = 0; i < sendable_;)
		try
		{
			events_[i].line = connection_->execute(kLine, {events_[i].line}).value(0, 0) + "\n";
			i++;
		}
		catch (const ServerError &error)
		{
			if (!error.about_data())
				throw;

			std::string_view message = error.what();
			std::string why = "the event cannot be sent: " + readable(message.substr(0, message.find('\n')));

			say("event " + events_[i].id + " fails: " + why);
			fail(i, why);
			report_failure(i);
			events_.erase(events_.begin() + static_cast<std::ptrdiff_t>(i));
			outcomes_.erase(outcomes_.begin() + static_cast<std::ptrdiff_t>(i));
			reasons_.erase(reasons_.begin() + static_cast<std::ptrdiff_t>(i));
			sendable_--;
		}
}

void
Queue::clear()
{
	events_.clear();
	outcomes_.clear();
	reasons_.clear();
	sendable_ = 0;
	released_ = 0;
}

void
Queue::fail(size_t number, const std::string &why)
{
	outcomes_[number] = kToFail;
	reasons_[number] = why;
}

// The ids of the events with that outcome as an array for SQL, and their numbers.
std::string
Queue::take_ids(Outcome outcome, std::vector<size_t> &numbers, size_t from) const
{
	std::string ids = "{";

	for (size_t i = from; i < events_.size(); i++)
	{
		if (outcomes_[i] != outcome)
			continue;
		if (!numbers.empty())
			ids += ',';
		ids += events_[i].id;
		numbers.push_back(i);
	}
	return ids + '}';
}

void
Queue::report()
{
	std::vector<size_t> numbers;
	std::string ids = take_ids(kToAck, numbers);

	if (!numbers.empty())
		(void)ask(kAck, {lease_, ids});
	for (size_t number : numbers)
		outcomes_[number] = kReported;

	for (size_t i = 0; i < events_.size(); i++)
		if (outcomes_[i] == kToFail)
			report_failure(i);
}

void
Queue::report_failure(size_t number)
{
	try
	{
		(void)ask(kFail, {lease_, events_[number].id, reasons_[number]});
	}
	catch (const ServerError &error)
	{
		if (!error.about_data())
			throw;
		// The database's encoding lacks a character of the reason.
		(void)ask(kFail, {lease_, events_[number].id, ascii(reasons_[number])});
	}
	outcomes_[number] = kReported;
}

// Releases the events that are open, from that number on.
void
Queue::release(size_t from)
{
	std::vector<size_t> open;
	std::string ids = take_ids(kOpen, open, from);

	if (!open.empty())
		(void)ask(kRelease, {lease_, ids});
	for (size_t number : open)
		outcomes_[number] = kReported;
	released_ += static_cast<int>(open.size());
}

void
Queue::report_when_due()
{
	if (Clock::now() < last_report_ + kReportInterval)
		return;
	try
	{
		report();
	}
	catch (const ServerError &error)
	{
		say(error.what()); // settle() tries again
	}
	last_report_ = Clock::now();
}

int
Queue::settle()
{
	report();
	release(0);

	int released = released_;

	clear();
	return released;
}

bool
Queue::keep(size_t begun)
{
	if (Clock::now() < extend_at_)
		return true;
	sendable_ = std::min(sendable_, begun);
	try
	{
		if (!connection_ || !connection_->usable())
		{
			Milliseconds patience = std::min(options_.limit(), until(lease_end_));

			connection_ = std::make_unique<Connection>(options_.dbname, options_.limit(), patience);
			connection_->connect();
		}
		report();
		release(begun);
		extend();
	}
	catch (const ServerError &error)
	{
		trouble_ = error.what();
		extend_at_ = Clock::now() + kExtendInterval;
	}
	return Clock::now() < lease_end_;
}

void
Queue::extend()
{
	TimePoint start = Clock::now();

	if (ask(kExtend, {lease_, std::to_string(options_.lease.count())}).value(0, 0) == "0")
	{
		trouble_ = "another worker has claimed the events";
		lease_end_ = start;
		return;
	}
	lease_end_ = start + options_.lease;
	extend_at_ = start + options_.lease / 2;
}

long
Queue::relay(const std::string &channel, int max)
{
	return std::stol(ask(kRelay, {channel, std::to_string(max)}).value(0, 0));
}

} // namespace worker
