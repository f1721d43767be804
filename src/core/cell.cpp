/*
 * cell.cpp - cells that are one value: a function for each type. Lists are in list_cell.cpp.
 */
#include "cell.hpp"

#include "cell_number.hpp"
#include "column_name.hpp"
#include "country.hpp"
#include "date.hpp"
#include "list_cell.hpp"
#include "names.hpp"
#include "number.hpp"
#include "status_words.hpp"

#include <algorithm>
#include <iterator>

namespace contact {

namespace {

/* The text of a cell, without what is around it, as a value. */
Cell
text_cell(std::string_view text, std::string_view hint = {}) noexcept
{
	return {json_string(text), hint};
}

/* A cell as text; nothing for a list, and for a number that numeric cannot write. */
std::optional<std::string_view>
text_of(Arena &arena, const cu_json &given)
{
	switch (given.kind)
	{
		case CU_JSON_NULL:
			return std::string_view();
		case CU_JSON_BOOLEAN:
			return given.boolean ? "true" : "false";
		case CU_JSON_STRING:
			return view(given.text);
		case CU_JSON_NUMBER:
			if (const auto number = Decimal::parse(given); number && number->fits_numeric())
				return number->write_out(arena);
			break;
		default:
			break;
	}
	return std::nullopt;
}

/* Reads a cell by its text, which is not blank; what has none goes into the request as it is. */
template <class Read>
Cell
read_text(Arena &arena, const cu_json &given, Read read)
{
	const auto text = text_of(arena, given);
	if (!text)
		return {given, {}};
	const auto trimmed = trim_cell(*text);
	return trimmed.empty() ? Cell{} : read(trimmed);
}

Cell
number_cell(Arena &arena, std::string_view text)
{
	if (is_number(text))
		return text_cell(text);
	const auto read = read_cell_number(arena, text);
	return text_cell(read.number.empty() ? text : read.number, read.hint);
}

/* Whether a text says yes or no. */
std::optional<bool>
read_boolean(std::string_view text) noexcept
{
	constexpr std::string_view kWords[] = {"true", "t", "yes", "y", "on", "1", "false", "f", "no", "n", "off", "0"};
	const auto *found = std::ranges::find_if(
		kWords, [text](std::string_view word) { return std::ranges::equal(text, word, {}, to_lower_ascii); });
	if (found == std::end(kWords))
		return std::nullopt;
	return found - kWords < 6;
}

Cell
boolean_cell(std::string_view text) noexcept
{
	if (const auto boolean = read_boolean(text))
		return {json_boolean(*boolean), {}};
	return text_cell(text, "Write true or false, yes or no, on or off, 1 or 0.");
}

/* The text as what no rule takes for a single value. */
Cell
unreadable_cell(Arena &arena, std::string_view text, std::string_view hint)
{
	auto &items = arena.make_vector<cu_json>(1);
	items.push_back(json_string(text));
	return {json_array(items), hint};
}

Cell
date_cell(Arena &arena, const DateFormat &format, std::string_view text)
{
	if (format.is_given())
	{
		if (const auto date = format.read(arena, text))
			return text_cell(*date);
		/* The rules would take a date of RFC 3339, whatever date_format says of it. */
		if (format.is_like_rfc_3339())
			return unreadable_cell(arena, text, "It is not in the form that date_format says.");
	}
	if (const auto date = normalize_date(arena, text))
		return text_cell(*date);
	if (const auto time = normalize_timestamp(arena, text))
		return text_cell(*time);
	return text_cell(text,
					 format.is_given() ? "It is neither in the form that date_format says nor as 2024-02-15 is."
									   : suggest_date_format(arena, text));
}

Cell
country_cell(std::string_view text) noexcept
{
	auto code = find_country(text);
	if (code.empty())
		code = find_country_by_name(text);
	return code.empty() ? text_cell(text, "Write a country's code, such as DE or DEU, or its English name.")
						: text_cell(code);
}

/* One of a field's options: the one that is text, as it is or trimmed, or the only one that is but for case. */
Cell
option_cell(Arena &arena, const Options &options, std::string_view text, const cu_json &as_it_is)
{
	if (const auto index = options.find(view(as_it_is.text)))
		return {options.items()[*index], {}};
	if (const auto index = options.find(text))
		return {options.items()[*index], {}};
	const auto folded = fold_case(arena, text);
	const auto is_like = [folded](const cu_json &option) { return compare_folded(view(option.text), folded) == 0; };
	const auto found = std::ranges::find_if(options.items(), is_like);
	if (found == options.items().end())
		return text_cell(text);
	if (std::find_if(found + 1, options.items().end(), is_like) != options.items().end())
		return text_cell(text, "More than one option is written so, in upper or lower case: write it exactly.");
	return {*found, {}};
}

bool
is_mailto(std::string_view text) noexcept
{
	constexpr std::string_view kScheme = "mailto:";
	return text.size() >= kScheme.size() &&
		   std::ranges::equal(text.substr(0, kScheme.size()), kScheme, {}, to_lower_ascii);
}

/* The text of "Ann <ann@x.org>" in front of the address, without quotes. */
std::string_view
display_name_of(std::string_view text) noexcept
{
	text = trim(text);
	const bool quoted = text.size() >= 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0];
	return quoted ? trim(text.substr(1, text.size() - 2)) : text;
}

/* The address in a text; text itself if it is nothing more, or has two. */
std::string_view
unwrap_email(std::string_view text) noexcept
{
	if (is_mailto(text))
		return trim(text.substr(text.find(':') + 1));
	const auto open = text.rfind('<');
	if (open == std::string_view::npos || text.back() != '>')
		return text;
	auto address = trim(text.substr(open + 1, text.size() - open - 2));
	if (is_mailto(address))
		address = trim(address.substr(address.find(':') + 1));
	const auto name = display_name_of(text.substr(0, open));
	const bool repeats = std::ranges::equal(name, address, {}, to_lower_ascii, to_lower_ascii);
	return !repeats && name.find_first_of("@<>") != std::string_view::npos ? text : address;
}

} // namespace

Cell
read_email_cell(Arena &arena, const cu_json &given)
{
	return read_text(arena, given, [](std::string_view text) {
		const auto address = unwrap_email(text);
		const bool has_two = std::ranges::count(address, '@') > 1;
		return text_cell(address, has_two ? "Write one address in a row." : std::string_view());
	});
}

Cell
read_status_cell(Arena &arena, const cu_json &given)
{
	return read_text(arena, given, [](std::string_view text) {
		if (const auto status = find_status(text))
			return text_cell(kStatusNames[*status]);
		return text_cell(
			text,
			"Write SUBSCRIBED, UNSUBSCRIBED, UNCONFIRMED, CLEANED or COMPLAINED, or a word of other systems "
			"for one of them, such as active, opted out, pending, bounced or spam.");
	});
}

Cell
read_source_cell(Arena &arena, const cu_json &given)
{
	return read_text(arena, given, [](std::string_view text) { return text_cell(text); });
}

Cell
read_date_cell(Arena &arena, const DateFormat &format, const cu_json &given)
{
	return read_text(arena, given, [&](std::string_view text) { return date_cell(arena, format, text); });
}

cu_result
read_field_cell(Arena &arena, const Field *field, const DateFormat &format, char separator, const cu_json &given,
				Cell &cell)
{
	const auto type = field == nullptr ? CU_TEXT : field->type;
	if (type == CU_DROPDOWN_MULTIPLE)
		return read_options_cell(arena, field->options, separator, given, cell);
	cell = read_text(arena, given, [&](std::string_view text) {
		switch (type)
		{
			case CU_NUMBER:
				return number_cell(arena, text);
			case CU_BOOLEAN:
				return boolean_cell(text);
			case CU_DATE:
				return date_cell(arena, format, text);
			case CU_DROPDOWN_SINGLE:
				return option_cell(arena, field->options, text, given);
			case CU_COUNTRY:
				return country_cell(text);
			default:
				return text_cell(text);
		}
	});
	return CU_OK;
}

} // namespace contact
