/* email_test.cpp - which addresses are accepted and how they are stored. */
#include "core_call.hpp"
#include "table.hpp"

namespace {

std::string
repeat(std::string_view text, std::size_t count)
{
	std::string repeated;
	while (count-- > 0)
		repeated += text;
	return repeated;
}

/* The stored form of an address, or the code of its rejection. */
std::string
read(std::string_view value)
{
	JsonDocument document("{\"email_address\":" + std::string(value) + "}");
	EXPECT_TRUE(document.good());
	TestHost host;
	const cu_parsed_request *request = nullptr;
	cu_text email{};
	cu_error error{};
	const auto result = cu_parse_request(host.get(), &document.document(), false, &request, &email, &error);
	if (result == CU_REJECTED)
	{
		EXPECT_STREQ(error.field, "email_address");
		EXPECT_NE(error.hint[0], '\0');
		return cu_code_name(error.code);
	}
	EXPECT_EQ(result, CU_OK);
	EXPECT_TRUE(cu_is_stored_email(email));
	return std::string(view_text(email));
}

struct Row
{
	const char *name;
	std::string json;
	std::string expected;
};

const std::string kLabel63 = repeat("a", 63);
const std::string kLocal187 = repeat("b", 187);
const std::string kInvalid = "EMAIL_INVALID";
const std::string kMissing = "EMAIL_REQUIRED";

const Row kRows[] = {
	{"plain", R"("tywin@example.com")", "tywin@example.com"},
	{"upper_case", R"("Tywin.LANNISTER@Example.COM")", "tywin.lannister@example.com"},
	{"only_ascii_is_lowered", R"("É@É.fr")", "É@É.fr"},
	{"trimmed", R"(" \t\u00a0tywin@example.com\u3000\n")", "tywin@example.com"},
	{"one_label", R"("a@b")", "a@b"},
	{"all_specials", R"(".!#$%&'*+/=?^_`{|}~-@b")", ".!#$%&'*+/=?^_`{|}~-@b"},
	{"dots_anywhere_in_the_local_part", R"("..a..@b")", "..a..@b"},
	{"hyphen_inside_label", R"("a@b--c.d-e")", "a@b--c.d-e"},
	{"digits_in_domain", R"("a@1.2")", "a@1.2"},
	{"international", R"("用户@例え.テスト")", "用户@例え.テスト"},
	{"emoji", R"("a😀@b")", "a😀@b"},
	{"label_63", "\"a@" + kLabel63 + "\"", "a@" + kLabel63},
	{"label_63_code_points", "\"a@" + repeat("é", 63) + "\"", "a@" + repeat("é", 63)},
	{"254_bytes", "\"" + kLocal187 + "@" + kLabel63 + ".de" + "\"", kLocal187 + "@" + kLabel63 + ".de"},

	{"missing", "null", kMissing},
	{"empty", R"("")", kMissing},
	{"blank", R"(" \u00a0 ")", kMissing},
	{"number", "1", kInvalid},
	{"boolean", "true", kInvalid},
	{"array", R"(["a@b"])", kInvalid},
	{"object", "{}", kInvalid},
	{"no_at", R"("example.com")", kInvalid},
	{"two_ats", R"("a@b@c")", kInvalid},
	{"no_local_part", R"("@b")", kInvalid},
	{"no_domain", R"("a@")", kInvalid},
	{"space_inside", R"("a b@c")", kInvalid},
	{"quoted", R"("\"a\"@b")", kInvalid},
	{"comma", R"("a,b@c")", kInvalid},
	{"display_name", R"("A <a@b>")", kInvalid},
	{"address_literal", R"("a@[127.0.0.1]")", kInvalid},
	{"underscore_in_domain", R"("a@b_c")", kInvalid},
	{"dot_first_in_domain", R"("a@.b")", kInvalid},
	{"dot_last_in_domain", R"("a@b.")", kInvalid},
	{"empty_label", R"("a@b..c")", kInvalid},
	{"hyphen_first", R"("a@-b")", kInvalid},
	{"hyphen_last", R"("a@b-.c")", kInvalid},
	{"hyphen_alone", R"("a@-")", kInvalid},
	{"label_64", "\"a@" + kLabel63 + "a\"", kInvalid},
	{"label_64_code_points", "\"a@" + repeat("é", 64) + "\"", kInvalid},
	{"255_bytes", "\"b" + kLocal187 + "@" + kLabel63 + ".de" + "\"", kInvalid},
	{"control", R"("a\u0001@b")", kInvalid},
	{"delete", R"("a\u007f@b")", kInvalid},
	{"c1_control", R"("a\u0080@b")", kInvalid},
	{"no_break_space_inside", R"("a\u00a0b@c")", kInvalid},
	{"zero_width_space", R"("a\u200b@b")", kInvalid},
	{"zero_width_joiner", R"("a@b\u200dc")", kInvalid},
	{"bidi_override", R"("a\u202e@b")", kInvalid},
	{"bidi_isolate", R"("a\u2066@b")", kInvalid},
	{"word_joiner", R"("a\u2060@b")", kInvalid},
	{"byte_order_mark", R"("\ufeffa@b")", kInvalid},
	{"soft_hyphen", R"("a\u00ad@b")", kInvalid},
	{"variation_selector", R"("a\ufe0f@b")", kInvalid},
	{"tag_character", R"("a\udb40\udc41@b")", kInvalid},
	{"ideographic_full_stop", R"("a@b\u3002c")", kInvalid},
	{"fullwidth_full_stop", R"("a@b\uff0ec")", kInvalid},
	{"halfwidth_full_stop", R"("a@b\uff61c")", kInvalid},
	{"fullwidth_at", R"("a\uff20b")", kInvalid},
	{"fullwidth_at_in_local_part", R"("a\uff20b@c")", kInvalid},
	{"small_at", R"("a\ufe6bb@c")", kInvalid},
	{"small_full_stop", R"("a@b\ufe52c")", kInvalid},
	{"one_dot_leader", R"("a@b\u2024c")", kInvalid},
	{"ellipsis", R"("a\u2026@b")", kInvalid},
	{"presentation_form_full_stop", R"("a@b\ufe12c")", kInvalid},
	{"digit_full_stop", R"("a@b\u2488c")", kInvalid},
	{"replacement_character", R"("a\ufffd@b")", kInvalid},
	{"replacement_character_in_domain", R"("a@b\ufffd.c")", kInvalid},
	{"braille_blank", R"("a\u2800@b")", kInvalid},
	{"fullwidth_letter", R"("ａ@b")", "ａ@b"},
	{"noncharacter", R"("a\uffff@b")", kInvalid},
	{"noncharacter_block", R"("a\ufdd0@b")", kInvalid},
};

TABLE_TEST(Email, kRows)
{
	EXPECT_EQ(read(row.json), row.expected);
}

struct StoredRow
{
	const char *name;
	std::string_view text;
	bool stored;
};

const StoredRow kStoredRows[] = {
	{"stored", "a@b", true},
	{"upper_case", "A@b", false},
	{"upper_case_domain", "a@B", false},
	{"white_space", " a@b", false},
	{"empty", "", false},
	{"invalid_utf8", "a\xFF@b", false},
	{"overlong", "a\xC1\x81@b", false},
	{"surrogate", "a\xED\xA0\x80@b", false},
	{"cut_short_in_domain", "a@b\xC3", false},
};

TABLE_TEST(StoredEmail, kStoredRows)
{
	EXPECT_EQ(cu_is_stored_email({row.text.data(), row.text.size()}), row.stored);
}

TEST(EmailError, says_what_the_contract_says)
{
	EXPECT_EQ(outcome_of("null", "{}"),
			  "EMAIL_REQUIRED (email_address): Email address is required for upsert operation.");
	EXPECT_EQ(outcome_of("null", R"({"email_address": "tywin"})"),
			  "EMAIL_INVALID (email_address): The email address you provided is not valid.");
}

} // namespace
