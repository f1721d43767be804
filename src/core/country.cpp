/*
 * country.cpp - find_country() by binary search in a table that generate_countries.sh makes of Debian's iso-codes.
 */
#include "country.hpp"

#include "text.hpp"

#include <algorithm>
#include <iterator>

namespace contact {

namespace {

constexpr std::string_view kCountries[] = {
#include "country_codes.inc"
};

} // namespace

std::string_view
find_country(std::string_view code) noexcept
{
	if (code.size() != 2)
		return {};
	const char upper[] = {to_upper_ascii(code[0]), to_upper_ascii(code[1])};
	const std::string_view wanted(upper, 2);
	const auto *found = std::ranges::lower_bound(kCountries, wanted);
	return found != std::end(kCountries) && *found == wanted ? *found : std::string_view();
}

} // namespace contact
