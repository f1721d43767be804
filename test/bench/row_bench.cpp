/*
 * row_bench.cpp - what reading a row of eight cells costs in the core, up to its request: at most 3 µs.
 */
#include "core/contact_rows.h"

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <string_view>

namespace {

/* Memory as a memory context gives it that is reset after each row: a block that is used again. */
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

cu_text
text(std::string_view value)
{
	return {value.data(), value.size()};
}

cu_json
string(std::string_view value)
{
	cu_json json{};
	json.kind = CU_JSON_STRING;
	json.text = text(value);
	return json;
}

constexpr std::size_t kCells = 8;
using Cells = std::array<std::string_view, kCells>;

constexpr Cells kNames = {"Email Address", "First Name", "Score", "Active", "Born", "Country", "Plan", "Tags"};

/* As strict as a request. */
constexpr Cells kStrict = {"tywin@example.com", "Tywin", "12.5", "true", "2024-02-15", "GB", "Pro", "newsletter, vip"};

/* As files have them. */
constexpr Cells kLenient = {"Tywin Lannister <tywin@example.com>",
							" Tywin ",
							"$1,234.50",
							"Yes",
							"2024-02-15 10:30",
							"United Kingdom",
							"pro",
							"\"newsletter\",\"vip\""};

/* With date_format. */
constexpr Cells kFormatted = {
	"tywin@example.com", "Tywin", "12,5", "no", "15.02.2024 10:30", "GBR", "Pro", "{newsletter,vip}"};

cu_result
load(const cu_host *host, const cu_definitions **definitions)
{
	static const std::array<cu_json, 3> options = {string("Free"), string("Pro"), string("Team")};
	static const std::array<cu_field, 6> fields = {
		cu_field{text("first_name"), text("First Name"), CU_TEXT, nullptr, 0, {}, false, true},
		cu_field{text("score"), text("Score"), CU_NUMBER, nullptr, 0, {}, false, true},
		cu_field{text("active"), text("Active"), CU_BOOLEAN, nullptr, 0, {}, false, true},
		cu_field{text("born"), text("Born"), CU_DATE, nullptr, 0, {}, false, true},
		cu_field{text("country"), text("Country"), CU_COUNTRY, nullptr, 0, {}, false, true},
		cu_field{text("plan"), text("Plan"), CU_DROPDOWN_SINGLE, options.data(), options.size(), {}, false, true}};
	static const std::array<cu_tag, 2> tags = {cu_tag{1, text("newsletter")}, cu_tag{2, text("vip")}};
	const cu_workspace workspace{false, fields.data(), fields.size(), tags.data(), tags.size()};
	return cu_load_definitions(host, host, &workspace, definitions);
}

void
read_row(benchmark::State &state, const Cells &texts, std::string_view date_format)
{
	BlockHost loaded;
	const cu_definitions *definitions = nullptr;
	std::array<cu_text, kCells> names{};
	std::array<cu_json, kCells> cells{};
	std::array<cu_column, kCells> columns{};
	std::array<cu_column_match, kCells> matches{};
	cu_matching matching{};
	const cu_row_reader *reader = nullptr;
	cu_read_options options{};
	options.partial_update = true;
	options.date_format = text(date_format);
	for (std::size_t i = 0; i < kCells; i++)
	{
		names[i] = text(kNames[i]);
		cells[i] = string(texts[i]);
	}
	if (load(loaded.get(), &definitions) != CU_OK ||
		cu_match_columns(
			loaded.get(), definitions, names.data(), kCells, nullptr, columns.data(), matches.data(), &matching) !=
			CU_OK ||
		matching.has_problems ||
		cu_prepare_reader(loaded.get(), definitions, columns.data(), kCells, &options, &reader) != CU_OK)
		return state.SkipWithError("the columns were not matched");

	BlockHost host;
	for (auto _ : state)
	{
		host.reset();
		cu_row row{};
		if (cu_read_row(host.get(), reader, cells.data(), &row) != CU_OK || row.request.root.count != 4)
			return state.SkipWithError("the row was not read");
		benchmark::DoNotOptimize(row);
	}
}

BENCHMARK_CAPTURE(read_row, strict, kStrict, "");
BENCHMARK_CAPTURE(read_row, lenient, kLenient, "");
BENCHMARK_CAPTURE(read_row, formatted, kFormatted, "DD.MM.YYYY HH24:MI");

} // namespace

BENCHMARK_MAIN();
