#include "terminal.hpp"

#include <cerrno>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include "client/stop.hpp"
#include "client/wait.hpp"
#include "failure.hpp"
#include "show.hpp"

namespace importer {

namespace {

// Writes all of it, or what can be written: that nobody reads it is no reason not to load a file.
void
write_all(int file, std::string_view text)
{
	while (!text.empty())
	{
		ssize_t written = write(file, text.data(), text.size());

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return;
		text.remove_prefix(static_cast<size_t>(written));
	}
}

} // namespace

Terminal::Terminal(bool is_quiet) : is_quiet_(is_quiet), has_line_(isatty(STDERR_FILENO) == 1)
{}

bool
Terminal::can_ask() const
{
	return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

void
Terminal::show(std::string_view text)
{
	end_progress();
	if (!is_quiet_)
		write_all(STDOUT_FILENO, text);
}

size_t
Terminal::width() const
{
	winsize size = {};

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1U : 79U;
}

// Whether it is time to show how far something is. The first call only notes when it began.
bool
Terminal::is_due(std::string_view what, int64_t done)
{
	client::TimePoint now = client::Clock::now();

	if (is_quiet_)
		return false;
	if (what != what_)
	{
		what_ = what;
		begin_ = now;
		done_at_begin_ = done;
		next_ = now + interval();
		return false;
	}
	if (now < next_)
		return false;
	next_ = now + interval();
	return true;
}

double
Terminal::rate(int64_t done) const
{
	double seconds = std::chrono::duration<double>(client::Clock::now() - begin_).count();

	return seconds > 0.5 ? static_cast<double>(done - done_at_begin_) / seconds : 0;
}

void
Terminal::progress(std::string_view what, int64_t done, int64_t total)
{
	if (is_due(what, done))
		write_line(progress_line(what, done, total, rate(done), has_line_ ? width() : 200));
}

void
Terminal::progress_bytes(std::string_view what, uint64_t done, uint64_t total)
{
	static constexpr uint64_t kMebibyte = uint64_t{1} << 20U;

	if (is_due(what, static_cast<int64_t>(done)))
		write_line(std::string(what) + " " + std::to_string(done * 100 / total) + "%  " +
				   std::to_string(done / kMebibyte) + " of " + std::to_string(total / kMebibyte) + " MiB");
}

void
Terminal::write_line(std::string_view line)
{
	// To the first column, and what is there goes.
	write_all(STDERR_FILENO, has_line_ ? "\r\x1B[K" + std::string(line) : std::string(line) + "\n");
	is_line_shown_ = has_line_;
}

void
Terminal::end_progress()
{
	if (is_line_shown_)
		write_all(STDERR_FILENO, "\r\x1B[K");
	is_line_shown_ = false;
	what_.clear();
}

bool
Terminal::ask(std::string_view question)
{
	std::string answer;

	end_progress();
	write_all(STDOUT_FILENO, std::string(question) + " [y/N] ");
	while (!client::stop_requested())
	{
		std::vector<pollfd> files = {{STDIN_FILENO, POLLIN, 0}};
		char byte = 0;

		client::wait(client::Milliseconds(60000), files);
		if (files[0].revents == 0)
			continue;
		if (read(STDIN_FILENO, &byte, 1) != 1 || byte == '\n')
			break;
		answer += byte;
	}
	return !client::stop_requested() && (answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes");
}

void
require_answer(const Options &options, const Terminal &terminal, const std::string &deed)
{
	if (options.yes || options.dry_run || (!options.quiet && terminal.can_ask()))
		return;
	throw Failure(kUsage,
				  std::string(options.quiet ? "--quiet does not ask" : "There is no terminal to ask at") +
					  ": say --yes to " + deed + ", or --dry-run to see what would be done.");
}

} // namespace importer
