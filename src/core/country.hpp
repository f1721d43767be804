/*
 * country.hpp - the countries of ISO 3166-1, by their alpha-2 codes, and by what else they are called. Nothing here fails or needs memory.
 */
#pragma once

#include <string_view>

namespace contact {

/* find_country returns the code in upper case, from a static table, for a code in any case; empty if no country has it. */
std::string_view find_country(std::string_view code) noexcept;

/*
 * find_country_by_name returns the code for a code of three letters, or an English name, without regard to case, accents, white space and
 * punctuation; empty if no country is called so.
 */
std::string_view find_country_by_name(std::string_view name) noexcept;

} // namespace contact
