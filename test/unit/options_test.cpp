/* options_test.cpp - what a caller tells cu_decide beside the request, and what it asks of the core without one. */
#include "core_call.hpp"
#include "table.hpp"

namespace {

const std::string kRefused =
	"RESUBSCRIBE_REFUSED (status): This contact has opted out and cannot be resubscribed without consent.";

struct Row
{
	const char *name;
	const char *members;
	std::string guarded; /* the outcome for a suppressed address */
	std::string api;
	bool asks; /* whether it matters, under guarded */
};

const Row kRows[] = {
	{"omitted", "", kRefused, "CREATED SUBSCRIBED [] {}", true},
	{"null", R"("status": null, "resubscribe": null)", kRefused, "CREATED SUBSCRIBED [] {}", true},
	{"subscribed", R"("status": "SUBSCRIBED")", kRefused, "CREATED SUBSCRIBED [] {}", true},
	{"unconfirmed", R"("status": "UNCONFIRMED")", kRefused, "CREATED UNCONFIRMED [] {}", true},
	{"unsubscribed", R"("status": "UNSUBSCRIBED")", "CREATED UNSUBSCRIBED [] {}", "CREATED UNSUBSCRIBED [] {}", false},
	{"cleaned", R"("status": "CLEANED")", "CREATED CLEANED [] {}", "CREATED CLEANED [] {}", false},
	{"complained", R"("status": "COMPLAINED")", "CREATED COMPLAINED [] {}", "CREATED COMPLAINED [] {}", false},
	{"resubscribe", R"("resubscribe": true)", "CREATED SUBSCRIBED [] {}", "CREATED SUBSCRIBED [] {}", false},
	{"resubscribe_unconfirmed",
	 R"("resubscribe": true, "status": "UNCONFIRMED")",
	 "CREATED UNCONFIRMED [] {}",
	 "CREATED UNCONFIRMED [] {}",
	 false},
	{"not_resubscribe", R"("resubscribe": false)", kRefused, "CREATED SUBSCRIBED [] {}", true},
	{"fill", R"("mode": "fill")", kRefused, "CREATED SUBSCRIBED [] {}", true},
	{"create", R"("mode": "create", "partial_update": true)", kRefused, "CREATED SUBSCRIBED [] {}", true},
	{"update", R"("mode": "update")", "SKIPPED SUBSCRIBED [] {}", "SKIPPED SUBSCRIBED [] {}", false},
};

bool
asks(const std::string &definitions, const char *members)
{
	const JsonDocument source(definitions);
	const JsonDocument document(request_with(members));
	TestHost host;
	WorkspaceSource workspace;
	const cu_definitions *loaded = nullptr;
	const cu_parsed_request *request = nullptr;
	cu_text email{};
	cu_error error{};
	EXPECT_EQ(workspace.load(host.get(), source.root(), &loaded), CU_OK);
	EXPECT_EQ(cu_parse_request(host.get(), &document.document(), false, &request, &email, &error), CU_OK);
	return cu_asks_for_suppression(loaded, request);
}

TABLE_TEST(Suppressed, kRows)
{
	CoreCall guarded(guarded_definitions(), "null", request_with(row.members));
	guarded.options.suppressed = true;
	EXPECT_EQ(guarded.outcome(), row.guarded);
	CoreCall api(kDefinitions, "null", request_with(row.members));
	api.options.suppressed = true;
	EXPECT_EQ(api.outcome(), row.api);
	EXPECT_EQ(asks(guarded_definitions(), row.members), row.asks);
	EXPECT_FALSE(asks(kDefinitions, row.members));
}

TEST(Suppressed, is_no_matter_of_a_contact_that_exists)
{
	CoreCall call(guarded_definitions(), "{}", request_with(""));
	call.options.suppressed = true;
	EXPECT_EQ(call.outcome(), "UNCHANGED SUBSCRIBED [] {}");
}

TEST(Suppressed, has_a_hint_that_helps)
{
	CoreCall call(guarded_definitions(), "null", request_with(""));
	call.options.suppressed = true;
	ASSERT_EQ(call.run(), CU_REJECTED);
	EXPECT_STREQ(
		call.error.hint,
		"With the contact's consent, add \"resubscribe\": true; otherwise give a status that is not mailed, such as "
		"UNSUBSCRIBED.");
}

/* guarded, with a required field and one that has a default */
const char *const kStrict = R"({"status_policy": "guarded", "tags": [[1, "newsletter"]], "fields": [
	{"merge_tag": "age", "label": "Age", "type": "NUMBER", "required": true, "tracked": true},
	{"merge_tag": "size", "label": "Size", "type": "TEXT", "required": false, "tracked": true, "default_value": "M"}]})";

std::string
restored(const char *contact, const char *members)
{
	CoreCall call(kStrict, contact, request_with(members));
	call.options.restores = true;
	return call.outcome();
}

TEST(Restores, what_rules_of_today_would_refuse)
{
	const char *const out = R"({"version": 5, "status": "UNSUBSCRIBED", "tags": [1], "data": {"age": 1, "size": "L"}})";
	EXPECT_EQ(restored(out, R"("status": "SUBSCRIBED")"), "UPDATED SUBSCRIBED [] {}");
	EXPECT_EQ(restored(out, R"("status": "UNCONFIRMED", "fields": {"size": "S"}, "if_version": 5)"),
			  R"(UPDATED UNCONFIRMED [] {"size":"S"})");
	EXPECT_EQ(restored(out, R"("fields": {"age": null}, "partial_update": true)"),
			  R"(UPDATED UNSUBSCRIBED [1] {"size":"L"})");
	EXPECT_EQ(restored(out, R"("if_version": 4)"),
			  "VERSION_CONFLICT (if_version): The contact has changed since version 4.");
	EXPECT_EQ(restored("null", ""), "CREATED SUBSCRIBED [] {}");
}

TEST(Options, may_be_left_out)
{
	const JsonDocument source(kDefinitions);
	const JsonDocument document(request_with(""));
	TestHost host;
	WorkspaceSource workspace;
	const cu_definitions *definitions = nullptr;
	const cu_parsed_request *request = nullptr;
	cu_text email{};
	cu_decision decision{};
	cu_error error{};
	ASSERT_EQ(workspace.load(host.get(), source.root(), &definitions), CU_OK);
	ASSERT_EQ(cu_parse_request(host.get(), &document.document(), false, &request, &email, &error), CU_OK);
	EXPECT_EQ(cu_decide(host.get(), definitions, request, nullptr, nullptr, &decision, &error), CU_OK);
	EXPECT_EQ(decision.outcome, CU_CREATED);
}

TEST(DescribedContact, has_what_is_defined)
{
	const JsonDocument source(kDefinitions);
	const JsonDocument contact(
		R"({"version": 4, "status": "CLEANED", "tags": [1, 3, 7], "data": {"age": 1, "lost": 2}})");
	const StoredContact stored(contact.root());
	TestHost host;
	WorkspaceSource workspace;
	const cu_definitions *definitions = nullptr;
	cu_decision decision{};
	ASSERT_EQ(workspace.load(host.get(), source.root(), &definitions), CU_OK);
	ASSERT_EQ(cu_describe_contact(host.get(), definitions, stored.get(), &decision), CU_OK);
	EXPECT_EQ(decision.outcome, CU_UNCHANGED);
	EXPECT_EQ(decision.old_status, CU_CLEANED);
	EXPECT_EQ(decision.status, CU_CLEANED);
	EXPECT_EQ(describe_tags(decision.tags, decision.tag_count), "[1,7]");
	EXPECT_EQ(write_json(decision.data), R"({"age":1})");
	EXPECT_EQ(decision.event_count + decision.field_change_count + decision.tags_added_count +
				  decision.tags_removed_count,
			  0U);

	TestHost failing;
	failing.fail_at = 1;
	EXPECT_EQ(cu_describe_contact(failing.get(), definitions, stored.get(), &decision), CU_OUT_OF_MEMORY);
}

TEST(NormalizedEmail, is_the_one_that_is_stored)
{
	const auto normalized = [](std::string_view text) {
		TestHost host;
		cu_text email{};
		cu_error error{};
		const auto result = cu_normalize_email(host.get(), {text.data(), text.size()}, &email, &error);
		return result == CU_OK ? std::string(view_text(email))
							   : std::string(cu_code_name(error.code)) + " " + error.field;
	};
	EXPECT_EQ(normalized(" \xC2\xA0Tywin@Example.com\n"), "tywin@example.com");
	EXPECT_EQ(normalized("tywin@example.com"), "tywin@example.com");
	EXPECT_EQ(normalized(""), "EMAIL_REQUIRED email_address");
	EXPECT_EQ(normalized("  "), "EMAIL_REQUIRED email_address");
	EXPECT_EQ(normalized("tywin"), "EMAIL_INVALID email_address");
}

} // namespace
