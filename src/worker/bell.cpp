#include "bell.hpp"

#include "client/log.hpp"
#include "client/stop.hpp"

namespace worker {

namespace {

// How long the worker waits for the bell before its first look, and how long a test notification may be on its way.
constexpr Milliseconds kPatience{1000};

} // namespace

Bell::Bell(const Options &options) : options_(options)
{
	attend(this);
}

void
Bell::listen(Connection &work)
{
	// The relay itself would ring at each of its own notifications, and with --once there is nothing to wait for.
	if (state_ != kOff || pooled_ || options_.notify || options_.once)
		return;
	state_ = kLost;
	due_ = Clock::now();

	TimePoint deadline = Clock::now() + kPatience;

	advance();
	while (state_ != kListening && state_ != kLost && state_ != kOff && until(deadline).count() > 0 &&
		   !stop_requested())
	{
		wait(until(deadline));
		help(work);
	}
}

void
Bell::help(Connection &work)
{
	if (state_ == kWantsWitness)
	{
		Result witness = work.execute("SELECT pg_catalog.pg_backend_pid()");

		// It may have been lost meanwhile.
		if (state_ != kWantsWitness)
			return;
		witness_ = witness.value(0, 0);
		begin(kIdentifyingAgain, "SELECT pg_catalog.pg_backend_pid()");
		return;
	}
	if (state_ != kWantsTest)
		return;
	state_ = kTesting;
	due_ = kNever;
	rung_ = false;
	(void)work.execute("SELECT pg_catalog.pg_notify($1, '')", {test_channel_});
	if (state_ == kTesting)
		due_ = Clock::now() + kPatience;
}

void
Bell::disconnect()
{
	if (state_ == kListening || state_ == kAsking)
		say("not listening until the server can be worked with again");
	connection_.reset();
	state_ = kOff;
	due_ = kNever;
	backoff_.reset();
}

pollfd
Bell::file() const
{
	return connection_ ? connection_->file() : pollfd{-1, 0, 0};
}

TimePoint
Bell::due() const
{
	return waits_for_answer() ? connection_->deadline() : due_;
}

void
Bell::advance()
{
	try
	{
		if (state_ == kLost && Clock::now() >= due_)
		{
			connection_ = std::make_unique<Connection>(options_.listen_dbname, options_.limit());
			state_ = kConnecting;
		}
		if (connection_)
			step();
	}
	catch (const ServerError &error)
	{
		lose(error.what());
	}
}

void
Bell::step()
{
	if (state_ == kConnecting)
	{
		if (!connection_->connected())
			return;
		begin(kIdentifying, "SELECT pg_catalog.pg_backend_pid(), 'contact_worker_' || pg_catalog.gen_random_uuid()");
	}
	// The first line takes in what has come, for each state.
	while (connection_->answered() && waits_for_answer())
	{
		take_answer();
		if (!connection_)
			return;
	}
	hear();
	if (waits_for_answer() && Clock::now() >= connection_->deadline())
		lose("the server does not answer");
	else if (state_ == kTesting && (take_rung() || Clock::now() >= due_))
		end_test(Clock::now() < due_);
	else if (state_ == kListening && Clock::now() >= due_)
		begin(kAsking, "LISTEN " + connection_->quote_identifier(options_.channel));
}

void
Bell::begin(State state, const std::string &statement)
{
	connection_->send(statement.c_str());
	state_ = state;
}

void
Bell::take_answer()
{
	Result answer = connection_->take();
	std::string listen = "LISTEN " + connection_->quote_identifier(options_.channel);

	switch (state_)
	{
		case kIdentifying:
			backend_ = answer.value(0, 0);
			test_channel_ = answer.value(0, 1);
			pooled_ = false;
			if (backend_ == std::to_string(PQbackendPID(connection_->get())))
				begin(kSubscribing, listen);
			else
				want(kWantsWitness);
			return;
		case kIdentifyingAgain:
			// A pooler gives a process id of its own at the start. It pools transactions if the backend was lent to the work
			// connection meanwhile, or is another one now. A session pooler lets notifications through, and a transaction
			// pooler can hide: so see whether one arrives while this connection is idle. That is the last resort, for
			// UNLISTEN may then reach another backend than LISTEN did.
			if (backend_ == witness_ || backend_ != answer.value(0, 0))
				give_up();
			else
				begin(kPreparingTest, "LISTEN " + connection_->quote_identifier(test_channel_));
			return;
		case kPreparingTest:
			want(kWantsTest);
			return;
		case kUnlistening:
			if (pooled_)
				give_up();
			else
				begin(kSubscribing, listen);
			return;
		case kSubscribing:
			say(std::string("listening ") + (has_listened_ ? "again " : "") + "on \"" + options_.channel + "\"");
			has_listened_ = true;
			backoff_.reset();
			// What happened while nobody listened.
			rung_ = true;
			[[fallthrough]];
		default: // kAsking
			state_ = kListening;
			due_ = Clock::now() + options_.limit();
	}
}

void
Bell::want(State state)
{
	state_ = state;
	due_ = kNever;
}

void
Bell::give_up()
{
	say("the connection for LISTEN goes through a transaction pooler and hears nothing; looking for events every " +
		std::to_string(options_.poll.count()) + " ms (--listen-dbname names a direct connection)");
	pooled_ = true;
	connection_.reset();
	want(kOff);
}

void
Bell::end_test(bool heard)
{
	pooled_ = !heard;
	begin(kUnlistening, "UNLISTEN *");
}

void
Bell::hear()
{
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
	state_ = kLost;
	due_ = Clock::now() + delay;
}

} // namespace worker
