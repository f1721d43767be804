#include "worker.hpp"

#include <algorithm>

#include "client/log.hpp"
#include "client/stop.hpp"
#include "client/wait.hpp"

namespace worker {

namespace {

// A writer with contact_upsert.notify = wakeup rings at most every contact_upsert.notify_interval, by default 100 ms: what
// it writes right after a bell is found by one more look.
constexpr Milliseconds kAfterBell{150};

std::unique_ptr<Sink>
make_sink(const Options &options)
{
	if (options.notify)
		return nullptr;
	return options.handler.empty() ? make_output(options) : make_dispatcher(options);
}

} // namespace

Worker::Worker(const Options &options)
	: options_(options), queue_(options), bell_(options), sink_(make_sink(options)), page_(options.batch)
{}

ExitCode
Worker::run()
{
	for (;;)
	{
		try
		{
			work();
			leave();
			return kDone;
		}
		catch (const SinkError &error)
		{
			say(error.what());
			leave();
			return kStuck;
		}
		catch (const ServerError &error)
		{
			say(error.what());
			if (stop_requested() || error.permanent())
			{
				if (error.about_parameter())
					say("the owner of the contact tables registers a consumer, or contact-worker as that role with "
						"--subscribe");
				leave();
				return stop_requested() ? kDone : kRefused;
			}
			if (options_.once && error.disconnected())
				return kUnreachable;
		}

		Milliseconds delay = backoff_.next();

		say("trying again in " + std::to_string(delay.count()) + " ms");
		// Both: when the server's role has gone to another, the bell of the old one is silent for ever.
		queue_.disconnect();
		bell_.disconnect();
		for (TimePoint end = Clock::now() + delay; until(end).count() > 0 && !stop_requested();)
			wait(until(end));
		if (stop_requested())
			return kDone;
	}
}

void
Worker::work()
{
	queue_.connect();
	// Before the first look, so that what is committed after the look rings.
	bell_.listen(queue_.connection());
	while (!stop_requested())
	{
		bell_.help(queue_.connection());
		drain();
		backoff_.reset();
		if (options_.once)
			return;
		wait_for_bell();
	}
}

// Takes pages until none is left that was there before the last bell.
void
Worker::drain()
{
	bool more = true;

	while (more && !stop_requested())
	{
		woken_ = bell_.take_rung() || woken_;
		more = take_page();
		bell_.advance();
	}
}

bool
Worker::take_page()
{
	if (options_.notify)
		// A relay that keeps up lets events gather until the next poll: a transaction for each costs more than what is in it.
		return queue_.relay(*options_.notify, page_) >= (options_.once ? 1 : page_);
	while (sink_->pause().count() > 0 && !stop_requested())
		wait(sink_->pause());
	if (stop_requested() || !claim())
		return false;

	int claimed = queue_.claimed();

	sink_->deliver(queue_);

	// What the sink has no time for is released, and the next page is as large as what the sink had time for.
	int taken = claimed - queue_.settle();

	page_ = taken < claimed ? std::max(taken, 1) : static_cast<int>(std::min<long>(page_ * 2L, options_.batch));
	return true;
}

bool
Worker::claim()
{
	try
	{
		return queue_.claim(page_);
	}
	catch (const ServerError &error)
	{
		// A page may be too much for a slow network.
		if (error.disconnected())
			page_ = std::max(page_ / 2, 1);
		throw;
	}
}

void
Worker::wait_for_bell()
{
	// Nothing that has arrived already would make the socket readable.
	bell_.advance();
	if (bell_.wants_help())
		return;
	if (!bell_.take_rung())
	{
		wait(woken_ ? std::min(kAfterBell, options_.poll) : options_.poll);
		woken_ = bell_.take_rung();
	}
	else
		woken_ = true;
}

// Reports and releases what is left, if the server is there to hear it; the leases run out anyway.
void
Worker::leave()
{
	try
	{
		(void)queue_.settle();
	}
	catch (const ServerError &error)
	{
		say(error.what());
	}
}

} // namespace worker
