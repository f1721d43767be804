/* decision_test.cpp - section 3's table of behaviour, with fields, tags and status together. */
#include "core_call.hpp"
#include "table.hpp"

namespace {

struct Row
{
	const char *name;
	const char *contact;
	const char *members;
	const char *outcome;
};

const char *const kTywin = R"({"status": "UNCONFIRMED", "tags": [1],
	"data": {"last_name": "Lannister", "first_name": "Tywin"}})";

const Row kRows[] = {
	{"page_sample_create",
	 "null",
	 R"("fields": {"first_name": "Tywin", "last_name": "Lannister"}, "tags": [1, 2], "status": "SUBSCRIBED",
		"partial_update": true)",
	 R"(CREATED SUBSCRIBED [1,2] {"last_name":"Lannister","first_name":"Tywin"})"},
	{"page_sample_update",
	 kTywin,
	 R"("fields": {"first_name": "Tywin", "last_name": "Lannister"}, "tags": [1, 2], "status": "SUBSCRIBED",
		"partial_update": true)",
	 R"(UPDATED SUBSCRIBED [1,2] {"last_name":"Lannister","first_name":"Tywin"})"},
	{"replace_everything_omitted", kTywin, "", "UPDATED SUBSCRIBED [] {}"},
	{"replace_flag_false", kTywin, R"("partial_update": false)", "UPDATED SUBSCRIBED [] {}"},
	{"partial_everything_omitted",
	 kTywin,
	 R"("partial_update": true)",
	 R"(UNCHANGED UNCONFIRMED [1] {"last_name":"Lannister","first_name":"Tywin"})"},
	{"replace_with_the_same",
	 kTywin,
	 R"("fields": {"first_name": "Tywin", "last_name": "Lannister"}, "tags": [1], "status": "UNCONFIRMED")",
	 R"(UNCHANGED UNCONFIRMED [1] {"last_name":"Lannister","first_name":"Tywin"})"},
	{"only_status",
	 kTywin,
	 R"("status": "CLEANED", "partial_update": true)",
	 R"(UPDATED CLEANED [1] {"last_name":"Lannister","first_name":"Tywin"})"},
};

TABLE_TEST(Decision, kRows)
{
	EXPECT_EQ(outcome_of(row.contact, request_with(row.members)), row.outcome);
}

TEST(Decision, of_a_new_contact_has_no_changes)
{
	CoreCall call(kDefinitions, "null", request_with(R"("fields": {"age": 1}, "tags": [1])"));
	EXPECT_EQ(call.changes(), "+[] -[]");
	EXPECT_EQ(call.decision.old_status, call.decision.status);
}

} // namespace
