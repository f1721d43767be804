// stop.hpp - TERM and INT: the first asks the worker to finish the event in hand and leave, a second one kills it.
#pragma once

namespace worker {

// Installs the signal handlers and ignores SIGPIPE, so that a closed pipe is an error of write().
void catch_signals();

// Undoes that; for the child between fork() and exec().
void restore_signals();

bool stop_requested();

// Becomes readable, for good, when a stop is requested.
int stop_fd();

} // namespace worker
