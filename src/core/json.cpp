/*
 * json.cpp - look-ups in objects, comparison and size of values.
 */
#include "json.hpp"

#include "number.hpp"

#include <algorithm>

namespace contact {

namespace {

/* The size of a number with all its digits, also those that its text leaves out. */
std::size_t
number_size(const cu_json &json) noexcept
{
	const auto number = Decimal::parse(json);
	return number ? static_cast<std::size_t>(number->written_size()) : json.text.size;
}

} // namespace

const cu_json *
find_value(const cu_json &json, std::string_view key) noexcept
{
	if (json.kind != CU_JSON_OBJECT)
		return nullptr;

	const auto names = keys(json);
	const auto found = std::ranges::lower_bound(names, key, jsonb_less, view);
	if (found == names.end() || view(*found) != key)
		return nullptr;
	const auto &value = json.items[found - names.begin()];
	return value.kind == CU_JSON_NULL ? nullptr : &value;
}

bool
is_empty_value(const cu_json &json) noexcept
{
	switch (json.kind)
	{
		case CU_JSON_NULL:
			return true;
		case CU_JSON_STRING:
			return json.text.size == 0;
		case CU_JSON_ARRAY:
			return json.count == 0;
		default:
			return false;
	}
}

bool
is_stored_value(const cu_json &json) noexcept
{
	const auto is_string = [](const cu_json &element) { return element.kind == CU_JSON_STRING; };
	if (json.kind == CU_JSON_NUMBER)
		return is_plain_number(json);
	return json.kind != CU_JSON_OBJECT && !is_empty_value(json) &&
		   (json.kind != CU_JSON_ARRAY || std::ranges::all_of(elements(json), is_string));
}

std::size_t
json_size(const cu_json &container) noexcept
{
	constexpr std::size_t kEntry =
		4; /* jsonb has one for each key, value and element, and one for each object and array */
	constexpr std::size_t kNumber = 12; /* numeric's header and padding */
	std::size_t size = kEntry;
	if (container.kind == CU_JSON_OBJECT)
	{
		for (const auto &key : keys(container))
			size += kEntry + key.size;
	}
	for (const auto &value : elements(container))
	{
		size += kEntry;
		if (value.kind == CU_JSON_STRING)
			size += value.text.size;
		else if (value.kind == CU_JSON_NUMBER)
			size += kNumber + number_size(value);
		else if (value.kind == CU_JSON_ARRAY || value.kind == CU_JSON_OBJECT)
			size += kEntry + json_size(value); /* with padding */
	}
	return size;
}

namespace {

using TextSet = std::pmr::vector<std::string_view>;

bool
has_only_strings(const cu_json &array) noexcept
{
	return std::ranges::all_of(elements(array), [](const cu_json &item) { return item.kind == CU_JSON_STRING; });
}

const TextSet &
set_of(Arena &arena, const cu_json &array)
{
	auto &texts = arena.make_vector<std::string_view>(array.count);
	for (const auto &element : elements(array))
		texts.push_back(view(element.text));
	std::ranges::sort(texts);
	texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
	return texts;
}

bool
same_set(Arena &arena, const cu_json &left, const cu_json &right)
{
	if (!has_only_strings(left) || !has_only_strings(right))
		return false;
	const auto same_text = [](const cu_json &a, const cu_json &b) { return view(a.text) == view(b.text); };
	return std::ranges::equal(elements(left), elements(right), same_text) ||
		   set_of(arena, left) == set_of(arena, right);
}

} // namespace

bool
same_value(Arena &arena, const cu_json &left, const cu_json &right)
{
	if (left.kind != right.kind)
		return false;
	switch (left.kind)
	{
		case CU_JSON_NULL:
			return true;
		case CU_JSON_BOOLEAN:
			return left.boolean == right.boolean;
		case CU_JSON_NUMBER:
			return same_number(view(left.text), view(right.text));
		case CU_JSON_STRING:
			return view(left.text) == view(right.text);
		case CU_JSON_ARRAY:
			return same_set(arena, left, right);
		case CU_JSON_OBJECT:
			break;
	}
	return false;
}

} // namespace contact
