#include "text.hpp"

#include <algorithm>

namespace worker {

namespace {

constexpr size_t kMaxLength = 1000;

bool
continues(unsigned char byte)
{
	return (byte & 0xC0) == 0x80;
}

// How many bytes the valid character at the beginning of the text takes, or 0.
size_t
character_length(std::string_view text)
{
	auto byte = [text](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
	unsigned first = byte(0);
	unsigned second = byte(1);
	size_t length = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : 4;

	if (first < 0x20 || first == 0x7F || (first >= 0x80 && first < 0xC2) || first > 0xF4)
		return 0;
	for (size_t i = 1; i < length; i++)
		if (!continues(static_cast<unsigned char>(byte(i))))
			return 0;
	// longer than need be, a surrogate, or beyond U+10FFFF
	if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
		(first == 0xF4 && second > 0x8F))
		return 0;
	return length;
}

} // namespace

std::string
readable(std::string_view text)
{
	std::string result;

	while (!text.empty() && result.size() < kMaxLength)
	{
		size_t length = character_length(text);

		if (length == 0)
			result += '?';
		else
			result.append(text.substr(0, length));
		text.remove_prefix(std::max<size_t>(length, 1));
	}
	return result;
}

std::string
ascii(std::string_view text)
{
	const auto is_not_ascii = [](char c) { return (c & 0x80) != 0; };
	std::string result(text);

	std::replace_if(result.begin(), result.end(), is_not_ascii, '?');
	return result;
}

} // namespace worker
