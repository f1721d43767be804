/*
 * text.cpp - decodes UTF-8, and looks code points up. Case folding is a table of ranges generated from Unicode's data; white space is a list short
 * enough to stand here.
 */
#include "text.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace contact {

namespace {

struct FoldingRange
{
	char32_t first;
	char32_t last;
	char32_t step;
	std::int32_t delta;
};

constexpr FoldingRange kFolding[] = {
#include "case_folding.inc"
};

constexpr bool
is_continuation(char byte) noexcept
{
	return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/* Takes a code point off text and folds it; an invalid byte stays as it is. */
Encoded
take_folded(std::string_view &text) noexcept
{
	const auto next = decode(text);
	const auto folded = next.size == 0 ? Encoded{{text[0]}, 1} : encode(fold_case(next.value));
	text.remove_prefix(next.size == 0 ? 1 : next.size);
	return folded;
}

/* The code point that text, which is not empty, ends with. */
CodePoint
decode_last(std::string_view text) noexcept
{
	std::size_t size = 1;
	while (size < text.size() && size < 4 && is_continuation(text[text.size() - size]))
		size++;
	const auto last = decode(text.substr(text.size() - size));
	return last.size == size ? last : CodePoint{0, 0};
}

} // namespace

CodePoint
decode_sequence(std::string_view text) noexcept
{
	constexpr CodePoint kInvalid{0, 0};
	constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
	if (text.empty())
		return kInvalid;

	const auto lead = static_cast<unsigned char>(text[0]);
	const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
	if (lead < 0xC2 || lead > 0xF4 || text.size() < size)
		return kInvalid;

	char32_t value = lead & (0x7Fu >> size);
	for (std::size_t i = 1; i < size; i++)
	{
		if (!is_continuation(text[i]))
			return kInvalid;
		value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
	}
	const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
	if (value < kSmallest[size] || value > 0x10FFFF || surrogate)
		return kInvalid;
	return {value, size};
}

Encoded
encode(char32_t code_point) noexcept
{
	Encoded encoded{};
	const auto put = [&encoded](char32_t byte) { encoded.bytes[encoded.size++] = static_cast<char>(byte); };
	if (code_point < 0x80)
	{
		put(code_point);
		return encoded;
	}
	if (code_point < 0x800)
		put(0xC0 | code_point >> 6);
	else
	{
		if (code_point < 0x10000)
			put(0xE0 | code_point >> 12);
		else
		{
			put(0xF0 | code_point >> 18);
			put(0x80 | (code_point >> 12 & 0x3F));
		}
		put(0x80 | (code_point >> 6 & 0x3F));
	}
	put(0x80 | (code_point & 0x3F));
	return encoded;
}

char32_t
fold_case(char32_t code_point) noexcept
{
	if (code_point < 0x80)
		return code_point >= U'A' && code_point <= U'Z' ? code_point + (U'a' - U'A') : code_point;
	const auto *range =
		std::lower_bound(std::begin(kFolding), std::end(kFolding), code_point, [](const FoldingRange &r, char32_t c) {
			return r.last < c;
		});
	if (range == std::end(kFolding) || code_point < range->first || (code_point - range->first) % range->step != 0)
		return code_point;
	return static_cast<char32_t>(static_cast<std::int32_t>(code_point) + range->delta);
}

std::optional<std::size_t>
count_code_points(std::string_view text) noexcept
{
	std::size_t count = 0;
	while (!text.empty())
	{
		const auto next = decode(text);
		if (next.size == 0)
			return std::nullopt;
		text.remove_prefix(next.size);
		count++;
	}
	return count;
}

std::size_t
floor_code_point(std::string_view text, std::size_t limit) noexcept
{
	if (limit >= text.size())
		return text.size();
	/* A sequence has three continuation bytes at most: more of them are not UTF-8 and may be cut anywhere. */
	for (std::size_t back = 0; back < 4 && back <= limit; back++)
	{
		if (!is_continuation(text[limit - back]))
			return limit - back;
	}
	return limit;
}

bool
is_white_space(char32_t code_point) noexcept
{
	if (code_point < 0x80)
		return code_point == U' ' || (code_point >= 0x09 && code_point <= 0x0D);
	switch (code_point)
	{
		case 0x85:
		case 0xA0:
		case 0x1680:
		case 0x2028:
		case 0x2029:
		case 0x202F:
		case 0x205F:
		case 0x3000:
			return true;
		default:
			return code_point >= 0x2000 && code_point <= 0x200A;
	}
}

std::string_view
trim(std::string_view text) noexcept
{
	for (auto first = decode(text); first.size != 0 && is_white_space(first.value); first = decode(text))
		text.remove_prefix(first.size);
	while (!text.empty())
	{
		const auto last = decode_last(text);
		if (last.size == 0 || !is_white_space(last.value))
			break;
		text.remove_suffix(last.size);
	}
	return text;
}

std::string_view
fold_case(Arena &arena, std::string_view text)
{
	/* A folded code point may be one byte longer than it was, never more. */
	auto &folded = arena.make_vector<char>(text.size() + text.size() / 2);
	while (!text.empty())
	{
		const auto next = take_folded(text);
		folded.insert(folded.end(), next.bytes, next.bytes + next.size);
	}
	return {folded.data(), folded.size()};
}

int
compare_folded(std::string_view text, std::string_view folded) noexcept
{
	while (!text.empty())
	{
		const auto next = take_folded(text);
		const auto order = std::string_view(next.bytes, next.size).compare(folded.substr(0, next.size));
		if (order != 0)
			return order;
		folded.remove_prefix(next.size);
	}
	return folded.empty() ? 0 : -1;
}

} // namespace contact
