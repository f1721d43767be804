#include "bell.hpp"

#include <algorithm>
#include <poll.h>

#include "log.hpp"

namespace worker {

bool
Bell::wants_connection() const
{
	// The relay itself would ring at each of its own notifications.
	return !connection_ && !deaf_ && !options_.notify;
}

Milliseconds
Bell::shorten(Milliseconds wait) const
{
	return wants_connection() ? std::min(wait, until(next_attempt_)) : wait;
}

void
Bell::listen(Connection &work)
{
	if (!wants_connection() || Clock::now() < next_attempt_)
		return;
	try
	{
		connection_ = std::make_unique<Connection>(options_.listen_dbname);

		bool pooled = is_pooled(work);

		if (!connection_)
			return;
		if (pooled)
		{
			say("the connection for LISTEN goes through a transaction pooler and hears nothing; looking for events "
				"every " +
				std::to_string(options_.poll.count()) + " ms (--listen-dbname names a direct connection)");
			deaf_ = true;
			connection_.reset();
			return;
		}
		(void)connection_->execute(("LISTEN " + connection_->quote_identifier(options_.channel)).c_str());
		backoff_.reset();
		// What happened while nobody listened.
		rung_ = true;
	}
	catch (const ServerError &error)
	{
		lose(error.what());
	}
}

// Whether somebody between here and the server keeps notifications from this connection. A pooler answers with a process
// id of its own. One that pools sessions lets them through, so see whether one arrives while this connection is idle.
bool
Bell::is_pooled(Connection &work)
{
	static constexpr Milliseconds kPatience{1000};
	std::string pid = connection_->execute("SELECT pg_catalog.pg_backend_pid()").value(0, 0);

	if (pid == std::to_string(PQbackendPID(connection_->get())))
		return false;

	std::string test = connection_->execute("SELECT 'contact_worker_' || pg_catalog.gen_random_uuid()").value(0, 0);
	TimePoint deadline = Clock::now() + kPatience;

	(void)connection_->execute(("LISTEN " + connection_->quote_identifier(test)).c_str());
	(void)work.execute("SELECT pg_catalog.pg_notify($1, '')", {test});
	bool heard = false;

	while (!heard && until(deadline).count() > 0)
	{
		pollfd socket = {fd(), POLLIN, 0};

		(void)poll(&socket, 1, static_cast<int>(until(deadline).count()));
		read();
		if (!connection_)
			return false;
		heard = take_rung();
	}
	(void)connection_->execute("UNLISTEN *");
	return !heard;
}

void
Bell::read()
{
	if (!connection_)
		return;
	if (!PQconsumeInput(connection_->get()))
	{
		lose(PQerrorMessage(connection_->get()));
		return;
	}
	// Several are one wake-up.
	while (PGnotify *notification = PQnotifies(connection_->get()))
	{
		PQfreemem(notification);
		rung_ = true;
	}
}

void
Bell::lose(const std::string &why)
{
	Milliseconds delay = backoff_.next();

	say("not listening, trying again in " + std::to_string(delay.count()) + " ms: " + why);
	connection_.reset();
	next_attempt_ = Clock::now() + delay;
}

} // namespace worker
