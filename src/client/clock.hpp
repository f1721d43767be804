// clock.hpp - points in time that no change of the wall clock moves, and back-off.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace client {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Milliseconds = std::chrono::milliseconds;

constexpr TimePoint kNever = TimePoint::max();

// How long until then, at least 0, and at most a day.
inline Milliseconds
until(TimePoint then)
{
	TimePoint now = Clock::now();

	if (then > now + std::chrono::days(1))
		return std::chrono::days(1);
	return std::max(Milliseconds(0), std::chrono::ceil<Milliseconds>(then - now));
}

// Delays of 100 ms, doubling up to 30 s; each is cut by up to a half at random, so that workers which lost the same
// server do not come back together.
class Backoff
{
public:
	Milliseconds next()
	{
		Milliseconds delay(
			std::uniform_int_distribution<Milliseconds::rep>(longest_.count() / 2, longest_.count())(random_));

		longest_ = std::min(longest_ * 2, kMax);
		return delay;
	}

	void reset() { longest_ = kMin; }

private:
	static constexpr Milliseconds kMin{100};
	static constexpr Milliseconds kMax{30000};

	Milliseconds longest_ = kMin;
	std::mt19937 random_{std::random_device{}()};
};

} // namespace client
