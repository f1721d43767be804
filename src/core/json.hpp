/*
 * json.hpp - cu_json as the core reads and makes it.
 *
 * Look-ups trust the order of an object's keys (jsonb's): in an object that breaks it they may miss a key, and do no
 * harm. No function here fails; only same_value needs memory.
 */
#pragma once

#include "text.hpp"

#include <span>
#include <string_view>

namespace contact {

inline std::span<const cu_json>
elements(const cu_json &array) noexcept
{
	return {array.items, array.count};
}

inline std::span<const cu_text>
keys(const cu_json &object) noexcept
{
	return {object.keys, object.count};
}

inline cu_json
json_null() noexcept
{
	return {};
}

inline cu_json
json_string(std::string_view text) noexcept
{
	cu_json json{};
	json.kind = CU_JSON_STRING;
	json.text = to_text(text);
	return json;
}

inline cu_json
json_number(std::string_view digits) noexcept
{
	cu_json json = json_string(digits);
	json.kind = CU_JSON_NUMBER;
	return json;
}

inline cu_json
json_boolean(bool boolean) noexcept
{
	cu_json json{};
	json.kind = CU_JSON_BOOLEAN;
	json.boolean = boolean;
	return json;
}

inline cu_json
json_array(std::span<const cu_json> items) noexcept
{
	cu_json json{};
	json.kind = CU_JSON_ARRAY;
	json.count = items.size();
	json.items = items.data();
	return json;
}

/* keys and values: of one size, in jsonb's order */
inline cu_json
json_object(std::span<const cu_text> keys, std::span<const cu_json> values) noexcept
{
	cu_json json = json_array(values);
	json.kind = CU_JSON_OBJECT;
	json.keys = keys.data();
	return json;
}

/* find_value returns the value of a key; nullptr if it is missing, a JSON null, or json is no object. */
const cu_json *find_value(const cu_json &json, std::string_view key) noexcept;

/* is_empty_value says whether json is null, "" or [], which all mean "no value". Text that is blank is for the type to judge. */
bool is_empty_value(const cu_json &json) noexcept;

/* is_stored_value says whether json has the form of a field's value: a string, number, boolean or array of strings, and not empty. */
bool is_stored_value(const cu_json &json) noexcept;

/*
 * json_size returns about the size of an object or array as jsonb with its numbers written out, never less: cu_data_size() of
 * contact_core.h. It recurses, as deep as a request may be.
 */
std::size_t json_size(const cu_json &container) noexcept;

/* Whether two values of fields are equal: numbers by value, arrays of strings as sets, objects never. */
bool same_value(Arena &arena, const cu_json &left, const cu_json &right);

} // namespace contact
