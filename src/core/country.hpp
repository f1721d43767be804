/*
 * country.hpp - the countries of ISO 3166-1, by their alpha-2 codes. Nothing here fails or needs memory.
 */
#pragma once

#include <string_view>

namespace contact {

/* find_country returns the code in upper case, from a static table, for a code in any case; empty if no country has it. */
std::string_view find_country(std::string_view code) noexcept;

} // namespace contact
