// copy.cpp - COPY FROM STDIN on a Connection: each piece is on its way before the next is asked for, so memory has one of them.
#include <cstdlib>

#include "database.hpp"
#include "wait.hpp"

namespace client {

// The next result, none at the end of a statement.
Result
Connection::next_result()
{
	while (PQisBusy(connection_.get()))
	{
		std::vector<pollfd> files = {{PQsocket(connection_.get()), POLLIN, 0}};

		wait(kNoLimit, files, false);
		if (!PQconsumeInput(connection_.get()))
			fail(nullptr);
	}
	return Result(PQgetResult(connection_.get()));
}

void
Connection::put(std::string_view piece)
{
	if (PQputCopyData(connection_.get(), piece.data(), static_cast<int>(piece.size())) != 1)
		fail(nullptr);
	for (int left = 1; left != 0;)
	{
		left = PQflush(connection_.get());
		if (left < 0)
			fail(nullptr);
		if (left == 0)
			return;

		std::vector<pollfd> files = {{PQsocket(connection_.get()), POLLIN | POLLOUT, 0}};

		wait(kNoLimit, files, false);
		if (!PQconsumeInput(connection_.get()))
			fail(nullptr);
	}
}

int64_t
Connection::copy_in(const char *statement, const CopyWriter &writer)
{
	if (!PQsendQuery(connection_.get(), statement))
		fail(nullptr);
	while (PQflush(connection_.get()) > 0)
		;

	Result begun = next_result();

	if (PQresultStatus(begun.get()) != PGRES_COPY_IN)
		fail(begun.get());
	try
	{
		for (std::string piece; writer(piece); piece.clear())
			put(piece);
	}
	catch (const ServerError &)
	{
		throw;
	}
	catch (...)
	{
		(void)PQputCopyEnd(connection_.get(), "given up");
		while (next_result().get())
			;
		throw;
	}
	if (PQputCopyEnd(connection_.get(), nullptr) != 1)
		fail(nullptr);
	while (PQflush(connection_.get()) > 0)
		;

	Result ended = next_result();

	while (next_result().get())
		;
	if (PQresultStatus(ended.get()) != PGRES_COMMAND_OK)
		fail(ended.get());
	return std::strtoll(PQcmdTuples(const_cast<PGresult *>(ended.get())), nullptr, 10);
}

} // namespace client
