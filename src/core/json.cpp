/*
 * json.cpp - see json.hpp.
 */
#include "json.hpp"

#include "number.hpp"

#include <algorithm>

namespace contact {

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
	return json.kind != CU_JSON_OBJECT && !is_empty_value(json) &&
		   (json.kind != CU_JSON_ARRAY || std::ranges::all_of(elements(json), is_string));
}

bool
same_value(const cu_json &left, const cu_json &right) noexcept
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
			return std::ranges::equal(elements(left), elements(right), [](const cu_json &a, const cu_json &b) {
				return a.kind == CU_JSON_STRING && b.kind == CU_JSON_STRING && view(a.text) == view(b.text);
			});
		case CU_JSON_OBJECT:
			break;
	}
	return false;
}

} // namespace contact
