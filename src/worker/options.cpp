#include "options.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>

#include "client/conninfo.hpp"
#include "client/log.hpp"

namespace worker {

namespace {

constexpr char kHelp[] = R"(contact-worker hands the automation events of contact_upsert to a program.

Usage:
  contact-worker --consumer NAME [OPTION]...                     print events, one JSON object a line
  contact-worker --consumer NAME [OPTION]... -- HANDLER [ARG]... give each event to a handler
  contact-worker --consumer NAME [OPTION]... --notify CHANNEL    send each event with NOTIFY

Printed events are acknowledged when they are written. A handler is started once and reads one event a line; it
answers each, in order, with a line "ok" or "fail WHY". Failed events come again later, at last they are dead
(see contacts.retry_dead). The owner of the contact tables registers a consumer: SELECT contacts.subscribe('NAME').

  -c, --consumer NAME        whose events
      --subscribe            register the consumer if it is not; for the owner of the contact tables
  -w, --workspace ID         of which workspace; 0 is a consumer of all (default: contact_upsert.workspace_id)
  -d, --dbname CONNINFO      connection string or URI (default: PGHOST, PGDATABASE, PGSERVICE ...)
      --listen-dbname CONNINFO  the same for LISTEN, when --dbname goes through a transaction pooler
      --channel CHANNEL      where to listen for a bell (default: contact_automation)
  -n, --notify CHANNEL       relay the events to this channel
  -b, --batch N              claim up to N events at a time (default: 1000)
  -l, --lease SECONDS        how long they are this worker's; extended while a handler works (default: 30)
  -t, --timeout SECONDS      how long a handler may take for an event (default: 10)
  -p, --poll MILLISECONDS    look for events at least so often (default: 1000; with --notify 20)
      --once                 leave when no event is due
  -h, --help                 show this
  -V, --version              show the version

TERM or INT: finish the event in hand, release the others, leave. A second one: leave at once. A server that does not
answer within a third of the lease, at most 15 s, is connected to anew.

Exit status:
  0  done: stopped by TERM or INT, or nothing left with --once
  1  the output cannot be written to, or the handler cannot be run
  2  wrong usage
  3  no connection, with --once (without it, tries again)
  4  the server refuses: no such consumer, no permission, not installed
)";

[[noreturn]] void
refuse(const std::string &why)
{
	say(why);
	say("--help shows how to call it.");
	std::exit(kUsage);
}

int
number(const char *name, const char *text, int min, int max)
{
	int value = 0;
	const char *end = text + std::strlen(text);
	auto [stopped, error] = std::from_chars(text, end, value);

	if (error != std::errc() || stopped != end || value < min || value > max)
		refuse("--" + std::string(name) + " is a whole number from " + std::to_string(min) + " to " +
			   std::to_string(max) + ", not \"" + text + "\".");
	return value;
}

// The text, if it is the number of a workspace.
std::string
workspace(const char *text)
{
	long long value = 0;
	const char *end = text + std::strlen(text);
	auto [stopped, error] = std::from_chars(text, end, value);

	if (error != std::errc() || stopped != end || value < 0)
		refuse("--workspace is the number of a workspace, or 0, not \"" + std::string(text) + "\".");
	return text;
}

std::string
channel(const char *name, const char *text)
{
	static constexpr size_t kMaxLength = 63; // NAMEDATALEN - 1

	if (std::strlen(text) < 1 || std::strlen(text) > kMaxLength)
		refuse("--" + std::string(name) + " is a name of 1 to 63 bytes, not \"" + text + "\".");
	return text;
}

std::string
conninfo(const char *name, const char *text)
{
	if (std::string why = conninfo_problem(text); !why.empty())
		refuse("--" + std::string(name) + ": " + why);
	return text;
}

enum LongOption
{
	kListenDbname = 256,
	kChannel,
	kOnce,
	kSubscribe
};

constexpr option kLongOptions[] = {
	{"consumer", required_argument, nullptr, 'c'},
	{"workspace", required_argument, nullptr, 'w'},
	{"dbname", required_argument, nullptr, 'd'},
	{"listen-dbname", required_argument, nullptr, kListenDbname},
	{"channel", required_argument, nullptr, kChannel},
	{"notify", required_argument, nullptr, 'n'},
	{"batch", required_argument, nullptr, 'b'},
	{"lease", required_argument, nullptr, 'l'},
	{"timeout", required_argument, nullptr, 't'},
	{"poll", required_argument, nullptr, 'p'},
	{"once", no_argument, nullptr, kOnce},
	{"subscribe", no_argument, nullptr, kSubscribe},
	{"help", no_argument, nullptr, 'h'},
	{"version", no_argument, nullptr, 'V'},
	{nullptr, 0, nullptr, 0},
};

constexpr int kOneDay = 24 * 60 * 60;

void
read_option(Options &options, int key)
{
	switch (key)
	{
		case 'c':
			options.consumer = optarg;
			break;
		case 'w':
			options.workspace = workspace(optarg);
			break;
		case 'd':
			options.dbname = conninfo("dbname", optarg);
			break;
		case kListenDbname:
			options.listen_dbname = conninfo("listen-dbname", optarg);
			break;
		case kChannel:
			options.channel = channel("channel", optarg);
			break;
		case 'n':
			options.notify = channel("notify", optarg);
			break;
		case 'b':
			options.batch = number("batch", optarg, 1, 100000);
			break;
		case 'l':
			options.lease = std::chrono::seconds(number("lease", optarg, 2, kOneDay));
			break;
		case 't':
			options.timeout = std::chrono::seconds(number("timeout", optarg, 1, kOneDay));
			break;
		case 'p':
			options.poll = Milliseconds(number("poll", optarg, 1, kOneDay * 1000));
			break;
		case kOnce:
			options.once = true;
			break;
		case kSubscribe:
			options.subscribe = true;
			break;
		case 'h':
			std::fputs(kHelp, stdout);
			std::exit(kDone);
		case 'V':
			std::puts("contact-worker (contact_upsert) " CONTACT_UPSERT_VERSION);
			std::exit(kDone);
		default: // getopt has said what is wrong
			refuse("The command line is not understood.");
	}
}

} // namespace

Options
read_options(int argc, char **argv)
{
	Options options;
	int key = 0;
	const char *last = nullptr; // the last option's argument

	while ((key = getopt_long(argc, argv, "+c:w:d:n:b:l:t:p:hV", kLongOptions, nullptr)) != -1)
	{
		last = optarg;
		read_option(options, key);
	}
	options.handler.assign(argv + optind, argv + argc);

	if (options.consumer.empty())
		refuse("--consumer is missing.");
	if (options.notify && !options.handler.empty())
		refuse("--notify and a handler exclude each other.");
	// An unset variable in a script must not turn a handler into an acknowledgement of everything.
	if (options.handler.empty() ? argv[optind - 1] != last && std::strcmp(argv[optind - 1], "--") == 0
								: options.handler[0].empty())
		refuse("The handler is missing.");
	if (options.poll.count() == 0)
		options.poll = Milliseconds(options.notify ? 20 : 1000);
	if (options.listen_dbname.empty())
		options.listen_dbname = options.dbname;
	return options;
}

} // namespace worker
