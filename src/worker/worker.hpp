// worker.hpp - the loop: listen, drain, wait.
#pragma once

#include <memory>

#include "bell.hpp"
#include "options.hpp"
#include "queue.hpp"
#include "sink.hpp"

namespace worker {

class Worker
{
public:
	explicit Worker(const Options &options);

	// Works until it is asked to stop, has drained the queue with --once, or cannot go on.
	ExitCode run();

private:
	void work();
	void drain();
	bool take_page();
	bool claim();
	void wait_for_bell();
	void look_again_soon();
	void leave();

	const Options &options_;
	Queue queue_;
	Bell bell_;
	std::unique_ptr<Sink> sink_; // none for the relay
	int page_;
	Milliseconds pause_; // until the next look, if no bell rings
	Backoff backoff_;
};

} // namespace worker
