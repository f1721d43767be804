/* events_test.cpp - the automation events of section 3. */
#include "core_call.hpp"
#include "table.hpp"

namespace {

struct Row
{
	const char *name;
	const char *contact;
	const char *members;
	const char *events;
};

const char *const kTywin = R"({"status": "SUBSCRIBED", "tags": [1, 7, 99],
	"data": {"age": 67, "shoe": 44, "last_name": "Lannister", "first_name": "Tywin"}})";

const Row kRows[] = {
	{"create", "null", R"("fields": {"age": 1}, "tags": [1])", ""},
	{"create_unconfirmed",
	 "null",
	 R"("status": "UNCONFIRMED", "fields": {"age": 1}, "tags": [1])",
	 "CONTACT_SUBSCRIBED_PENDING"},
	{"create_unsubscribed", "null", R"("status": "UNSUBSCRIBED")", ""},
	{"update_to_unconfirmed", kTywin, R"("status": "UNCONFIRMED", "partial_update": true)", ""},
	{"update_of_status", kTywin, R"("status": "CLEANED", "partial_update": true)", ""},
	{"unchanged", kTywin, R"("partial_update": true)", ""},
	{"undefined_leftovers", kTywin, R"("fields": {"age": 67, "first_name": "Tywin"}, "tags": [1, 7])", ""},
	{"tags",
	 kTywin,
	 R"("add_tags": [2], "remove_tags": [7, 1], "partial_update": true)",
	 "TAG_ADDED 2 vip; TAG_REMOVED 1 newsletter; TAG_REMOVED 7 Übermut"},
	{"tags_already_there", kTywin, R"("add_tags": [1], "remove_tags": [2], "partial_update": true)", ""},
	{"tag_to_be_created",
	 kTywin,
	 R"("add_tags": ["Gold", 2], "create_tags": true, "partial_update": true)",
	 "TAG_ADDED 2 vip; TAG_ADDED 0 Gold"},
	{"tracked_field", kTywin, R"("fields": {"age": 68}, "partial_update": true)", "FIELD_UPDATED age 67 -> 68"},
	{"field_set",
	 kTywin,
	 R"("fields": {"plan": "Pro"}, "partial_update": true)",
	 R"(FIELD_UPDATED plan null -> "Pro")"},
	{"field_cleared", kTywin, R"("fields": {"age": null}, "partial_update": true)", "FIELD_UPDATED age 67 -> null"},
	{"untracked_field", kTywin, R"("fields": {"last_name": "Baratheon"}, "partial_update": true)", ""},
	{"equal_number", kTywin, R"("fields": {"age": "6.7e1"}, "partial_update": true)", ""},
	{"all_in_order",
	 kTywin,
	 R"("fields": {"plan": "Pro", "age": 1}, "tags": [2])",
	 "TAG_ADDED 2 vip; TAG_REMOVED 1 newsletter; TAG_REMOVED 7 Übermut; "
	 R"(FIELD_UPDATED first_name "Tywin" -> null; FIELD_UPDATED age 67 -> 1; FIELD_UPDATED plan null -> "Pro")"},
};

TABLE_TEST(Events, kRows)
{
	EXPECT_EQ(CoreCall(kDefinitions, row.contact, request_with(row.members)).events(), row.events);
}

} // namespace
