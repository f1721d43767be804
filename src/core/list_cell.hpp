/*
 * list_cell.hpp - cells that are lists: of tags, and of the options of a DROPDOWN_MULTIPLE (docs/files.md, "Lists").
 *
 * A list that can be taken apart in two ways, or in none, stays text, which no rule accepts. Each function costs what the cell is long,
 * times the logarithm of what is looked up.
 */
#pragma once

#include "cell.hpp"

namespace contact {

/* A cell of tags, add_tags or remove_tags. separator: '\0' for the cell's own. */
[[nodiscard]] cu_result read_tags_cell(Arena &arena, const cu_definitions &definitions, char separator,
									   const cu_json &given, Cell &cell);

[[nodiscard]] cu_result read_options_cell(Arena &arena, const Options &options, char separator, const cu_json &given,
										  Cell &cell);

} // namespace contact
