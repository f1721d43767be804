// database.hpp - a connection to the server, and its errors as exceptions.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace worker {

class ServerError : public std::runtime_error
{
public:
	ServerError(const std::string &message, std::string sqlstate, bool disconnected)
		: std::runtime_error(message), sqlstate_(std::move(sqlstate)), disconnected_(disconnected)
	{}

	bool disconnected() const { return disconnected_; }

	// Whether the same request would fail again tomorrow: no such consumer, no permission, not installed.
	bool permanent() const;

private:
	std::string sqlstate_;
	bool disconnected_;
};

class Result
{
public:
	explicit Result(PGresult *result) : result_(result, PQclear) {}

	int rows() const { return PQntuples(result_.get()); }
	std::string value(int row, int column) const { return PQgetvalue(result_.get(), row, column); }

private:
	std::unique_ptr<PGresult, decltype(&PQclear)> result_;
};

using Parameter = std::optional<std::string>; // nullopt is NULL

class Connection
{
public:
	// Throws ServerError.
	explicit Connection(const std::string &conninfo);

	// Runs one statement in a transaction of its own. No prepared statements: they would not outlive a transaction in a
	// transaction pooler. Throws ServerError.
	Result execute(const char *statement, const std::vector<Parameter> &parameters = {});

	std::string quote_identifier(const std::string &name);

	PGconn *get() const { return connection_.get(); }

private:
	[[noreturn]] void fail(const PGresult *result);

	std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

} // namespace worker
