#include "database.hpp"

#include <cstdlib>

namespace worker {

bool
ServerError::permanent() const
{
	static constexpr const char *kNotInstalled = "55000";
	std::string kind = sqlstate_.substr(0, 2);

	return kind == "22" || kind == "42" || kind == "0A" || kind == "3F" || sqlstate_ == kNotInstalled;
}

Connection::Connection(const std::string &conninfo) : connection_(nullptr, PQfinish)
{
	// What stands before dbname is a default that a connection string overrides. Without a time limit a server that has
	// vanished would hold the worker for minutes.
	const char *timeout = std::getenv("PGCONNECT_TIMEOUT");
	const char *keywords[] = {"connect_timeout", "fallback_application_name", "dbname", "client_encoding", nullptr};
	const char *values[] = {timeout ? timeout : "10", "contact-worker", conninfo.c_str(), "UTF8", nullptr};

	connection_.reset(PQconnectdbParams(keywords, values, 1));
	if (PQstatus(connection_.get()) != CONNECTION_OK)
		fail(nullptr);
	(void)PQsetErrorContextVisibility(connection_.get(), PQSHOW_CONTEXT_NEVER);
}

void
Connection::fail(const PGresult *result)
{
	const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
	const char *message = result ? PQresultErrorMessage(result) : "";

	throw ServerError(*message ? message : PQerrorMessage(connection_.get()),
					  sqlstate ? sqlstate : "",
					  PQstatus(connection_.get()) != CONNECTION_OK);
}

Result
Connection::execute(const char *statement, const std::vector<Parameter> &parameters)
{
	std::vector<const char *> values;

	values.reserve(parameters.size());
	for (const Parameter &parameter : parameters)
		values.push_back(parameter ? parameter->c_str() : nullptr);

	std::unique_ptr<PGresult, decltype(&PQclear)> result(
		PQexecParams(
			connection_.get(), statement, static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0),
		PQclear);
	ExecStatusType status = PQresultStatus(result.get());

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		fail(result.get());
	return Result(result.release());
}

std::string
Connection::quote_identifier(const std::string &name)
{
	std::unique_ptr<char, decltype(&PQfreemem)> quoted(PQescapeIdentifier(connection_.get(), name.data(), name.size()),
													   PQfreemem);

	if (!quoted)
		fail(nullptr);
	return quoted.get();
}

} // namespace worker
