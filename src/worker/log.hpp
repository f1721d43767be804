// log.hpp - what the worker has to say to people: lines on standard error.
#pragma once

#include <string>
#include <string_view>
#include <unistd.h>

namespace worker {

inline void
say(std::string_view text)
{
	std::string line = "contact-worker: ";

	line.append(text.substr(0, text.find_last_not_of('\n') + 1)).append("\n");
	// One write(): lines of several workers do not mix. If nobody can read it, there is nobody to tell.
	(void)!write(STDERR_FILENO, line.data(), line.size());
}

} // namespace worker
