/* text_test.cpp - UTF-8, white space and case folding, through core/text.hpp and the ABI. */
#include "core/text.hpp"

#include "core_call.hpp"
#include "table.hpp"

using namespace std::string_view_literals;

namespace {

struct DecodeRow
{
	const char *name;
	std::string_view text;
	char32_t value;
	std::size_t size;
};

const DecodeRow kDecodeRows[] = {
	{"ascii", "a", U'a', 1},
	{"nul", "\0"sv, 0, 1},
	{"two_bytes", "\u00e9x", 0xE9, 2},
	{"three_bytes", "\u20ac", 0x20AC, 3},
	{"four_bytes", "\U0001F600", 0x1F600, 4},
	{"last", "\xF4\x8F\xBF\xBF", 0x10FFFF, 4},
	{"empty", "", 0, 0},
	{"continuation_alone", "\x80", 0, 0},
	{"overlong_two", "\xC1\xBF", 0, 0},
	{"overlong_three", "\xE0\x9F\xBF", 0, 0},
	{"overlong_four", "\xF0\x8F\xBF\xBF", 0, 0},
	{"surrogate", "\xED\xA0\x80", 0, 0},
	{"beyond_unicode", "\xF4\x90\x80\x80", 0, 0},
	{"lead_beyond_unicode", "\xF5\x80\x80\x80", 0, 0},
	{"cut_short", "\xE2\x82", 0, 0},
	{"not_continued", "\xE2\x82x", 0, 0},
};

TABLE_TEST(Decode, kDecodeRows)
{
	const auto decoded = contact::decode(row.text);
	EXPECT_EQ(decoded.value, row.value);
	EXPECT_EQ(decoded.size, row.size);
}

struct PairRow
{
	const char *name;
	std::string_view text;
	std::string_view expected;
};

const PairRow kTrimRows[] = {
	{"nothing", "a b", "a b"},
	{"ascii", " \t\n\v\f\ra b\r ", "a b"},
	{"next_line", "\u0085a\u0085", "a"},
	{"no_break_space", "\u00a0a\u00a0", "a"},
	{"ogham", "\u1680a\u1680", "a"},
	{"en_quad_to_hair_space", "\u2000\u200aa\u200a\u2000", "a"},
	{"line_separators", "\u2028a\u2029", "a"},
	{"narrow_and_mathematical", "\u202fa\u205f", "a"},
	{"ideographic", "\u3000a\u3000", "a"},
	{"zero_width_is_none", "\u200ba", "\u200ba"},
	{"all", " \u3000 ", ""},
	{"empty", "", ""},
	{"invalid_stays", " \xFF ", "\xFF"},
	{"cut_short_at_the_end", "a\xE3\x80", "a\xE3\x80"},
	{"stray_continuation", "a\u3000\x80", "a\u3000\x80"},
};

TABLE_TEST(Trim, kTrimRows)
{
	EXPECT_EQ(view_text(cu_trim({row.text.data(), row.text.size()})), row.expected);
}

const PairRow kFoldRows[] = {
	{"ascii", "Hello, World 1", "hello, world 1"},
	{"latin", "\u00c9\u00dc", "\u00e9\u00fc"},
	{"every_second", "\u0100\u0101\u0102", "\u0101\u0101\u0103"},
	{"sharp_s", "\u1e9e\u00df", "\u00df\u00df"},
	{"greek_final_sigma", "\u03a3\u03c2\u03c3", "\u03c3\u03c3\u03c3"},
	{"cyrillic", "\u0410\u042f", "\u0430\u044f"},
	{"dotless_i_stays", "\u0131", "\u0131"},
	{"i_is_not_turkish", "I", "i"},
	{"dotted_i_stays", "\u0130", "\u0130"},
	{"kelvin", "\u212a", "k"},
	{"one_byte_more", "\u023a", "\u2c65"},
	{"cherokee", "\uab70", "\u13a0"},
	{"deseret", "\U00010400", "\U00010428"},
	{"last_range", "\U0001E900\U0001E921", "\U0001E922\U0001E943"},
	{"behind_last_range", "\U0001E922", "\U0001E922"},
	{"invalid_stays", "A\xFF\xC3", "a\xFF\xC3"},
	{"empty", "", ""},
};

TABLE_TEST(FoldCase, kFoldRows)
{
	TestHost host;
	cu_text folded{};
	ASSERT_EQ(cu_fold_case(host.get(), {row.text.data(), row.text.size()}, &folded), CU_OK);
	EXPECT_EQ(view_text(folded), row.expected);
	EXPECT_EQ(contact::compare_folded(row.text, row.expected), 0);
}

TEST(CompareFolded, is_the_order_of_the_bytes)
{
	EXPECT_LT(contact::compare_folded("A", "b"), 0);
	EXPECT_GT(contact::compare_folded("C", "b"), 0);
	EXPECT_LT(contact::compare_folded("", "b"), 0);
	EXPECT_LT(contact::compare_folded("TAG 1", "tag 10"), 0);
	EXPECT_GT(contact::compare_folded("TAG 10", "tag 1"), 0);
	EXPECT_LT(contact::compare_folded("Z", "\u00e4"), 0);
	EXPECT_GT(contact::compare_folded("\u00c4", "z"), 0);
	EXPECT_GT(contact::compare_folded("\u00c4", "\xc3"), 0);
	EXPECT_LT(contact::compare_folded("A", "\xff"), 0);
}

TEST(FloorCodePoint, never_splits_one)
{
	EXPECT_EQ(contact::floor_code_point("a\u20acb", 0), 0U);
	EXPECT_EQ(contact::floor_code_point("a\u20acb", 1), 1U);
	EXPECT_EQ(contact::floor_code_point("a\u20acb", 2), 1U);
	EXPECT_EQ(contact::floor_code_point("a\u20acb", 3), 1U);
	EXPECT_EQ(contact::floor_code_point("a\u20acb", 4), 4U);
	EXPECT_EQ(contact::floor_code_point("a\u20acb", 9), 5U);
	EXPECT_EQ(contact::floor_code_point("\x80\x80\x80\x80\x80\x80", 5), 5U);
}

TEST(JsonbLess, compares_size_before_bytes)
{
	EXPECT_TRUE(contact::jsonb_less("z", "aa"));
	EXPECT_TRUE(contact::jsonb_less("ab", "b\xC3"));
	EXPECT_TRUE(contact::jsonb_less("az", "b\xFF"));
	EXPECT_FALSE(contact::jsonb_less("a", "a"));
}

} // namespace
