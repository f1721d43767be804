// bell.hpp - the connection that listens. A missed bell costs one poll interval and nothing else, so no error of this
// connection is thrown: it is reported, and the connection made again after a while.
//
// Nothing else runs on it: an open transaction here would hold up the notifications of the whole server, and so would
// not reading it. A transaction pooler lends its connections to others between statements; then this hears nothing.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "clock.hpp"
#include "database.hpp"
#include "options.hpp"

namespace worker {

class Bell
{
public:
	explicit Bell(const Options &options) : options_(options) {}

	// Connects and listens, if it does not and the time has come. The work connection is for the test of a pooler.
	void listen(Connection &work);

	// How much of a wait is left before it is time to listen again.
	Milliseconds shorten(Milliseconds wait) const;

	// The socket to wait on, or -1.
	int fd() const { return connection_ ? PQsocket(connection_->get()) : -1; }

	// Reads everything that has come in.
	void read();

	// Whether it has rung since the last call.
	bool take_rung() { return std::exchange(rung_, false); }

private:
	bool wants_connection() const;
	bool is_pooled(Connection &work);
	void lose(const std::string &why);

	const Options &options_;
	std::unique_ptr<Connection> connection_;
	Backoff backoff_;
	TimePoint next_attempt_;
	bool rung_ = false;
	bool deaf_ = false;
};

} // namespace worker
