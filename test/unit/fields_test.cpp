/* fields_test.cpp - fields of a request: looked up, required, defaulted, merged. */
#include "core_call.hpp"
#include "table.hpp"

namespace {

const char *const kRequiring = R"({"status_policy": "api", "tags": [], "fields": [
	{"merge_tag": "email_address", "label": "Email Address", "type": "TEXT", "required": true, "tracked": false},
	{"merge_tag": "zz", "label": "Zed", "type": "NUMBER", "required": true, "tracked": true},
	{"merge_tag": "company", "label": "Company", "type": "TEXT", "required": true, "tracked": true},
	{"merge_tag": "plan", "label": "Plan", "type": "DROPDOWN_SINGLE", "options": ["Free", "Pro"],
	 "default_value": "Free", "required": true, "tracked": true},
	{"merge_tag": "country", "label": "Country", "type": "COUNTRY", "default_value": "de",
	 "required": false, "tracked": true},
	{"merge_tag": "size", "label": "Size", "type": "DROPDOWN_SINGLE", "options": ["S", "M"],
	 "default_value": "no longer an option", "required": false, "tracked": true}]})";

const char *const kContact =
	R"({"status": "SUBSCRIBED", "tags": [], "data": {"zz": 1, "plan": "Pro", "company": "Casterly Rock", "country": "FR"}})";

const std::string kPartial = R"(, "partial_update": true)";

struct Row
{
	const char *name;
	const char *contact;
	std::string members;
	const char *outcome;
};

const Row kRequiredRows[] = {
	{"create",
	 "null",
	 R"("fields": {"zz": 1, "company": "x"})",
	 R"(CREATED SUBSCRIBED [] {"zz":1,"plan":"Free","company":"x","country":"DE"})"},
	{"create_missing", "null", R"("fields": {"zz": 1})", "FIELD_REQUIRED (company): Field 'Company' is required."},
	{"create_none", "null", "", "FIELD_REQUIRED (zz): Field 'Zed' is required."},
	{"create_null",
	 "null",
	 R"("fields": {"zz": null, "company": "x"})",
	 "FIELD_REQUIRED (zz): Field 'Zed' is required."},
	{"create_empty",
	 "null",
	 R"("fields": {"zz": 1, "company": ""})",
	 "FIELD_REQUIRED (company): Field 'Company' is required."},
	{"create_blank",
	 "null",
	 R"("fields": {"zz": 1, "company": " \u00a0"})",
	 "FIELD_REQUIRED (company): Field 'Company' is required."},
	{"create_zero_is_a_value",
	 "null",
	 R"("fields": {"zz": 0, "company": "x"})",
	 R"(CREATED SUBSCRIBED [] {"zz":0,"plan":"Free","company":"x","country":"DE"})"},
	{"create_partial_makes_no_difference",
	 "null",
	 R"("fields": {"zz": 1})" + kPartial,
	 "FIELD_REQUIRED (company): Field 'Company' is required."},
	{"create_partial_gets_defaults",
	 "null",
	 R"("fields": {"zz": 1, "company": "x"})" + kPartial,
	 R"(CREATED SUBSCRIBED [] {"zz":1,"plan":"Free","company":"x","country":"DE"})"},
	{"null_gets_the_default",
	 "null",
	 R"("fields": {"zz": 1, "company": "x", "plan": null, "country": ""})",
	 R"(CREATED SUBSCRIBED [] {"zz":1,"plan":"Free","company":"x","country":"DE"})"},
	{"replace_missing", kContact, R"("fields": {"zz": 1})", "FIELD_REQUIRED (company): Field 'Company' is required."},
	{"replace_gets_defaults",
	 kContact,
	 R"("fields": {"zz": 1, "company": "x"})",
	 R"(UPDATED SUBSCRIBED [] {"zz":1,"plan":"Free","company":"x","country":"DE"})"},
	{"partial_may_omit",
	 kContact,
	 R"("fields": {"country": "US"})" + kPartial,
	 R"(UPDATED SUBSCRIBED [] {"zz":1,"plan":"Pro","company":"Casterly Rock","country":"US"})"},
	{"partial_gets_no_defaults",
	 R"({"status": "SUBSCRIBED", "data": {"zz": 1}})",
	 R"("fields": {"zz": 2})" + kPartial,
	 R"(UPDATED SUBSCRIBED [] {"zz":2})"},
	{"partial_may_not_clear",
	 kContact,
	 R"("fields": {"company": null, "zz": ""})" + kPartial,
	 "FIELD_REQUIRED (zz): Field 'Zed' is required."},
	{"partial_may_not_clear_for_the_default",
	 kContact,
	 R"("fields": {"plan": null})" + kPartial,
	 "FIELD_REQUIRED (plan): Field 'Plan' is required."},
	{"partial_clears",
	 kContact,
	 R"("fields": {"country": null})" + kPartial,
	 R"(UPDATED SUBSCRIBED [] {"zz":1,"plan":"Pro","company":"Casterly Rock"})"},
};

TABLE_TEST(FieldsRequired, kRequiredRows)
{
	EXPECT_EQ(outcome_of(kRequiring, row.contact, request_with(row.members)), row.outcome);
}

const char *const kTywin = R"({"status": "SUBSCRIBED", "tags": [], "data":
	{"age": 67, "last_name": "Lannister", "first_name": "Tywin"}})";

const Row kMergeRows[] = {
	{"create",
	 "null",
	 R"("fields": {"first_name": "Tywin", "age": 67})",
	 R"(CREATED SUBSCRIBED [] {"age":67,"first_name":"Tywin"})"},
	{"email_address_is_ignored",
	 "null",
	 R"("fields": {"email_address": ["other@example.com"]})",
	 "CREATED SUBSCRIBED [] {}"},
	{"replace",
	 kTywin,
	 R"("fields": {"first_name": "Tyrion", "plan": "Pro"})",
	 R"(UPDATED SUBSCRIBED [] {"plan":"Pro","first_name":"Tyrion"})"},
	{"replace_with_nothing", kTywin, "", "UPDATED SUBSCRIBED [] {}"},
	{"replace_with_the_same",
	 kTywin,
	 R"("fields": {"first_name": "Tywin", "last_name": "Lannister", "age": 67})",
	 R"(UNCHANGED SUBSCRIBED [] {"age":67,"last_name":"Lannister","first_name":"Tywin"})"},
	{"partial",
	 kTywin,
	 R"("fields": {"first_name": "Tyrion", "plan": "Pro"})" + kPartial,
	 R"(UPDATED SUBSCRIBED [] {"age":67,"plan":"Pro","last_name":"Lannister","first_name":"Tyrion"})"},
	{"partial_of_nothing",
	 kTywin,
	 R"("fields": {})" + kPartial,
	 R"(UNCHANGED SUBSCRIBED [] {"age":67,"last_name":"Lannister","first_name":"Tywin"})"},
	{"partial_clears_what_is_not_there",
	 kTywin,
	 R"("fields": {"plan": ""})" + kPartial,
	 R"(UNCHANGED SUBSCRIBED [] {"age":67,"last_name":"Lannister","first_name":"Tywin"})"},
	{"equal_number_keeps_its_spelling",
	 kTywin,
	 R"("fields": {"age": 67.00})" + kPartial,
	 R"(UNCHANGED SUBSCRIBED [] {"age":67,"last_name":"Lannister","first_name":"Tywin"})"},
	{"last_of_equal_keys_wins",
	 kTywin,
	 R"("fields": {"age": 1, "age": 2})" + kPartial,
	 R"(UPDATED SUBSCRIBED [] {"age":2,"last_name":"Lannister","first_name":"Tywin"})"},
	{"undefined_values_go",
	 R"({"status": "SUBSCRIBED", "data": {"age": 1, "shoe": 44, "aa": "x"}})",
	 R"("fields": {"age": 2})" + kPartial,
	 R"(UPDATED SUBSCRIBED [] {"age":2})"},
	{"undefined_values_are_no_change",
	 R"({"status": "SUBSCRIBED", "data": {"age": 1, "shoe": 44, "aa": "x"}})",
	 R"("fields": {"age": 1})",
	 R"(UNCHANGED SUBSCRIBED [] {"age":1})"},
	{"other_kind_of_value",
	 R"({"status": "SUBSCRIBED", "data": {"age": "1", "topics": [["x"]]}})",
	 R"("fields": {"age": 1, "topics": ["Jobs"]})",
	 R"(UPDATED SUBSCRIBED [] {"age":1,"topics":["Jobs"]})"},
	{"same_options",
	 R"({"status": "SUBSCRIBED", "data": {"topics": ["News", "Jobs"]}})",
	 R"("fields": {"topics": "Jobs,News"})",
	 R"(UNCHANGED SUBSCRIBED [] {"topics":["News","Jobs"]})"},
	{"reordered_options_change_nothing",
	 R"({"status": "SUBSCRIBED", "data": {"topics": ["Jobs", "News"]}})",
	 R"("fields": {"topics": ["News", "Jobs"]})",
	 R"(UNCHANGED SUBSCRIBED [] {"topics":["Jobs","News"]})"},
	{"fewer_options",
	 R"({"status": "SUBSCRIBED", "data": {"topics": ["Jobs", "News"]}})",
	 R"("fields": {"topics": ["News"]})",
	 R"(UPDATED SUBSCRIBED [] {"topics":["News"]})"},
	{"other_options",
	 R"({"status": "SUBSCRIBED", "data": {"topics": ["Jobs", "News"]}})",
	 R"("fields": {"topics": ["News", "Art, Music"]})",
	 R"(UPDATED SUBSCRIBED [] {"topics":["News","Art, Music"]})"},

	/* what is stored may be sent again, whatever the type says today */
	{"removed_option",
	 R"({"status": "SUBSCRIBED", "data": {"plan": "Gold"}})",
	 R"("fields": {"plan": "Gold"})",
	 R"(UNCHANGED SUBSCRIBED [] {"plan":"Gold"})"},
	{"removed_option_with_space",
	 R"({"status": "SUBSCRIBED", "data": {"plan": "Gold"}})",
	 R"("fields": {"plan": " Gold ", "age": 1})",
	 R"(UPDATED SUBSCRIBED [] {"age":1,"plan":"Gold"})"},
	{"stored_by_other_rules",
	 R"({"status": "SUBSCRIBED", "data": {"plan": " Gold", "age": "old"}})",
	 R"("fields": {"plan": " Gold", "age": "old"})",
	 R"(UNCHANGED SUBSCRIBED [] {"age":"old","plan":" Gold"})"},
	{"removed_option_partial",
	 R"({"status": "SUBSCRIBED", "data": {"plan": "Gold"}})",
	 R"("fields": {"plan": "Gold"})" + kPartial,
	 R"(UNCHANGED SUBSCRIBED [] {"plan":"Gold"})"},
	{"removed_option_of_another",
	 R"({"status": "SUBSCRIBED", "data": {"plan": "Gold"}})",
	 R"("fields": {"plan": "Silver"})",
	 "FIELD_INVALID (plan): Field 'Plan' is not a valid DROPDOWN_SINGLE."},
	{"removed_option_on_create",
	 "null",
	 R"("fields": {"plan": "Gold"})",
	 "FIELD_INVALID (plan): Field 'Plan' is not a valid DROPDOWN_SINGLE."},
	{"removed_options",
	 R"({"status": "SUBSCRIBED", "data": {"topics": ["Sports", "News"]}})",
	 R"("fields": {"topics": [" News", "Sports", "News"]})",
	 R"(UNCHANGED SUBSCRIBED [] {"topics":["Sports","News"]})"},
	{"removed_options_as_list",
	 R"({"status": "SUBSCRIBED", "data": {"topics": ["Sports", "News"]}})",
	 R"("fields": {"topics": " News,Sports,, "})",
	 R"(UNCHANGED SUBSCRIBED [] {"topics":["Sports","News"]})"},
	{"removed_options_and_more",
	 R"({"status": "SUBSCRIBED", "data": {"topics": ["Sports", "News"]}})",
	 R"("fields": {"topics": ["News", "Sports", "Jobs"]})",
	 "FIELD_INVALID (topics): Field 'Topics' is not a valid DROPDOWN_MULTIPLE."},
	{"removed_options_in_part",
	 R"({"status": "SUBSCRIBED", "data": {"topics": ["Sports", "News"]}})",
	 R"("fields": {"topics": ["Sports"]})",
	 "FIELD_INVALID (topics): Field 'Topics' is not a valid DROPDOWN_MULTIPLE."},
	{"date_of_old_rules",
	 R"({"status": "SUBSCRIBED", "data": {"birthday": "0000-00-00"}})",
	 R"("fields": {"birthday": "0000-00-00"})",
	 R"(UNCHANGED SUBSCRIBED [] {"birthday":"0000-00-00"})"},
	{"array_that_is_no_set",
	 R"({"status": "SUBSCRIBED", "data": {"topics": ["Sports"]}})",
	 R"("fields": {"topics": ["Sports", 1]})",
	 "FIELD_INVALID (topics): Field 'Topics' is not a valid DROPDOWN_MULTIPLE."},
	{"empty_list_is_no_field",
	 kTywin,
	 R"("fields": [])" + kPartial,
	 R"(UNCHANGED SUBSCRIBED [] {"age":67,"last_name":"Lannister","first_name":"Tywin"})"},
	{"empty_list_replaces", kTywin, R"("fields": [])", "UPDATED SUBSCRIBED [] {}"},
	{"blank_text_clears",
	 kTywin,
	 R"("fields": {"last_name": " \u2003"})" + kPartial,
	 R"(UPDATED SUBSCRIBED [] {"age":67,"first_name":"Tywin"})"},
};

TABLE_TEST(FieldsMerge, kMergeRows)
{
	EXPECT_EQ(outcome_of(row.contact, request_with(row.members)), row.outcome);
}

/* Twenty fields of TEXT, enough for more than 1 MiB. */
std::string
wide_definitions()
{
	std::string fields;
	for (int i = 0; i < 20; i++)
		fields += (i > 0 ? ",{\"merge_tag\":\"f" : "{\"merge_tag\":\"f") + std::to_string(10 + i) + "\",\"label\":\"F" +
				  std::to_string(i) + R"(","type":"TEXT","required":false,"tracked":false})";
	return R"({"status_policy": "api", "fields": [)" + fields + "]}";
}

/* {"f10": "xx..", ..}, count fields of so many bytes, and one more */
std::string
wide_data(int count, std::size_t size, std::size_t last)
{
	std::string data;
	for (int i = 0; i < count; i++)
		data += "\"f" + std::to_string(10 + i) + "\":\"" + std::string(size, 'x') + "\",";
	return "{" + data + "\"f" + std::to_string(10 + count) + "\":\"" + std::string(last, 'x') + "\"}";
}

TEST(FieldsSize, is_1_MiB_at_most)
{
	constexpr std::size_t kOverhead = 4 + 17 * (4 + 3 + 4);
	constexpr std::size_t kLast = CU_MAX_DATA_BYTES - kOverhead - std::size_t{16} * 65000;
	const auto before = R"({"status": "SUBSCRIBED", "data": )" + wide_data(15, 65000, 65000) + "}";
	const auto more = [](std::size_t size) {
		return request_with("\"partial_update\":true,\"fields\":{\"f26\":\"" + std::string(size, 'x') + "\"}");
	};

	CoreCall fits(wide_definitions(), before, more(kLast));
	ASSERT_EQ(fits.run(), CU_OK);
	EXPECT_EQ(cu_data_size(&fits.decision.data), std::size_t{CU_MAX_DATA_BYTES});
	CoreCall too_large(wide_definitions(), before, more(kLast + 1));
	EXPECT_EQ(too_large.outcome(), "INVALID_REQUEST (fields): The fields of the contact would be larger than 1 MiB.");
}

TEST(FieldsSize, may_stay_as_it_is)
{
	const auto large = R"({"status": "SUBSCRIBED", "data": )" + wide_data(17, 65000, 65000) + "}";
	EXPECT_TRUE(outcome_of(wide_definitions(), large, request_with(R"("partial_update": true, "status": "CLEANED")"))
					.starts_with("UPDATED CLEANED"));
	EXPECT_TRUE(outcome_of(wide_definitions(), large, request_with(R"("partial_update": true, "fields": {"f10": "y"})"))
					.starts_with("INVALID_REQUEST"));
}

TEST(FieldsSize, counts_what_jsonb_takes)
{
	const auto size_of = [](const char *json) { return cu_data_size(&JsonDocument(json).root()); };
	EXPECT_EQ(size_of("{}"), 4U);
	EXPECT_EQ(size_of(R"({"a": true})"), 4U + 9);
	EXPECT_EQ(size_of(R"({"a": "xyz"})"), 4U + 9 + 3);
	EXPECT_EQ(size_of(R"({"a": 1.50})"), 4U + 9 + 16);
	EXPECT_EQ(size_of(R"({"a": ["b", "cd"]})"), 4U + 9 + 8 + 8 + 3);
}

TEST(FieldNotFound, names_the_first_key_in_jsonb_order)
{
	EXPECT_EQ(outcome_of("null", request_with(R"("fields": {"aaa": 1, "zz": 1, "age": "x"})")),
			  "FIELD_NOT_FOUND (zz): We were unable to find a field with the merge_tag zz");
	EXPECT_EQ(outcome_of("null", request_with(R"("fields": {"Age": 1})")),
			  "FIELD_NOT_FOUND (Age): We were unable to find a field with the merge_tag Age");
	EXPECT_EQ(outcome_of("null", request_with(R"("fields": {"": 1})")),
			  "FIELD_NOT_FOUND: We were unable to find a field with the merge_tag ");
}

TEST(FieldInvalid, names_the_first_in_the_order_of_the_definitions)
{
	EXPECT_EQ(outcome_of("null", request_with(R"("fields": {"plan": 1, "active": 1, "country": 1})")),
			  "FIELD_INVALID (active): Field 'Active' is not a valid BOOLEAN.");
}

TEST(FieldInvalid, says_what_is_expected)
{
	const auto hint_of = [](const char *fields) {
		CoreCall call(kDefinitions, "null", request_with("\"fields\":" + std::string(fields)));
		EXPECT_EQ(call.run(), CU_REJECTED);
		return std::string(call.error.hint);
	};
	EXPECT_EQ(hint_of(R"({"age": "x"})"), "Expected a number, or a string that is one, such as 12.5.");
	EXPECT_EQ(hint_of(R"({"age": " 1e-16384 "})"),
			  "Expected a number of at most 65535 digits, 16383 of them behind the point.");
	EXPECT_EQ(hint_of(R"({"plan": "x"})"), "Expected one of these options, exactly: Free, Pro, Team.");
}

TEST(FieldChanges, are_in_the_order_of_the_definitions)
{
	CoreCall call(
		kDefinitions, kTywin, request_with(R"("fields": {"plan": "Pro", "first_name": "Tyrion", "age": 67.0})"));
	EXPECT_EQ(call.changes(),
			  R"(First Name "Tywin" -> "Tyrion"; Last Name "Lannister" -> null; Plan null -> "Pro"; +[] -[])");
}

} // namespace
