// output.cpp - the sink that prints: an event is done when its line is written.
//
// Standard output may be a pipe that is full for as long as its reader likes, so each write() is preceded by a poll() and
// no longer than what a pipe then takes without blocking.
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <unistd.h>

#include "client/stop.hpp"
#include "client/wait.hpp"
#include "sink.hpp"

namespace worker {

namespace {

class Output : public Sink
{
public:
	explicit Output(const Options &options) : options_(options) {}

	void deliver(Queue &queue) override;

private:
	bool wait_until_writable(Queue &queue) const;
	std::string next_chunk(std::span<const Event> events) const;

	const Options &options_;
	size_t number_ = 0;	 // of the event whose line is being written
	size_t written_ = 0; // of that line, in bytes
};

// Whether to write: false if a line is not to be begun any more.
bool
Output::wait_until_writable(Queue &queue) const
{
	bool within_line = written_ > 0;
	TimePoint deadline = Clock::now() + options_.timeout;

	for (;;)
	{
		std::vector<pollfd> files = {{STDOUT_FILENO, POLLOUT, 0}};
		// Half a line is of no use to anybody: when asked to stop, it is given some time to become a whole one.
		bool stopping = stop_requested();

		if (!within_line && (stopping || !queue.may_begin()))
			return false;
		if (stopping && until(deadline).count() == 0)
			throw SinkError("nobody reads standard output; the last line is cut");
		wait(kReportInterval, files, !stopping);
		if (files[0].revents != 0)
			return true;
		queue.report_when_due();
		// If the lease is over all the same, the event comes again.
		if (within_line)
			(void)queue.keep(number_ + 1);
	}
}

// What is written at once: no more than a pipe that is writable takes.
std::string
Output::next_chunk(std::span<const Event> events) const
{
	std::string chunk(events[number_].line, written_, PIPE_BUF);

	for (size_t next = number_ + 1; next < events.size() && chunk.size() < PIPE_BUF; next++)
		chunk.append(events[next].line, 0, PIPE_BUF - chunk.size());
	return chunk;
}

void
Output::deliver(Queue &queue)
{
	number_ = written_ = 0;
	while (number_ < queue.events().size() && wait_until_writable(queue))
	{
		std::string chunk = next_chunk(queue.events());
		ssize_t size = write(STDOUT_FILENO, chunk.data(), chunk.size());

		if (size < 0 && errno != EINTR && errno != EAGAIN)
			throw SinkError("cannot write to standard output: " + std::string(std::strerror(errno)));
		written_ += static_cast<size_t>(std::max<ssize_t>(size, 0));
		while (number_ < queue.events().size() && written_ >= queue.events()[number_].line.size())
		{
			written_ -= queue.events()[number_].line.size();
			queue.ack(number_++);
		}
	}
}

} // namespace

std::unique_ptr<Sink>
make_output(const Options &options)
{
	return std::make_unique<Output>(options);
}

} // namespace worker
