/*
 * list_syntax.hpp - lists in the cells of a file: PostgreSQL's array text, and items between separators (docs/files.md, "Lists").
 *
 * Each function costs what the text is long, whatever is in it. Nothing is trimmed here but what the syntax makes of white space.
 */
#pragma once

#include "json.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace contact {

/*
 * The items of an array in PostgreSQL's text form, {a,"b c",NULL}, of one dimension: strings, and JSON nulls. Nothing if text is
 * none.
 */
std::optional<std::span<const cu_json>> read_array_text(Arena &arena, std::string_view text);

/* Whether text is what PostgreSQL writes for an array of such items, all strings. */
bool is_array_text_of(Arena &arena, std::string_view text, std::span<const cu_json> items);

/*
 * The items of a list, strings. An item that begins with a double quote ends with one, and has two for each inside; nothing for a
 * list in which quotes do not match so.
 */
std::optional<std::span<const cu_json>> split_list(Arena &arena, std::string_view text, char separator);

/* list_separators is cu_list_separators() of contact_rows.h, for a text. */
unsigned list_separators(std::string_view text) noexcept;

/* separator_of is cu_separator_of() of contact_rows.h. */
char separator_of(unsigned separators) noexcept;

} // namespace contact
