#include "wait.hpp"

#include <algorithm>
#include <climits>

#include "stop.hpp"

namespace client {

namespace {

Attended *attended_beside = nullptr;

} // namespace

void
attend(Attended *attended)
{
	attended_beside = attended;
}

void
wait(Milliseconds timeout, std::vector<pollfd> &files, bool wake_on_stop)
{
	size_t count = files.size();

	if (attended_beside)
	{
		files.push_back(attended_beside->file());
		timeout = std::min(timeout, until(attended_beside->due()));
	}
	files.push_back({wake_on_stop ? stop_fd() : -1, POLLIN, 0});
	// Interrupted is as good as ready: the caller looks at everything anyway.
	if (poll(files.data(), files.size(), static_cast<int>(std::min<Milliseconds::rep>(timeout.count(), INT_MAX))) < 0)
		for (pollfd &file : files)
			file.revents = 0;
	files.resize(count);
	if (attended_beside)
		attended_beside->advance();
}

void
wait(Milliseconds timeout)
{
	std::vector<pollfd> none;

	wait(timeout, none);
}

} // namespace client
