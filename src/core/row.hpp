/*
 * row.hpp - rows of files as requests: cu_prepare_reader() and cu_read_row() of contact_rows.h.
 */
#pragma once

#include "cell.hpp"
#include "contact_rows.h"
#include "definitions.hpp"

#include <array>
#include <span>

namespace contact {

/* FieldColumn is a column of a field; field is nullptr for one that is not defined. */
struct FieldColumn
{
	std::string_view merge_tag;
	const Field *field;
	char separator;
	std::size_t index; /* of the cell in a row */
};

} // namespace contact

struct cu_row_reader
{
	const cu_definitions *definitions;
	cu_read_options options;
	contact::DateFormat format;
	std::size_t column_count;
	std::span<const contact::FieldColumn> fields; /* in jsonb's order of their merge tags */
	/* The index of the contact's own columns, and their separators; column_count: there is none. */
	std::array<std::size_t, CU_TARGET_COUNT> own;
	std::array<char, CU_TARGET_COUNT> separators;
};

namespace contact {

[[nodiscard]] cu_result prepare_reader(Arena &arena, const cu_definitions &definitions,
									   std::span<const cu_column> columns, const cu_read_options &options,
									   cu_row_reader &reader);

[[nodiscard]] cu_result read_row(Arena &arena, const cu_row_reader &reader, const cu_json *cells, cu_row &row);

} // namespace contact
