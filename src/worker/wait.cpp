#include "wait.hpp"

#include <algorithm>

#include "stop.hpp"

namespace worker {

void
wait(Bell &bell, Milliseconds timeout, std::vector<pollfd> &files, bool wake_on_stop)
{
	size_t count = files.size();

	files.push_back({bell.fd(), POLLIN, 0});
	files.push_back({wake_on_stop ? stop_fd() : -1, POLLIN, 0});
	// Interrupted is as good as ready: the caller looks at everything anyway.
	if (poll(files.data(), files.size(), static_cast<int>(timeout.count())) < 0)
		for (pollfd &file : files)
			file.revents = 0;
	if (files[count].revents != 0)
		bell.read();
	files.resize(count);
}

void
wait(Bell &bell, Milliseconds timeout)
{
	std::vector<pollfd> none;

	wait(bell, timeout, none);
}

} // namespace worker
