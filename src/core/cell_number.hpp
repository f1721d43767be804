/*
 * cell_number.hpp - numbers as people and programs write them into files (docs/files.md, "Cells").
 *
 * A number is taken only if it can be read in one way. Digits are never converted, so nothing is rounded.
 */
#pragma once

#include "arena.hpp"

#include <string_view>

namespace contact {

/* CellNumber is what a text that the strict rules do not take is as a number. */
struct CellNumber
{
	std::string_view number; /* in JSON's grammar; empty if there is none */
	std::string_view hint;	 /* why not, if that can be said */
};

CellNumber read_cell_number(Arena &arena, std::string_view text);

} // namespace contact
