#include "text.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace client {

namespace {

constexpr size_t kMaxLength = 1000;

// Whether the code point moves the cursor or changes the terminal instead of being seen.
bool
is_control(char32_t code_point)
{
	return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
}

} // namespace

std::string
readable(std::string_view text)
{
	std::string result;

	while (!text.empty() && result.size() < kMaxLength)
	{
		contact::CodePoint next = contact::decode(text);

		if (next.size == 0 || is_control(next.value))
			result += '?';
		else
			result.append(text.substr(0, next.size));
		text.remove_prefix(std::max<size_t>(next.size, 1));
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

} // namespace client
