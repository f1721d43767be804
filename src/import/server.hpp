// server.hpp - the session in which a file is loaded, and what it is asked about imports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/clock.hpp"
#include "client/database.hpp"
#include "options.hpp"

namespace importer {

using client::Connection;
using client::Parameter;
using client::Result;
using client::ServerError;

// Connects; statements there have no time limit of their own. What the server has to say beside errors is not shown.
Connection connect(const Options &options);

// Cancelling ends the statement that is under way on a connection once a stop is requested. To roll back a chunk takes no time: a server
// that has not ended it after 30 seconds is given up.
class Cancelling
{
public:
	explicit Cancelling(Connection &connection) : connection_(connection) {}

	// Throws ServerError when the server has had its time.
	void advance();

	bool has_begun() const { return deadline_ != client::kNever; }
	client::TimePoint due() const { return deadline_; }

private:
	Connection &connection_;
	client::TimePoint deadline_ = client::kNever;
};

// The workspace of the options, or that of the server's setting.
std::string workspace_of(Connection &connection, const Options &options);

// Texts as the text of an SQL array.
std::string array_text(const std::vector<Parameter> &texts);

// A row of contacts.import_progress.
struct Progress
{
	std::string id;
	std::string state;
	int64_t total = 0;
	int64_t done = 0;
	int64_t created = 0;
	int64_t updated = 0;
	int64_t unchanged = 0;
	int64_t skipped = 0;
	int64_t failed = 0;
	int64_t values_cleared = 0;
	int64_t tags_removed = 0;
	int64_t statuses_changed = 0;
	double seconds = 0;

	bool is_running() const { return state == "running"; }
	int64_t losses() const { return values_cleared + tags_removed + statuses_changed; }
};

// The statement that reads the row of the last import of a table, a dry run or not: parameters are workspace, table, and whether a dry run.
extern const char kProgressStatement[];

// That row, if there is one.
std::optional<Progress> read_progress(const Result &result);
std::optional<Progress> find_progress(Connection &connection, const std::string &workspace, const std::string &table,
									  bool is_dry_run);

// What the server says of the parameters of contacts.import(), said of the program's options.
std::string with_options(std::string text);

// The message of an error without "ERROR:  ", its hint in a line of its own, with options.
std::string explain(const ServerError &error);

} // namespace importer
