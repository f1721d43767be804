/*
 * cell.hpp - what a cell of a file becomes in a request (docs/files.md, "Cells").
 *
 * A cell is read leniently only where it can mean one thing. What is not understood stays text, without white space around it, for the
 * rules of any request to reject; a hint then says more than they can. Each function costs what the cell is long.
 */
#pragma once

#include "date_format.hpp"
#include "definitions.hpp"

#include <optional>
#include <string_view>

namespace contact {

/* Cell is what a cell of a file was read as. */
struct Cell
{
	std::optional<cu_json> value; /* nothing for a blank one */
	std::string_view hint;		  /* for the case that the value is rejected; may be empty */
};

/* A cell of a field; field is nullptr for one that is not defined. separator: of lists, or '\0' for the cell's own. */
[[nodiscard]] cu_result read_field_cell(Arena &arena, const Field *field, const DateFormat &format, char separator,
										const cu_json &given, Cell &cell);

Cell read_email_cell(Arena &arena, const cu_json &given);
Cell read_status_cell(Arena &arena, const cu_json &given);
Cell read_source_cell(Arena &arena, const cu_json &given);

/* A date or time as it is stored, or what is not one. */
Cell read_date_cell(Arena &arena, const DateFormat &format, const cu_json &given);

} // namespace contact
