/*
 * columns.hpp - what the columns of a file are: their targets, by name (docs/files.md, "Column names").
 *
 * A target is the address, another of the contact's own (Own), or a field. Nothing is rejected here: problems are values, and the
 * caller makes errors of them.
 */
#pragma once

#include "contact_rows.h"
#include "definitions.hpp"

#include <span>
#include <string_view>

namespace contact {

/* match_columns is cu_match_columns() of contact_rows.h. */
[[nodiscard]] cu_result match_columns(Arena &arena, const cu_definitions &definitions, std::span<const cu_text> names,
									  const cu_json *targets, cu_column *columns, cu_column_match *matches,
									  cu_matching &matching);

/* target_name is cu_target_name() of contact_rows.h. */
std::string_view target_name(const cu_definitions &definitions, const cu_column &column) noexcept;

/* is_list is cu_is_list() of contact_rows.h. */
bool is_list(const cu_definitions &definitions, const cu_column &column) noexcept;

/* The key of a request that a target is; "created_at", which is none; empty for a field, and for no target. */
std::string_view key_of(cu_target target) noexcept;

} // namespace contact
