// database.hpp - a connection to the server, and its errors as exceptions.
//
// Nothing in here but copy_in() waits for the network without a limit. connected(), send() and answered() do what can be done at once;
// connect() and execute() wait for them: until the limit is over, or soon after a stop is requested. What is not done by
// then is cancelled and the connection dropped, and the caller gets a ServerError like for any lost connection.
// (DNS is the exception: libpq asks the resolver, which has time limits of its own.)
#pragma once

#include <libpq-fe.h>
#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "clock.hpp"

namespace client {

class ServerError : public std::runtime_error
{
public:
	ServerError(const std::string &message, std::string sqlstate, bool disconnected)
		: std::runtime_error(message), sqlstate_(std::move(sqlstate)), disconnected_(disconnected)
	{}

	bool disconnected() const { return disconnected_; }
	const std::string &sqlstate() const { return sqlstate_; } // empty without an answer

	// Whether a name in the request means nothing to the server, of a consumer above all.
	bool about_parameter() const { return sqlstate_ == "22023"; }

	// Whether the same request would fail again tomorrow: no such consumer, no permission, not installed.
	bool permanent() const;

	// Whether the data are to blame: a text that one of the two encodings does not have, a line that is too long.
	bool about_data() const;

private:
	std::string sqlstate_;
	bool disconnected_;
};

class Result
{
public:
	explicit Result(PGresult *result = nullptr) : result_(result, PQclear) {}

	int rows() const { return PQntuples(result_.get()); }
	std::string value(int row, int column) const { return PQgetvalue(result_.get(), row, column); }
	const PGresult *get() const { return result_.get(); }

private:
	std::unique_ptr<PGresult, decltype(&PQclear)> result_;
};

using Parameter = std::optional<std::string>; // nullopt is NULL
using RowReader = std::function<void(const Result &)>;
using CopyWriter = std::function<bool(std::string &)>;

class Connection
{
public:
	// Begins to connect. The limit is for each statement; a server among several has the time of connect_timeout, by
	// default 10 s, and no more than patience. Throws ServerError.
	Connection(const std::string &conninfo, Milliseconds limit, Milliseconds patience = kNoLimit);

	// Goes on connecting; true when it is done. Throws ServerError.
	bool connected();

	// Begins a statement in a transaction of its own. No prepared statements: they would not outlive a transaction in a
	// transaction pooler. With a reader each row is handed over as it comes, and none is kept.
	void send(const char *statement, const std::vector<Parameter> &parameters = {}, RowReader reader = nullptr);

	// Goes on sending, and takes in what has come, notifications too; true when no statement is under way. Throws
	// ServerError if the connection is lost while none is.
	bool answered();

	// The answer, once it is there. Throws ServerError.
	Result take();

	// What to wait for: a file that is ready, or the end of the limit.
	pollfd file() const;
	TimePoint deadline() const { return deadline_; }

	// These two wait. Throw ServerError.
	void connect();
	Result execute(const char *statement, const std::vector<Parameter> &parameters = {}, RowReader reader = nullptr);

	// Runs COPY FROM STDIN with what the writer writes, piece by piece, until it returns false; returns how many rows that were.
	// Waits without a limit until a stop is requested, and then for a while; what the writer throws ends it. Throws ServerError.
	int64_t copy_in(const char *statement, const CopyWriter &writer);

	// Asks the server to end the statement, without waiting.
	void cancel();

	// Whether it is there, as far as is known.
	bool usable() const { return PQstatus(connection_.get()) == CONNECTION_OK; }

	std::string quote_identifier(const std::string &name);
	std::string quote_literal(const std::string &text);

	PGconn *get() const { return connection_.get(); }

	static constexpr Milliseconds kNoLimit = std::chrono::days(1);

private:
	// How long an answer may take once a stop is requested.
	static constexpr Milliseconds kStopPatience{600};

	void start(const std::vector<const char *> &keywords, const std::vector<const char *> &values, bool expand);
	void leave_silent_host();
	void allow_time_for_host();
	void wait_in_copy(short events);
	[[noreturn]] void fail_in_copy();
	void flush();
	Result next_result();
	Result end_copy(const char *given_up);
	[[noreturn]] void drop(const std::string &why);
	[[noreturn]] void fail(const PGresult *result);

	std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
	Milliseconds limit_;
	Milliseconds patience_;
	TimePoint deadline_ = kNever;
	PostgresPollingStatusType connecting_ = PGRES_POLLING_WRITING;
	std::string host_;	 // which one is being tried
	std::string silent_; // what became of those before
	bool sending_ = false;
	RowReader reader_;
	Result result_;
};

} // namespace client
