// bell.hpp - the connection that listens. A missed bell costs one poll interval and nothing else, so no error of this
// connection is thrown: it is reported, and the connection made again after a while.
//
// The bell goes on by itself while the worker waits for something else (wait.hpp), and holds nobody up: advance() does the
// next of these steps whenever the last has been answered.
//
//   connect -> which backend? -> LISTEN -> heard, and now and then LISTEN again, to see whether somebody is still there
//                        \-> (a pooler?) which is that of the work connection? which now? -> LISTEN to a test
//                            -> NOTIFY by the work connection -> UNLISTEN -> LISTEN, or deaf
//
// Nothing else runs on it: an open transaction here would hold up the notifications of the whole server, and so would
// not reading it. A transaction pooler lends its connections to others between statements; then this hears nothing.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "client/clock.hpp"
#include "client/database.hpp"
#include "client/wait.hpp"
#include "options.hpp"

namespace worker {

class Bell : public Attended
{
public:
	explicit Bell(const Options &options);
	~Bell() override { attend(nullptr); }
	Bell(const Bell &) = delete;
	Bell &operator=(const Bell &) = delete;

	// Connects and listens from now on. Waits until it listens or has failed, but not for long: a bell that comes late
	// rings, so that the queue is looked at once more. The work connection is for the test of a pooler; throws its
	// ServerError, and none of the bell's.
	void listen(Connection &work);

	// Goes on with the test of a pooler, if it waits for the work connection.
	void help(Connection &work);
	bool wants_help() const { return state_ == kWantsWitness || state_ == kWantsTest; }

	// Closes the connection, until listen().
	void disconnect();

	pollfd file() const override;
	TimePoint due() const override;
	void advance() override;

	// Whether it has rung since the last call.
	bool take_rung() { return std::exchange(rung_, false); }

private:
	enum State
	{
		kOff,		 // until listen(), or for ever
		kLost,		 // until the time has come to try again
		kConnecting, // this one and the next six wait for an answer
		kIdentifying,
		kIdentifyingAgain,
		kPreparingTest,
		kUnlistening,
		kSubscribing,
		kAsking,
		kWantsWitness, // the work connection is to say which backend serves it
		kWantsTest,	   // the work connection is to ring
		kTesting,
		kListening, // idle
	};

	bool waits_for_answer() const { return state_ >= kConnecting && state_ <= kAsking; }
	void step();
	void take_answer();
	void begin(State state, const std::string &statement);
	void want(State state);
	void give_up();
	void end_test(bool heard);
	void hear();
	void lose(const std::string &why);

	const Options &options_;
	std::unique_ptr<Connection> connection_;
	State state_ = kOff;
	TimePoint due_ = kNever;
	Backoff backoff_;
	// Process ids of the backends that served this connection and the work connection.
	std::string backend_;
	std::string witness_;
	std::string test_channel_;
	bool pooled_ = false;
	bool has_listened_ = false;
	bool rung_ = false;
};

} // namespace worker
