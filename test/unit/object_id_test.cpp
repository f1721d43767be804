/* object_id_test.cpp - the format of ObjectIds. */
#include "core/contact_core.h"

#include <gtest/gtest.h>

namespace {

TEST(ObjectId, is_24_lower_case_hex_digits)
{
	const std::uint8_t random[5] = {0xC3, 0xD4, 0xE5, 0xF6, 0xA7};
	char id[25];
	cu_format_object_id(0x64F1A2B3, random, 0xB8C9D0, id);
	EXPECT_STREQ(id, "64f1a2b3c3d4e5f6a7b8c9d0");
}

TEST(ObjectId, takes_the_low_24_bits_of_the_counter)
{
	const std::uint8_t random[5] = {};
	char id[25];
	cu_format_object_id(0, random, 0xFF000001, id);
	EXPECT_STREQ(id, "000000000000000000000001");
}

} // namespace
