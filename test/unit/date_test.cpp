/* date_test.cpp - dates and times of RFC 3339 and the form in which they are stored. */
#include "core/date.hpp"

#include "core_call.hpp"
#include "table.hpp"

namespace {

struct Row
{
	const char *name;
	std::string_view text;
	std::string_view stored; /* empty: refused */
};

const Row kRows[] = {
	{"date", "2024-02-15", "2024-02-15"},
	{"leap_day", "2024-02-29", "2024-02-29"},
	{"leap_day_2000", "2000-02-29", "2000-02-29"},
	{"first_year", "0001-01-01", "0001-01-01"},
	{"last_day", "9999-12-31", "9999-12-31"},
	{"utc", "2024-02-15T10:30:00Z", "2024-02-15T10:30:00Z"},
	{"small_letters", "2024-02-15t10:30:00z", "2024-02-15T10:30:00Z"},
	{"fraction", "2024-02-15T10:30:59.999Z", "2024-02-15T10:30:59Z"},
	{"long_fraction", "2024-02-15T10:30:59.12345678901234567890+00:00", "2024-02-15T10:30:59Z"},
	{"east", "2024-02-15T10:30:00+02:00", "2024-02-15T08:30:00Z"},
	{"west", "2024-02-15T10:30:00-05:30", "2024-02-15T16:00:00Z"},
	{"unknown_offset", "2024-02-15T10:30:00-00:00", "2024-02-15T10:30:00Z"},
	{"day_before", "2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00Z"},
	{"year_after", "2023-12-31T23:59:59-23:59", "2024-01-01T23:58:59Z"},
	{"before_1970", "1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"},
	{"first_second", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
	{"last_second", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"},

	{"empty", "", ""},
	{"year_0", "0000-01-01", ""},
	{"before_year_1_in_utc", "0001-01-01T00:00:00+00:01", ""},
	{"after_year_9999_in_utc", "9999-12-31T23:59:59-00:01", ""},
	{"five_digit_year", "10000-01-01", ""},
	{"month_0", "2024-00-10", ""},
	{"month_13", "2024-13-10", ""},
	{"day_0", "2024-01-00", ""},
	{"day_32", "2024-01-32", ""},
	{"april_31", "2024-04-31", ""},
	{"no_leap_day", "2023-02-29", ""},
	{"no_leap_day_1900", "1900-02-29", ""},
	{"short_month", "2024-2-15", ""},
	{"slashes", "2024/02/15", ""},
	{"basic_format", "20240215", ""},
	{"american", "02/15/2024", ""},
	{"week", "2024-W07-4", ""},
	{"minus", "-2024-02-15", ""},
	{"space_before", " 2024-02-15", ""},
	{"space_behind", "2024-02-15 ", ""},
	{"today", "today", ""},
	{"now", "now", ""},
	{"infinity", "infinity", ""},
	{"epoch", "epoch", ""},
	{"space_between", "2024-02-15 10:30:00Z", ""},
	{"no_offset", "2024-02-15T10:30:00", ""},
	{"no_seconds", "2024-02-15T10:30Z", ""},
	{"hour_24", "2024-02-15T24:00:00Z", ""},
	{"minute_60", "2024-02-15T10:60:00Z", ""},
	{"leap_second", "2016-12-31T23:59:60Z", ""},
	{"no_fraction", "2024-02-15T10:30:00.Z", ""},
	{"comma_fraction", "2024-02-15T10:30:00,5Z", ""},
	{"offset_without_colon", "2024-02-15T10:30:00+0200", ""},
	{"offset_of_hours", "2024-02-15T10:30:00+02", ""},
	{"offset_hour_24", "2024-02-15T10:30:00+24:00", ""},
	{"offset_minute_60", "2024-02-15T10:30:00+01:60", ""},
	{"time_zone_name", "2024-02-15T10:30:00 Europe/Berlin", ""},
	{"after_z", "2024-02-15T10:30:00Z ", ""},
	{"two_offsets", "2024-02-15T10:30:00Z+00:00", ""},
	{"only_t", "2024-02-15T", ""},
};

TABLE_TEST(Date, kRows)
{
	TestHost host;
	contact::Arena arena(*host.get());
	EXPECT_EQ(contact::normalize_date(arena, row.text).value_or(""), row.stored);
}

} // namespace
