/* refusal_test.cpp - errors in buffers of fixed size. */
#include "core/rejection.hpp"

#include "core_call.hpp"

#include <gtest/gtest.h>

namespace {

std::string
cut(std::string_view text)
{
	char buffer[8];
	contact::ErrorText(buffer).append(text);
	return buffer;
}

TEST(ErrorText, cuts_at_a_code_point)
{
	EXPECT_EQ(cut(""), "");
	EXPECT_EQ(cut("1234567"), "1234567");
	EXPECT_EQ(cut("12345678"), "1234...");
	EXPECT_EQ(cut("123é5678"), "123...");
	EXPECT_EQ(cut("12éé5678"), "12é...");
	EXPECT_EQ(cut("1😀34567"), "1...");
	EXPECT_EQ(cut("\x80\x80\x80\x80\x80\x80\x80\x80"), "\x80\x80\x80\x80...");
}

TEST(ErrorText, stays_cut)
{
	char buffer[8];
	contact::ErrorText text(buffer);
	text.append("123456").append("78").append("9");
	EXPECT_STREQ(buffer, "1234...");
}

TEST(Rejection, cuts_what_the_user_sent)
{
	const std::string key(2000, 'x');
	CoreCall call(kDefinitions, "null", request_with("\"fields\":{\"" + key + "\":1}"));
	ASSERT_EQ(call.run(), CU_REJECTED);
	EXPECT_EQ(std::string(call.error.merge_tag), std::string(252, 'x') + "...");
	EXPECT_EQ(std::string(call.error.message).size(), sizeof call.error.message - 1);
	EXPECT_TRUE(std::string_view(call.error.message).ends_with("x..."));
}

TEST(Rejection, never_reads_a_format)
{
	EXPECT_EQ(outcome_of("null", request_with(R"("tags": ["%s%n%d"])")),
			  "TAG_NOT_FOUND (tags, %s%n%d): Tag '%s%n%d' does not exist in this workspace");
}

TEST(Rejection, takes_digits_that_are_cut_for_text)
{
	cu_error error;
	contact::Rejection(error, CU_TAG_NOT_FOUND).tag_id(std::string(255, '1'));
	EXPECT_TRUE(error.tag_is_id);
	contact::Rejection(error, CU_TAG_NOT_FOUND).tag_id(std::string(256, '1'));
	EXPECT_FALSE(error.tag_is_id);
	EXPECT_TRUE(std::string_view(error.tag).ends_with("1..."));
}

TEST(Rejection, describes_one_fault_only)
{
	cu_error error;
	contact::Rejection(error, CU_TAG_NOT_FOUND).message({"m"}).hint({"h"}).field("tags").tag_id("1");
	EXPECT_EQ(contact::reject_shape(error, "fields", "an object"), CU_REJECTED);
	EXPECT_EQ(error.code, CU_INVALID_REQUEST);
	EXPECT_STREQ(error.message, "fields must be an object.");
	EXPECT_STREQ(error.hint, "Correct the value of fields, or leave the key out.");
	EXPECT_STREQ(error.tag, "");
	EXPECT_FALSE(error.tag_is_id || error.has_tag || error.has_value || error.has_type || error.has_merge_tag);
	EXPECT_TRUE(error.has_field);
}

/* The value that the rejection of a field shows. */
std::string
value_of(std::string_view merge_tag, std::string_view json)
{
	CoreCall call(kDefinitions,
				  "null",
				  request_with("\"fields\":{\"" + std::string(merge_tag) + "\":" + std::string(json) + "}"));
	EXPECT_EQ(call.run(), CU_REJECTED);
	EXPECT_TRUE(call.error.has_value && call.error.has_type);
	return call.error.value;
}

TEST(Rejection, of_a_value_shows_it)
{
	EXPECT_EQ(value_of("age", R"("old")"), "old");
	EXPECT_EQ(value_of("age", "true"), "true");
	EXPECT_EQ(value_of("country", "4.90"), "4.90");
	EXPECT_EQ(value_of("plan", R"([null, {"a": [1, "x"], "bc": {}}])"), R"([null, {"a": [1, "x"], "bc": {}}])");
	EXPECT_EQ(value_of("age", '"' + std::string(300, 'x') + '"'), std::string(252, 'x') + "...");
	std::string many;
	for (int i = 0; i < 5000; i++)
		many += i > 0 ? ",[]" : "[]";
	EXPECT_EQ(value_of("age", "[" + many + "]").substr(245), "[], [],...");
}

TEST(Rejection, of_a_value_has_the_type_and_its_options)
{
	CoreCall plan(kDefinitions, "null", request_with(R"("fields": {"plan": "Gold"})"));
	ASSERT_EQ(plan.run(), CU_REJECTED);
	EXPECT_EQ(plan.error.type, CU_DROPDOWN_SINGLE);
	ASSERT_EQ(plan.error.option_count, 3U);
	EXPECT_EQ(view_text(plan.error.options[2].text), "Team");
	CoreCall age(kDefinitions, "null", request_with(R"("fields": {"age": "Gold"})"));
	ASSERT_EQ(age.run(), CU_REJECTED);
	EXPECT_EQ(age.error.type, CU_NUMBER);
	EXPECT_EQ(age.error.options, nullptr);
}

TEST(Rejection, of_an_address_shows_it)
{
	CoreCall call(kDefinitions, "null", R"({"email_address": "tywin"})");
	ASSERT_EQ(call.run(), CU_REJECTED);
	EXPECT_TRUE(call.error.has_value);
	EXPECT_STREQ(call.error.value, "tywin");
}

TEST(Rejection, of_a_field_names_it_though_its_key_is_empty)
{
	CoreCall call(kDefinitions, "null", request_with(R"("fields": {"": 1})"));
	ASSERT_EQ(call.run(), CU_REJECTED);
	EXPECT_TRUE(call.error.has_merge_tag);
	EXPECT_STREQ(call.error.merge_tag, "");
}

} // namespace
