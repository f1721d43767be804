#include "import_call.hpp"

#include <algorithm>

#include "client/stop.hpp"
#include "client/wait.hpp"
#include "failure.hpp"

namespace importer {

namespace {

constexpr char kCall[] =
	"CALL contacts.import(staging_table => $1::pg_catalog.regclass, chunk => $2::pg_catalog.int4, "
	"create_tags => $3::pg_catalog.bool, mode => $4, blank => $5, "
	"columns => pg_catalog.jsonb_object($6::pg_catalog.text[], $7::pg_catalog.text[]), \"unknown\" => $8, "
	"date_format => $9, separator => $10, source => $11, history => $12::pg_catalog.bool, "
	"events => $13::pg_catalog.bool, dry_run => $14::pg_catalog.bool, retry => $15::pg_catalog.bool, "
	"restart => $16::pg_catalog.bool, workspace_id => $17::pg_catalog.int8)";

Parameter
boolean(bool value)
{
	return value ? "true" : "false";
}

} // namespace

Watcher::Watcher(const Options &options, const std::string &workspace, const std::string &table, bool is_dry_run)
	: parameters_({workspace, table, boolean(is_dry_run)})
{
	try
	{
		connection_ = std::make_unique<Connection>(options.dbname, client::Milliseconds(10000));
	}
	catch (const ServerError &)
	{}
}

pollfd
Watcher::file() const
{
	return connection_ && (is_connecting_ || is_asking_) ? connection_->file() : pollfd{-1, 0, 0};
}

client::TimePoint
Watcher::due() const
{
	if (!connection_)
		return client::kNever;
	return is_connecting_ || is_asking_ ? connection_->deadline() : next_;
}

bool
Watcher::advance(client::Milliseconds interval)
{
	if (!connection_)
		return false;
	try
	{
		if (is_connecting_ && connection_->connected())
			is_connecting_ = false;
		if (!is_connecting_ && !is_asking_ && client::Clock::now() >= next_)
		{
			connection_->send(kProgressStatement, parameters_);
			is_asking_ = true;
		}
		if (is_asking_ && connection_->answered())
		{
			is_asking_ = false;
			next_ = client::Clock::now() + interval;
			progress_ = read_progress(connection_->take());
			return progress_.has_value();
		}
		if (is_asking_ && client::Clock::now() >= connection_->deadline())
			connection_.reset();
	}
	catch (const ServerError &)
	{
		connection_.reset();
	}
	return false;
}

ImportCall::ImportCall(Connection &connection, Terminal &terminal, const Options &options, const std::string &workspace,
					   const std::string &table, const Matching &matching)
	: connection_(connection), terminal_(terminal), options_(options), workspace_(workspace), table_(table),
	  matching_(matching)
{}

Progress
ImportCall::run(bool is_dry_run)
{
	connection_.send(kCall,
					 {table_,
					  std::to_string(options_.chunk),
					  boolean(options_.create_tags),
					  options_.mode,
					  options_.blank,
					  array_text(matching_.names()),
					  array_text(matching_.targets()),
					  options_.unknown,
					  options_.date_format,
					  options_.list_separator,
					  options_.source,
					  boolean(options_.history),
					  boolean(options_.events),
					  boolean(is_dry_run),
					  boolean(options_.retry && !is_dry_run),
					  options_.restart && !is_dry_run ? Parameter("true") : std::nullopt,
					  workspace_});
	wait_for_end(is_dry_run);
	terminal_.end_progress();
	try
	{
		(void)connection_.take();
	}
	catch (const ServerError &error)
	{
		static constexpr const char *kCancelled = "57014";

		if (client::stop_requested() && error.sqlstate() == kCancelled)
			throw Failure(kStopped, "");
		throw;
	}

	std::optional<Progress> progress = find_progress(connection_, workspace_, table_, is_dry_run);

	if (!progress)
		throw Failure(kRefused, "contacts.import_progress has no row of " + table_ + ".");
	return *progress;
}

void
ImportCall::wait_for_end(bool is_dry_run)
{
	Watcher watcher(options_, workspace_, table_, is_dry_run);
	Cancelling cancelling(connection_);

	while (!connection_.answered())
	{
		std::vector<pollfd> files = {connection_.file(), watcher.file()};

		cancelling.advance();
		client::wait(client::until(std::min(watcher.due(), cancelling.due())), files, !cancelling.has_begun());
		if (watcher.advance(terminal_.interval()))
			terminal_.progress(is_dry_run ? "Trying" : "Loading", watcher.progress()->done, watcher.progress()->total);
	}
}

} // namespace importer
