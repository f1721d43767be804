/*
 * cell_number.cpp - takes a sign, a currency sign and "%" off a text, and finds out which of the separators that are left is the decimal one.
 *
 * What is between two separators is a Run of digits. Separators stand between thousands if the first run has one to three digits and the
 * others three. One separator alone that could be either leaves two readings: "1,234".
 */
#include "cell_number.hpp"

#include "number.hpp"
#include "text.hpp"

#include <algorithm>
#include <iterator>
#include <span>

namespace contact {

namespace {

/* Separator is a kind of them; blanks are all alike, and so are apostrophes. */
enum class Separator : char
{
	none = '\0',
	comma = ',',
	point = '.',
	blank = ' ',
	apostrophe = '\'',
};

struct Run
{
	std::string_view digits;
	Separator before;
};

/* Body is the digits and separators of a number, and what stood around them. */
struct Body
{
	std::string_view text;
	bool is_negative = false;
	bool is_decorated = false; /* by a currency sign or "%" */
};

/* Unicode's category Sc, of version 15. */
bool
is_currency_sign(char32_t code_point) noexcept
{
	constexpr char32_t kSigns[] = {U'$',   0x58F,  0x60B,	0x7FE,	 0x7FF,	  0x9F2,   0x9F3,	0x9FB,	0xAF1,
								   0xBF9,  0xE3F,  0x17DB,	0xA838,	 0xFDFC,  0xFE69,  0xFF04,	0xFFE0, 0xFFE1,
								   0xFFE5, 0xFFE6, 0x11FDD, 0x11FDE, 0x11FDF, 0x11FE0, 0x1E2FF, 0x1ECB0};
	return (code_point >= 0xA2 && code_point <= 0xA5) || (code_point >= 0x20A0 && code_point <= 0x20C0) ||
		   std::ranges::find(kSigns, code_point) != std::end(kSigns);
}

Separator
separator_of(char32_t code_point) noexcept
{
	if (code_point == U',' || code_point == U'.')
		return static_cast<Separator>(code_point);
	if (code_point == U'\'' || code_point == 0x2019)
		return Separator::apostrophe;
	const bool is_blank = code_point == U' ' || code_point == 0xA0 || code_point == 0x202F ||
						  (code_point >= 0x2000 && code_point <= 0x200A);
	return is_blank ? Separator::blank : Separator::none;
}

bool
take_minus(std::string_view &text) noexcept
{
	const bool found = text.starts_with('-');
	if (found)
		text = trim(text.substr(1));
	return found;
}

/* Takes a currency sign off the front of text. */
bool
take_first_sign(std::string_view &text) noexcept
{
	const auto first = decode(text);
	if (first.size == 0 || !is_currency_sign(first.value))
		return false;
	text = trim(text.substr(first.size));
	return true;
}

/* Takes a currency sign or "%" off the end of text. */
bool
take_last_sign(std::string_view &text) noexcept
{
	const auto last = text.find_last_of("0123456789");
	if (last == std::string_view::npos)
		return false;
	const auto behind = trim(text.substr(last + 1));
	const auto sign = decode(behind);
	if (sign.size == 0 || sign.size != behind.size() || !(sign.value == U'%' || is_currency_sign(sign.value)))
		return false;
	text = text.substr(0, last + 1);
	return true;
}

Body
strip(std::string_view text) noexcept
{
	Body body{text};
	body.is_negative = take_minus(body.text);
	body.is_decorated = take_first_sign(body.text);
	if (body.is_decorated && !body.is_negative)
		body.is_negative = take_minus(body.text);
	if (!body.is_decorated)
		body.is_decorated = take_last_sign(body.text);
	return body;
}

using Runs = std::pmr::vector<Run>;

/* The runs of a body; false if it has anything else, or two separators side by side. */
bool
take_runs(std::string_view text, Runs &runs)
{
	auto before = Separator::none;
	for (;;)
	{
		const auto size = static_cast<std::size_t>(std::ranges::find_if_not(text, is_ascii_digit) - text.begin());
		if (size == 0)
			return false;
		runs.push_back({text.substr(0, size), before});
		text.remove_prefix(size);
		if (text.empty())
			return true;
		const auto next = decode(text);
		before = next.size == 0 ? Separator::none : separator_of(next.value);
		if (before == Separator::none)
			return false;
		text.remove_prefix(next.size);
	}
}

/* Whether the separators of the first so many runs, which are all alike, can stand between thousands. */
bool
are_thousands(std::span<const Run> runs) noexcept
{
	const auto &first = runs[0].digits;
	const auto separator = runs.size() > 1 ? runs[1].before : Separator::none;
	return first.size() <= 3 && first[0] != '0' && std::ranges::all_of(runs.subspan(1), [separator](const Run &run) {
			   return run.digits.size() == 3 && run.before == separator;
		   });
}

/* Reading is what the runs of a body are: of a decimal, the last one is behind the point. */
enum class Reading
{
	none,
	integer,
	decimal,
	ambiguous,
};

Reading
reading_of(std::span<const Run> runs, bool is_decorated) noexcept
{
	if (runs.size() == 1)
		return Reading::integer;
	const auto last = runs.back().before;
	const bool may_be_decimal = last == Separator::comma || last == Separator::point;
	if (runs.size() > 2)
	{
		if (are_thousands(runs))
			return Reading::integer;
		const bool is_decimal = may_be_decimal && runs[1].before != last && are_thousands(runs.first(runs.size() - 1));
		return is_decimal ? Reading::decimal : Reading::none;
	}
	const bool may_be_thousands = are_thousands(runs);
	if (!may_be_decimal)
		return may_be_thousands ? Reading::integer : Reading::none;
	/* "1.234" alone is a number by the strict rules; as an amount it is as ambiguous as "1,234". */
	const bool is_strict = last == Separator::point && !is_decorated;
	return may_be_thousands && !is_strict ? Reading::ambiguous : Reading::decimal;
}

/* The number that the runs are; decimal: whether the last one is behind the point. */
std::string_view
write(Arena &arena, std::span<const Run> runs, bool is_negative, bool decimal)
{
	std::size_t size = 2;
	for (const auto &run : runs)
		size += run.digits.size();
	auto &text = arena.make_vector<char>(size);
	if (is_negative)
		text.push_back('-');
	for (std::size_t i = 0; i < runs.size(); i++)
	{
		if (decimal && i + 1 == runs.size())
			text.push_back('.');
		text.insert(text.end(), runs[i].digits.begin(), runs[i].digits.end());
	}
	return {text.data(), text.size()};
}

std::string_view
hint_of_ambiguity(Arena &arena, std::string_view given, const Runs &runs, bool is_negative)
{
	auto &hint = arena.make_vector<char>(4 * given.size() + 64);
	for (const std::string_view part : {given,
										std::string_view(" can be read in two ways: write "),
										write(arena, runs, is_negative, false),
										std::string_view(" or "),
										write(arena, runs, is_negative, true),
										std::string_view(".")})
		hint.insert(hint.end(), part.begin(), part.end());
	return {hint.data(), hint.size()};
}

} // namespace

CellNumber
read_cell_number(Arena &arena, std::string_view text)
{
	const auto body = strip(text);
	auto &runs = arena.make_vector<Run>(4);
	/* Of numbers that are too long, the strict rules say so. */
	if (body.text.size() > CU_MAX_NUMBER_BYTES || !take_runs(body.text, runs))
		return {};
	const auto reading = reading_of(runs, body.is_decorated);
	if (reading == Reading::ambiguous)
		return {{}, hint_of_ambiguity(arena, text, runs, body.is_negative)};
	if (reading == Reading::none)
		return {};
	const auto number = write(arena, runs, body.is_negative, reading == Reading::decimal);
	return is_number(number) ? CellNumber{number, {}} : CellNumber{};
}

} // namespace contact
