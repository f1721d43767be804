// wait.hpp - the one place where the worker sleeps: whatever it waits for, it hears the bell and a stop.
#pragma once

#include <poll.h>

#include <vector>

#include "bell.hpp"
#include "clock.hpp"

namespace worker {

// Waits until one of the files is ready, the bell rings, or a stop is requested, at most for the time given; sets each
// revents, and reads the bell. A stop that has been requested before ends no wait if wait_on_stop is false.
void wait(Bell &bell, Milliseconds timeout, std::vector<pollfd> &files, bool wake_on_stop = true);

// Without files.
void wait(Bell &bell, Milliseconds timeout);

} // namespace worker
