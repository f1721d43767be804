/* evidence_test.cpp - source and evidence: shape, limits, and what is handed on. */
#include "core_call.hpp"
#include "table.hpp"

namespace {

const std::string kCreated = "CREATED SUBSCRIBED [] {}";
const std::string kNoString = "INVALID_REQUEST (source): source must be a string.";
const std::string kLongSource = "INVALID_REQUEST (source): source is longer than 255 bytes.";
const std::string kNoObject = "INVALID_REQUEST (evidence): evidence must be an object.";
const std::string kLarge = "INVALID_REQUEST (evidence): evidence is larger than 8 KiB.";

struct Row
{
	const char *name;
	std::string members;
	std::string outcome;
	std::string source;
	std::string evidence; /* as JSON; empty if there is none */
};

/* An evidence of one text of that size, whose key takes 1 byte: with it the object takes 13 bytes more. */
std::string
evidence_of(std::size_t size)
{
	return R"("evidence": {"x": ")" + std::string(size, 'y') + "\"}";
}

std::string
list_of(const std::string &item, std::size_t count)
{
	std::string items = item;
	for (std::size_t i = 1; i < count; i++)
		items += "," + item;
	return items;
}

const Row kRows[] = {
	{"nulls", R"("source": null, "evidence": null)", kCreated, "", ""},
	{"source", R"("source": " a form ")", kCreated, " a form ", ""},
	{"source_empty", R"("source": "")", kCreated, "", ""},
	{"source_of_255_bytes", R"("source": ")" + std::string(255, 'x') + '"', kCreated, std::string(255, 'x'), ""},
	{"source_of_256_bytes", R"("source": ")" + std::string(256, 'x') + '"', kLongSource, "", ""},
	{"source_number", R"("source": 1)", kNoString, "", ""},
	{"source_boolean", R"("source": true)", kNoString, "", ""},
	{"source_array", R"("source": ["x"])", kNoString, "", ""},
	{"source_object", R"("source": {})", kNoString, "", ""},
	{"evidence",
	 R"("evidence": {"b": [1, null, {"c": true}], "a": "x"})",
	 kCreated,
	 "",
	 R"({"a":"x","b":[1,null,{"c":true}]})"},
	{"evidence_empty", R"("evidence": {})", kCreated, "", ""},
	{"evidence_of_php", R"("evidence": [])", kCreated, "", ""},
	{"evidence_string", R"("evidence": "x")", kNoObject, "", ""},
	{"evidence_array", R"("evidence": [{}])", kNoObject, "", ""},
	{"evidence_number", R"("evidence": 1)", kNoObject, "", ""},
	{"evidence_boolean", R"("evidence": false)", kNoObject, "", ""},
	{"evidence_of_8_KiB", evidence_of(8192 - 13), kCreated, "", R"({"x":")" + std::string(8192 - 13, 'y') + "\"}"},
	{"evidence_of_a_byte_more", evidence_of(8192 - 12), kLarge, "", ""},
	{"evidence_deep_inside", R"("evidence": {"a": {"b": [")" + std::string(8192, 'y') + "\"]}}", kLarge, "", ""},
	{"evidence_of_keys", R"("evidence": {"a": {")" + std::string(8192, 'y') + "\": 1}}", kLarge, "", ""},
	{"evidence_of_digits", R"("evidence": {"a": [)" + list_of("1e300", 27) + "]}", kLarge, "", ""},
	{"source_first", R"("source": 1, "evidence": 1)", kNoString, "", ""},
	{"of_skipped", R"("mode": "update", "evidence": 1)", kNoObject, "", ""},
};

TABLE_TEST(Evidence, kRows)
{
	EXPECT_EQ(outcome_of("null", request_with(row.members)), row.outcome);

	const JsonDocument document(request_with(row.members));
	TestHost host;
	const cu_parsed_request *request = nullptr;
	cu_text email{};
	cu_error error{};
	ASSERT_EQ(cu_parse_request(host.get(), &document.document(), false, &request, &email, &error), CU_OK);
	if (row.outcome != kCreated)
		return;
	const auto *evidence = cu_request_evidence(request);
	EXPECT_EQ(view_text(cu_request_source(request)), row.source);
	EXPECT_EQ(evidence == nullptr ? "" : write_json(*evidence), row.evidence);
}

} // namespace
