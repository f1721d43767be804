#include "database.hpp"

#include <csignal>
#include <thread>

#include "stop.hpp"
#include "wait.hpp"

namespace client {

namespace {

// How long the cancellation of a statement may take. With kStopPatience that is less than a second, which is what people wait
// for Ctrl-C. A statement that is dropped may have claimed events for nobody.
constexpr Milliseconds kCancelPatience{200};

} // namespace

bool
ServerError::permanent() const
{
	static constexpr const char *kNotInstalled = "55000";
	std::string kind = sqlstate_.substr(0, 2);

	return kind == "22" || kind == "42" || kind == "0A" || kind == "3F" || sqlstate_ == kNotInstalled;
}

bool
ServerError::about_data() const
{
	std::string kind = sqlstate_.substr(0, 2);

	return kind == "22" || kind == "54";
}

void
Connection::send(const char *statement, const std::vector<Parameter> &parameters, RowReader reader)
{
	std::vector<const char *> values;

	values.reserve(parameters.size());
	for (const Parameter &parameter : parameters)
		values.push_back(parameter ? parameter->c_str() : nullptr);

	result_ = Result();
	deadline_ = Clock::now() + limit_;
	if (!PQsendQueryParams(
			connection_.get(), statement, static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0))
		fail(nullptr);
	reader_ = std::move(reader);
	if (reader_)
		(void)PQsetSingleRowMode(connection_.get());
	sending_ = true;
}

bool
Connection::answered()
{
	// What is wrong with sending comes out at reading.
	if (sending_)
		sending_ = PQflush(connection_.get()) > 0;

	bool lost = !PQconsumeInput(connection_.get());

	while (!PQisBusy(connection_.get()))
	{
		Result next(PQgetResult(connection_.get()));

		if (!next.get() && (!lost || result_.get()))
			return true;
		if (!next.get())
			break;
		if (PQresultStatus(next.get()) == PGRES_SINGLE_TUPLE)
			reader_(next);
		// That the connection is gone says less than why the server has ended it.
		else if (!result_.get() || !PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE))
			result_ = std::move(next);
	}
	// An error that has come may be the server's last word; anything else without an end is worth nothing.
	if (lost)
		fail(PQresultStatus(result_.get()) == PGRES_FATAL_ERROR ? result_.get() : nullptr);
	return false;
}

Result
Connection::take()
{
	Result result = std::move(result_);
	ExecStatusType status = PQresultStatus(result.get());

	deadline_ = kNever;
	reader_ = nullptr;
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		fail(result.get());
	return result;
}

pollfd
Connection::file() const
{
	bool write = connecting_ == PGRES_POLLING_WRITING || sending_;
	bool read = connecting_ != PGRES_POLLING_WRITING;

	return {PQsocket(connection_.get()), static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0)), 0};
}

void
Connection::connect()
{
	while (!connected())
	{
		std::vector<pollfd> files = {file()};

		wait(until(deadline_), files);
		if (stop_requested())
			drop("stopped while connecting");
	}
}

Result
Connection::execute(const char *statement, const std::vector<Parameter> &parameters, RowReader reader)
{
	bool stopping = false;
	bool cancelled = false;

	if (!connection_)
		drop("the connection is lost");
	send(statement, parameters, std::move(reader));
	while (!answered())
	{
		std::vector<pollfd> files = {file()};

		if (stop_requested() && !stopping)
		{
			stopping = true;
			deadline_ = std::min(deadline_, Clock::now() + kStopPatience);
		}
		if (Clock::now() >= deadline_)
		{
			if (cancelled)
				drop("the server does not answer");
			cancel();
			cancelled = true;
			deadline_ = Clock::now() + kCancelPatience;
		}
		wait(until(deadline_), files, !stopping);
	}
	// It was our own doing; to the caller it is the same as no answer.
	if (cancelled && !stopping && PQresultStatus(result_.get()) == PGRES_FATAL_ERROR)
		drop("a statement was cancelled after " + std::to_string(limit_.count()) + " ms");
	return take();
}

// Asks the server to end the statement. PQcancel() makes a connection of its own and waits for it, perhaps for minutes: so it
// is called in a thread, which nobody waits for.
void
Connection::cancel()
{
	PGcancel *cancel = PQgetCancel(connection_.get());
	sigset_t all, before;

	if (!cancel)
		return;
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	try
	{
		std::thread([cancel] {
			char why[256];

			(void)PQcancel(cancel, why, sizeof(why));
			PQfreeCancel(cancel);
		}).detach();
	}
	catch (const std::system_error &)
	{
		PQfreeCancel(cancel);
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void
Connection::drop(const std::string &why)
{
	connection_.reset();
	deadline_ = kNever;
	throw ServerError(why, "", true);
}

void
Connection::fail(const PGresult *result)
{
	const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
	const char *message = result ? PQresultErrorMessage(result) : "";

	throw ServerError(
		silent_ + (*message ? message : PQerrorMessage(connection_.get())), sqlstate ? sqlstate : "", !usable());
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

std::string
Connection::quote_literal(const std::string &text)
{
	std::unique_ptr<char, decltype(&PQfreemem)> quoted(PQescapeLiteral(connection_.get(), text.data(), text.size()),
													   PQfreemem);

	if (!quoted)
		fail(nullptr);
	return quoted.get();
}

} // namespace client
