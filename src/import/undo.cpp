// undo.cpp - --undo and --list.
#include "client/stop.hpp"
#include "client/wait.hpp"
#include "program.hpp"
#include "show.hpp"

namespace importer {

namespace {

// Runs contacts.undo_import(); returns what it says at its end.
std::string
call_undo(Connection &connection, const Options &options, bool is_dry_run)
{
	std::string said;
	auto keep = [](void *text, const PGresult *result) {
		*static_cast<std::string *>(text) = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	};
	Cancelling cancelling(connection);

	(void)PQsetNoticeReceiver(connection.get(), keep, &said);
	connection.send("CALL contacts.undo_import($1::pg_catalog.int8, dry_run => $2::pg_catalog.bool, "
					"workspace_id => $3::pg_catalog.int8)",
					{options.undo, is_dry_run ? "true" : "false", options.workspace});
	while (!connection.answered())
	{
		std::vector<pollfd> files = {connection.file()};

		cancelling.advance();
		client::wait(client::until(cancelling.due()), files, !cancelling.has_begun());
	}
	try
	{
		(void)connection.take();
	}
	catch (const ServerError &)
	{
		if (client::stop_requested())
			throw Failure(kStopped, "Stopped. The same command goes on.");
		throw;
	}
	return said;
}

} // namespace

ExitCode
undo_import(const Options &options)
{
	Terminal terminal(options.quiet);

	require_answer(options, terminal, "undo the import");

	Connection connection = connect(options);

	if (options.dry_run || !options.yes)
	{
		terminal.show(call_undo(connection, options, true) + "\n");
		if (options.dry_run)
			return kLoaded;
		if (!terminal.ask("Undo import " + options.undo + "?"))
			return kStopped;
	}
	terminal.show(call_undo(connection, options, false) + "\n");
	return kLoaded;
}

ExitCode
list_imports(const Options &options)
{
	Terminal terminal(options.quiet);
	Connection connection = connect(options);
	Result result =
		connection.execute("SELECT import_id, staging_table, state, total, done, created, updated, failed, "
						   "pg_catalog.to_char(started_at, 'YYYY-MM-DD HH24:MI') "
						   "FROM contacts.import_progress "
						   "WHERE workspace_id = coalesce($1::pg_catalog.int8, contacts_internal.current_workspace()) "
						   "ORDER BY started_at, import_id",
						   {options.workspace});
	std::vector<std::vector<std::string>> rows = {
		{"id", "staging table", "state", "rows", "done", "created", "updated", "bad", "began"}};

	for (int i = 0; i < result.rows(); i++)
	{
		std::vector<std::string> &row = rows.emplace_back(rows[0].size());

		for (size_t column = 0; column < row.size(); column++)
			row[column] = result.value(i, static_cast<int>(column));
	}
	terminal.show(result.rows() > 0 ? table(rows) : "There are no imports.\n");
	return kLoaded;
}

} // namespace importer
