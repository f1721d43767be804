#include "stop.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace client {

namespace {

volatile std::sig_atomic_t requested = 0;
int pipe_ends[2] = {-1, -1};

void
set_handler(int number, void (*handler)(int))
{
	struct sigaction action = {};

	action.sa_handler = handler;
	sigemptyset(&action.sa_mask);
	sigaction(number, &action, nullptr);
}

void
on_signal(int)
{
	int saved = errno;

	requested = 1;
	// The next one, whichever it is, does what it does to any program.
	set_handler(SIGTERM, SIG_DFL);
	set_handler(SIGINT, SIG_DFL);
	// Never read again: the pipe stays readable. It cannot be full after one byte.
	(void)!write(pipe_ends[1], "", 1);
	errno = saved;
}

} // namespace

void
catch_signals()
{
	if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0)
		throw std::system_error(errno, std::generic_category(), "pipe");
	set_handler(SIGTERM, on_signal);
	set_handler(SIGINT, on_signal);
	set_handler(SIGPIPE, SIG_IGN);
}

sigset_t
caught_signals()
{
	sigset_t signals;

	sigemptyset(&signals);
	for (int number : {SIGTERM, SIGINT, SIGPIPE})
		sigaddset(&signals, number);
	return signals;
}

bool
stop_requested()
{
	return requested != 0;
}

int
stop_fd()
{
	return pipe_ends[0];
}

} // namespace client
