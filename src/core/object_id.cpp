/*
 * object_id.cpp - format_object_id(): three big-endian numbers in hex.
 */
#include "object_id.hpp"

namespace contact {

void
format_object_id(std::uint32_t seconds, std::span<const std::uint8_t, 5> random, std::uint32_t counter,
				 std::span<char, 25> id) noexcept
{
	auto next = id.begin();
	const auto put = [&next](std::uint32_t number, int bytes) {
		for (int shift = 8 * bytes - 4; shift >= 0; shift -= 4)
			*next++ = "0123456789abcdef"[number >> shift & 0xF];
	};
	put(seconds, 4);
	for (const auto byte : random)
		put(byte, 1);
	put(counter, 3);
	*next = '\0';
}

} // namespace contact
