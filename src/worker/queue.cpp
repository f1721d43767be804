#include "queue.hpp"

namespace worker {

namespace {

// The consumer and its workspace are the first two parameters of each.
#define WORKSPACE "workspace_id => $2"

constexpr char kClaim[] = "SELECT c.event_id, c.lease, contacts_internal.event_line(c)"
						  " FROM contacts.claim($1, $3, make_interval(secs => $4), " WORKSPACE ") c";
constexpr char kAck[] = "SELECT contacts.ack($1, $3, $4, " WORKSPACE ")";
constexpr char kFail[] = "SELECT contacts.fail($1, $3, $4, $5, " WORKSPACE ")";
constexpr char kRelease[] = "SELECT contacts.release($1, $3, $4, " WORKSPACE ")";
// Its transactions wait for no disk, and so hold the lock of NOTIFY for a moment only: what a crash undoes is sent again.
constexpr char kRelay[] = "SELECT contacts.relay($1, $3, $4, " WORKSPACE "),"
						  " pg_catalog.set_config('synchronous_commit', 'off', true)";

} // namespace

void
Queue::connect()
{
	connection_ = std::make_unique<Connection>(options_.dbname);
	(void)settle();
}

bool
Queue::claim(int max)
{
	// Before the server begins to count, so that the lease never seems longer than it is.
	TimePoint start = Clock::now();
	Result claimed =
		connection_->execute(kClaim, parameters({std::to_string(max), std::to_string(options_.lease.count())}));

	for (int row = 0; row < claimed.rows(); row++)
		events_.push_back({claimed.value(row, 0), claimed.value(row, 2) + "\n"});
	outcomes_.assign(events_.size(), kOpen);
	reasons_.assign(events_.size(), "");
	if (!events_.empty())
		lease_ = claimed.value(0, 1);
	lease_end_ = start + options_.lease;
	last_report_ = start;
	return !events_.empty();
}

void
Queue::failed(size_t number, const std::string &why)
{
	outcomes_[number] = kFailedHere;
	reasons_[number] = why;
}

std::vector<Parameter>
Queue::parameters(std::initializer_list<Parameter> others) const
{
	std::vector<Parameter> all = {options_.consumer, options_.workspace};

	all.insert(all.end(), others);
	return all;
}

// The ids of the events with that outcome as an array for SQL, and their numbers.
std::string
Queue::take_ids(Outcome outcome, std::vector<size_t> &numbers) const
{
	std::string ids = "{";

	for (size_t i = 0; i < events_.size(); i++)
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
	std::string ids = take_ids(kDoneHere, numbers);

	if (!numbers.empty())
		(void)connection_->execute(kAck, parameters({lease_, ids}));
	for (size_t number : numbers)
		outcomes_[number] = kReported;

	for (size_t i = 0; i < events_.size(); i++)
		if (outcomes_[i] == kFailedHere)
		{
			(void)connection_->execute(kFail, parameters({lease_, events_[i].id, reasons_[i]}));
			outcomes_[i] = kReported;
		}
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
	catch (const ServerError &)
	{
		// settle() tries again
	}
	last_report_ = Clock::now();
}

int
Queue::settle()
{
	std::vector<size_t> open;
	std::string ids = take_ids(kOpen, open);

	report();
	if (!open.empty())
		(void)connection_->execute(kRelease, parameters({lease_, ids}));
	events_.clear();
	return static_cast<int>(open.size());
}

long
Queue::relay(const std::string &channel, int max)
{
	return std::stol(connection_->execute(kRelay, parameters({channel, std::to_string(max)})).value(0, 0));
}

} // namespace worker
