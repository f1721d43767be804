#include "handler.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include "sink.hpp"
#include "stop.hpp"

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

// In the child: becomes the command, or tells the parent why not.
[[noreturn]] void
become(char *const *command, int input, int output, int report)
{
	// A group of its own: Ctrl-C at a terminal stops the worker, not the event in hand, and kill() reaches grandchildren.
	(void)setpgid(0, 0);
	restore_signals();
	if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0)
		(void)execvp(command[0], command);
	(void)!write(report, &errno, sizeof(errno));
	_exit(127);
}

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
	Pipe to_child, from_child, report;
	std::vector<char *> command;

	command.reserve(command_.size() + 1);
	for (std::string &word : command_)
		command.push_back(word.data());
	command.push_back(nullptr);

	pid_t pid = fork();

	if (pid < 0)
		throw std::system_error(errno, std::generic_category(), "fork");
	if (pid == 0)
		become(command.data(), to_child.ends[0], from_child.ends[1], report.ends[1]);

	int error = 0;

	pid_ = pid;
	input_ = to_child.take(1);
	output_ = from_child.take(0);
	(void)fcntl(input_, F_SETFL, O_NONBLOCK);
	(void)fcntl(output_, F_SETFL, O_NONBLOCK);
	// exec() closes the other end.
	close(report.take(1));
	if (read(report.ends[0], &error, sizeof(error)) == sizeof(error))
	{
		(void)kill();
		throw SinkError("cannot run " + command_[0] + ": " + std::strerror(error));
	}
}

void
Handler::close_pipes()
{
	for (int *end : {&input_, &output_})
		if (*end >= 0)
			close(std::exchange(*end, -1));
}

// Whether it has ended; it stays a zombie, whose process id nobody else gets, until kill() reaps it.
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
	// Its pipe closed because it is ending: its own status says more than our signal would.
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
