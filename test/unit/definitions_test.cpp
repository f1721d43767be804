/* definitions_test.cpp - what cu_load_definitions accepts. */
#include "core_call.hpp"
#include "table.hpp"

namespace {

struct Row
{
	const char *name;
	const char *json;
	cu_result result;
};

const Row kRows[] = {
	{"empty", R"({"status_policy": "api", "fields": [], "tags": []})", CU_OK},
	{"no_lists", R"({"status_policy": "guarded"})", CU_OK},
	{"no_object", "[]", CU_INTERNAL_ERROR},
	{"no_policy", R"({"fields": [], "tags": []})", CU_INTERNAL_ERROR},
	{"unknown_policy", R"({"status_policy": "lax"})", CU_INTERNAL_ERROR},
	{"fields_object", R"({"status_policy": "api", "fields": {}})", CU_INTERNAL_ERROR},
	{"field_without_label",
	 R"({"status_policy": "api", "fields": [{"merge_tag": "x", "type": "TEXT", "required": true, "tracked": true}]})",
	 CU_INTERNAL_ERROR},
	{"field_without_flag",
	 R"({"status_policy": "api", "fields": [{"merge_tag": "x", "label": "X", "type": "TEXT", "required": true}]})",
	 CU_INTERNAL_ERROR},
	{"unknown_type",
	 R"({"status_policy": "api", "fields": [{"merge_tag": "x", "label": "X", "type": "text", "required": true,
		"tracked": true}]})",
	 CU_INTERNAL_ERROR},
	{"option_number",
	 R"({"status_policy": "api", "fields": [{"merge_tag": "x", "label": "X", "type": "DROPDOWN_SINGLE", "required": true,
		"tracked": true, "options": ["a", 1]}]})",
	 CU_INTERNAL_ERROR},
	{"merge_tag_twice",
	 R"({"status_policy": "api", "fields": [
		{"merge_tag": "x", "label": "X", "type": "TEXT", "required": true, "tracked": true},
		{"merge_tag": "x", "label": "Y", "type": "TEXT", "required": true, "tracked": true}]})",
	 CU_INTERNAL_ERROR},
	{"null_options",
	 R"({"status_policy": "api", "fields": [{"merge_tag": "x", "label": "X", "type": "TEXT", "required": true,
		"tracked": true, "options": null, "default_value": null}]})",
	 CU_OK},
	{"tags", R"({"status_policy": "api", "tags": [[1, "a"], [20, "b"]]})", CU_OK},
	{"tag_without_name", R"({"status_policy": "api", "tags": [[1]]})", CU_INTERNAL_ERROR},
	{"tag_id_0", R"({"status_policy": "api", "tags": [[0, "a"]]})", CU_INTERNAL_ERROR},
	{"tag_id_string", R"({"status_policy": "api", "tags": [["1", "a"]]})", CU_INTERNAL_ERROR},
	{"tag_name_number", R"({"status_policy": "api", "tags": [[1, 1]]})", CU_INTERNAL_ERROR},
	{"tags_unsorted", R"({"status_policy": "api", "tags": [[2, "a"], [1, "b"]]})", CU_INTERNAL_ERROR},
	{"tag_twice", R"({"status_policy": "api", "tags": [[1, "a"], [1, "b"]]})", CU_INTERNAL_ERROR},
};

TABLE_TEST(Definitions, kRows)
{
	TestHost host;
	const JsonDocument source(row.json);
	ASSERT_TRUE(source.good());
	const cu_definitions *definitions = nullptr;
	EXPECT_EQ(cu_load_definitions(host.get(), &source.root(), &definitions), row.result);
	EXPECT_EQ(definitions != nullptr, row.result == CU_OK);
}

} // namespace
