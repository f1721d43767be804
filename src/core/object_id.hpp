/*
 * object_id.hpp - the format of ObjectIds. Where time, randomness and the counter come from is the caller's matter.
 */
#pragma once

#include <cstdint>
#include <span>

namespace contact {

/* format_object_id writes 4 bytes of seconds, 5 random bytes and the low 3 bytes of counter, big-endian, as 24 hex digits and a terminator. */
void format_object_id(std::uint32_t seconds, std::span<const std::uint8_t, 5> random, std::uint32_t counter,
					  std::span<char, 25> id) noexcept;

} // namespace contact
