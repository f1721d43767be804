#include "handler.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include "client/stop.hpp"
#include "sink.hpp"

namespace worker {

namespace {

struct Pipe
{
	Pipe()
	{
		if (pipe2(ends, O_CLOEXEC) != 0)
			throw std::system_error(errno, std::generic_category(), "pipe");
	}
	~Pipe()
	{
		for (int end : ends)
			if (end >= 0)
				close(end);
	}
	Pipe(const Pipe &) = delete;
	Pipe &operator=(const Pipe &) = delete;

	int take(int end) { return std::exchange(ends[end], -1); }

	int ends[2];
};

// Actions and Attributes: what posix_spawnp() does between fork and exec.
struct Actions
{
	Actions()
	{
		if (posix_spawn_file_actions_init(&value) != 0)
			throw std::bad_alloc();
	}
	~Actions() { posix_spawn_file_actions_destroy(&value); }
	Actions(const Actions &) = delete;
	Actions &operator=(const Actions &) = delete;

	posix_spawn_file_actions_t value;
};

struct Attributes
{
	Attributes()
	{
		sigset_t caught = caught_signals();

		if (posix_spawnattr_init(&value) != 0)
			throw std::bad_alloc();
		// A process group of its own: Ctrl-C at a terminal stops the worker, not the event in hand, and kill() reaches
		// grandchildren.
		(void)posix_spawnattr_setflags(&value, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
		(void)posix_spawnattr_setsigdefault(&value, &caught);
	}
	~Attributes() { posix_spawnattr_destroy(&value); }
	Attributes(const Attributes &) = delete;
	Attributes &operator=(const Attributes &) = delete;

	posix_spawnattr_t value;
};

std::string
describe(int status)
{
	if (WIFSIGNALED(status))
		return "was killed by signal " + std::to_string(WTERMSIG(status));
	return "ended with exit status " + std::to_string(WEXITSTATUS(status));
}

} // namespace

void
Handler::start()
{
	Pipe to_child, from_child;
	Actions actions;
	Attributes attributes;
	std::vector<char *> command;
	pid_t pid = 0;

	command.reserve(command_.size() + 1);
	for (std::string &word : command_)
		command.push_back(word.data());
	command.push_back(nullptr);
	if (posix_spawn_file_actions_adddup2(&actions.value, to_child.ends[0], STDIN_FILENO) != 0 ||
		posix_spawn_file_actions_adddup2(&actions.value, from_child.ends[1], STDOUT_FILENO) != 0)
		throw std::bad_alloc();

	int error = posix_spawnp(&pid, command[0], &actions.value, &attributes.value, command.data(), environ);

	if (error != 0)
		throw SinkError("cannot run " + command_[0] + ": " + std::strerror(error));
	pid_ = pid;
	input_ = to_child.take(1);
	output_ = from_child.take(0);
	(void)fcntl(input_, F_SETFL, O_NONBLOCK);
	(void)fcntl(output_, F_SETFL, O_NONBLOCK);
}

void
Handler::close_pipes()
{
	for (int *end : {&input_, &output_})
		if (*end >= 0)
			close(std::exchange(*end, -1));
}

// Whether the handler has ended within that time. It stays a zombie, whose process id no other process gets, until kill() reaps it.
bool
Handler::ends_within(Milliseconds patience) const
{
	TimePoint deadline = Clock::now() + patience;
	siginfo_t ended = {};

	for (;;)
	{
		if (waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid != 0)
			return true;
		if (Clock::now() >= deadline)
			return false;
		std::this_thread::sleep_for(Milliseconds(1));
	}
}

std::string
Handler::kill()
{
	// The pipe closed because the handler is ending: its own status says more than our signal would.
	static constexpr Milliseconds kLastWords{20};
	int status = 0;

	if (!running())
		return "is not running";
	close_pipes();
	(void)ends_within(kLastWords);
	(void)::kill(-pid_, SIGKILL);
	(void)::kill(pid_, SIGKILL);
	(void)waitpid(pid_, &status, 0);
	pid_ = 0;
	return describe(status);
}

void
Handler::finish(Milliseconds patience)
{
	if (!running())
		return;
	close(std::exchange(input_, -1));
	(void)ends_within(patience);
	(void)kill();
}

} // namespace worker
