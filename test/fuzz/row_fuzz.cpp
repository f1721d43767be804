/*
 * row_fuzz.cpp - reads rows of files through the C ABI and checks what must hold for each of them.
 *
 * An input is lines: the first has flags and the date_format, the second the names of columns, the others are rows. Names and
 * cells are separated by tabs. A cell is a text, "\N" a NULL, and "=" and JSON a list. Flags are "c" (blank clears), "r" (a row
 * replaces all), "t" (create_tags), ";" (the separator), and "f12" or "i12" at the end: memory fails at that allocation, or a poll
 * interrupts. A broken rule aborts and names itself.
 */
#include "row_call.hpp"

#include "core/json.hpp"
#include "core/number.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <deque>

namespace {

void
require(bool holds, const char *rule)
{
	if (holds)
		return;
	std::fprintf(stderr, "row_fuzz: broken rule: %s\n", rule);
	std::abort();
}

std::string_view
take(std::string_view &text, char separator)
{
	const auto size = std::min(text.find(separator), text.size());
	const auto part = text.substr(0, size);
	text.remove_prefix(std::min(size + 1, text.size()));
	return part;
}

std::vector<std::string_view>
split(std::string_view line)
{
	std::vector<std::string_view> parts{take(line, '\t')};
	while (!line.empty())
		parts.push_back(take(line, '\t'));
	return parts;
}

cu_json
text_cell(std::string_view text)
{
	return contact::json_string(text);
}

/* Whether a value is a list as the ABI wants it. */
bool
is_list(const cu_json &value)
{
	return value.kind == CU_JSON_ARRAY && std::all_of(value.items, value.items + value.count, [](const cu_json &item) {
			   return item.kind == CU_JSON_NULL || item.kind == CU_JSON_STRING || item.kind == CU_JSON_NUMBER;
		   });
}

struct Flags
{
	explicit Flags(std::string_view &line)
	{
		while (!line.empty() && line[0] != ' ')
		{
			const char flag = line[0];
			line.remove_prefix(1);
			options.clears_blank = options.clears_blank || flag == 'c';
			options.partial_update = options.partial_update && flag != 'r';
			options.create_tags = options.create_tags || flag == 't';
			separator = flag == ';' ? flag : separator;
			if (flag == 'f' || flag == 'i')
				(flag == 'f' ? fail_at : interrupt_at) =
					std::strtoul(std::string(take(line, ' ')).c_str(), nullptr, 10);
		}
		if (!line.empty())
			line.remove_prefix(1);
	}

	cu_read_options options{.clears_blank = false,
							.partial_update = true,
							.create_tags = false,
							.mode = {},
							.source = {},
							.date_format = {},
							.now_seconds = 1708000000};
	char separator = '\0';
	std::size_t fail_at = 0;
	std::size_t interrupt_at = 0;
};

/* Whether an object's keys, and those of the objects in it, are in jsonb's order. */
bool
is_in_order(const cu_json &json)
{
	if (json.kind == CU_JSON_OBJECT)
	{
		for (std::size_t i = 1; i < json.count; i++)
		{
			if (!contact::jsonb_less(view_text(json.keys[i - 1]), view_text(json.keys[i])))
				return false;
		}
	}
	const bool has_items = json.kind == CU_JSON_OBJECT || json.kind == CU_JSON_ARRAY;
	return !has_items || std::all_of(json.items, json.items + json.count, is_in_order);
}

/* The text of an array, as PostgreSQL writes it, or nearly. */
std::string
write_array(const std::vector<std::string_view> &items)
{
	std::string text = "{";
	for (const auto item : items)
	{
		text += text.size() > 1 ? ",\"" : "\"";
		for (const char byte : item)
		{
			if (byte == '"' || byte == '\\')
				text += '\\';
			text += byte;
		}
		text += '"';
	}
	return text + "}";
}

/* The text of a stored value. */
std::string
write_value(const TestHost &host, const cu_json &value)
{
	contact::Arena arena(*host.get());
	std::vector<std::string_view> items;
	switch (value.kind)
	{
		case CU_JSON_BOOLEAN:
			return value.boolean ? "true" : "false";
		case CU_JSON_NUMBER:
			return std::string(contact::Decimal::parse(value)->write_out(arena));
		case CU_JSON_ARRAY:
			for (std::size_t i = 0; i < value.count; i++)
				items.push_back(view_text(value.items[i].text));
			return write_array(items);
		default:
			return std::string(view_text(value.text));
	}
}

/* Decision is a row's, with the contact that it was made for. */
struct Decision
{
	cu_result result;
	cu_decision decision;
	cu_error error;
	cu_text email;
};

Decision
decide(const TestHost &host, const cu_definitions *definitions, const cu_row &row, const cu_contact *existing)
{
	Decision made{};
	const cu_parsed_request *request = nullptr;
	const cu_decide_options options{.suppressed = false, .restores = false, .cells = row.cells};
	made.result = cu_parse_request(host.get(), &row.request, true, &request, &made.email, &made.error);
	if (made.result == CU_OK)
		made.result = cu_decide(host.get(), definitions, request, existing, &options, &made.decision, &made.error);
	require(made.result == CU_OK || made.result == CU_REJECTED, "a row makes a request");
	return made;
}

/* All errors of a row are none of a good one, and begin with the one that deciding reports. */
void
check_errors(const TestHost &host, const RowCall &call, const Decision &made)
{
	std::vector<cu_error> errors(20);
	std::size_t count = 0;
	const cu_decide_options options{.suppressed = false, .restores = false, .cells = call.row.cells};
	require(
		cu_find_errors(
			host.get(), call.definitions, &call.row.request, nullptr, &options, errors.data(), errors.size(), &count) ==
			CU_OK,
		"errors can be found");
	require((count == 0) == (made.result == CU_OK), "a row has errors if it is rejected");
	if (count == 0)
		return;
	require(std::string_view(errors[0].message) == made.error.message &&
				std::string_view(errors[0].hint) == made.error.hint,
			"the first error is the one that deciding reports");
	const auto column = cu_error_column(call.columns.data(), call.columns.size(), errors.data());
	require(column <= call.columns.size(), "the column at fault is one of the row's");
}

/* What a contact has, written as an import view shows it, changes nothing when it is read. */
void
check_round_trip(const RowCall &call, const Decision &made)
{
	const auto &decision = made.decision;
	if (decision.new_tag_count > 0)
		return;
	std::vector<std::string> names{"email_address", "contact.status", "contact.tags"};
	std::vector<std::string_view> tags;
	std::vector<std::int64_t> ids;
	for (std::size_t i = 0; i < decision.tag_count; i++)
	{
		tags.push_back(view_text(decision.tags[i].name));
		ids.push_back(decision.tags[i].id);
	}
	std::vector<std::string> texts{
		std::string(view_text(made.email)), cu_status_name(decision.status), write_array(tags)};
	for (std::size_t i = 0; i < decision.data.count; i++)
	{
		names.emplace_back(view_text(decision.data.keys[i]));
		texts.push_back(write_value(call.host, decision.data.items[i]));
	}
	TestHost host;
	std::vector<cu_text> views;
	std::vector<cu_json> cells;
	for (std::size_t i = 0; i < names.size(); i++)
	{
		views.push_back({names[i].data(), names[i].size()});
		cells.push_back(text_cell(texts[i]));
	}
	std::vector<cu_column> columns(names.size());
	std::vector<cu_column_match> matches(names.size());
	cu_matching matching{};
	cu_read_options options = call.options;
	options.partial_update = true;
	options.date_format = {};
	const cu_row_reader *reader = nullptr;
	cu_row row{};
	require(cu_match_columns(host.get(),
							 call.definitions,
							 views.data(),
							 views.size(),
							 nullptr,
							 columns.data(),
							 matches.data(),
							 &matching) == CU_OK &&
				!matching.has_problems,
			"the names of a view's columns are known");
	require(cu_prepare_reader(host.get(), call.definitions, columns.data(), columns.size(), &options, &reader) ==
					CU_OK &&
				cu_read_row(host.get(), reader, cells.data(), &row) == CU_OK,
			"a view's row can be read");
	const cu_contact contact{1, decision.status, ids.data(), ids.size(), decision.data};
	const auto again = decide(host, call.definitions, row, &contact);
	require(again.result == CU_OK && again.decision.outcome == CU_UNCHANGED,
			"what was written as a view shows it changes nothing");
}

void
check_row(const RowCall &call)
{
	const auto &row = call.row;
	require(is_in_order(row.request.root) && is_in_order(*row.cells), "a request is in jsonb's order");
	require(row.created_at.size == 0 || row.created_at.size == std::string_view("YYYY-MM-DDTHH:MM:SSZ").size(),
			"created_at is a time");
	require(row.error == nullptr || (row.created_at.size == 0 && row.error->message[0] != '\0'),
			"created_at is good or not");
	TestHost host;
	const auto made = decide(host, call.definitions, row, nullptr);
	check_errors(host, call, made);
	if (made.result == CU_OK)
		check_round_trip(call, made);
}

void
check_columns(RowCall &call)
{
	for (const auto &column : call.columns)
	{
		const auto name = view_text(cu_target_name(call.definitions, &column));
		require(name.empty() == (column.target == CU_NO_TARGET), "a target has a name");
		cu_text tag{};
		require(cu_make_merge_tag(call.host.get(), column.name, &tag) == CU_OK && tag.size != 1 && tag.size <= 63,
				"a merge tag can be made of a name");
	}
}

/* Leaves the first of the columns with a target, as a caller that reports the others. */
void
drop_duplicates(RowCall &call)
{
	for (std::size_t i = 0; i < call.columns.size(); i++)
	{
		if (call.matches[i].problem == CU_MATCH_DUPLICATE)
			call.columns[i].target = CU_NO_TARGET;
	}
}

std::string
names_as_json(const std::vector<std::string_view> &names)
{
	std::string json;
	for (const auto name : names)
		json += (json.empty() ? "[" : ",") + json_text(name);
	return json + "]";
}

void
run(std::string_view input)
{
	auto first = take(input, '\n');
	const Flags flags(first);
	const auto names = split(take(input, '\n'));
	RowCall call(names_as_json(names));
	if (call.match() != CU_OK || call.columns.size() != names.size())
		return;
	check_columns(call);
	drop_duplicates(call);
	call.options = flags.options;
	cu_error error{};
	if (cu_check_date_format({first.data(), first.size()}, &error) == CU_OK)
		call.options.date_format = {first.data(), first.size()};
	for (auto &column : call.columns)
		column.separator = flags.separator;
	TestHost host;
	const cu_row_reader *reader = nullptr;
	require(cu_prepare_reader(
				host.get(), call.definitions, call.columns.data(), names.size(), &call.options, &reader) == CU_OK,
			"a reader can be prepared");
	for (int rows = 0; !input.empty() && rows < 100; rows++)
	{
		auto cells = split(take(input, '\n'));
		cells.resize(names.size());
		std::deque<JsonDocument> lists;
		std::vector<cu_json> row;
		for (const auto cell : cells)
		{
			if (cell.starts_with("=["))
				lists.emplace_back(cell.substr(1));
			const bool has_list = cell.starts_with("=[") && is_list(lists.back().root());
			row.push_back(has_list ? lists.back().root() : cell == "\\N" ? cu_json{} : text_cell(cell));
			(void)cu_list_separators(&row.back());
		}
		TestHost reading;
		reading.fail_at = flags.fail_at;
		reading.interrupt_at = flags.interrupt_at;
		const auto result = cu_read_row(reading.get(), reader, row.data(), &call.row);
		require(result != CU_REJECTED && result != CU_INTERNAL_ERROR, "rows are read");
		require(result != CU_OUT_OF_MEMORY || (flags.fail_at > 0 && reading.allocations >= flags.fail_at),
				"memory failed");
		require(result != CU_INTERRUPTED || (flags.interrupt_at > 0 && reading.polls >= flags.interrupt_at),
				"it was asked");
		if (result == CU_OK)
			check_row(call);
	}
}

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	run({reinterpret_cast<const char *>(data), size});
	return 0;
}
