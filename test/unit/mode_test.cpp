/* mode_test.cpp - what each mode makes of a contact that exists, and of one that does not. */
#include "core_call.hpp"
#include "table.hpp"

namespace {

const char *const kTywin =
	R"({"version": 3, "status": "UNSUBSCRIBED", "tags": [1], "data": {"age": 56, "first_name": "Tywin"}})";
const std::string kAsItIs = R"(UNSUBSCRIBED [1] {"age":56,"first_name":"Tywin"})";
const std::string kNoMode = "INVALID_REQUEST (mode): mode must be one of upsert, create, update and fill.";
const std::string kFilled = R"(UPDATED UNSUBSCRIBED [1] {"age":56,"last_name":"L","first_name":"Tywin"})";

struct Row
{
	const char *name;
	const char *members;
	std::string existing; /* the outcome if the contact exists */
	std::string missing;
};

const Row kRows[] = {
	{"upsert", R"("mode": "upsert")", "UPDATED SUBSCRIBED [] {}", "CREATED SUBSCRIBED [] {}"},
	{"null", R"("mode": null)", "UPDATED SUBSCRIBED [] {}", "CREATED SUBSCRIBED [] {}"},
	{"create", R"("mode": "create")", "SKIPPED " + kAsItIs, "CREATED SUBSCRIBED [] {}"},
	{"create_with_all",
	 R"("mode": "create", "fields": {"age": 1}, "tags": [2], "status": "CLEANED", "partial_update": true)",
	 "SKIPPED " + kAsItIs,
	 R"(CREATED CLEANED [2] {"age":1})"},
	{"create_new_tags",
	 R"("mode": "create", "tags": ["new"], "create_tags": true)",
	 "SKIPPED " + kAsItIs,
	 R"(CREATED SUBSCRIBED ["new"] {})"},
	{"update", R"("mode": "update")", "UPDATED SUBSCRIBED [] {}", "SKIPPED SUBSCRIBED [] {}"},
	{"update_new_tags",
	 R"("mode": "update", "add_tags": ["new"], "create_tags": true, "partial_update": true)",
	 R"(UPDATED UNSUBSCRIBED [1,"new"] {"age":56,"first_name":"Tywin"})",
	 "SKIPPED SUBSCRIBED [] {}"},

	{"fill_nothing", R"("mode": "fill")", "UNCHANGED " + kAsItIs, "CREATED SUBSCRIBED [] {}"},
	{"fill_fields",
	 R"("mode": "fill", "fields": {"age": 1, "last_name": "L"})",
	 kFilled,
	 R"(CREATED SUBSCRIBED [] {"age":1,"last_name":"L"})"},
	{"fill_not_partial",
	 R"("mode": "fill", "partial_update": false, "fields": {"last_name": "L"})",
	 kFilled,
	 R"(CREATED SUBSCRIBED [] {"last_name":"L"})"},
	{"fill_clears_nothing",
	 R"("mode": "fill", "fields": {"age": null, "last_name": ""})",
	 "UNCHANGED " + kAsItIs,
	 "CREATED SUBSCRIBED [] {}"},
	{"fill_tags",
	 R"("mode": "fill", "tags": [2])",
	 R"(UPDATED UNSUBSCRIBED [1,2] {"age":56,"first_name":"Tywin"})",
	 "CREATED SUBSCRIBED [2] {}"},
	{"fill_no_tags", R"("mode": "fill", "tags": [])", "UNCHANGED " + kAsItIs, "CREATED SUBSCRIBED [] {}"},
	{"fill_removes_no_tags",
	 R"("mode": "fill", "remove_tags": [1])",
	 "UNCHANGED " + kAsItIs,
	 "CREATED SUBSCRIBED [] {}"},
	{"fill_adds_what_it_does_not_remove",
	 R"("mode": "fill", "tags": [1, 2], "add_tags": [7, "x", "y"], "remove_tags": [1, 2, "y"], "create_tags": true)",
	 R"(UPDATED UNSUBSCRIBED [1,7,"x"] {"age":56,"first_name":"Tywin"})",
	 R"(CREATED SUBSCRIBED [7,"x"] {})"},
	{"fill_status", R"("mode": "fill", "status": "COMPLAINED")", "UNCHANGED " + kAsItIs, "CREATED COMPLAINED [] {}"},

	{"capitals", R"("mode": "CREATE")", kNoMode, kNoMode},
	{"empty", R"("mode": "")", kNoMode, kNoMode},
	{"blank", R"("mode": " fill")", kNoMode, kNoMode},
	{"unknown", R"("mode": "replace")", kNoMode, kNoMode},
	{"number", R"("mode": 1)", kNoMode, kNoMode},
	{"array", R"("mode": ["fill"])", kNoMode, kNoMode},
	{"object", R"("mode": {})", kNoMode, kNoMode},
	{"boolean", R"("mode": false)", kNoMode, kNoMode},
};

TABLE_TEST(ModeOfRequest, kRows)
{
	CoreCall existing(kDefinitions, kTywin, request_with(row.members));
	EXPECT_EQ(existing.outcome(), row.existing);
	if (row.existing.starts_with("SKIPPED"))
	{
		EXPECT_EQ(existing.changes(), "+[] -[]");
		EXPECT_EQ(existing.events(), "");
		EXPECT_EQ(existing.decision.new_tag_count, 0U);
		EXPECT_EQ(existing.decision.old_status, existing.decision.status);
	}
	if (row.existing == kNoMode)
	{
		EXPECT_STREQ(existing.error.hint, "Expected one of these, in lower case: upsert, create, update, fill.");
	}
	EXPECT_EQ(outcome_of("null", request_with(row.members)), row.missing);
}

TEST(ModeOfRequest, fill_raises_events_of_what_it_changes)
{
	CoreCall call(
		kDefinitions,
		R"({"tags": [1], "data": {"age": 1}})",
		request_with(R"("mode": "fill", "fields": {"age": 2, "first_name": "T"}, "tags": [2], "remove_tags": [1])"));
	EXPECT_EQ(call.events(), R"(TAG_ADDED 2 vip; FIELD_UPDATED first_name null -> "T")");
}

TEST(ModeOfRequest, fill_keeps_a_value_that_is_lost_and_defined_again)
{
	EXPECT_EQ(outcome_of(R"({"data": {"lost": 1}})", request_with(R"("mode": "fill", "fields": {"age": 2})")),
			  R"(UPDATED SUBSCRIBED [] {"age":2})");
}

/* A required field, which kDefinitions has not. */
std::string
required_age()
{
	std::string definitions = kDefinitions;
	const std::string_view optional = R"("label": "Age", "type": "NUMBER", "required": false)";
	const std::string_view required = R"("label": "Age", "type": "NUMBER", "required": true)";
	return definitions.replace(definitions.find(optional), optional.size(), required);
}

struct OrderRow
{
	const char *name;
	const char *contact;
	const char *members;
	std::string outcome;
};

const std::string kMissingAge = "FIELD_REQUIRED (age): Field 'Age' is required.";
const std::string kSkipped = R"(SKIPPED SUBSCRIBED [] {"age":1})";
const char *const kAged = R"({"data": {"age": 1}})";

const OrderRow kOrderRows[] = {
	{"field_before_mode",
	 kAged,
	 R"("mode": "CREATE", "fields": {"x": 1})",
	 "FIELD_NOT_FOUND (x): We were unable to find a field with the merge_tag x"},
	{"status_before_skip",
	 kAged,
	 R"("mode": "create", "status": "x")",
	 "STATUS_INVALID (status): The status you provided is not valid."},
	{"value_before_skip",
	 kAged,
	 R"("mode": "create", "fields": {"age": "x"})",
	 "FIELD_INVALID (age): Field 'Age' is not a valid NUMBER."},
	{"tag_before_skip",
	 kAged,
	 R"("mode": "create", "tags": [99])",
	 "TAG_NOT_FOUND (tags, 99): Tag ID 99 does not exist in this workspace"},
	{"mode_before_partial_update", kAged, R"("mode": 1, "partial_update": 1)", kNoMode},
	{"partial_update_of_skipped",
	 kAged,
	 R"("mode": "create", "partial_update": 1)",
	 "INVALID_REQUEST (partial_update): partial_update must be true or false."},
	{"resubscribe_of_skipped",
	 kAged,
	 R"("mode": "create", "resubscribe": 1)",
	 "INVALID_REQUEST (resubscribe): resubscribe must be true or false."},
	{"skip_before_required", kAged, R"("mode": "create")", kSkipped},
	{"skip_before_cleared", kAged, R"("mode": "create", "fields": {"age": null}, "partial_update": true)", kSkipped},
	{"skip_before_version", kAged, R"("mode": "create", "if_version": 99)", kSkipped},
	{"create_requires", "null", R"("mode": "create")", kMissingAge},
	{"update_requires", kAged, R"("mode": "update")", kMissingAge},
	{"update_of_missing_does_not", "null", R"("mode": "update")", "SKIPPED SUBSCRIBED [] {}"},
	{"fill_requires_to_create", "null", R"("mode": "fill")", kMissingAge},
	{"fill_does_not_require", "{}", R"("mode": "fill")", "UNCHANGED SUBSCRIBED [] {}"},
	{"fill_clears_nothing_that_is_required",
	 kAged,
	 R"("mode": "fill", "fields": {"age": null})",
	 R"(UNCHANGED SUBSCRIBED [] {"age":1})"},
};

TABLE_TEST(OrderOfMode, kOrderRows)
{
	EXPECT_EQ(outcome_of(required_age(), row.contact, request_with(row.members)), row.outcome);
}

TEST(ModeOfRequest, comes_before_consent)
{
	const char *const out = R"({"status": "UNSUBSCRIBED"})";
	const auto with_mode = [out](const std::string &mode) {
		return outcome_of(
			guarded_definitions(), out, request_with(R"("status": "SUBSCRIBED", "mode": ")" + mode + '"'));
	};
	EXPECT_EQ(with_mode("create"), "SKIPPED UNSUBSCRIBED [] {}");
	EXPECT_EQ(with_mode("fill"), "UNCHANGED UNSUBSCRIBED [] {}");
	EXPECT_EQ(with_mode("update"),
			  "RESUBSCRIBE_REFUSED (status): This contact has opted out and cannot be resubscribed without consent.");
}

TEST(LeavesAlone, is_known_of_a_parsed_request)
{
	const auto of = [](std::string_view members) {
		const JsonDocument document(request_with(members));
		TestHost host;
		const cu_parsed_request *request = nullptr;
		cu_text email{};
		cu_error error{};
		EXPECT_EQ(cu_parse_request(host.get(), &document.document(), false, &request, &email, &error), CU_OK);
		return std::pair(cu_leaves_alone(request, true), cu_leaves_alone(request, false));
	};
	EXPECT_EQ(of(""), std::pair(false, false));
	EXPECT_EQ(of(R"("mode": "upsert")"), std::pair(false, false));
	EXPECT_EQ(of(R"("mode": "fill")"), std::pair(false, false));
	EXPECT_EQ(of(R"("mode": "create")"), std::pair(true, false));
	EXPECT_EQ(of(R"("mode": "update")"), std::pair(false, true));
	EXPECT_EQ(of(R"("mode": "CREATE")"), std::pair(false, false));
	EXPECT_EQ(of(R"("mode": 1)"), std::pair(false, false));
}

} // namespace
