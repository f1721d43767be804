// failure.hpp - what ends contact-import, and with which exit status.
#pragma once

#include <stdexcept>
#include <string>

namespace importer {

enum ExitCode
{
	kLoaded = 0,
	kUnreadable = 1, // the file cannot be read, or the reject file not written
	kUsage = 2,
	kBadRows = 3,
	kRefused = 4, // by the server, or because the columns do not fit
	kUnreachable = 5,
	kStopped = 6, // by a signal, or by the answer to the question
};

// What a stop says before anything was loaded.
constexpr const char *kNothingLoaded = "Stopped. Nothing was loaded.";

class Failure : public std::runtime_error
{
public:
	Failure(ExitCode code, const std::string &why) : std::runtime_error(why), code_(code) {}

	ExitCode code() const { return code_; }

private:
	ExitCode code_;
};

} // namespace importer
