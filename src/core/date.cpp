/*
 * date.cpp - normalize_date(), normalize_timestamp(): grammars read from left to right, and the shift to UTC with std::chrono.
 */
#include "date.hpp"

#include "text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace contact {

namespace {

using std::chrono::year_month_day;

/* Reader takes fields of fixed width off the front of a text; after the first field that is wrong, all fail. */
class Reader
{
public:
	explicit Reader(std::string_view text) noexcept : text_(text) {}

	/* A number of exactly so many digits, up to and including last; 0 if it is not there. */
	int number(std::size_t digits, int last) noexcept
	{
		int value = 0;
		for (; digits > 0; digits--)
			value = value * 10 + digit();
		good_ = good_ && value <= last;
		return good_ ? value : 0;
	}

	/* One of the given bytes; '\0' if none is there. */
	char one_of(std::string_view bytes) noexcept
	{
		const char next = text_.empty() ? '\0' : text_[0];
		good_ = good_ && next != '\0' && bytes.find(next) != std::string_view::npos;
		if (!good_)
			return '\0';
		text_.remove_prefix(1);
		return next;
	}

	/* Whether byte was there, and is no longer. */
	bool skip(char byte) noexcept { return good_ && text_.starts_with(byte) && one_of({&byte, 1}) != '\0'; }

	/* Whether text was there, in any case, and is no longer. */
	bool skip_word(std::string_view word) noexcept
	{
		const bool found = good_ && std::ranges::equal(text_.substr(0, word.size()), word, {}, to_lower_ascii);
		if (found)
			text_.remove_prefix(word.size());
		return found;
	}

	/* At least one digit, and all that follow. */
	void skip_digits() noexcept
	{
		digit();
		text_.remove_prefix(std::min(text_.find_first_not_of(kDigits), text_.size()));
	}

	/* At least one ASCII letter, and all that follow. */
	void skip_letters() noexcept
	{
		one_of(kLetters);
		text_.remove_prefix(std::min(text_.find_first_not_of(kLetters), text_.size()));
	}

	void fail() noexcept { good_ = false; }

	bool at_end() const noexcept { return text_.empty(); }
	bool good() const noexcept { return good_; }

private:
	static constexpr std::string_view kDigits = "0123456789";
	static constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	int digit() noexcept
	{
		const char next = one_of(kDigits);
		return good_ ? next - '0' : 0;
	}

	std::string_view text_;
	bool good_ = true;
};

year_month_day
read_full_date(Reader &reader) noexcept
{
	const int year = reader.number(4, 9999);
	reader.one_of("-");
	const int month = reader.number(2, 12);
	reader.one_of("-");
	const int day = reader.number(2, 31);
	return {std::chrono::year(year),
			std::chrono::month(static_cast<unsigned>(month)),
			std::chrono::day(static_cast<unsigned>(day))};
}

std::chrono::seconds
read_partial_time(Reader &reader) noexcept
{
	const std::chrono::hours hours(reader.number(2, 23));
	reader.one_of(":");
	const std::chrono::minutes minutes(reader.number(2, 59));
	reader.one_of(":");
	const std::chrono::seconds seconds(reader.number(2, 59));
	if (reader.skip('.'))
		reader.skip_digits();
	return hours + minutes + seconds;
}

/* How far local time is ahead of UTC. */
std::chrono::minutes
read_offset(Reader &reader) noexcept
{
	const char sign = reader.one_of("Zz+-");
	if (sign != '+' && sign != '-')
		return {};
	const std::chrono::hours hours(reader.number(2, 23));
	reader.one_of(":");
	const std::chrono::minutes offset = hours + std::chrono::minutes(reader.number(2, 59));
	return sign == '-' ? -offset : offset;
}

/* The seconds, and what is before them, may be missing. */
std::chrono::seconds
read_short_time(Reader &reader) noexcept
{
	const std::chrono::hours hours(reader.number(2, 23));
	reader.one_of(":");
	const std::chrono::minutes minutes(reader.number(2, 59));
	if (!reader.skip(':'))
		return hours + minutes;
	const std::chrono::seconds seconds(reader.number(2, 59));
	if (reader.skip('.'))
		reader.skip_digits();
	return hours + minutes + seconds;
}

/* Skips what Go writes behind an offset, which says nothing more: the zone's name, or the offset again. */
void
skip_zone_name(Reader &reader) noexcept
{
	if (!reader.skip(' '))
		return;
	if (reader.skip('+') || reader.skip('-'))
		reader.number(4, 9999);
	else if (reader.skip_word("bc"))
		reader.fail(); /* it is of the year, as PostgreSQL writes it */
	else
		reader.skip_letters();
}

/*
 * How far local time is ahead of UTC: "+02", "+0200", "+02:00", "+0000 UTC", "Z" or "UTC", which a blank may precede; UTC if there is
 * nothing.
 */
std::chrono::minutes
read_short_offset(Reader &reader) noexcept
{
	if (reader.at_end())
		return {};
	reader.skip(' ');
	if (reader.skip_word("utc") || reader.skip_word("gmt") || reader.skip_word("z"))
		return {};
	const char sign = reader.one_of("+-");
	std::chrono::minutes offset = std::chrono::hours(reader.number(2, 23));
	if (!reader.at_end())
	{
		reader.skip(':');
		offset += std::chrono::minutes(reader.number(2, 59));
		skip_zone_name(reader);
	}
	return sign == '-' ? -offset : offset;
}

bool
is_storable(const year_month_day &date) noexcept
{
	return date.ok() && date.year() >= std::chrono::year(1) && date.year() <= std::chrono::year(9999);
}

std::string_view
format_time(Arena &arena, std::chrono::sys_seconds time)
{
	const auto day = std::chrono::floor<std::chrono::days>(time);
	const year_month_day date(day);
	const std::chrono::hh_mm_ss clock(time - day);

	auto &text = arena.make_vector<char>(sizeof "YYYY-MM-DDTHH:MM:SSZ");
	const auto put = [&text](std::int64_t value, int divisor, char end) {
		for (; divisor > 0; divisor /= 10)
			text.push_back(static_cast<char>('0' + value / divisor % 10));
		text.push_back(end);
	};
	put(static_cast<int>(date.year()), 1000, '-');
	put(static_cast<unsigned>(date.month()), 10, '-');
	put(static_cast<unsigned>(date.day()), 10, 'T');
	put(clock.hours().count(), 10, ':');
	put(clock.minutes().count(), 10, ':');
	put(clock.seconds().count(), 10, 'Z');
	return {text.data(), text.size()};
}

std::optional<std::string_view>
store_time(Arena &arena, const year_month_day &date, std::chrono::seconds time_of_day)
{
	const std::chrono::sys_seconds time = std::chrono::sys_days(date) + time_of_day;
	if (!is_storable(year_month_day(std::chrono::floor<std::chrono::days>(time))))
		return std::nullopt;
	return format_time(arena, time);
}

std::string_view
format_date(Arena &arena, const year_month_day &date)
{
	const auto text = format_time(arena, std::chrono::sys_days(date));
	return text.substr(0, text.find('T'));
}

} // namespace

std::optional<std::string_view>
normalize_date(Arena &arena, std::string_view text)
{
	Reader reader(text);
	const auto date = read_full_date(reader);
	if (!reader.good() || !is_storable(date))
		return std::nullopt;
	if (reader.at_end())
		return text;

	reader.one_of("Tt");
	const auto time_of_day = read_partial_time(reader);
	const auto offset = read_offset(reader);
	if (!reader.good() || !reader.at_end())
		return std::nullopt;
	return store_time(arena, date, time_of_day - offset);
}

std::optional<std::string_view>
normalize_timestamp(Arena &arena, std::string_view text)
{
	Reader reader(text);
	const auto date = read_full_date(reader);
	reader.one_of("Tt ");
	const auto time_of_day = read_short_time(reader);
	const auto offset = read_short_offset(reader);
	if (!reader.good() || !reader.at_end() || !is_storable(date))
		return std::nullopt;
	return store_time(arena, date, time_of_day - offset);
}

std::optional<std::string_view>
store_clock(Arena &arena, const Clock &clock)
{
	const year_month_day date(std::chrono::year(clock.year),
							  std::chrono::month(static_cast<unsigned>(clock.month)),
							  std::chrono::day(static_cast<unsigned>(clock.day)));
	if (!is_storable(date))
		return std::nullopt;
	if (!clock.has_time)
		return format_date(arena, date);
	return store_time(arena,
					  date,
					  std::chrono::hours(clock.hours) + std::chrono::minutes(clock.minutes) +
						  std::chrono::seconds(clock.seconds));
}

Moment
moment_of(Arena &arena, std::string_view stored)
{
	Reader reader(stored);
	std::chrono::sys_seconds time = std::chrono::sys_days(read_full_date(reader));
	if (reader.skip('T'))
		time += read_partial_time(reader);
	return {format_time(arena, time), time.time_since_epoch().count()};
}

} // namespace contact
