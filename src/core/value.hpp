/*
 * value.hpp - the values of fields: what each type accepts and how it is stored (docs/api.md, "Fields").
 *
 * A value that its type does not accept is CU_REJECTED without a description: the caller knows the field's name.
 */
#pragma once

#include "json.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace contact {

/* Options are those of a dropdown, found by binary search; none for the other types. */
class Options
{
public:
	Options() = default;

	/* items: strings, as they were defined. They must outlive this. */
	Options(Arena &arena, std::span<const cu_json> items);

	std::size_t size() const noexcept { return items_.size(); }
	std::span<const cu_json> items() const noexcept { return items_; }
	std::optional<std::size_t> find(std::string_view text) const noexcept;

	/* The same, or without the white space around text. */
	std::optional<std::size_t> find_trimmed(std::string_view text) const noexcept;

private:
	std::span<const cu_json> items_;
	std::span<const std::uint32_t> sorted_; /* indexes of items_, in jsonb's order of their texts */
};

/*
 * read_value reads a value into the form in which it is stored; a JSON null stands for "no value". CU_REJECTED if the type does not
 * accept it.
 */
[[nodiscard]] cu_result read_value(Arena &arena, cu_field_type type, const Options &options, const cu_json &given,
								   cu_json &value);

/*
 * Whether given says the same as a stored value, as far as that can be told without the options: white space around it, and
 * the order of a list, do not count.
 */
bool is_stored_as(Arena &arena, const cu_json &given, const cu_json &stored);

/* Whether the cell of a file is what a stored value is as text: see cu_row. */
bool is_text_of(Arena &arena, const cu_json &cell, const cu_json &stored);

/* What a type accepts, for people: "a string of ...". Options are not listed. */
std::string_view describe_type(cu_field_type type) noexcept;

} // namespace contact
