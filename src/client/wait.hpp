// wait.hpp - the one place where a program sleeps: whatever it waits for, it hears the bell and a stop.
#pragma once

#include <poll.h>

#include <vector>

#include "clock.hpp"

namespace client {

// Attended is something that goes on beside whatever the program waits for: the bell of contact-worker.
class Attended
{
public:
	virtual ~Attended() = default;

	// The file to wait for, -1 for none, and for what.
	virtual pollfd file() const = 0;

	// When to call advance() even if the file is not ready.
	virtual TimePoint due() const = 0;

	// Does what can be done without waiting. Throws nothing, and calls no wait().
	virtual void advance() = 0;
};

// From now on each wait() attends to it; nullptr ends that.
void attend(Attended *attended);

// Waits until one of the files is ready, there was something to attend to, or a stop is requested, at most for the time
// given; sets each revents. A stop that has been requested before ends no wait if wake_on_stop is false.
void wait(Milliseconds timeout, std::vector<pollfd> &files, bool wake_on_stop = true);

// Without files.
void wait(Milliseconds timeout);

} // namespace client
