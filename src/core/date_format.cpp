/*
 * date_format.cpp - reads a format and a text side by side.
 */
#include "date_format.hpp"

#include "text.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace contact {

namespace {

enum class Part
{
	year,
	month,
	day,
	hours,	 /* of 24 */
	hours12, /* with half */
	minutes,
	seconds,
	half, /* AM or PM */
	literal,
};
constexpr std::size_t kPartCount = 8;

struct Pattern
{
	std::string_view text;
	Part part;
};

/* Of two patterns of which one is the beginning of the other, the longer one comes first. */
constexpr Pattern kPatterns[] = {{"YYYY", Part::year},
								 {"MM", Part::month},
								 {"DD", Part::day},
								 {"HH24", Part::hours},
								 {"HH12", Part::hours12},
								 {"HH", Part::hours12},
								 {"MI", Part::minutes},
								 {"SS", Part::seconds},
								 {"AM", Part::half},
								 {"PM", Part::half},
								 {"A.M.", Part::half},
								 {"P.M.", Part::half}};

bool
starts_with(std::string_view text, std::string_view upper) noexcept
{
	return std::ranges::equal(text.substr(0, upper.size()), upper, {}, to_upper_ascii);
}

/* Element is a part of a format; text is what a literal stands for. */
struct Element
{
	Part part;
	std::string_view text;
};

/* Takes an element off a format that is not empty: a pattern, text in double quotes, or one byte that stands for itself. */
Element
take_element(std::string_view &format) noexcept
{
	for (const auto &pattern : kPatterns)
	{
		if (!starts_with(format, pattern.text))
			continue;
		format.remove_prefix(pattern.text.size());
		return {pattern.part, {}};
	}
	std::size_t size = 1;
	std::size_t quotes = 0;
	if (const auto end = format.find('"', 1); format[0] == '"' && end != std::string_view::npos)
	{
		size = end + 1;
		quotes = 1;
	}
	const auto text = format.substr(quotes, size - 2 * quotes);
	format.remove_prefix(size);
	return {Part::literal, text};
}

/* Whether what a format begins with reads digits. */
bool
begins_with_digits(std::string_view format) noexcept
{
	if (format.empty())
		return false;
	const auto next = take_element(format);
	return next.part != Part::half &&
		   (next.part != Part::literal ||
			(!next.text.empty() && is_ascii_digit(static_cast<unsigned char>(next.text[0]))));
}

/* Takes a number of least to most digits off text; nothing if it is not there or not within the limits. */
std::optional<int>
take_number(std::string_view &text, std::size_t least, std::size_t most, int first, int last) noexcept
{
	std::size_t size = 0;
	int value = 0;
	for (; size < most && size < text.size() && is_ascii_digit(static_cast<unsigned char>(text[size])); size++)
		value = value * 10 + (text[size] - '0');
	text.remove_prefix(size);
	return size >= least && value >= first && value <= last ? std::optional(value) : std::nullopt;
}

struct Limits
{
	int first;
	int last;
	bool may_be_short; /* one digit, where another pattern does not follow at once */
};

constexpr Limits kLimits[] = {
	{1, 9999, false}, {1, 12, true}, {1, 31, true}, {0, 23, true}, {1, 12, true}, {0, 59, false}, {0, 59, false}};

/* Takes AM or PM off text: 1 or 2, in any case, with full stops or without. */
std::optional<int>
take_half(std::string_view &text) noexcept
{
	constexpr std::string_view kHalves[] = {"AM", "PM", "A.M.", "P.M."};
	const auto *found = std::ranges::find_if(kHalves, [&](auto half) { return starts_with(text, half); });
	if (found == std::end(kHalves))
		return std::nullopt;
	text.remove_prefix(found->size());
	return (found - kHalves) % 2 + 1;
}

/* What text has for a part; rest is what follows it in the format. */
std::optional<int>
take_part(std::string_view &text, Part part, std::string_view rest) noexcept
{
	if (part == Part::half)
		return take_half(text);
	const auto &limits = kLimits[static_cast<std::size_t>(part)];
	const std::size_t most = part == Part::year ? 4 : 2;
	return take_number(
		text, limits.may_be_short && !begins_with_digits(rest) ? 1 : most, most, limits.first, limits.last);
}

/* Parts are the values that a text has, by Part; 0 where it has none. */
using Parts = std::array<int, kPartCount>;

int &
at(Parts &parts, Part part) noexcept
{
	return parts[static_cast<std::size_t>(part)];
}

/* The hours of a day that a clock of twelve shows. */
int
hours_of(int hours12, int half) noexcept
{
	return hours12 % 12 + (half == 2 ? 12 : 0);
}

} // namespace

std::string_view
DateFormat::problem_of(std::string_view format) noexcept
{
	Parts seen{};
	while (!format.empty())
	{
		const char first = format[0];
		const auto element = take_element(format);
		if (element.part != Part::literal)
		{
			if (at(seen, element.part)++ > 0)
				return "Each pattern may be there once, HH12 without HH24.";
		}
		else if (is_ascii_letter(static_cast<unsigned char>(first)) && to_upper_ascii(first) != 'T')
			return "Use YYYY, MM, DD, HH24, HH12, MI, SS and AM, and put other text in double quotes.";
	}
	if (at(seen, Part::year) == 0 || at(seen, Part::month) == 0 || at(seen, Part::day) == 0)
		return "It must have YYYY, MM and DD: a date without one of them could be any.";
	if (at(seen, Part::hours) > 0 && (at(seen, Part::hours12) > 0 || at(seen, Part::half) > 0))
		return "HH24 goes without HH12 and AM.";
	if (at(seen, Part::hours12) != at(seen, Part::half))
		return "HH and HH12 go with AM; use HH24 for hours from 0 to 23.";
	const bool has_hours = at(seen, Part::hours) + at(seen, Part::hours12) > 0;
	if ((at(seen, Part::minutes) > 0 && !has_hours) || (at(seen, Part::seconds) > 0 && at(seen, Part::minutes) == 0))
		return "Minutes go with hours, and seconds with minutes: HH24:MI:SS.";
	return {};
}

std::optional<std::string_view>
DateFormat::read(Arena &arena, std::string_view text) const
{
	Parts parts{};
	bool has_time = false;
	bool wants_minutes = false;
	for (auto rest = format_; !rest.empty();)
	{
		/* A file has one format for its dates and its times: a text may end behind the date, or without seconds. */
		const bool has_date = at(parts, Part::year) > 0 && at(parts, Part::month) > 0 && at(parts, Part::day) > 0;
		const bool wants_half = at(parts, Part::hours12) > 0 && at(parts, Part::half) == 0;
		if (text.empty() && has_date && !wants_minutes && !wants_half)
			break;
		const auto element = take_element(rest);
		if (element.part == Part::literal)
		{
			if (!text.starts_with(element.text))
				return std::nullopt;
			text.remove_prefix(element.text.size());
			continue;
		}
		const auto value = take_part(text, element.part, rest);
		if (!value)
			return std::nullopt;
		at(parts, element.part) = *value;
		has_time = has_time || (element.part >= Part::hours && element.part <= Part::seconds);
		wants_minutes = element.part == Part::hours || element.part == Part::hours12;
	}
	if (!text.empty())
		return std::nullopt;
	const int half = at(parts, Part::half);
	return store_clock(arena,
					   {at(parts, Part::year),
						at(parts, Part::month),
						at(parts, Part::day),
						has_time,
						half == 0 ? at(parts, Part::hours) : hours_of(at(parts, Part::hours12), half),
						at(parts, Part::minutes),
						at(parts, Part::seconds)});
}

bool
DateFormat::is_like_rfc_3339() const noexcept
{
	return starts_with(format_, "YYYY-");
}

namespace {

/* Shape is how a text's numbers stand: their sizes, and what is between them. */
struct Shape
{
	std::array<int, 3> values;
	std::array<std::size_t, 3> sizes;
	char separator;
};

std::optional<Shape>
take_shape(std::string_view &text) noexcept
{
	Shape shape{};
	for (std::size_t i = 0; i < 3; i++)
	{
		const auto before = text.size();
		const auto value = take_number(text, 1, 4, 0, 9999);
		if (!value)
			return std::nullopt;
		shape.values[i] = *value;
		shape.sizes[i] = before - text.size();
		if (i == 2)
			break;
		const char separator = text.empty() ? '\0' : text[0];
		if (separator != '/' && separator != '.' && separator != '-')
			return std::nullopt;
		if (i == 1 && separator != shape.separator)
			return std::nullopt;
		shape.separator = separator;
		text.remove_prefix(1);
	}
	return shape;
}

/* The format of the time of day behind a date; nothing if that is none. */
std::optional<std::string_view>
time_format_of(std::string_view text) noexcept
{
	constexpr std::string_view kFormats[] = {
		"", " HH24:MI", " HH24:MI:SS", " HH12:MI AM", " HH12:MI:SS AM", " HH12:MIAM"};
	const auto *found = std::ranges::find_if(kFormats, [text](std::string_view format) {
		auto left = text;
		while (!format.empty())
		{
			const auto element = take_element(format);
			if (element.part == Part::literal ? !left.starts_with(element.text)
											  : !take_part(left, element.part, format))
				return false;
			if (element.part == Part::literal)
				left.remove_prefix(element.text.size());
		}
		return left.empty();
	});
	return found == std::end(kFormats) ? std::nullopt : std::optional(*found);
}

} // namespace

std::string_view
suggest_date_format(Arena &arena, std::string_view text)
{
	const auto shape = take_shape(text);
	const auto time = shape ? time_format_of(text) : std::nullopt;
	if (!time)
		return {};
	auto &hint = arena.make_vector<char>(160);
	const auto append = [&hint](std::string_view part) { hint.insert(hint.end(), part.begin(), part.end()); };
	const auto format = [&](std::string_view first, std::string_view second, std::string_view third) {
		const std::string_view separator(&shape->separator, 1);
		for (const auto part : {std::string_view("'"), first, separator, second, separator, third, *time})
			append(part);
		append("'");
	};
	const bool year_first = shape->sizes[0] == 4;
	const bool may_be_day_first = !year_first && shape->values[1] <= 12;
	const bool may_be_month_first = !year_first && shape->values[0] <= 12;
	if (!year_first && shape->sizes[2] != 4)
		return "Write years with four digits.";
	if (!year_first && !may_be_day_first && !may_be_month_first)
		return {};
	append("Say date_format => ");
	if (year_first)
		format("YYYY", "MM", "DD");
	if (may_be_day_first)
		format("DD", "MM", "YYYY");
	if (may_be_day_first && may_be_month_first)
		append(" or ");
	if (may_be_month_first)
		format("MM", "DD", "YYYY");
	append(", or write dates as 2024-02-15 is.");
	return {hint.data(), hint.size()};
}

} // namespace contact
