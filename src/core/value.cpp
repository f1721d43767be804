/*
 * value.cpp - read_value(): one function for each type of field.
 */
#include "value.hpp"

#include "country.hpp"
#include "date.hpp"
#include "list_syntax.hpp"
#include "number.hpp"

#include <algorithm>

namespace contact {

namespace {

/* The text of a value that is a string, else nothing. */
std::optional<std::string_view>
string_of(const cu_json &json) noexcept
{
	return json.kind == CU_JSON_STRING ? std::optional(view(json.text)) : std::nullopt;
}

std::optional<cu_json>
read_text(Arena &arena, const cu_json &given)
{
	if (given.kind == CU_JSON_BOOLEAN)
		return json_string(given.boolean ? "true" : "false");
	if (given.kind == CU_JSON_NUMBER)
	{
		const auto number = Decimal::parse(given);
		return number && number->fits_numeric() ? std::optional(json_string(number->write_out(arena))) : std::nullopt;
	}
	if (given.kind != CU_JSON_STRING || given.text.size > CU_MAX_TEXT_BYTES)
		return std::nullopt;
	return json_string(view(given.text));
}

std::optional<cu_json>
read_number(const cu_json &given) noexcept
{
	if (given.kind == CU_JSON_NUMBER)
		return is_plain_number(given) ? std::optional(given) : std::nullopt;
	if (given.kind != CU_JSON_STRING)
		return std::nullopt;
	return is_plain_number(view(given.text)) ? std::optional(json_number(view(given.text))) : std::nullopt;
}

std::optional<cu_json>
read_boolean(const cu_json &given) noexcept
{
	if (given.kind == CU_JSON_BOOLEAN)
		return given;
	const auto text = string_of(given);
	const auto is = [&text](std::string_view word) {
		return text && std::ranges::equal(*text, word, {}, to_lower_ascii);
	};
	if (is("true"))
		return json_boolean(true);
	if (is("false"))
		return json_boolean(false);
	return std::nullopt;
}

std::optional<cu_json>
read_date(Arena &arena, const cu_json &given)
{
	const auto text = string_of(given);
	const auto date = text ? normalize_date(arena, *text) : std::nullopt;
	return date ? std::optional(json_string(*date)) : std::nullopt;
}

std::optional<cu_json>
read_country(const cu_json &given) noexcept
{
	const auto text = string_of(given);
	const auto country = text ? find_country(*text) : std::string_view();
	return country.empty() ? std::nullopt : std::optional(json_string(country));
}

std::optional<cu_json>
read_option(const Options &options, const cu_json &given) noexcept
{
	const auto text = string_of(given);
	const auto index = text ? options.find_trimmed(*text) : std::nullopt;
	return index ? std::optional(options.items()[*index]) : std::nullopt;
}

/* Choice is the options that one value chooses. */
class Choice
{
public:
	Choice(Arena &arena, const Options &options)
		: arena_(arena), options_(options), chosen_(arena.make_vector<char>(options.size()))
	{
		chosen_.resize(options.size());
	}

	[[nodiscard]] cu_result add_array(std::span<const cu_json> names) noexcept
	{
		for (const auto &name : names)
		{
			if (arena_.interrupted())
				return CU_INTERRUPTED;
			if (name.kind != CU_JSON_STRING || !add(view(name.text)))
				return CU_REJECTED;
		}
		return CU_OK;
	}

	[[nodiscard]] cu_result add_list(std::string_view list) noexcept
	{
		for (bool more = true; more;)
		{
			if (arena_.interrupted())
				return CU_INTERRUPTED;
			const auto comma = list.find(',');
			const auto name = trim(list.substr(0, comma));
			if (!name.empty() && !add(name))
				return CU_REJECTED;
			more = comma != std::string_view::npos;
			list.remove_prefix(more ? comma + 1 : list.size());
		}
		return CU_OK;
	}

	/* An array in the options' order; a JSON null if nothing was chosen. */
	cu_json to_json() const
	{
		const auto count = static_cast<std::size_t>(std::ranges::count(chosen_, 1));
		auto &names = arena_.make_vector<cu_json>(count);
		for (std::size_t i = 0; i < options_.size(); i++)
		{
			if (chosen_[i] != 0)
				names.push_back(options_.items()[i]);
		}
		return names.empty() ? json_null() : json_array(names);
	}

private:
	bool add(std::string_view name) noexcept
	{
		const auto index = options_.find_trimmed(name);
		if (index)
			chosen_[*index] = 1;
		return index.has_value();
	}

	Arena &arena_;
	const Options &options_;
	std::pmr::vector<char> &chosen_;
};

cu_result
read_options(Arena &arena, const Options &options, const cu_json &given, cu_json &value)
{
	if (given.kind != CU_JSON_ARRAY && given.kind != CU_JSON_STRING)
		return CU_REJECTED;

	Choice choice(arena, options);
	const auto result =
		given.kind == CU_JSON_ARRAY ? choice.add_array(elements(given)) : choice.add_list(view(given.text));
	if (result == CU_OK)
		value = choice.to_json();
	return result;
}

std::optional<cu_json>
read_scalar(Arena &arena, cu_field_type type, const Options &options, const cu_json &given)
{
	switch (type)
	{
		case CU_TEXT:
			return read_text(arena, given);
		case CU_NUMBER:
			return read_number(given);
		case CU_BOOLEAN:
			return read_boolean(given);
		case CU_DATE:
			return read_date(arena, given);
		case CU_DROPDOWN_SINGLE:
			return read_option(options, given);
		case CU_COUNTRY:
			return read_country(given);
		case CU_DROPDOWN_MULTIPLE:
			break;
	}
	return std::nullopt;
}

} // namespace

Options::Options(Arena &arena, std::span<const cu_json> items) : items_(items)
{
	auto &sorted = arena.make_vector<std::uint32_t>(items.size());
	for (std::uint32_t i = 0; i < items.size(); i++)
		sorted.push_back(i);
	std::ranges::sort(sorted, jsonb_less, [items](std::uint32_t index) { return view(items[index].text); });
	sorted_ = sorted;
}

std::optional<std::size_t>
Options::find(std::string_view text) const noexcept
{
	const auto text_of = [this](std::uint32_t index) { return view(items_[index].text); };
	const auto found = std::ranges::lower_bound(sorted_, text, jsonb_less, text_of);
	if (found == sorted_.end() || text_of(*found) != text)
		return std::nullopt;
	return *found;
}

std::optional<std::size_t>
Options::find_trimmed(std::string_view text) const noexcept
{
	const auto index = find(text);
	return index ? index : find(trim(text));
}

namespace {

/* White space around a value is no part of it, except in text and options, which may have some. */
cu_json
without_white_space(cu_field_type type, const cu_json &given) noexcept
{
	if (given.kind != CU_JSON_STRING)
		return given;
	const auto trimmed = trim(view(given.text));
	const bool keeps = type == CU_TEXT || type == CU_DROPDOWN_SINGLE;
	return keeps && !trimmed.empty() ? given : json_string(trimmed);
}

/* The strings of an array, without the white space around them unless options has them as they are. */
cu_json
trim_elements(Arena &arena, const cu_json &array, const Options &options)
{
	auto &items = arena.make_vector<cu_json>(array.count);
	for (const auto &element : elements(array))
	{
		const bool trims = element.kind == CU_JSON_STRING && !options.find(view(element.text));
		items.push_back(trims ? json_string(trim(view(element.text))) : element);
	}
	return json_array(items);
}

/* The parts of a list that are not blank, trimmed, as an array. */
cu_json
split_list(Arena &arena, std::string_view list)
{
	auto &items = arena.make_vector<cu_json>(static_cast<std::size_t>(std::ranges::count(list, ',')) + 1);
	for (bool more = true; more;)
	{
		const auto comma = list.find(',');
		const auto name = trim(list.substr(0, comma));
		if (!name.empty())
			items.push_back(json_string(name));
		more = comma != std::string_view::npos;
		list.remove_prefix(more ? comma + 1 : list.size());
	}
	return json_array(items);
}

} // namespace

bool
is_stored_as(Arena &arena, const cu_json &given, const cu_json &stored)
{
	if (same_value(arena, given, stored))
		return true;
	if (stored.kind == CU_JSON_ARRAY && given.kind == CU_JSON_ARRAY)
		return same_value(arena, trim_elements(arena, given, Options(arena, elements(stored))), stored);
	if (given.kind != CU_JSON_STRING)
		return false;
	if (stored.kind == CU_JSON_ARRAY)
		return same_value(arena, split_list(arena, view(given.text)), stored);
	return stored.kind == CU_JSON_STRING && trim(view(given.text)) == view(stored.text);
}

bool
is_text_of(Arena &arena, const cu_json &cell, const cu_json &stored)
{
	if (cell.kind != CU_JSON_STRING)
		return same_value(arena, cell, stored);
	const auto text = view(cell.text);
	switch (stored.kind)
	{
		case CU_JSON_BOOLEAN:
			return text == (stored.boolean ? "true" : "false");
		case CU_JSON_NUMBER:
		{
			const auto number = Decimal::parse(stored);
			return number && number->written_size() == static_cast<std::int64_t>(text.size()) &&
				   number->write_out(arena) == text;
		}
		case CU_JSON_STRING:
			return text == view(stored.text);
		case CU_JSON_ARRAY:
			return is_array_text_of(arena, text, elements(stored));
		default:
			return false;
	}
}

cu_result
read_value(Arena &arena, cu_field_type type, const Options &options, const cu_json &as_given, cu_json &value)
{
	const auto given = without_white_space(type, as_given);
	const bool empty_array = given.kind == CU_JSON_ARRAY && given.count == 0;
	if (is_empty_value(given) && (!empty_array || type == CU_DROPDOWN_MULTIPLE))
	{
		value = json_null();
		return CU_OK;
	}
	if (type == CU_DROPDOWN_MULTIPLE)
		return read_options(arena, options, given, value);

	const auto scalar = read_scalar(arena, type, options, given);
	if (!scalar)
		return CU_REJECTED;
	value = *scalar;
	return CU_OK;
}

std::string_view
describe_type(cu_field_type type) noexcept
{
	switch (type)
	{
		case CU_TEXT:
			return "a string of at most 65535 bytes, a number, or a boolean";
		case CU_NUMBER:
			return "a number, or a string that is one, such as 12.5";
		case CU_BOOLEAN:
			return "true or false";
		case CU_DATE:
			return "a date or time of RFC 3339, such as 2024-02-15 or 2024-02-15T10:30:00Z";
		case CU_DROPDOWN_SINGLE:
			return "one of these options, exactly:";
		case CU_DROPDOWN_MULTIPLE:
			return "an array of these options, or a string that separates them by commas:";
		case CU_COUNTRY:
			return "a country's code of two letters (ISO 3166-1 alpha-2), such as DE";
	}
	return {};
}

} // namespace contact
