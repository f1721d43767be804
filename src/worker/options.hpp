// options.hpp - the command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/clock.hpp"

namespace worker {

using namespace client;

enum ExitCode
{
	kDone = 0,
	kStuck = 1,
	kUsage = 2,
	kUnreachable = 3,
	kRefused = 4,
};

struct Options
{
	std::string consumer;
	std::optional<std::string> workspace; // of the server's setting, if it is not given
	std::string dbname;
	std::string listen_dbname; // as dbname, if it is not given
	std::string channel = "contact_automation";
	std::optional<std::string> notify; // the channel to relay to
	std::vector<std::string> handler;  // with its arguments
	int batch = 1000;
	std::chrono::seconds lease{30};
	std::chrono::seconds timeout{10};
	Milliseconds poll{0};
	bool once = false;
	bool subscribe = false;

	// How long the server may take for a statement: a lease must not end while the worker waits.
	Milliseconds limit() const { return std::min<Milliseconds>(Milliseconds(lease) / 3, std::chrono::seconds(15)); }
};

// Reads the command line. Exits after --help, and with kUsage after saying what is wrong.
Options read_options(int argc, char **argv);

} // namespace worker
