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
	{"tag_id_0", R"({"status_policy": "api", "tags": [[0, "a"]]})", CU_INTERNAL_ERROR},
	{"tags_unsorted", R"({"status_policy": "api", "tags": [[2, "a"], [1, "b"]]})", CU_INTERNAL_ERROR},
	{"tag_twice", R"({"status_policy": "api", "tags": [[1, "a"], [1, "b"]]})", CU_INTERNAL_ERROR},
};

TABLE_TEST(Definitions, kRows)
{
	TestHost host;
	const JsonDocument source(row.json);
	ASSERT_TRUE(source.good());
	WorkspaceSource workspace;
	const cu_definitions *definitions = nullptr;
	EXPECT_EQ(workspace.load(host.get(), source.root(), &definitions), row.result);
	EXPECT_EQ(definitions != nullptr, row.result == CU_OK);
}

/* Keeps of each tag an index and no more, whatever sorting takes. */
TEST(Definitions, take_little_memory_for_tags)
{
	constexpr std::size_t kCount = 100000;
	std::vector<std::string> names;
	std::vector<cu_tag> tags;
	for (std::size_t i = 0; i < kCount; i++)
		names.push_back("Tag " + std::to_string(i * 7919 % kCount));
	for (std::size_t i = 0; i < kCount; i++)
		tags.push_back({static_cast<std::int64_t>(i + 1), {names[i].data(), names[i].size()}});

	const cu_workspace workspace{false, nullptr, 0, tags.data(), kCount};
	TestHost host;
	TestHost scratch;
	const cu_definitions *definitions = nullptr;
	ASSERT_EQ(cu_load_definitions(host.get(), scratch.get(), &workspace, &definitions), CU_OK);
	EXPECT_LT(host.bytes, kCount * 8);

	std::string given = "[";
	for (std::size_t i = 0; i < kCount; i += 101)
		given += (i > 0 ? ",\"TAG " : "\"TAG ") + std::to_string(i) + '"';
	JsonDocument document(request_with("\"tags\":" + given + "]"));
	const cu_parsed_request *request = nullptr;
	cu_text email{};
	cu_error error{};
	cu_decision decision{};
	ASSERT_EQ(cu_parse_request(scratch.get(), &document.document(), false, &request, &email, &error), CU_OK);
	ASSERT_EQ(cu_decide(scratch.get(), definitions, request, nullptr, nullptr, &decision, &error), CU_OK)
		<< error.message;
	EXPECT_EQ(decision.tag_count, (kCount + 100) / 101);
}

} // namespace
