/*
 * text.hpp - UTF-8, white space, case folding and the order of jsonb's keys.
 *
 * Byte sequences that are not UTF-8 are reported, or passed through where the comment says so; nothing here rejects
 * them. No locale takes part. Only fold_case needs memory.
 */
#pragma once

#include "arena.hpp"

#include <optional>
#include <string_view>

namespace contact {

inline std::string_view
view(const cu_text &text) noexcept
{
	return {text.data, text.size};
}

inline cu_text
to_text(std::string_view text) noexcept
{
	return {text.data(), text.size()};
}

struct CodePoint
{
	char32_t value;
	std::size_t size; /* bytes; 0 if no valid sequence stands here */
};

/* The same as decode(), for text that begins with no ASCII. */
CodePoint decode_sequence(std::string_view text) noexcept;

/* The code point that text begins with. */
inline CodePoint
decode(std::string_view text) noexcept
{
	const auto first = text.empty() ? 0xFFu : static_cast<unsigned char>(text[0]);
	return first < 0x80 ? CodePoint{first, 1} : decode_sequence(text);
}

/* Encoded is the bytes of a code point. */
struct Encoded
{
	char bytes[4];
	std::size_t size;
};

Encoded encode(char32_t code_point) noexcept;

/* How many code points text has, unless it is not UTF-8. */
std::optional<std::size_t> count_code_points(std::string_view text) noexcept;

/* The last place not after limit at which text can be cut without splitting a code point. */
std::size_t floor_code_point(std::string_view text, std::size_t limit) noexcept;

/* Unicode's property White_Space. */
bool is_white_space(char32_t code_point) noexcept;

/* text without the white space around it. */
std::string_view trim(std::string_view text) noexcept;

constexpr bool
is_ascii_letter(char32_t code_point) noexcept
{
	return (code_point | 0x20) >= U'a' && (code_point | 0x20) <= U'z';
}

constexpr bool
is_ascii_digit(char32_t code_point) noexcept
{
	return code_point >= U'0' && code_point <= U'9';
}

constexpr char
to_lower_ascii(char byte) noexcept
{
	return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + ('a' - 'A')) : byte;
}

constexpr char
to_upper_ascii(char byte) noexcept
{
	return byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - ('a' - 'A')) : byte;
}

/* code_point by Unicode's simple case folding. */
char32_t fold_case(char32_t code_point) noexcept;

/*
 * fold_case is Unicode's simple case folding; invalid bytes stay as they are. The index contacts.tag_name_key stores what it
 * returns: where a new table folds a character in another way, users have to REINDEX.
 */
std::string_view fold_case(Arena &arena, std::string_view text);

/* How text, once folded, compares to folded, byte by byte: less than 0, 0, or more. */
int compare_folded(std::string_view text, std::string_view folded) noexcept;

/* The order of the keys of a jsonb object: by size, then by bytes. */
inline bool
jsonb_less(std::string_view left, std::string_view right) noexcept
{
	return left.size() != right.size() ? left.size() < right.size() : left < right;
}

} // namespace contact
