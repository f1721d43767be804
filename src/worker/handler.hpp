// handler.hpp - the handler's process: its start, its pipes and its end. What the lines mean is the dispatcher's affair.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "client/clock.hpp"

namespace worker {

class Handler
{
public:
	explicit Handler(std::vector<std::string> command) : command_(std::move(command)) {}
	~Handler() { kill(); }
	Handler(const Handler &) = delete;
	Handler &operator=(const Handler &) = delete;

	// Throws SinkError if the command cannot be run.
	void start();
	bool running() const { return pid_ > 0; }

	// The worker's ends of the handler's pipes; they do not block.
	int input() const { return input_; }
	int output() const { return output_; }

	// Ends the handler and what it has started; says how it ended: "ended with exit status 3".
	std::string kill();

	// Closes the handler's input and gives it that time to end by itself.
	void finish(client::Milliseconds patience);

private:
	void close_pipes();
	bool ends_within(client::Milliseconds patience) const;

	std::vector<std::string> command_;
	pid_t pid_ = 0;
	int input_ = -1;
	int output_ = -1;
};

} // namespace worker
