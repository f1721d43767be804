/*
 * column_name.hpp - the names of columns as people write them: compared without regard to case, accents, white space, "_" and "-", and made into
 * merge tags.
 *
 * Bytes that are not UTF-8 count as they are. No locale takes part.
 */
#pragma once

#include "arena.hpp"

#include <string_view>

namespace contact {

/* code_point without its accents: the letter of Unicode's canonical decomposition. */
char32_t strip_accents(char32_t code_point) noexcept;

/* text without white space and a U+FEFF around it. */
std::string_view trim_cell(std::string_view text) noexcept;

/* text as names of columns are compared: folded, without accents, white space, "_" and hyphens. */
std::string_view fold_column_name(Arena &arena, std::string_view text);

/* How much a folded name is one for the addresses of a file: 2 for "email", 1 for "subscriberemail" and "email1value", else 0. */
int rank_address_name(std::string_view folded) noexcept;

/* The merge tag that can be made of a name; empty if it has no letter or digit for it. */
std::string_view make_merge_tag(Arena &arena, std::string_view name);

/*
 * edit_distance returns how many bytes must be put in, left out, or replaced to make one text of the other; limit + 1 if that is more than
 * limit, which is at most kMaxEditDistance.
 */
inline constexpr std::size_t kMaxEditDistance = 3;
std::size_t edit_distance(std::string_view left, std::string_view right, std::size_t limit) noexcept;

} // namespace contact
