/*
 * country.cpp - look-ups by binary search in the tables that generate_countries.sh and generate_country_names.pl make of Debian's iso-codes.
 */
#include "country.hpp"

#include "column_name.hpp"
#include "text.hpp"

#include <algorithm>
#include <iterator>

namespace contact {

namespace {

constexpr std::string_view kCountries[] = {
#include "country_codes.inc"
};

struct CountryName
{
	std::string_view name;
	std::string_view code;
};

constexpr CountryName kCountryNames[] = {
#include "country_names.inc"
};

/* More than the longest name has. */
constexpr std::size_t kMaxNameBytes = 64;

/* What may stand in a name and does not count: all of ASCII, white space, accents by themselves, and typesetters' hyphens and apostrophes. */
bool
is_punctuation(char32_t code_point) noexcept
{
	return code_point < 0x80 || is_white_space(code_point) || (code_point >= 0x300 && code_point <= 0x36F) ||
		   (code_point >= 0x2010 && code_point <= 0x2019);
}

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

std::string_view
find_country_by_name(std::string_view name) noexcept
{
	constexpr std::string_view kArticle = "the";
	char buffer[kMaxNameBytes];
	std::size_t size = 0;
	for (auto next = decode(name); !name.empty(); next = decode(name))
	{
		const auto folded = fold_case(strip_accents(next.value));
		const bool counts = folded < 0x80 && (is_ascii_letter(folded) || is_ascii_digit(folded));
		if (next.size == 0 || size == kMaxNameBytes || !(counts || is_punctuation(folded)))
			return {};
		if (counts)
			buffer[size++] = static_cast<char>(folded);
		name.remove_prefix(next.size);
	}
	std::string_view wanted(buffer, size);
	if (wanted.starts_with(kArticle))
		wanted.remove_prefix(kArticle.size());
	const auto *found = std::ranges::lower_bound(kCountryNames, wanted, {}, &CountryName::name);
	return found != std::end(kCountryNames) && found->name == wanted ? found->code : std::string_view();
}

} // namespace contact
