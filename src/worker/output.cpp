// output.cpp - the sink that prints: an event is done when its line is written.
//
// Standard output may be a pipe that is full for as long as its reader likes, so each write() is preceded by a poll() and
// no longer than what a pipe then takes without blocking.
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <unistd.h>

#include "sink.hpp"
#include "stop.hpp"
#include "wait.hpp"

namespace worker {

namespace {

class Output : public Sink
{
public:
	explicit Output(const Options &options) : options_(options) {}

	void deliver(Queue &queue, Bell &bell) override;

private:
	void wait_until_writable(Queue &queue, Bell &bell, bool within_line);

	const Options &options_;
};

void
Output::wait_until_writable(Queue &queue, Bell &bell, bool within_line)
{
	TimePoint deadline = Clock::now() + options_.timeout;

	for (;;)
	{
		std::vector<pollfd> files = {{STDOUT_FILENO, POLLOUT, 0}};
		// Half a line is of no use to anybody: when asked to stop, it is given some time to become a whole one.
		bool stopping = stop_requested();

		if (stopping && !within_line)
			return;
		if (stopping && until(deadline).count() == 0)
			throw SinkError("nobody reads standard output; the last line is cut");
		wait(bell, kReportInterval, files, !stopping);
		if (files[0].revents != 0)
			return;
		queue.report_when_due();
	}
}

void
Output::deliver(Queue &queue, Bell &bell)
{
	const std::vector<Event> &events = queue.events();
	std::string text;
	std::vector<size_t> ends;

	ends.reserve(events.size());
	for (const Event &event : events)
		ends.push_back(text.append(event.line).size());

	for (size_t written = 0, number = 0; number < events.size();)
	{
		bool within_line = written > (number == 0 ? 0 : ends[number - 1]);

		wait_until_writable(queue, bell, within_line);
		if (!within_line && (stop_requested() || Clock::now() >= queue.lease_end()))
			return;

		ssize_t size = write(STDOUT_FILENO, text.data() + written, std::min<size_t>(PIPE_BUF, text.size() - written));

		if (size < 0 && errno != EINTR && errno != EAGAIN)
			throw SinkError("cannot write to standard output: " + std::string(std::strerror(errno)));
		written += static_cast<size_t>(std::max<ssize_t>(size, 0));
		while (number < events.size() && ends[number] <= written)
			queue.done(number++);
	}
}

} // namespace

std::unique_ptr<Sink>
make_output(const Options &options)
{
	return std::make_unique<Output>(options);
}

} // namespace worker
