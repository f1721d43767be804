/*
 * email.cpp - reads an address from left to right, a code point at a time.
 */
#include "email.hpp"

#include "text.hpp"

#include <algorithm>

namespace contact {

namespace {

constexpr std::size_t kMaxBytes = 254; /* RFC 5321's path of 256 without its brackets */
constexpr std::size_t kMaxLabel = 63;  /* RFC 1035; of code points */

struct Range
{
	char32_t first;
	char32_t last;
};

/*
 * kRejected is what an address must not contain: controls and what else is invisible (Default_Ignorable_Code_Point of Unicode 15, the empty
 * Braille pattern, interlinear annotations), the replacement characters of a broken encoding, and whatever looks like "@" or
 * "." or becomes one or more of them in Unicode's compatibility form or in IDNA.
 */
constexpr Range kRejected[] = {
	{0x80, 0x9F},		{0xAD, 0xAD},	  {0x34F, 0x34F},	{0x61C, 0x61C},		{0x115F, 0x1160},	{0x17B4, 0x17B5},
	{0x180B, 0x180F},	{0x200B, 0x200F}, {0x2024, 0x2026}, {0x202A, 0x202E},	{0x2060, 0x206F},	{0x2488, 0x249B},
	{0x2800, 0x2800},	{0x3002, 0x3002}, {0x3164, 0x3164}, {0xFE00, 0xFE0F},	{0xFE12, 0xFE12},	{0xFE19, 0xFE19},
	{0xFE30, 0xFE30},	{0xFE52, 0xFE52}, {0xFE6B, 0xFE6B}, {0xFEFF, 0xFEFF},	{0xFF0E, 0xFF0E},	{0xFF20, 0xFF20},
	{0xFF61, 0xFF61},	{0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFD}, {0x1F100, 0x1F100}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
	{0xE0000, 0xE0FFF},
};

constexpr bool
is_noncharacter(char32_t code_point) noexcept
{
	return (code_point & 0xFFFE) == 0xFFFE || (code_point >= 0xFDD0 && code_point <= 0xFDEF);
}

/* Whether a code point beyond ASCII may stand in an address. */
bool
is_international(char32_t code_point) noexcept
{
	if (code_point < 0x80 || is_noncharacter(code_point) || is_white_space(code_point))
		return false;
	return std::ranges::none_of(
		kRejected, [=](const Range &range) { return range.first <= code_point && code_point <= range.last; });
}

bool
is_alphanumeric(char32_t code_point) noexcept
{
	return is_ascii_letter(code_point) || (code_point >= U'0' && code_point <= U'9') || is_international(code_point);
}

bool
is_local_character(char32_t code_point) noexcept
{
	constexpr std::u32string_view kSpecial = U".!#$%&'*+/=?^_`{|}~-";
	return is_alphanumeric(code_point) || kSpecial.find(code_point) != std::u32string_view::npos;
}

bool
is_local_part(std::string_view text) noexcept
{
	if (text.empty())
		return false;
	while (!text.empty())
	{
		const auto next = decode(text);
		if (next.size == 0 || !is_local_character(next.value))
			return false;
		text.remove_prefix(next.size);
	}
	return true;
}

/* Takes a label off a domain, up to the dot or the end. */
bool
take_label(std::string_view &domain) noexcept
{
	std::size_t size = 0;
	char32_t last = U'-'; /* a label neither begins nor ends with a hyphen, and is not empty */
	while (!domain.empty() && domain[0] != '.')
	{
		const auto next = decode(domain);
		const bool hyphen = next.value == U'-' && size > 0;
		if (next.size == 0 || ++size > kMaxLabel || !(hyphen || is_alphanumeric(next.value)))
			return false;
		last = next.value;
		domain.remove_prefix(next.size);
	}
	return last != U'-';
}

bool
is_domain(std::string_view text) noexcept
{
	while (take_label(text))
	{
		if (text.empty())
			return true;
		text.remove_prefix(1);
	}
	return false;
}

constexpr bool
is_ascii_upper(char byte) noexcept
{
	return to_lower_ascii(byte) != byte;
}

} // namespace

bool
is_email(std::string_view text) noexcept
{
	const auto at = text.find('@');
	return text.size() <= kMaxBytes && at != std::string_view::npos && is_local_part(text.substr(0, at)) &&
		   is_domain(text.substr(at + 1));
}

bool
is_stored_email(std::string_view text) noexcept
{
	return is_email(text) && std::ranges::none_of(text, is_ascii_upper);
}

std::string_view
normalize_email(Arena &arena, std::string_view email)
{
	if (std::ranges::none_of(email, is_ascii_upper))
		return email;
	auto &lower = arena.make_vector<char>(email.size());
	for (const char byte : email)
		lower.push_back(to_lower_ascii(byte));
	return {lower.data(), lower.size()};
}

} // namespace contact
