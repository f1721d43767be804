/*
 * contact_core.cpp - the C ABI of contact_core.h: the only extern "C" definitions of the core.
 *
 * Nothing is decided here. Each function that can run out of memory has the same ladder around it, so that no exception
 * reaches C, and writes its results last, so that a failed call leaves none behind.
 */
#include "contact_core.h"

#include "arena.hpp"
#include "decision.hpp"
#include "definitions.hpp"
#include "email.hpp"
#include "evidence.hpp"
#include "json.hpp"
#include "mode.hpp"
#include "names.hpp"
#include "object_id.hpp"
#include "request.hpp"
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

void
cu_format_object_id(uint32_t seconds, const uint8_t random[5], uint32_t counter, char id[25]) noexcept
{
	contact::format_object_id(seconds, std::span<const uint8_t, 5>(random, 5), counter, std::span<char, 25>(id, 25));
}
