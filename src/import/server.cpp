#include "server.hpp"

#include <cstdlib>

#include "client/stop.hpp"

namespace importer {

namespace {

// How long the server may take to end a statement that is cancelled.
constexpr client::Milliseconds kCancelPatience{30000};

int64_t
number(const Result &result, int column)
{
	return std::strtoll(result.value(0, column).c_str(), nullptr, 10);
}

} // namespace

const char kProgressStatement[] =
	"SELECT import_id, state, total, done, created, updated, unchanged, skipped, failed, values_cleared, tags_removed, "
	"statuses_changed, seconds "
	"FROM contacts.import_progress "
	"WHERE workspace_id = $1::pg_catalog.int8 AND staging_table = $2 AND coalesce((parameters ->> "
	"'dry_run')::pg_catalog.bool, false) = "
	"$3::pg_catalog.bool "
	"ORDER BY state = 'running' DESC, started_at DESC, import_id DESC LIMIT 1";

Connection
connect(const Options &options)
{
	Connection connection(options.dbname, Connection::kNoLimit);

	connection.connect();
	(void)PQsetNoticeReceiver(
		connection.get(), [](void *, const PGresult *) {}, nullptr);
	// A role's time limits are not meant for a load that takes as long as it takes. The order of a scan is that of the file. A
	// server that does not look would go on for a program that was killed, and refuse the next one until it is done.
	(void)connection.execute(
		"SELECT pg_catalog.set_config(name, value, false) FROM (VALUES ('statement_timeout', '0'), "
		"('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), "
		"('synchronize_seqscans', 'off'), ('client_connection_check_interval', '1s')) AS s (name, value)");
	return connection;
}

void
Cancelling::advance()
{
	if (client::stop_requested() && !has_begun())
	{
		connection_.cancel();
		deadline_ = client::Clock::now() + kCancelPatience;
	}
	if (client::Clock::now() >= deadline_)
		throw ServerError("The server does not end the statement.", "", true);
}

std::string
workspace_of(Connection &connection, const Options &options)
{
	return connection
		.execute("SELECT coalesce($1::pg_catalog.int8, contacts_internal.current_workspace())", {options.workspace})
		.value(0, 0);
}

std::string
array_text(const std::vector<Parameter> &texts)
{
	std::string array = "{";

	for (const Parameter &text : texts)
	{
		if (array.size() > 1)
			array += ',';
		if (!text)
		{
			array += "NULL";
			continue;
		}
		array += '"';
		for (char byte : *text)
		{
			if (byte == '"' || byte == '\\')
				array += '\\';
			array += byte;
		}
		array += '"';
	}
	return array + "}";
}

std::optional<Progress>
read_progress(const Result &result)
{
	Progress progress;

	if (result.rows() == 0)
		return std::nullopt;
	progress.id = result.value(0, 0);
	progress.state = result.value(0, 1);
	progress.total = number(result, 2);
	progress.done = number(result, 3);
	progress.created = number(result, 4);
	progress.updated = number(result, 5);
	progress.unchanged = number(result, 6);
	progress.skipped = number(result, 7);
	progress.failed = number(result, 8);
	progress.values_cleared = number(result, 9);
	progress.tags_removed = number(result, 10);
	progress.statuses_changed = number(result, 11);
	progress.seconds = std::strtod(result.value(0, 12).c_str(), nullptr);
	return progress;
}

std::optional<Progress>
find_progress(Connection &connection, const std::string &workspace, const std::string &table, bool is_dry_run)
{
	return read_progress(connection.execute(kProgressStatement, {workspace, table, is_dry_run ? "true" : "false"}));
}

std::string
explain(const ServerError &error)
{
	std::string text = error.what();

	for (const char *head : {"ERROR:  ", "FATAL:  "})
		if (text.starts_with(head))
			text.erase(0, std::char_traits<char>::length(head));
	while (text.ends_with('\n'))
		text.pop_back();
	// Where in the statement, which is ours: a line, and one with a caret.
	if (size_t at = text.find("\nLINE "); at != std::string::npos)
	{
		size_t end = text.find('\n', text.find('\n', at + 1) + 1);

		text.erase(at, end == std::string::npos ? end : end - at);
	}
	if (error.sqlstate() == "3F000" || error.sqlstate() == "42P01" || error.sqlstate() == "42883")
		text += "\nIs contact_upsert installed in this database? CREATE EXTENSION contact_upsert; SELECT "
				"contacts.install();";
	return with_options(text);
}

std::string
with_options(std::string text)
{
	for (auto [parameter, option] : {std::pair("restart => true", "--restart"),
									 std::pair("retry => true", "--retry"),
									 std::pair("unknown => 'define'", "--define"),
									 std::pair("unknown => 'ignore'", "--ignore-unknown"),
									 std::pair("create_tags => true", "--create-tags"),
									 std::pair("date_format => ", "--date-format "),
									 std::pair("separator => ", "--list-separator ")})
		for (size_t at = text.find(parameter); at != std::string::npos; at = text.find(parameter))
			text.replace(at, std::char_traits<char>::length(parameter), option);
	return text;
}

} // namespace importer
