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
};

TABLE_TEST(FieldsMerge, kMergeRows)
{
	EXPECT_EQ(outcome_of(row.contact, request_with(row.members)), row.outcome);
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

TEST(FieldChanges, are_in_the_order_of_the_definitions)
{
	CoreCall call(
		kDefinitions, kTywin, request_with(R"("fields": {"plan": "Pro", "first_name": "Tyrion", "age": 67.0})"));
	EXPECT_EQ(call.changes(),
			  R"(First Name "Tywin" -> "Tyrion"; Last Name "Lannister" -> null; Plan null -> "Pro"; +[] -[])");
}

} // namespace
