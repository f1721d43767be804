/* tags_test.cpp - tags of a request: looked up by id and by name, created, merged. */
#include "core_call.hpp"
#include "table.hpp"

namespace {

const std::string kPartial = R"(, "partial_update": true)";
const std::string kCreate = R"(, "create_tags": true)";
const std::string kName65(65, 'x');

struct Row
{
	const char *name;
	const char *contact;
	std::string members;
	std::string outcome;
};

const char *const kTagged = R"({"status": "SUBSCRIBED", "tags": [1, 7]})";
const char *const kUndefined = R"({"status": "SUBSCRIBED", "tags": [1, 3, 99]})";

const Row kRows[] = {
	{"ids", "null", R"("tags": [2, 1])", "CREATED SUBSCRIBED [1,2] {}"},
	{"none", "null", R"("tags": [])", "CREATED SUBSCRIBED [] {}"},
	{"twice", "null", R"("tags": [2, 2, "vip"])", "CREATED SUBSCRIBED [2] {}"},
	{"name", "null", R"("tags": ["vip"])", "CREATED SUBSCRIBED [2] {}"},
	{"name_folded", "null", R"("tags": ["NewsLetter", "ÜBERMUT"])", "CREATED SUBSCRIBED [1,7] {}"},
	{"name_trimmed", "null", R"("tags": [" vip\u00a0"])", "CREATED SUBSCRIBED [2] {}"},
	{"integer_with_fraction_of_zeros", "null", R"("tags": [1.0])", "CREATED SUBSCRIBED [1] {}"},
	{"integer_with_exponent", "null", R"("tags": [0.1e1])", "CREATED SUBSCRIBED [1] {}"},
	{"add_on_create", "null", R"("tags": [1], "add_tags": [2])", "CREATED SUBSCRIBED [1,2] {}"},
	{"remove_after_add",
	 "null",
	 R"("tags": [1], "add_tags": [2], "remove_tags": ["vip", 1])",
	 "CREATED SUBSCRIBED [] {}"},

	{"replace_drops_omitted", kTagged, "", "UPDATED SUBSCRIBED [] {}"},
	{"replace", kTagged, R"("tags": [2])", "UPDATED SUBSCRIBED [2] {}"},
	{"replace_with_the_same", kTagged, R"("tags": ["übermut", 1])", "UNCHANGED SUBSCRIBED [1,7] {}"},
	{"replace_adds_to_none", kTagged, R"("add_tags": [2])", "UPDATED SUBSCRIBED [2] {}"},
	{"partial_keeps_omitted", kTagged, R"("fields": {})" + kPartial, "UNCHANGED SUBSCRIBED [1,7] {}"},
	{"partial_replaces_given", kTagged, R"("tags": [2])" + kPartial, "UPDATED SUBSCRIBED [2] {}"},
	{"partial_clears", kTagged, R"("tags": [])" + kPartial, "UPDATED SUBSCRIBED [] {}"},
	{"partial_adds", kTagged, R"("add_tags": ["VIP"])" + kPartial, "UPDATED SUBSCRIBED [1,2,7] {}"},
	{"partial_adds_what_is_there", kTagged, R"("add_tags": [7])" + kPartial, "UNCHANGED SUBSCRIBED [1,7] {}"},
	{"partial_removes", kTagged, R"("remove_tags": [7])" + kPartial, "UPDATED SUBSCRIBED [1] {}"},
	{"partial_removes_what_is_not_there", kTagged, R"("remove_tags": [2])" + kPartial, "UNCHANGED SUBSCRIBED [1,7] {}"},

	{"undefined_ids_go", kUndefined, R"("add_tags": [2])" + kPartial, "UPDATED SUBSCRIBED [1,2] {}"},
	{"undefined_ids_are_no_change", kUndefined, R"("tags": [1])", "UNCHANGED SUBSCRIBED [1] {}"},

	{"unknown_id", "null", R"("tags": [1, 3])", "TAG_NOT_FOUND (tags, 3): Tag ID 3 does not exist in this workspace"},
	{"zero", "null", R"("tags": [0])", "TAG_NOT_FOUND (tags, 0): Tag ID 0 does not exist in this workspace"},
	{"negative",
	 "null",
	 R"("add_tags": [-1])",
	 "TAG_NOT_FOUND (add_tags, -1): Tag ID -1 does not exist in this workspace"},
	{"written_as_integer",
	 "null",
	 R"("tags": [3.0])",
	 "TAG_NOT_FOUND (tags, 3): Tag ID 3 does not exist in this workspace"},
	{"largest_id",
	 "null",
	 R"("tags": [9223372036854775807])",
	 "TAG_NOT_FOUND (tags, 9223372036854775807): Tag ID 9223372036854775807 does not exist in this workspace"},
	{"beyond_bigint",
	 "null",
	 R"("tags": [9223372036854775808])",
	 "TAG_NOT_FOUND (tags, 9223372036854775808): Tag ID 9223372036854775808 does not exist in this workspace"},
	{"unknown_name",
	 "null",
	 R"("tags": [" Gold "])",
	 "TAG_NOT_FOUND (tags, Gold): Tag 'Gold' does not exist in this workspace"},
	{"numeric_name", "null", R"("tags": ["1"])", "TAG_NOT_FOUND (tags, 1): Tag '1' does not exist in this workspace"},
	{"blank_name", "null", R"("tags": [" "])", "TAG_NOT_FOUND (tags): Tag '' does not exist in this workspace"},
	{"removed_unknown_id",
	 "null",
	 R"("remove_tags": [3])" + kCreate,
	 "TAG_NOT_FOUND (remove_tags, 3): Tag ID 3 does not exist in this workspace"},
	{"removed_unknown_name",
	 "null",
	 R"("remove_tags": ["Gold"])",
	 "TAG_NOT_FOUND (remove_tags, Gold): Tag 'Gold' does not exist in this workspace"},

	{"create", "null", R"("tags": ["Silver", 2, "Gold"])" + kCreate, R"(CREATED SUBSCRIBED [2,"Silver","Gold"] {})"},
	{"create_no_id",
	 "null",
	 R"("tags": [3])" + kCreate,
	 "TAG_NOT_FOUND (tags, 3): Tag ID 3 does not exist in this workspace"},
	{"create_not_what_exists", "null", R"("tags": ["VIP"])" + kCreate, "CREATED SUBSCRIBED [2] {}"},
	{"create_once",
	 "null",
	 R"("tags": ["Gold", "GOLD"], "add_tags": [" gold "])" + kCreate,
	 R"(CREATED SUBSCRIBED ["Gold"] {})"},
	{"create_trimmed", "null", R"("tags": [" New\u3000"])" + kCreate, R"(CREATED SUBSCRIBED ["New"] {})"},
	{"create_numeric_name",
	 "null",
	 R"("tags": ["1"])" + kCreate,
	 "TAG_NOT_FOUND (tags, 1): Tag '1' does not exist in this workspace"},
	{"create_numeric_name_with_spaces",
	 "null",
	 R"("add_tags": ["Gold", " 007 "])" + kCreate,
	 "TAG_NOT_FOUND (add_tags, 007): Tag '007' does not exist in this workspace"},
	{"create_name_with_digits", "null", R"("tags": ["2024-02"])" + kCreate, R"(CREATED SUBSCRIBED ["2024-02"] {})"},
	{"create_name_of_other_digits", "null", R"("tags": ["٣"])" + kCreate, R"(CREATED SUBSCRIBED ["٣"] {})"},
	{"remove_numeric_name",
	 "null",
	 R"("remove_tags": ["1"])" + kCreate,
	 "TAG_NOT_FOUND (remove_tags, 1): Tag '1' does not exist in this workspace"},
	{"create_partial",
	 kTagged,
	 R"("add_tags": ["Gold"])" + kCreate + kPartial,
	 R"(UPDATED SUBSCRIBED [1,7,"Gold"] {})"},
	{"create_and_remove",
	 "null",
	 R"("tags": ["Gold", "Silver"], "remove_tags": ["GOLD"])" + kCreate,
	 R"(CREATED SUBSCRIBED ["Silver"] {})"},
	{"remove_never_creates", "null", R"("remove_tags": ["Gold"])" + kCreate, "CREATED SUBSCRIBED [] {}"},
	{"remove_what_is_no_name", "null", R"("remove_tags": [" "])" + kCreate, "CREATED SUBSCRIBED [] {}"},
	{"create_blank",
	 "null",
	 R"("tags": [" "])" + kCreate,
	 "INVALID_REQUEST (tags): A tag name must have 1 to 64 characters."},
	{"create_65",
	 "null",
	 R"("add_tags": [")" + kName65 + R"("])" + kCreate,
	 "INVALID_REQUEST (add_tags, " + kName65 + "): A tag name must have 1 to 64 characters."},
};

TABLE_TEST(Tags, kRows)
{
	EXPECT_EQ(outcome_of(row.contact, request_with(row.members)), row.outcome);
}

TEST(Tags, to_be_created_are_counted)
{
	CoreCall call(kDefinitions, kTagged, request_with(R"("add_tags": ["a", "vip", "b"])" + kCreate + kPartial));
	ASSERT_EQ(call.run(), CU_OK);
	EXPECT_EQ(call.decision.new_tag_count, 2U);
	EXPECT_EQ(call.changes(), R"(+[2,"a","b"] -[])");
}

TEST(Tags, changes_are_those_that_are_visible)
{
	CoreCall call(kDefinitions, kUndefined, request_with(R"("tags": [2, 7])"));
	EXPECT_EQ(call.changes(), "+[2,7] -[1]");
}

TEST(TagError, says_whether_the_tag_is_an_id)
{
	CoreCall id(kDefinitions, "null", request_with(R"("tags": [3])"));
	ASSERT_EQ(id.run(), CU_REJECTED);
	EXPECT_TRUE(id.error.tag_is_id);
	CoreCall name(kDefinitions, "null", request_with(R"("tags": ["3"])"));
	ASSERT_EQ(name.run(), CU_REJECTED);
	EXPECT_FALSE(name.error.tag_is_id);
	EXPECT_STREQ(
		name.error.hint,
		"It is likely the ID of a tag: write it in tags as a number, without quotes. A name of digits alone is "
		"never created here.");
	CoreCall other(kDefinitions, "null", request_with(R"("tags": ["3rd"])"));
	ASSERT_EQ(other.run(), CU_REJECTED);
	EXPECT_STREQ(other.error.hint, "Define the tag, remove its name from tags, or add \"create_tags\": true.");
}

TEST(TagError, leaves_an_exponent_text)
{
	CoreCall large(kDefinitions, "null", request_with(R"("tags": [1e300])"));
	ASSERT_EQ(large.run(), CU_REJECTED);
	EXPECT_STREQ(large.error.tag, "1e300");
	EXPECT_FALSE(large.error.tag_is_id);
}

TEST(TagError, has_a_tag_though_its_name_is_empty)
{
	CoreCall blank(kDefinitions, "null", request_with(R"("tags": [" "])"));
	ASSERT_EQ(blank.run(), CU_REJECTED);
	EXPECT_TRUE(blank.error.has_tag);
	EXPECT_STREQ(blank.error.tag, "");
}

struct NameRow
{
	const char *name;
	std::string text;
	bool valid;
};

const NameRow kNameRows[] = {
	{"one", "x", true},
	{"space_inside", "a b", true},
	{"sixty_four", std::string(64, 'x'), true},
	{"sixty_four_code_points", "ÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜ", true},
	{"sixty_five", kName65, false},
	{"empty", "", false},
	{"space_before", " x", false},
	{"space_behind", "x\u00a0", false},
	{"invalid_utf8", "x\xFF", false},
};

TABLE_TEST(TagName, kNameRows)
{
	EXPECT_EQ(cu_is_tag_name({row.text.data(), row.text.size()}), row.valid);
}

} // namespace
