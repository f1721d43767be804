// log.hpp - what a program has to say to people: lines on standard error.
#pragma once

#include <poll.h>

#include <climits>
#include <string>
#include <string_view>
#include <unistd.h>

namespace client {

// kProgram is the name of the program, which its main.cpp defines.
extern const char kProgram[];

inline void
say(std::string_view text)
{
	std::string line = std::string(kProgram) + ": ";
	pollfd file = {STDERR_FILENO, POLLOUT, 0};

	line.append(text.substr(0, text.find_last_not_of('\n') + 1)).resize(std::min<size_t>(line.size(), PIPE_BUF - 1));
	line += '\n';
	// One write(): lines of several programs do not mix. A pipe that takes some takes PIPE_BUF bytes; if it is full, nobody
	// reads, and the program must not wait for that.
	if (poll(&file, 1, 0) > 0 && (file.revents & POLLOUT))
		(void)!write(STDERR_FILENO, line.data(), line.size());
}

} // namespace client
