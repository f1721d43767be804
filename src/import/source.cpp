#include "source.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include "client/stop.hpp"
#include "client/wait.hpp"
#include "failure.hpp"

namespace importer {

namespace {

static_assert(sizeof(off_t) == 8, "files may have more than 2 GB");

[[noreturn]] void
fail(const std::string &what)
{
	throw Failure(kUnreadable, what + ": " + std::strerror(errno));
}

bool
is_same_time(const timespec &left, const timespec &right)
{
	return left.tv_sec == right.tv_sec && left.tv_nsec == right.tv_nsec;
}

} // namespace

Source::Source(const std::string &path, bool is_standard_input) : name_(is_standard_input ? "standard input" : path)
{
	struct stat named = {};

	if (is_standard_input)
		file_ = dup(STDIN_FILENO);
	else if (stat(path.c_str(), &named) == 0 && S_ISDIR(named.st_mode))
		throw Failure(kUnreadable, path + " is a directory: name a file in it.");
	else
		// Without O_NONBLOCK a pipe that nobody writes to could not be left with Ctrl-C.
		file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file_ < 0 || fstat(file_, &opened_) != 0)
		fail(name_);

	char resolved[PATH_MAX];

	if (!is_standard_input && realpath(path.c_str(), resolved))
		path_ = resolved;
	if (S_ISDIR(opened_.st_mode))
		throw Failure(kUnreadable, name_ + " is a directory: name a file.");
	// Standard input may be a file from some place on.
	if (!S_ISREG(opened_.st_mode) || (is_standard_input && lseek(file_, 0, SEEK_CUR) > 0))
		spool();
	if (opened_.st_size == 0)
		throw Failure(kUnreadable, name_ + " is empty: its first line has to have the names of the columns.");
}

Source::~Source()
{
	if (file_ >= 0)
		close(file_);
}

void
Source::spool()
{
	const char *directory = std::getenv("TMPDIR"); // NOLINT(concurrency-mt-unsafe)
	std::string made = std::string(directory && *directory ? directory : "/tmp") + "/contact-import.XXXXXX";
	int copy = mkstemp(made.data());
	std::vector<char> bytes(size_t{1} << 16U);

	if (copy < 0)
		fail("cannot keep a copy of " + name_ + " in " + made + " (TMPDIR names another directory)");
	unlink(made.c_str());
	for (;;)
	{
		std::vector<pollfd> files = {{file_, POLLIN, 0}};

		client::wait(std::chrono::seconds(1), files);
		if (client::stop_requested())
			throw Failure(kStopped, kNothingLoaded);

		// read() of a pipe that no writer has opened yet returns 0, as at its end; poll() then reports nothing. Nor does a read of
		// what poll() has reported wait, and miss a stop.
		if (files[0].revents == 0)
			continue;

		ssize_t count = ::read(file_, bytes.data(), bytes.size());

		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (count < 0)
			fail(name_);
		if (count == 0)
			break;
		for (ssize_t written = 0; written < count;)
		{
			ssize_t some = write(copy, bytes.data() + written, static_cast<size_t>(count - written));

			if (some < 0 && errno != EINTR)
				fail("cannot keep a copy of " + name_ + " in " + made + " (TMPDIR names another directory)");
			written += std::max<ssize_t>(some, 0);
		}
	}
	close(file_);
	file_ = copy;
	if (fstat(file_, &opened_) != 0)
		fail(name_);
}

size_t
Source::read(char *bytes, size_t count, uint64_t offset) const
{
	count = static_cast<size_t>(std::min<uint64_t>(count, offset < size() ? size() - offset : 0));
	for (;;)
	{
		ssize_t got = count == 0 ? 0 : pread(file_, bytes, count, static_cast<off_t>(offset));

		if (got > 0)
			return static_cast<size_t>(got);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			fail(name_);
		// It has become shorter.
		if (count > 0)
			require_unchanged();
		return 0;
	}
}

void
Source::require_unchanged() const
{
	struct stat now = {};

	if (fstat(file_, &now) != 0)
		fail(name_);
	if (now.st_size != opened_.st_size || !is_same_time(now.st_mtim, opened_.st_mtim))
		throw Failure(kUnreadable,
					  name_ + " has changed while it was read. Run the command again when the file is complete.");
}

bool
Source::is(const std::string &path) const
{
	struct stat other = {};

	return stat(path.c_str(), &other) == 0 && other.st_dev == opened_.st_dev && other.st_ino == opened_.st_ino;
}

} // namespace importer
