#include "worker.hpp"

#include <algorithm>

#include "client/log.hpp"
#include "client/stop.hpp"
#include "client/wait.hpp"

namespace worker {

namespace {

// kAfterBell is how soon the worker looks again after a bell; then it waits twice as long each time, up to the poll. For a writer with
// contact_upsert.notify = wakeup that has rung does not ring again within its contact_upsert.notify_interval, 100 ms unless the writer
// sets another, which the worker cannot know; and a commit may take its time. An event without a bell is found when it has waited about as
// long as it came after the bell.
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
	: options_(options), queue_(options), bell_(options), sink_(make_sink(options)), page_(options.batch),
	  pause_(options.poll)
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
		if (bell_.take_rung())
			look_again_soon();
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
		wait(pause_);
		if (!bell_.take_rung())
		{
			pause_ = std::min(pause_ * 2, options_.poll);
			return;
		}
	}
	look_again_soon();
}

void
Worker::look_again_soon()
{
	pause_ = std::min(kAfterBell, options_.poll);
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
