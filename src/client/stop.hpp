// stop.hpp - TERM and INT: the first asks the program to finish what it has in hand and leave, a second one kills it.
#pragma once

#include <csignal>

namespace client {

// Installs the signal handlers and ignores SIGPIPE, so that a closed pipe is an error of write().
void catch_signals();

// The signals for which that changed something: a handler's process starts with their defaults.
sigset_t caught_signals();

bool stop_requested();

// Becomes readable, for good, when a stop is requested.
int stop_fd();

} // namespace client
