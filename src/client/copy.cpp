// copy.cpp - COPY FROM STDIN on a Connection: each piece is on its way before the next is asked for, so memory has one of them.
#include <cstdlib>

#include "database.hpp"
#include "stop.hpp"
#include "wait.hpp"

namespace client {

// Waits until the server takes or sends more. It may be silent for ever: after a stop it has a while, and no more.
void
Connection::wait_in_copy(short events)
{
	std::vector<pollfd> files = {{PQsocket(connection_.get()), events, 0}};

	if (stop_requested() && deadline_ == kNever)
		deadline_ = Clock::now() + kStopPatience;
	if (Clock::now() >= deadline_)
		drop("the server does not answer");
	wait(until(deadline_), files, deadline_ == kNever);
	if (!PQconsumeInput(connection_.get()))
		fail_in_copy();
}

// The connection is lost, by each call that may notice. That says less than why the server has ended it, which may have come before.
void
Connection::fail_in_copy()
{
	// Such a failure is this program's own, and what has been copied must not pass for the whole.
	if (PQstatus(connection_.get()) != CONNECTION_BAD)
		fail(nullptr);
	// Else the copy would have no end that PQgetResult() comes to.
	(void)PQputCopyEnd(connection_.get(), nullptr);
	for (Result last(PQgetResult(connection_.get())); last.get(); last = Result(PQgetResult(connection_.get())))
		if (PQresultErrorField(last.get(), PG_DIAG_SQLSTATE))
			fail(last.get());
	fail(nullptr);
}

void
Connection::flush()
{
	for (int left = PQflush(connection_.get()); left != 0; left = PQflush(connection_.get()))
	{
		if (left < 0)
			fail_in_copy();
		// For reading, too: a server that has something to say may not listen before it is heard.
		wait_in_copy(POLLIN | POLLOUT);
	}
}

// The next result, none at the end of a statement.
Result
Connection::next_result()
{
	while (PQisBusy(connection_.get()))
		wait_in_copy(POLLIN);
	return Result(PQgetResult(connection_.get()));
}

// Ends the copy, for a reason if it is given up; returns what the server says of it.
Result
Connection::end_copy(const char *given_up)
{
	if (PQputCopyEnd(connection_.get(), given_up) != 1)
		fail_in_copy();
	flush();

	Result ended = next_result();

	while (next_result().get())
		;
	deadline_ = kNever;
	return ended;
}

int64_t
Connection::copy_in(const char *statement, const CopyWriter &writer)
{
	if (!PQsendQuery(connection_.get(), statement))
		fail(nullptr);
	flush();

	Result begun = next_result();

	if (PQresultStatus(begun.get()) != PGRES_COPY_IN)
	{
		while (next_result().get())
			;
		fail(begun.get());
	}
	try
	{
		for (std::string piece; writer(piece); piece.clear())
		{
			if (PQputCopyData(connection_.get(), piece.data(), static_cast<int>(piece.size())) != 1)
				fail_in_copy();
			flush();
		}
	}
	catch (const ServerError &)
	{
		throw;
	}
	catch (...)
	{
		try
		{
			(void)end_copy("given up");
		}
		catch (const ServerError &)
		{
			// What the writer has thrown says more.
			connection_.reset();
		}
		throw;
	}

	Result ended = end_copy(nullptr);

	if (PQresultStatus(ended.get()) != PGRES_COMMAND_OK)
		fail(ended.get());
	return std::strtoll(PQcmdTuples(const_cast<PGresult *>(ended.get())), nullptr, 10);
}

} // namespace client
