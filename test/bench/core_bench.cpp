/*
 * core_bench.cpp - what a typical call costs in the core: reading the request and deciding, without PostgreSQL.
 */
#include "json_document.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <string>

namespace {

/* Memory as a memory context gives it that is reset after each call: a block that is used again. */
class BlockHost
{
public:
	const cu_host *get() const { return &host_; }
	void reset() { used_ = 0; }

private:
	static void *allocate(void *context, std::size_t size)
	{
		auto &host = *static_cast<BlockHost *>(context);
		const auto start = host.used_;
		host.used_ += (size + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) * alignof(std::max_align_t);
		return host.used_ <= host.block_.size() ? host.block_.data() + start : nullptr;
	}

	alignas(std::max_align_t) std::array<std::byte, 65536> block_;
	std::size_t used_ = 0;
	cu_host host_{this, allocate, [](void *) { return false; }};
};

/* A workspace of 20 fields and 2 tags. */
cu_result
load_workspace(const cu_host *host, const cu_definitions **definitions)
{
	const cu_field_type types[] = {CU_TEXT, CU_NUMBER, CU_BOOLEAN, CU_DATE, CU_COUNTRY};
	static std::array<std::string, 20> names;
	static std::array<cu_field, 20> fields;
	static const cu_tag tags[] = {{1, {"newsletter", 10}}, {2, {"vip", 3}}};
	for (std::size_t i = 0; i < fields.size(); i++)
	{
		names[i] = "field_" + std::to_string(i);
		const cu_text name{names[i].data(), names[i].size()};
		fields[i] = {name, name, types[i % 5], nullptr, 0, {}, false, true};
	}
	const cu_workspace workspace{false, fields.data(), fields.size(), tags, 2};
	return cu_load_definitions(host, host, &workspace, definitions);
}

const char *const kRequest = R"({"email_address": "tywin@example.com", "status": "SUBSCRIBED", "partial_update": true,
	"tags": [1, 2], "resubscribe": false, "fields": {"field_0": "Tywin", "field_1": 67.5, "field_2": true,
	"field_3": "2024-02-15T10:30:00+02:00", "field_4": "de"}})";
const char *const kStored = R"({"field_0": "Tywin", "field_1": 67.5, "field_2": true,
	"field_3": "2024-02-15T08:30:00Z", "field_4": "DE", "field_5": "kept"})";
const char *const kOlder =
	R"({"field_0": "Tyrion", "field_1": 1, "field_2": true, "field_4": "FR", "field_5": "kept"})";

/* data: of the contact; nullptr for none */
void
upsert(benchmark::State &state, const char *data, cu_outcome expected)
{
	const JsonDocument request(kRequest);
	const JsonDocument stored(data == nullptr ? "{}" : data);
	const std::int64_t tags[] = {1, 2};
	const cu_contact contact{1, CU_SUBSCRIBED, tags, 2, stored.root()};
	BlockHost loaded;
	const cu_definitions *definitions = nullptr;
	if (load_workspace(loaded.get(), &definitions) != CU_OK)
		return state.SkipWithError("the definitions were not loaded");

	BlockHost host;
	for (auto _ : state)
	{
		host.reset();
		const cu_parsed_request *read = nullptr;
		cu_text email{};
		cu_decision decision{};
		cu_error error;
		auto result = cu_parse_request(host.get(), &request.document(), false, &read, &email, &error);
		if (result == CU_OK)
			result = cu_decide(
				host.get(), definitions, read, data == nullptr ? nullptr : &contact, nullptr, &decision, &error);
		if (result != CU_OK || decision.outcome != expected)
			return state.SkipWithError("the outcome is another");
		benchmark::DoNotOptimize(decision);
	}
}

BENCHMARK_CAPTURE(upsert, create, nullptr, CU_CREATED);
BENCHMARK_CAPTURE(upsert, partial_update, kOlder, CU_UPDATED);
BENCHMARK_CAPTURE(upsert, unchanged, kStored, CU_UNCHANGED);

} // namespace

BENCHMARK_MAIN();
