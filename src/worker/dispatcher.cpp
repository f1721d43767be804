// dispatcher.cpp - the sink that talks with a handler: a line out for each event, a line back: "ok" or "fail WHY".
//
// Several events are in flight at a time, as many as the handler answers at once: a fast handler is not kept waiting, and a
// slow one holds no more than it works on. Answers come in the order of the events. When the handler dies, hangs or
// answers something else, the oldest event in flight is to blame and fails; the ones after it are released. While the
// handler works, the lease of what it works on is extended; when that cannot be done in time, the handler is ended, for
// from then on another worker may have the same events.
#include <cerrno>
#include <string>
#include <unistd.h>

#include "client/log.hpp"
#include "client/stop.hpp"
#include "client/text.hpp"
#include "client/wait.hpp"
#include "handler.hpp"
#include "sink.hpp"

namespace worker {

namespace {

constexpr size_t kMaxInFlight = 256;
constexpr size_t kMaxAnswer = 65536;
constexpr Milliseconds kQuick{50};
// How long a handler whose input is closed may take to end.
constexpr Milliseconds kLastWords{10000};

class Dispatcher : public Sink
{
public:
	explicit Dispatcher(const Options &options) : options_(options), handler_(options.handler) { handler_.start(); }
	~Dispatcher() override { handler_.finish(std::min<Milliseconds>(options_.timeout, kLastWords)); }

	void deliver(Queue &queue) override;
	Milliseconds pause() const override { return handler_.running() ? Milliseconds(0) : until(restart_at_); }

private:
	bool in_flight() const { return oldest_ < next_; }
	TimePoint answer_due() const { return std::max(sent_at_[oldest_], last_answer_) + options_.timeout; }
	void feed();
	void talk();
	void send();
	void receive();
	void take_answer(std::string_view answer);
	void blame(const std::string &why);
	void end_handler(const std::string &why);

	const Options &options_;
	Handler handler_;
	Backoff backoff_;
	TimePoint restart_at_;

	// What is being delivered. Events before oldest_ are answered, from next_ on they are not sent.
	Queue *queue_ = nullptr;
	size_t oldest_ = 0;
	size_t next_ = 0;
	std::vector<TimePoint> sent_at_;
	TimePoint last_answer_;
	size_t window_ = 1;

	std::string to_send_;
	std::string received_;
};

void
Dispatcher::deliver(Queue &queue)
{
	queue_ = &queue;
	oldest_ = next_ = 0;
	sent_at_.assign(queue.events().size(), TimePoint());
	if (!handler_.running())
		handler_.start();
	// If it has ended, or talks out of turn, the next event is not to blame.
	receive();
	for (feed(); in_flight(); feed())
	{
		talk();
		queue.report_when_due();
	}
}

void
Dispatcher::feed()
{
	std::span<const Event> events = queue_->events();

	while (next_ < events.size() && next_ - oldest_ < window_ && handler_.running() && !stop_requested() &&
		   queue_->may_begin())
	{
		sent_at_[next_] = Clock::now();
		to_send_ += events[next_++].line;
	}
}

// Waits until the handler reads, answers, or has run out of time.
void
Dispatcher::talk()
{
	std::vector<pollfd> files = {{handler_.output(), POLLIN, 0}};

	send();
	if (!to_send_.empty())
		files.push_back({handler_.input(), POLLOUT, 0});
	wait(until(std::min(answer_due(), queue_->extend_at())), files, false);
	receive();
	if (!in_flight())
		return;
	if (Clock::now() >= answer_due())
	{
		blame("no answer within " + std::to_string(options_.timeout.count()) + " s");
		return;
	}
	if (queue_->keep(next_))
		return;
	// It may have answered meanwhile.
	receive();
	if (in_flight())
		end_handler("the lease ended while the handler was still working on " + std::to_string(next_ - oldest_) +
					(next_ - oldest_ == 1 ? " event" : " events") +
					"; raise --lease or lower --batch: " + queue_->trouble());
}

void
Dispatcher::send()
{
	ssize_t size = write(handler_.input(), to_send_.data(), to_send_.size());

	if (size > 0)
		to_send_.erase(0, static_cast<size_t>(size));
	else if (size < 0 && errno != EAGAIN && errno != EINTR)
		to_send_.clear(); // it has closed its input; its output tells the rest
}

void
Dispatcher::receive()
{
	char buffer[16384];
	ssize_t size = 0;
	size_t end = 0;

	while (handler_.running() && (size = read(handler_.output(), buffer, sizeof(buffer))) >= 0)
	{
		if (size == 0)
		{
			blame("the handler " + handler_.kill());
			return;
		}
		received_.append(buffer, static_cast<size_t>(size));
		while ((end = received_.find('\n')) != std::string::npos)
		{
			std::string answer = received_.substr(0, end);

			received_.erase(0, end + 1);
			take_answer(answer);
		}
		if (received_.size() > kMaxAnswer)
			blame("an answer of more than " + std::to_string(kMaxAnswer) + " bytes");
	}
}

void
Dispatcher::take_answer(std::string_view answer)
{
	if (answer.ends_with('\r'))
		answer.remove_suffix(1);
	if (!in_flight() || (answer != "ok" && answer != "fail" && !answer.starts_with("fail ")))
	{
		blame("neither \"ok\" nor \"fail WHY\" but \"" + readable(answer.substr(0, 200)) + "\"");
		return;
	}

	if (answer == "ok")
		queue_->ack(oldest_);
	else
		queue_->fail(oldest_, answer.size() > 5 ? readable(answer.substr(5)) : "fail");
	last_answer_ = Clock::now();
	window_ = last_answer_ - sent_at_[oldest_] < kQuick ? std::min(window_ + 1, kMaxInFlight)
														: std::max<size_t>(window_ / 2, 1);
	oldest_++;
	backoff_.reset();
}

// The oldest event in flight fails, if there is one, and the handler is ended.
void
Dispatcher::blame(const std::string &why)
{
	if (in_flight())
		queue_->fail(oldest_++, why);
	end_handler(why);
}

void
Dispatcher::end_handler(const std::string &why)
{
	Milliseconds delay = backoff_.next();

	(void)handler_.kill();
	say("starting the handler again in " + std::to_string(delay.count()) + " ms: " + why);
	restart_at_ = Clock::now() + delay;
	next_ = oldest_;
	window_ = 1;
	to_send_.clear();
	received_.clear();
}

} // namespace

std::unique_ptr<Sink>
make_dispatcher(const Options &options)
{
	return std::make_unique<Dispatcher>(options);
}

} // namespace worker
