// sink.hpp - where claimed events go.
#pragma once

#include <memory>
#include <stdexcept>

#include "client/clock.hpp"
#include "options.hpp"
#include "queue.hpp"

namespace worker {

// The sink can take no more events, ever: the output is closed, or the handler cannot be run.
class SinkError : public std::runtime_error
{
public:
	using std::runtime_error::runtime_error;
};

class Sink
{
public:
	virtual ~Sink() = default;

	// Delivers the queue's claimed events, and acks or fails each; leaves the rest open when a stop is requested or half of
	// the lease is over. Throws SinkError.
	virtual void deliver(Queue &queue) = 0;

	// How long to claim nothing, because the sink cannot deliver.
	virtual Milliseconds pause() const { return Milliseconds(0); }
};

// Prints the events to standard output.
std::unique_ptr<Sink> make_output(const Options &options);

// Starts the handler and gives it the events. Throws SinkError.
std::unique_ptr<Sink> make_dispatcher(const Options &options);

} // namespace worker
