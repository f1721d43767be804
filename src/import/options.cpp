#include "options.hpp"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>

#include "client/conninfo.hpp"
#include "client/log.hpp"
#include "core/text.hpp"
#include "failure.hpp"

namespace importer {

namespace {

constexpr char kHelp[] = R"(contact-import loads a file with contacts, as other systems export it, into contact_upsert.

Usage:
  contact-import [OPTION]... FILE       shows what it would do, asks, and does it
  contact-import --yes [OPTION]... FILE
  contact-import --undo ID              takes an import back
  contact-import --list                 shows the imports

The first line has the names of the columns. Separator, quotes and encoding are found out.

      --column NAME=TARGET   what a column is: a field, email_address, tags, created_at ...; without a target it is left out
      --define               columns that are no field become fields
      --ignore-unknown       columns that are no field are left out
      --date-format FORMAT   how dates are written, such as DD/MM/YYYY
      --list-separator C     what stands between the items of a list (default: found out)
      --blank clear          a blank cell clears what is there (default: keep)
      --mode MODE            upsert, create, update or fill (default: upsert)
      --create-tags          tags that do not exist are made
      --source TEXT          where the contacts come from, for their history
      --no-history           keep no history for --undo
      --no-events            raise no events
      --separator C          what stands between cells: a character, or "tab"
      --encoding NAME        of the file, as iconv calls it
      --reject FILE          write the bad rows to this file, with the reasons
      --dry-run              show what would be done, and end
  -y, --yes                  do not ask
      --retry                try the bad rows of the last import of the file again
      --restart              load the file again from its beginning
      --chunk N              commit after N rows (default: 1000)
      --stdin                read standard input in place of a file
  -q, --quiet                show nothing but what is wrong
      --undo ID              take that import back
      --list                 show the imports
  -w, --workspace ID         into which workspace (default: contact_upsert.workspace_id)
      --schema NAME          where the file is staged (default: the first of search_path)
  -d, --dbname CONNINFO      connection string or URI (default: PGHOST, PGDATABASE, PGSERVICE ...)
  -h, --help                 show this
  -V, --version              show the version

INT (Ctrl-C) or TERM: give up the chunk under way and leave; the same command goes on. A second one: leave at once.

Exit status:
  0  all rows are loaded
  1  the file cannot be read, or the reject file not written
  2  wrong usage
  3  some rows were bad; the others are loaded
  4  refused: columns that do not fit, no permission, not installed
  5  no connection, or it was lost; the same command goes on
  6  stopped by INT or TERM, or by the answer to the question
)";

[[noreturn]] void
refuse(const std::string &why)
{
	client::say(why);
	client::say("--help shows how to call it.");
	std::exit(kUsage); // NOLINT(concurrency-mt-unsafe)
}

// The number that the text is; fails unless it is from min to max.
long long
number(const std::string &what, const char *text, long long min, long long max)
{
	long long value = 0;
	const char *end = text + std::strlen(text);
	auto [stopped, error] = std::from_chars(text, end, value);

	if (error != std::errc() || stopped != end || value < min || value > max)
		refuse(what + ", not \"" + text + "\".");
	return value;
}

std::string
id(const std::string &what, const char *text)
{
	return std::to_string(number(what, text, 0, INT64_MAX));
}

// One character, or its name.
char
separator(const char *name, const char *text)
{
	std::string given = text;

	if (given == "tab" || given == "\\t")
		return '\t';
	if (given.size() != 1 || (given[0] & 0x80) != 0 || std::strchr("\"'\r\n", given[0]))
		refuse("--" + std::string(name) + " is one character, such as ';', or \"tab\", not \"" + given + "\".");
	return given[0];
}

std::string
one_of(const char *name, const std::vector<const char *> &values, const std::string &text)
{
	std::string list;

	for (const char *value : values)
	{
		if (text == value)
			return text;
		list += (list.empty() ? "" : value == values.back() ? " or " : ", ") + std::string(value);
	}
	refuse("--" + std::string(name) + " is " + list + ", not \"" + text + "\".");
}

std::pair<std::string, std::optional<std::string>>
column(const std::string &text)
{
	size_t equals = text.rfind('=');

	if (equals == std::string::npos || contact::trim(text.substr(0, equals)).empty())
		refuse("--column is NAME=TARGET, or NAME= to leave the column out, not \"" + text + "\".");

	std::string name(contact::trim(std::string_view(text).substr(0, equals)));
	std::string target(contact::trim(std::string_view(text).substr(equals + 1)));

	return {name, target.empty() ? std::nullopt : std::optional(target)};
}

enum LongOption
{
	kColumn = 256,
	kDefine,
	kIgnoreUnknown,
	kDateFormat,
	kListSeparator,
	kBlank,
	kMode,
	kCreateTags,
	kSource,
	kNoHistory,
	kNoEvents,
	kSeparator,
	kEncoding,
	kReject,
	kDryRun,
	kRetry,
	kRestart,
	kChunk,
	kStdin,
	kUndo,
	kList,
	kSchema
};

constexpr option kLongOptions[] = {
	{"column", required_argument, nullptr, kColumn},
	{"define", no_argument, nullptr, kDefine},
	{"ignore-unknown", no_argument, nullptr, kIgnoreUnknown},
	{"date-format", required_argument, nullptr, kDateFormat},
	{"list-separator", required_argument, nullptr, kListSeparator},
	{"blank", required_argument, nullptr, kBlank},
	{"mode", required_argument, nullptr, kMode},
	{"create-tags", no_argument, nullptr, kCreateTags},
	{"source", required_argument, nullptr, kSource},
	{"no-history", no_argument, nullptr, kNoHistory},
	{"no-events", no_argument, nullptr, kNoEvents},
	{"separator", required_argument, nullptr, kSeparator},
	{"encoding", required_argument, nullptr, kEncoding},
	{"reject", required_argument, nullptr, kReject},
	{"dry-run", no_argument, nullptr, kDryRun},
	{"yes", no_argument, nullptr, 'y'},
	{"retry", no_argument, nullptr, kRetry},
	{"restart", no_argument, nullptr, kRestart},
	{"chunk", required_argument, nullptr, kChunk},
	{"stdin", no_argument, nullptr, kStdin},
	{"quiet", no_argument, nullptr, 'q'},
	{"undo", required_argument, nullptr, kUndo},
	{"list", no_argument, nullptr, kList},
	{"workspace", required_argument, nullptr, 'w'},
	{"schema", required_argument, nullptr, kSchema},
	{"dbname", required_argument, nullptr, 'd'},
	{"help", no_argument, nullptr, 'h'},
	{"version", no_argument, nullptr, 'V'},
	{nullptr, 0, nullptr, 0},
};

void
define_unknown(Options &options, const char *what)
{
	if (options.unknown != "refuse" && options.unknown != what)
		refuse("--define and --ignore-unknown exclude each other.");
	options.unknown = what;
}

// What is told to contacts.import(). False for other options.
bool
read_import_option(Options &options, int key)
{
	switch (key)
	{
		case kColumn:
			options.columns.push_back(column(optarg));
			return true;
		case kDefine:
			define_unknown(options, "define");
			return true;
		case kIgnoreUnknown:
			define_unknown(options, "ignore");
			return true;
		case kDateFormat:
			options.date_format = optarg;
			return true;
		case kListSeparator:
			options.list_separator = std::string(1, separator("list-separator", optarg));
			return true;
		case kBlank:
			options.blank = one_of("blank", {"keep", "clear"}, optarg);
			return true;
		case kMode:
			options.mode = one_of("mode", {"upsert", "create", "update", "fill"}, optarg);
			return true;
		case kCreateTags:
			options.create_tags = true;
			return true;
		case kSource:
			options.source = optarg;
			return true;
		case kNoHistory:
			options.history = false;
			return true;
		case kNoEvents:
			options.events = false;
			return true;
		case kRetry:
			options.retry = true;
			return true;
		case kRestart:
			options.restart = true;
			return true;
		case kChunk:
			options.chunk = static_cast<int>(number("--chunk is a whole number from 1 to 100000", optarg, 1, 100000));
			return true;
		default:
			return false;
	}
}

void
read_option(Options &options, int key)
{
	switch (key)
	{
		case kSeparator:
			options.separator = separator("separator", optarg);
			break;
		case kEncoding:
			options.encoding = optarg;
			break;
		case kReject:
			options.reject = optarg;
			break;
		case kDryRun:
			options.dry_run = true;
			break;
		case 'y':
			options.yes = true;
			break;
		case kStdin:
			options.standard_input = true;
			break;
		case 'q':
			options.quiet = true;
			break;
		case kUndo:
			options.task = Task::kUndo;
			options.undo = id("--undo is the number of an import; --list shows them", optarg);
			break;
		case kList:
			options.task = Task::kList;
			break;
		case 'w':
			options.workspace = id("--workspace is the number of a workspace", optarg);
			break;
		case kSchema:
			options.schema = optarg;
			break;
		case 'd':
			if (std::string why = client::conninfo_problem(optarg); !why.empty())
				refuse("--dbname: " + why);
			options.dbname = optarg;
			break;
		case 'h':
			std::fputs(kHelp, stdout);
			std::exit(kLoaded); // NOLINT(concurrency-mt-unsafe)
		case 'V':
			std::puts("contact-import (contact_upsert) " CONTACT_UPSERT_VERSION);
			std::exit(kLoaded); // NOLINT(concurrency-mt-unsafe)
		default:				// getopt has said what is wrong
			refuse("The command line is not understood.");
	}
}

void
check(const Options &options, bool has_more)
{
	if (has_more)
		refuse("One file at a time, please.");
	if (options.task != Task::kImport)
	{
		if (!options.file.empty() || options.standard_input)
			refuse("--undo and --list take no file.");
		return;
	}
	if (options.file.empty() && !options.standard_input)
		refuse("Which file?");
	if (!options.file.empty() && options.standard_input)
		refuse("--stdin and a file exclude each other.");
	if (options.retry && options.restart)
		refuse("--retry and --restart exclude each other.");
	for (size_t i = 0; i < options.columns.size(); i++)
		for (size_t j = 0; j < i; j++)
			if (options.columns[i].first == options.columns[j].first)
				refuse("--column is given twice for \"" + options.columns[i].first + "\".");
}

} // namespace

Options
read_options(int argc, char **argv)
{
	Options options;
	int key = 0;

	while ((key = getopt_long(argc, argv, "yqw:d:hV", kLongOptions, nullptr)) != -1) // NOLINT(concurrency-mt-unsafe)
		if (!read_import_option(options, key))
			read_option(options, key);
	if (optind < argc)
		options.file = argv[optind++];
	if (options.file == "-")
	{
		options.file.clear();
		options.standard_input = true;
	}
	check(options, optind < argc);
	return options;
}

} // namespace importer
