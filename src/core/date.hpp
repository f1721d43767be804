/*
 * date.hpp - dates and times of RFC 3339, how they are stored, and times as databases write them.
 *
 * normalize_date accepts the RFC's full-date and date-time to the letter, on the Gregorian calendar, in the years 1 to 9999 (in UTC too); not
 * the leap second 60, which PostgreSQL could not return. Depends on no time zone, clock or setting.
 */
#pragma once

#include "arena.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace contact {

/* normalize_date returns text as it is stored: YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ without a fraction; nothing if it is neither. */
std::optional<std::string_view> normalize_date(Arena &arena, std::string_view text);

/*
 * normalize_timestamp returns a time as it is stored, of text that has a blank where RFC 3339 has "T", leaves out the seconds or the zone, which
 * is UTC then, or writes the zone as PostgreSQL does, "+02", or as "UTC".
 */
std::optional<std::string_view> normalize_timestamp(Arena &arena, std::string_view text);

/* Clock is a date, and a time of day, without a zone. */
struct Clock
{
	int year;
	int month;
	int day;
	bool has_time;
	int hours;
	int minutes;
	int seconds;
};

/* store_clock returns a clock of UTC as it is stored; nothing if there is no such day. Hours, minutes and seconds are good. */
std::optional<std::string_view> store_clock(Arena &arena, const Clock &clock);

/* Moment is a point in time, as it is stored and in seconds of Unix time. */
struct Moment
{
	std::string_view text;
	std::int64_t seconds;
};

/* moment_of returns that of a date, which is its beginning, or time as it is stored. */
Moment moment_of(Arena &arena, std::string_view stored);

} // namespace contact
