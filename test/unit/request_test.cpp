/* request_test.cpp - shape and limits of a request, and the order in which it is checked. */
#include "core_call.hpp"
#include "table.hpp"

namespace {

/* "a,a,..." */
std::string
list(std::string_view item, std::size_t count)
{
	std::string items;
	for (std::size_t i = 0; i < count; i++)
		items.append(i > 0 ? "," : "").append(item);
	return items;
}

std::string
unknown_fields(std::size_t count)
{
	std::string items;
	for (std::size_t i = 0; i < count; i++)
		items += (i > 0 ? ",\"x" : "\"x") + std::to_string(i) + "\":1";
	return items;
}

struct RootRow
{
	const char *name;
	const char *request;
	const char *hint;
};

const RootRow kRootRows[] = {
	{"null", "null", R"(Pass an object such as {"email_address": "tywin@example.com"}.)"},
	{"number", "1", R"(Pass an object such as {"email_address": "tywin@example.com"}.)"},
	{"boolean", "true", R"(Pass an object such as {"email_address": "tywin@example.com"}.)"},
	{"array",
	 R"([{"email_address": "a@b"}])",
	 "Pass one object at a time: SELECT contact_upsert(r) FROM jsonb_array_elements(requests) r."},
	{"string",
	 R"("{\"email_address\": \"a@b\"}")",
	 "The request is a JSON string: it looks encoded twice. Pass the object itself, cast with ::jsonb, not a string of "
	 "it."},
};

TABLE_TEST(RequestRoot, kRootRows)
{
	CoreCall call(kDefinitions, "null", row.request);
	ASSERT_EQ(call.run(), CU_REJECTED);
	EXPECT_EQ(call.error.code, CU_INVALID_REQUEST);
	EXPECT_STREQ(call.error.message, "The request must be a JSON object.");
	EXPECT_STREQ(call.error.hint, row.hint);
}

struct Row
{
	const char *name;
	std::string members;
	std::string outcome;
};

const std::string kTagList = " must be an array of tag IDs or names.";
const std::string kFlag = " must be true or false.";
const std::string kCreated = "CREATED SUBSCRIBED [] {}";

const Row kRows[] = {
	{"minimal", "", kCreated},
	{"unknown_keys_are_ignored", R"("id": [], "data": {"x": 1}, "": 1, "__": 1, "field": 1)", kCreated},
	{"key_in_upper_case", R"("Fields": 1)", "INVALID_REQUEST (Fields): The request has the unknown key 'Fields'."},
	{"key_in_camel_case",
	 R"("partialUpdate": true)",
	 "INVALID_REQUEST (partialUpdate): The request has the unknown key 'partialUpdate'."},
	{"key_with_hyphens",
	 R"("Partial-Update": true)",
	 "INVALID_REQUEST (Partial-Update): The request has the unknown key 'Partial-Update'."},
	{"key_with_more_underscores",
	 R"("_create__tags-": true)",
	 "INVALID_REQUEST (_create__tags-): The request has the unknown key '_create__tags-'."},
	{"key_misspelt_as_null",
	 R"("Status": null)",
	 "INVALID_REQUEST (Status): The request has the unknown key 'Status'."},
	{"key_misspelt_among_unknown_ones",
	 R"("a": 1, "zzzzzzzzzzz": 1, "TAGS": 1)",
	 "INVALID_REQUEST (TAGS): The request has the unknown key 'TAGS'."},
	{"nulls_are_omitted",
	 R"("fields": null, "tags": null, "status": null, "partial_update": null, "add_tags": null, "remove_tags": null,
		"create_tags": null, "resubscribe": null, "mode": null, "if_version": null, "source": null, "evidence": null)",
	 kCreated},
	{"fields_empty_array", R"("fields": [])", kCreated},
	{"fields_array", R"("fields": [1])", "INVALID_REQUEST (fields): fields must be an object."},
	{"fields_array_of_nothing", R"("fields": [[]])", "INVALID_REQUEST (fields): fields must be an object."},
	{"fields_string", R"("fields": "{}")", "INVALID_REQUEST (fields): fields must be an object."},
	{"tags_number", R"("tags": 1)", "INVALID_REQUEST (tags): tags" + kTagList},
	{"tags_string", R"("tags": "1")", "INVALID_REQUEST (tags): tags" + kTagList},
	{"tags_object", R"("tags": {})", "INVALID_REQUEST (tags): tags" + kTagList},
	{"add_tags_boolean", R"("add_tags": true)", "INVALID_REQUEST (add_tags): add_tags" + kTagList},
	{"remove_tags_number", R"("remove_tags": 0)", "INVALID_REQUEST (remove_tags): remove_tags" + kTagList},
	{"tag_fraction", R"("tags": [1.5])", "INVALID_REQUEST (tags): tags" + kTagList},
	{"tag_null", R"("add_tags": [1, null])", "INVALID_REQUEST (add_tags): add_tags" + kTagList},
	{"tag_boolean", R"("tags": [true])", "INVALID_REQUEST (tags): tags" + kTagList},
	{"tag_array", R"("remove_tags": [[1]])", "INVALID_REQUEST (remove_tags): remove_tags" + kTagList},
	{"tag_object", R"("tags": [{"id": 1}])", "INVALID_REQUEST (tags): tags" + kTagList},
	{"partial_update_string",
	 R"("partial_update": "true")",
	 "INVALID_REQUEST (partial_update): partial_update" + kFlag},
	{"create_tags_number", R"("create_tags": 1)", "INVALID_REQUEST (create_tags): create_tags" + kFlag},
	{"resubscribe_object", R"("resubscribe": {})", "INVALID_REQUEST (resubscribe): resubscribe" + kFlag},
	{"status_unknown", R"("status": "ACTIVE")", "STATUS_INVALID (status): The status you provided is not valid."},
	{"status_lower", R"("status": "subscribed")", "STATUS_INVALID (status): The status you provided is not valid."},
	{"status_empty", R"("status": "")", "STATUS_INVALID (status): The status you provided is not valid."},
	{"status_number", R"("status": 1)", "STATUS_INVALID (status): The status you provided is not valid."},

	{"fields_1000",
	 R"("fields": {)" + unknown_fields(1000) + "}",
	 "FIELD_NOT_FOUND (x0): We were unable to find a field with the merge_tag x0"},
	{"fields_1001",
	 R"("fields": {)" + unknown_fields(1001) + "}",
	 "INVALID_REQUEST (fields): The request has more than 1000 fields."},
	{"tags_1000",
	 R"("tags": [)" + list("1", 500) + R"(], "add_tags": [)" + list("2", 500) + "]",
	 "CREATED SUBSCRIBED [1,2] {}"},
	{"tags_1001",
	 R"("tags": [)" + list("1", 500) + R"(], "add_tags": [)" + list("2", 500) + R"(], "remove_tags": [1])",
	 "INVALID_REQUEST (remove_tags): The request has more than 1000 tags."},
	{"depth_8", R"("x": [[[[[[[1]]]]]]])", kCreated},
	{"depth_9", R"("x": [[[[[[[[1]]]]]]]])", "INVALID_REQUEST: The request is nested deeper than 8 levels."},
};

TABLE_TEST(Request, kRows)
{
	CoreCall call(kDefinitions, "null", request_with(row.members));
	EXPECT_EQ(call.outcome(), row.outcome);
	EXPECT_EQ(call.error.hint[0] != '\0', row.outcome.find("CREATED") == std::string::npos);
}

/* The keys that cu_unknown_keys lists; "refused" if they are. */
std::string
unknown_keys(std::string_view members, bool refuses)
{
	JsonDocument document(request_with(members));
	EXPECT_TRUE(document.good());
	TestHost host;
	const cu_parsed_request *request = nullptr;
	cu_text email{};
	cu_error error{};
	const auto result = cu_parse_request(host.get(), &document.document(), refuses, &request, &email, &error);
	if (result == CU_REJECTED)
		return std::string(error.message) + " " + error.hint;
	EXPECT_EQ(result, CU_OK);
	char names[256] = "?";
	const bool some = cu_unknown_keys(request, &names);
	return some ? names : "none";
}

TEST(UnknownKeys, are_listed)
{
	EXPECT_EQ(unknown_keys("", false), "none");
	EXPECT_EQ(unknown_keys(R"("tags": [], "fields": {"x": 1}, "add_tags": [])", false), "none");
	EXPECT_EQ(unknown_keys(R"("origin": 1, "x": 2, "tags": [])", false), R"("x", "origin")");
	EXPECT_EQ(unknown_keys(R"("": 1)", false), R"("")");
	const auto long_list = unknown_keys(R"("x": 1, ")" + std::string(300, 'y') + R"(": 1)", false);
	EXPECT_EQ(long_list.size(), 255U);
	EXPECT_TRUE(long_list.starts_with(R"("x", "yyy)") && long_list.ends_with("y..."));
}

TEST(UnknownKeys, are_refused_if_asked_to)
{
	EXPECT_EQ(unknown_keys(R"("tags": [])", true), "none");
	EXPECT_EQ(unknown_keys(R"("origin": 1, "x": 2)", true),
			  "The request has the unknown key 'x'. contact_upsert.unknown_keys is refuse. The keys of a request are "
			  "email_address, fields, tags, status, partial_update, add_tags, remove_tags, create_tags, resubscribe, "
			  "mode, if_version, source, evidence.");
	EXPECT_EQ(unknown_keys(R"("origin": 1, "x": 2, "removeTags": [])", true),
			  "The request has the unknown key 'removeTags'. Did you mean remove_tags?");
}

TEST(UnknownKeys, are_checked_before_the_address)
{
	EXPECT_EQ(outcome_of("null", R"({"emailAddress": "a@b"})"),
			  "INVALID_REQUEST (emailAddress): The request has the unknown key 'emailAddress'.");
}

TEST(RequestKey, is_one_of_those_of_the_contract)
{
	for (const std::string_view key : {"email_address",
									   "fields",
									   "tags",
									   "status",
									   "partial_update",
									   "add_tags",
									   "remove_tags",
									   "create_tags",
									   "resubscribe",
									   "mode",
									   "if_version",
									   "source",
									   "evidence"})
		EXPECT_TRUE(cu_is_request_key({key.data(), key.size()})) << key;
	for (const std::string_view key : {"", "Tags", "tag", "version"})
		EXPECT_FALSE(cu_is_request_key({key.data(), key.size()})) << key;
}

TEST(Request, may_be_of_1_MiB)
{
	const auto padding = [](std::size_t size) {
		return R"("x": ")" + std::string(size - request_with(R"("x": "")").size(), 'x') + '"';
	};
	EXPECT_EQ(outcome_of("null", request_with(padding(CU_MAX_REQUEST_BYTES))), kCreated);
	EXPECT_EQ(outcome_of("null", request_with(padding(CU_MAX_REQUEST_BYTES + 1))),
			  "INVALID_REQUEST: The request is larger than 1 MiB.");
}

/* A request with a fault for each check; each row mends one more. */
struct OrderRow
{
	const char *name;
	const char *members;
	const char *code;
	const char *field;
};

const OrderRow kOrderRows[] = {
	{"email_first", R"("email_address": 1, "fields": 1, "status": 1, "tags": 1)", "EMAIL_INVALID", "email_address"},
	{"then_fields", R"("fields": 1, "status": 1, "tags": 1, "partial_update": 1)", "INVALID_REQUEST", "fields"},
	{"then_unknown_field", R"("fields": {"x": 1, "age": "x"}, "status": 1, "tags": 1)", "FIELD_NOT_FOUND", ""},
	{"then_status",
	 R"("fields": {"age": "x"}, "status": 1, "tags": 1, "partial_update": 1)",
	 "STATUS_INVALID",
	 "status"},
	{"then_value", R"("fields": {"age": "x"}, "tags": 1, "partial_update": 1)", "FIELD_INVALID", ""},
	{"then_tags", R"("tags": 1, "add_tags": 1, "create_tags": 1, "partial_update": 1)", "INVALID_REQUEST", "tags"},
	{"then_add_tags", R"("tags": [9], "add_tags": 1, "remove_tags": 1)", "INVALID_REQUEST", "add_tags"},
	{"then_remove_tags", R"("tags": [9, true], "remove_tags": 1, "create_tags": 1)", "INVALID_REQUEST", "remove_tags"},
	{"then_elements", R"("tags": [9], "add_tags": [true], "create_tags": 1)", "INVALID_REQUEST", "add_tags"},
	{"then_create_tags", R"("tags": [9], "create_tags": 1, "partial_update": 1)", "INVALID_REQUEST", "create_tags"},
	{"then_unknown_tag", R"("tags": [9], "partial_update": 1)", "TAG_NOT_FOUND", "tags"},
	{"then_partial_update", R"("partial_update": 1, "resubscribe": 1)", "INVALID_REQUEST", "partial_update"},
	{"then_required", R"("resubscribe": 1)", "FIELD_REQUIRED", ""},
	{"then_resubscribe", R"("fields": {"name": "x"}, "resubscribe": 1)", "INVALID_REQUEST", "resubscribe"},
	{"then_refusal", R"("fields": {"name": "x"}, "status": "SUBSCRIBED")", "RESUBSCRIBE_REFUSED", "status"},
};

TABLE_TEST(RequestOrder, kOrderRows)
{
	CoreCall call(R"({"status_policy": "guarded", "tags": [], "fields": [
		{"merge_tag": "name", "label": "Name", "type": "TEXT", "required": true, "tracked": true},
		{"merge_tag": "age", "label": "Age", "type": "NUMBER", "required": false, "tracked": true}]})",
				  R"({"status": "CLEANED", "tags": [], "data": {"name": "old"}})",
				  request_with(row.members));
	ASSERT_EQ(call.run(), CU_REJECTED);
	EXPECT_STREQ(cu_code_name(call.error.code), row.code);
	EXPECT_STREQ(call.error.field, row.field);
}

} // namespace
