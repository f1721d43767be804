/*
 * contact_core.cpp - the C ABI of contact_core.h and contact_rows.h: the only extern "C" definitions of the core.
 *
 * Nothing is decided here. Each function that can run out of memory has the same ladder around it, so that no exception
 * reaches C, and writes its results last, so that a failed call leaves none behind.
 */
#include "contact_core.h"

#include "contact_rows.h"

#include "arena.hpp"
#include "column_name.hpp"
#include "columns.hpp"
#include "date_format.hpp"
#include "decision.hpp"
#include "definitions.hpp"
#include "email.hpp"
#include "evidence.hpp"
#include "file_hint.hpp"
#include "find_errors.hpp"
#include "json.hpp"
#include "list_syntax.hpp"
#include "mode.hpp"
#include "names.hpp"
#include "object_id.hpp"
#include "rejection.hpp"
#include "request.hpp"
#include "row.hpp"
#include "subscription.hpp"
#include "tags.hpp"
#include "text.hpp"

#include <algorithm>
#include <iterator>
#include <new>

namespace {

/* What reading a request takes. */
constexpr std::size_t kRequestBytes = 512;

/* Runs work with an arena of the host; arena_size: see there. */
template <class Work, class... Size>
cu_result
run(const cu_host *host, Work work, Size... arena_size) noexcept
{
	try
	{
		contact::Arena arena(*host, arena_size...);
		return work(arena);
	}
	catch (const std::bad_alloc &)
	{
		return CU_OUT_OF_MEMORY;
	}
	catch (...)
	{
		return CU_INTERNAL_ERROR;
	}
}

} // namespace

const char *
cu_status_name(cu_status status) noexcept
{
	return contact::name_of(contact::kStatusNames, status);
}

const char *
cu_field_type_name(cu_field_type type) noexcept
{
	return contact::name_of(contact::kFieldTypeNames, type);
}

const char *
cu_event_type_name(cu_event_type type) noexcept
{
	return contact::name_of(contact::kEventTypeNames, type);
}

const char *
cu_code_name(cu_code code) noexcept
{
	return contact::name_of(contact::kCodeNames, code);
}

bool
cu_is_mailable(cu_status status) noexcept
{
	return contact::is_mailable(status);
}

cu_result
cu_load_definitions(const cu_host *host, const cu_host *scratch, const cu_workspace *workspace,
					const cu_definitions **definitions) noexcept
{
	return run(host, [&](contact::Arena &arena) {
		contact::Arena temporary(*scratch);
		auto *loaded = arena.make(cu_definitions{});
		const auto result = contact::load_definitions(arena, temporary, *workspace, *loaded);
		if (result == CU_OK)
			*definitions = loaded;
		return result;
	});
}

bool
cu_is_request_key(cu_text key) noexcept
{
	return contact::is_request_key(contact::view(key));
}

cu_result
cu_parse_request(const cu_host *host, const cu_document *document, bool rejects_unknown_keys,
				 const cu_parsed_request **request, cu_text *email, cu_error *error) noexcept
{
	return run(
		host,
		[&](contact::Arena &arena) {
			auto *read = arena.make(cu_parsed_request{});
			const auto result = contact::parse_request(arena, *document, rejects_unknown_keys, *read, *error);
			if (result == CU_OK)
			{
				*request = read;
				*email = contact::to_text(read->email);
			}
			return result;
		},
		kRequestBytes);
}

bool
cu_unknown_keys(const cu_parsed_request *request, char (*names)[256]) noexcept
{
	return contact::list_unknown_keys(*request, *names);
}

bool
cu_creates_tags(const cu_parsed_request *request) noexcept
{
	const auto *given = request->create_tags;
	return given != nullptr && given->kind == CU_JSON_BOOLEAN && given->boolean;
}

cu_result
cu_new_tags(const cu_host *host, const cu_definitions *definitions, const cu_parsed_request *request,
			const cu_text **names, size_t *count) noexcept
{
	return run(host, [&](contact::Arena &arena) {
		contact::TagRequest tags;
		cu_error error;
		const auto result = contact::read_tags(arena, *definitions, *request, tags, error);
		if (result != CU_OK && result != CU_REJECTED)
			return result;
		auto &texts = arena.make_vector<cu_text>(tags.new_names.size());
		std::ranges::transform(tags.new_names, std::back_inserter(texts), contact::to_text);
		*names = texts.data();
		*count = texts.size();
		return CU_OK;
	});
}

cu_text
cu_request_source(const cu_parsed_request *request) noexcept
{
	return contact::to_text(contact::source_of(*request));
}

const cu_json *
cu_request_evidence(const cu_parsed_request *request) noexcept
{
	return contact::evidence_of(*request);
}

bool
cu_leaves_alone(const cu_parsed_request *request, bool exists) noexcept
{
	return contact::leaves_alone(*request, exists);
}

bool
cu_asks_for_suppression(const cu_definitions *definitions, const cu_parsed_request *request) noexcept
{
	return contact::asks_for_suppression(*definitions, *request);
}

cu_result
cu_decide(const cu_host *host, const cu_definitions *definitions, const cu_parsed_request *request,
		  const cu_contact *existing, const cu_decide_options *options, cu_decision *decision, cu_error *error) noexcept
{
	return run(host, [&](contact::Arena &arena) {
		cu_decision decided{};
		const auto chosen = options == nullptr ? cu_decide_options{} : *options;
		const auto result = contact::decide(arena, *definitions, *request, existing, chosen, decided, *error);
		if (result == CU_OK)
			*decision = decided;
		return result;
	});
}

cu_result
cu_find_errors(const cu_host *host, const cu_definitions *definitions, const cu_document *document,
			   const cu_contact *existing, const cu_decide_options *options, cu_error *errors, size_t room,
			   size_t *count) noexcept
{
	return run(host, [&](contact::Arena &arena) {
		std::size_t found = 0;
		const auto chosen = options == nullptr ? cu_decide_options{} : *options;
		const auto result =
			contact::find_errors(arena, *definitions, *document, existing, chosen, {errors, room}, found);
		if (result == CU_OK)
			*count = found;
		return result;
	});
}

cu_result
cu_describe_contact(const cu_host *host, const cu_definitions *definitions, const cu_contact *contact,
					cu_decision *decision) noexcept
{
	return run(host, [&](contact::Arena &arena) {
		cu_decision described{};
		const auto result = contact::describe(arena, *definitions, *contact, described);
		if (result == CU_OK)
			*decision = described;
		return result;
	});
}

cu_result
cu_normalize_email(const cu_host *host, cu_text text, cu_text *email, cu_error *error) noexcept
{
	return run(host, [&](contact::Arena &arena) {
		const auto given = contact::json_string(contact::view(text));
		std::string_view normalized;
		const auto result = contact::read_email(arena, &given, normalized, *error);
		if (result == CU_OK)
			*email = contact::to_text(normalized);
		return result;
	});
}

bool
cu_is_stored_email(cu_text text) noexcept
{
	return contact::is_stored_email(contact::view(text));
}

bool
cu_is_stored_data(const cu_json *data) noexcept
{
	return data->kind == CU_JSON_OBJECT && std::ranges::all_of(contact::elements(*data), contact::is_stored_value) &&
		   std::ranges::find(contact::keys(*data), contact::kEmailAddress, contact::view) == contact::keys(*data).end();
}

size_t
cu_data_size(const cu_json *data) noexcept
{
	return contact::json_size(*data);
}

cu_result
cu_is_field_value(const cu_host *host, cu_field_type type, const cu_json *options, const cu_json *value,
				  bool *valid) noexcept
{
	return run(host, [&](contact::Arena &arena) {
		const auto items = options == nullptr ? std::span<const cu_json>() : contact::elements(*options);
		cu_json stored{};
		const auto result = contact::read_value(arena, type, contact::Options(arena, items), *value, stored);
		if (result != CU_OK && result != CU_REJECTED)
			return result;
		*valid = result == CU_OK;
		return CU_OK;
	});
}

cu_result
cu_fold_case(const cu_host *host, cu_text text, cu_text *folded) noexcept
{
	return run(host, [&](contact::Arena &arena) {
		*folded = contact::to_text(contact::fold_case(arena, contact::view(text)));
		return CU_OK;
	});
}

cu_text
cu_trim(cu_text text) noexcept
{
	return contact::to_text(contact::trim(contact::view(text)));
}

bool
cu_is_tag_name(cu_text text) noexcept
{
	return contact::is_tag_name(contact::view(text));
}

cu_result
cu_match_columns(const cu_host *host, const cu_definitions *definitions, const cu_text *names, size_t count,
				 const cu_json *targets, cu_column *columns, cu_column_match *matches, cu_matching *matching) noexcept
{
	return run(host, [&](contact::Arena &arena) {
		return contact::match_columns(arena, *definitions, {names, count}, targets, columns, matches, *matching);
	});
}

cu_text
cu_target_name(const cu_definitions *definitions, const cu_column *column) noexcept
{
	return contact::to_text(contact::target_name(*definitions, *column));
}

cu_field_type
cu_target_type(const cu_definitions *definitions, const cu_column *column) noexcept
{
	const bool is_field = column->target == CU_TARGET_FIELD;
	const auto *field = is_field ? contact::find_field(*definitions, contact::view(column->merge_tag)) : nullptr;
	return field == nullptr ? CU_TEXT : field->type;
}

cu_result
cu_make_merge_tag(const cu_host *host, cu_text name, cu_text *merge_tag) noexcept
{
	return run(host, [&](contact::Arena &arena) {
		*merge_tag = contact::to_text(contact::make_merge_tag(arena, contact::view(name)));
		return CU_OK;
	});
}

bool
cu_is_list(const cu_definitions *definitions, const cu_column *column) noexcept
{
	return contact::is_list(*definitions, *column);
}

unsigned
cu_list_separators(const cu_json *cell) noexcept
{
	return cell->kind == CU_JSON_STRING ? contact::list_separators(contact::view(cell->text)) : 0;
}

char
cu_separator_of(unsigned separators) noexcept
{
	return contact::separator_of(separators);
}

cu_result
cu_check_date_format(cu_text format, cu_error *error) noexcept
{
	const auto problem = contact::DateFormat::problem_of(contact::view(format));
	if (problem.empty())
		return CU_OK;
	return contact::Rejection(*error, CU_INVALID_REQUEST)
		.message({"date_format '", contact::view(format), "' does not say how a date is written."})
		.hint({problem})
		.field("date_format")
		.value(contact::json_string(contact::view(format)));
}

cu_result
cu_prepare_reader(const cu_host *host, const cu_definitions *definitions, const cu_column *columns, size_t count,
				  const cu_read_options *options, const cu_row_reader **reader) noexcept
{
	return run(host, [&](contact::Arena &arena) {
		auto *prepared = arena.make(cu_row_reader{});
		const auto result = contact::prepare_reader(arena, *definitions, {columns, count}, *options, *prepared);
		if (result == CU_OK)
			*reader = prepared;
		return result;
	});
}

cu_result
cu_read_row(const cu_host *host, const cu_row_reader *reader, const cu_json *cells, cu_row *row) noexcept
{
	return run(host, [&](contact::Arena &arena) {
		cu_row read{};
		const auto result = contact::read_row(arena, *reader, cells, read);
		if (result == CU_OK)
			*row = read;
		return result;
	});
}

size_t
cu_error_column(const cu_column *columns, size_t count, const cu_error *error) noexcept
{
	const std::string_view merge_tag = error->has_merge_tag ? error->merge_tag : std::string_view();
	const std::string_view key = error->has_merge_tag || !error->has_field ? std::string_view() : error->field;
	const auto is_at_fault = [&](const cu_column &column) {
		if (column.target == CU_TARGET_FIELD)
			return error->has_merge_tag && contact::view(column.merge_tag) == merge_tag;
		return !key.empty() && contact::key_of(column.target) == key;
	};
	return static_cast<size_t>(std::find_if(columns, columns + count, is_at_fault) - columns);
}

void
cu_set_hint(cu_error *error, cu_text hint) noexcept
{
	contact::set_file_hint(*error, hint);
}

void
cu_format_object_id(uint32_t seconds, const uint8_t random[5], uint32_t counter, char id[25]) noexcept
{
	contact::format_object_id(seconds, std::span<const uint8_t, 5>(random, 5), counter, std::span<char, 25>(id, 25));
}
