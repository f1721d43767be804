// connect.cpp - how a Connection comes about: PQconnectPoll(), with a time limit for each server.
//
// PQconnectdb() gives up a server after connect_timeout and tries the next; with PQconnectPoll() that is the caller's
// affair, and libpq knows no way to say "this one is silent, go on". So the connection is begun anew without that server.
#include <cstdlib>
#include <new>
#include <sstream>

#include "database.hpp"
#include "log.hpp"

namespace client {

namespace {

using ConnectOptions = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

constexpr int kConnectTimeout = 10; // seconds

void
say_notice(void *, const char *message)
{
	say(message);
}

std::vector<std::string>
split(const std::string &list)
{
	std::vector<std::string> items;
	std::istringstream rest(list);

	for (std::string item; std::getline(rest, item, ',');)
		items.push_back(item);
	if (list.ends_with(','))
		items.emplace_back();
	return items;
}

// The list without that item; a list of one stands for all.
std::string
without(const std::vector<std::string> &items, size_t item)
{
	std::string list;

	if (items.size() == 1)
		return items[0];
	for (size_t i = 0; i < items.size(); i++)
		if (i != item)
			list += items[i] + ",";
	if (!list.empty())
		list.pop_back();
	return list;
}

// What the connection string, the service and the environment say together.
std::string
option(const ConnectOptions &options, const std::string &keyword)
{
	for (PQconninfoOption *o = options.get(); o && o->keyword; o++)
		if (o->keyword == keyword && o->val)
			return o->val;
	return "";
}

} // namespace

Connection::Connection(const std::string &conninfo, Milliseconds limit, Milliseconds patience)
	: connection_(nullptr, PQfinish), limit_(limit), patience_(patience)
{
	// What stands before dbname is a default that a connection string overrides. A server that has vanished is noticed
	// after half a minute, even by a connection that only listens.
	start({"fallback_application_name",
		   "keepalives",
		   "keepalives_idle",
		   "keepalives_interval",
		   "keepalives_count",
		   "tcp_user_timeout",
		   "dbname",
		   "client_encoding",
		   nullptr},
		  {kProgram, "1", "10", "5", "4", "30000", conninfo.c_str(), "UTF8", nullptr},
		  true);
}

void
Connection::start(const std::vector<const char *> &keywords, const std::vector<const char *> &values, bool expand)
{
	connection_.reset(PQconnectStartParams(keywords.data(), values.data(), expand ? 1 : 0));
	if (!connection_)
		throw std::bad_alloc();
	if (PQstatus(connection_.get()) == CONNECTION_BAD)
		fail(nullptr);
	connecting_ = PGRES_POLLING_WRITING;
	host_.clear();
	allow_time_for_host();
}

// Each server that libpq tries has its own time.
void
Connection::allow_time_for_host()
{
	std::string host;

	for (const char *part : {PQhost(connection_.get()), PQhostaddr(connection_.get()), PQport(connection_.get())})
		host.append(part ? part : "").append(" ");
	if (host == host_)
		return;
	host_ = host;

	ConnectOptions options(PQconninfo(connection_.get()), PQconninfoFree);
	int seconds = std::atoi(option(options, "connect_timeout").c_str()); // NOLINT(cert-err34-c): libpq has looked at it

	deadline_ =
		Clock::now() + std::min<Milliseconds>(patience_, std::chrono::seconds(seconds > 0 ? seconds : kConnectTimeout));
}

bool
Connection::connected()
{
	while (connecting_ != PGRES_POLLING_OK)
	{
		pollfd ready = file();

		// Asked before the socket is ready, PQconnectPoll() would take it for connected.
		if (poll(&ready, 1, 0) <= 0)
		{
			if (Clock::now() < deadline_)
				return false;
			leave_silent_host();
			continue;
		}
		connecting_ = PQconnectPoll(connection_.get());
		if (connecting_ == PGRES_POLLING_FAILED)
			fail(nullptr);
		allow_time_for_host();
	}
	(void)PQsetnonblocking(connection_.get(), 1);
	(void)PQsetErrorContextVisibility(connection_.get(), PQSHOW_CONTEXT_NEVER);
	(void)PQsetNoticeProcessor(connection_.get(), say_notice, nullptr);
	silent_.clear();
	deadline_ = kNever;
	return true;
}

void
Connection::leave_silent_host()
{
	ConnectOptions options(PQconninfo(connection_.get()), PQconninfoFree);
	std::vector<std::string> hosts = split(option(options, "host"));
	std::vector<std::string> addresses = split(option(options, "hostaddr"));
	std::vector<std::string> ports = split(option(options, "port"));
	std::string host = PQhost(connection_.get());
	std::string port = PQport(connection_.get());
	size_t count = std::max(hosts.size(), addresses.size());
	size_t silent = 0;
	auto at = [](const std::vector<std::string> &items, size_t i) {
		return items.empty() ? "" : items[items.size() == 1 ? 0 : i];
	};

	silent_ += "connection to server at \"" + host + "\", port " + port + " failed: no answer in time\n";
	if (count <= 1)
		drop(silent_);
	while (silent + 1 < count &&
		   ((hosts.empty() || at(hosts, silent).empty() ? at(addresses, silent) : at(hosts, silent)) != host ||
			(!at(ports, silent).empty() && at(ports, silent) != port)))
		silent++;

	std::string rest[] = {without(hosts, silent), without(addresses, silent), without(ports, silent)};
	std::vector<const char *> keywords = {"host", "hostaddr", "port"};
	std::vector<const char *> values = {rest[0].c_str(), rest[1].c_str(), rest[2].c_str()};

	for (PQconninfoOption *o = options.get(); o && o->keyword; o++)
	{
		std::string keyword = o->keyword;

		if (!o->val || keyword == "host" || keyword == "hostaddr" || keyword == "port")
			continue;
		keywords.push_back(o->keyword);
		values.push_back(o->val);
	}
	keywords.push_back(nullptr);
	values.push_back(nullptr);
	start(keywords, values, false);
}

} // namespace client
