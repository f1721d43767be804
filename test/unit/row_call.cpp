/*
 * row_call.cpp - see row_call.hpp.
 */
#include "row_call.hpp"

namespace {

std::string
describe(const cu_error &error, std::string_view hint)
{
	return std::string(cu_code_name(error.code)) + ": " + error.message +
		   (hint.empty() ? std::string() : " [" + std::string(hint) + "]");
}

} // namespace

RowCall::RowCall(std::string_view names, std::string_view source, std::string_view targets)
	: definitions_(source), names_(names), targets_(targets)
{
	options.partial_update = true;
}

cu_result
RowCall::match()
{
	if (definitions == nullptr)
	{
		const auto result = workspace_.load(host.get(), definitions_.root(), &definitions);
		if (result != CU_OK)
			return result;
	}
	std::vector<cu_text> names;
	for (std::size_t i = 0; i < names_.root().count; i++)
		names.push_back(names_.root().items[i].text);
	columns.resize(names.size());
	matches.resize(names.size());
	const auto *targets = targets_.root().kind == CU_JSON_NULL ? nullptr : &targets_.root();
	return cu_match_columns(
		host.get(), definitions, names.data(), names.size(), targets, columns.data(), matches.data(), &matching);
}

std::string
RowCall::columns_found()
{
	const char *const kinds[] = {" (told)", "", " (label)", " (folded)", " (address)", ""};
	const char *const problems[] = {"", "unknown", "ambiguous", "duplicate of ", "bad target "};
	if (const auto result = match(); result != CU_OK)
		return "result " + std::to_string(result);
	std::string text;
	for (std::size_t i = 0; i < columns.size(); i++)
	{
		const auto &found = matches[i];
		const auto name = view_text(cu_target_name(definitions, &columns[i]));
		text += i > 0 ? ", " : "";
		text += name.empty() ? "-" : name;
		text += kinds[found.kind];
		if (found.problem == CU_MATCH_GOOD)
			continue;
		text += std::string(" ") + problems[found.problem];
		if (found.problem == CU_MATCH_DUPLICATE)
			text += std::to_string(found.other);
		text += view_text(found.given);
		if (found.nearest.size > 0)
			text += ": " + std::string(view_text(found.nearest)) + "?";
	}
	for (std::size_t i = 0; i < matching.unused_count; i++)
		text += "; unused " + std::string(view_text(matching.unused[i]));
	return text + (matching.has_address ? "" : "; no address");
}

cu_result
RowCall::read(std::string_view cells)
{
	cells_.emplace(cells);
	return read_cells({cells_->root().items, cells_->root().count});
}

cu_result
RowCall::read_texts(const std::vector<std::string_view> &texts)
{
	texts_.clear();
	for (const auto text : texts)
	{
		cu_json cell{};
		cell.kind = CU_JSON_STRING;
		cell.text = {text.data(), text.size()};
		texts_.push_back(cell);
	}
	return read_cells(texts_);
}

cu_result
RowCall::read_cells(std::span<const cu_json> cells)
{
	if (reader_ == nullptr)
	{
		auto result = match();
		if (result == CU_OK)
			result = cu_prepare_reader(host.get(), definitions, columns.data(), columns.size(), &options, &reader_);
		if (result != CU_OK)
			return result;
	}
	return cells.size() == columns.size() ? cu_read_row(host.get(), reader_, cells.data(), &row) : CU_INTERNAL_ERROR;
}

std::string
RowCall::request(std::string_view cells)
{
	const auto result = read(cells);
	return result == CU_OK ? write_json(row.request.root) : "result " + std::to_string(result);
}

std::string
RowCall::value(std::string_view cells)
{
	if (const auto result = read(cells); result != CU_OK)
		return "result " + std::to_string(result);
	const auto name = view_text(cu_target_name(definitions, columns.data()));
	if (columns[0].target == CU_TARGET_CREATED_AT)
		return row.error != nullptr		  ? row.error->message
			   : row.created_at.size == 0 ? "-"
										  : json_text(view_text(row.created_at));
	const auto *in = columns[0].target == CU_TARGET_FIELD ? find_member(row.request.root, "fields") : &row.request.root;
	const auto *found = find_member(*in, name);
	return found == nullptr ? "-" : write_json(*found);
}

std::string
RowCall::outcome(std::string_view contact, std::string_view cells)
{
	const auto result = read(cells);
	return result == CU_OK ? outcome_of_row(contact) : "result " + std::to_string(result);
}

std::string
RowCall::outcome_of_row(std::string_view contact)
{
	const JsonDocument source(contact);
	const StoredContact existing(source.root());
	const cu_parsed_request *request = nullptr;
	cu_text email{};
	cu_decision decision{};
	cu_error error{};
	const cu_decide_options how{.suppressed = false, .restores = false, .cells = row.cells};
	auto result = cu_parse_request(host.get(), &row.request, false, &request, &email, &error);
	if (result == CU_OK)
		result = cu_decide(host.get(), definitions, request, existing.get(), &how, &decision, &error);
	if (result == CU_REJECTED)
	{
		const auto column = cu_error_column(columns.data(), columns.size(), &error);
		return describe(error, column < columns.size() ? view_text(row.hints[column]) : std::string_view());
	}
	if (result != CU_OK)
		return "result " + std::to_string(result);
	const char *const outcomes[] = {"CREATED", "UPDATED", "UNCHANGED", "SKIPPED"};
	return std::string(outcomes[decision.outcome]) + " " + cu_status_name(decision.status) + " " +
		   describe_tags(decision.tags, decision.tag_count) + " " + write_json(decision.data);
}

std::string
json_text(std::string_view text)
{
	constexpr char kDigits[] = "0123456789abcdef";
	std::string json = "\"";
	for (const char byte : text)
	{
		if (static_cast<unsigned char>(byte) < ' ')
			json.append("\\u00").append(1, kDigits[byte / 16]).append(1, kDigits[byte % 16]);
		else
			json.append(byte == '"' || byte == '\\' ? "\\" : "").append(1, byte);
	}
	json += '"';
	return json;
}

std::string
cell_value(std::string_view column, std::string_view cell)
{
	RowCall call("[" + json_text(column) + "]");
	return call.value("[" + std::string(cell) + "]");
}
