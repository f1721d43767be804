#include "program.hpp"

#include "client/log.hpp"
#include "client/stop.hpp"
#include "report.hpp"
#include "show.hpp"

namespace importer {

namespace {

constexpr size_t kRowsForExamples = 1000;

} // namespace

Program::Program(const Options &options) : options_(options), terminal_(options.quiet)
{}

ExitCode
Program::run()
{
	require_answer(options_, terminal_, "load the file");
	look_at_file();

	Connection connection = connect(options_);

	workspace_ = workspace_of(connection, options_);
	matching_ = std::make_unique<Matching>(connection, workspace_, options_, *header_);

	Rows rows(*source_, dialect_);
	Row row;

	(void)rows.next(row);
	for (size_t i = 0; i < kRowsForExamples && rows.next(row); i++)
		if (header_->problem(row).empty())
			matching_->take_examples(row);
	show_file();
	if (std::string problem = matching_->problem(); !problem.empty())
		throw Failure(kRefused, problem);
	return load(connection);
}

void
Program::look_at_file()
{
	Row row;

	source_ = std::make_unique<Source>(options_.file, options_.standard_input);
	scanned_ = scan(*source_);
	dialect_ = find_dialect(*source_, find_encoding(*source_, scanned_, options_.encoding), options_.separator);
	if (!Rows(*source_, dialect_).next(row))
		throw Failure(kUnreadable, source_->name() + " is empty: its first line has to have the names of the columns.");
	header_ = std::make_unique<Header>(source_->name(), row);
	if (!options_.reject.empty())
		reject_ = std::make_unique<RejectFile>(options_.reject, *source_);
}

void
Program::show_file()
{
	std::string text = source_->name() + ": separator " + separator_name(dialect_.separator);

	if (!dialect_.encoding.notice.empty())
		text += ", " + dialect_.encoding.notice;
	else if (!options_.encoding.empty())
		text += ", " + dialect_.encoding.name;
	text += "\n\n" + matching_->table() + "\n";
	terminal_.show(text);
}

// An interrupted import must not lose its rows to a file or command that is another.
void
Program::require_same_command(Connection &connection, const Staging &staging)
{
	before_ = find_progress(connection, workspace_, staging.name(), false);
	if (before_ && before_->is_running())
		running_ = before_;
	if (running_ && staging.is_of_other_command() && (!options_.restart || options_.dry_run))
		throw Failure(
			kRefused,
			"Import " + running_->id + " of " + source_->name() + " was interrupted with " + grouped(running_->done) +
				" of " + counted(running_->total, "row") +
				" done, and since then the file, or how it is read, has changed.\nRun it with the file and the "
				"options as they were, or with --restart" +
				(options_.dry_run ? " and without --dry-run" : "") + " to begin anew.");
}

// Whether an interrupted import may go on, or be given up. It has to be known before copy(), which may replace its rows.
bool
Program::wants_to_go_on()
{
	if (!running_ || options_.yes || options_.dry_run)
		return true;
	return terminal_.ask("Import " + running_->id + " of this file was interrupted: " + grouped(running_->done) +
						 " of " + counted(running_->total, "row") + " are done. " +
						 (options_.restart ? "Give it up, and begin anew?" : "Go on with the rest?"));
}

ExitCode
Program::load(Connection &connection)
{
	Staging staging(connection, workspace_, options_, *source_, scanned_);
	ImportCall call(connection, terminal_, options_, workspace_, staging.name(), *matching_);

	require_same_command(connection, staging);
	if (!wants_to_go_on())
		return kStopped;
	staging.copy(terminal_, *source_, dialect_, *header_, *matching_);
	// From here on there is a table, which stays if and only if an import has begun.
	try
	{
		ExitCode code = load_staged(connection, call, staging);

		if (!running_ || !options_.dry_run)
			staging.drop();
		return code;
	}
	catch (const Failure &)
	{
		std::optional<Progress> stopped = leave(connection, staging);

		if (!client::stop_requested())
			throw;
		throw Failure(kStopped,
					  stopped ? "Stopped: " + grouped(stopped->done) + " of " + counted(stopped->total, "row") +
									" are done. The same command goes on with the rest."
							  : kNothingLoaded);
	}
	catch (const ServerError &error)
	{
		std::optional<Progress> ended;

		if (!error.disconnected())
			ended = leave(connection, staging);
		if (!ended || client::stop_requested())
			throw;
		throw Failure(kRefused,
					  explain(error) + "\n" + grouped(ended->done) + " of " + counted(ended->total, "row") +
						  " are done. The same command goes on with the rest when that is mended.");
	}
}

std::optional<Progress>
Program::leave(Connection &connection, Staging &staging)
{
	try
	{
		return keep_or_drop(connection, staging);
	}
	catch (const ServerError &error)
	{
		// The server passes a cancel on by two signals, to the session and to its group: the second may hit the next statement.
		if (error.sqlstate() != "57014" || !client::stop_requested())
			throw;
		return keep_or_drop(connection, staging);
	}
}

// Drops the staging table unless an import has begun that goes on from it: then returns how far that is.
std::optional<Progress>
Program::keep_or_drop(Connection &connection, Staging &staging)
{
	std::optional<Progress> last = find_progress(connection, workspace_, staging.name(), false);

	if (last && last->is_running())
		return last;
	staging.drop();
	return std::nullopt;
}

ExitCode
Program::load_staged(Connection &connection, ImportCall &call, const Staging &staging)
{
	if (staging.rows() == 0)
	{
		terminal_.show(source_->name() + " has no rows" + (staging.bad() > 0 ? " that can be loaded.\n" : ".\n"));
		return finish(connection, staging, Progress(), true);
	}
	if (options_.dry_run)
		return finish(connection, staging, call.run(true), true);
	if (!options_.yes && !is_wanted(connection, call, staging))
		return kStopped;
	return finish(connection, staging, call.run(false), false);
}

// Shows what would be done, and asks.
bool
Program::is_wanted(Connection &connection, ImportCall &call, const Staging &staging)
{
	// That is known, and a dry run is for what begins, not for what goes on.
	if (running_)
		return true;
	if (options_.retry)
		return terminal_.ask("Try the bad rows of the last import of this file again?");

	Progress tried = call.run(true);

	terminal_.show(counts(tried, true) + bad_rows(connection, workspace_, tried));
	if (staging.bad() > 0)
		terminal_.show(counted(staging.bad(), "row") + " of the file cannot be taken apart; see --reject.\n");
	if (tried.total == tried.failed)
		terminal_.show("No row would be loaded.\n");
	return terminal_.ask("Load " + counted(tried.total - tried.failed, "row") + "?");
}

// What became of it, for people and for the reject file.
ExitCode
Program::finish(Connection &connection, const Staging &staging, const Progress &progress, bool is_dry_run)
{
	bool was_done = !is_dry_run && before_ && before_->id == progress.id && !before_->is_running();
	int64_t bad = progress.failed + staging.bad();

	if (was_done && !options_.retry)
		terminal_.show("Import " + progress.id + " has loaded this file already. --restart loads it again" +
					   (progress.failed > 0 ? ", --retry the bad rows.\n" : ".\n"));
	if (progress.total > 0)
		terminal_.show((is_dry_run ? "" : "Import " + progress.id + ": ") + counts(progress, is_dry_run) +
					   bad_rows(connection, workspace_, progress));
	if (staging.bad() > 0)
		terminal_.show(counted(staging.bad(), "row") + " of the file could not be taken apart" +
					   (reject_ ? ".\n" : "; --reject FILE writes them, and why.\n"));
	// Who asked for quiet hears of nothing else, and of this on standard error.
	if (options_.quiet && bad > 0)
		client::say(source_->name() + ": " + grouped(bad) + " of " + counted(progress.total + staging.bad(), "row") +
					(bad == 1 ? " is" : " are") + " bad. " +
					(reject_ ? options_.reject + " has them, and why." : "--reject FILE writes them, and why."));
	if (!is_dry_run && options_.history && progress.created + progress.updated > 0)
		terminal_.show("Take it back: contact-import --undo " + progress.id + "\n");
	if (reject_)
	{
		BadRows refused(connection, workspace_, progress.id);
		int64_t written = reject_->write(*source_, dialect_, *header_, progress.failed > 0 ? &refused : nullptr);

		terminal_.show(options_.reject + " has " + counted(written, "bad row") + ".\n");
	}
	return bad > 0 ? kBadRows : kLoaded;
}

} // namespace importer
