/*
 * evidence.cpp - checks source and evidence. Nobody looks into them: an object of any keys is evidence.
 */
#include "evidence.hpp"

#include "json.hpp"
#include "rejection.hpp"

namespace contact {

namespace {

/* PHP writes an empty map as an empty list. */
bool
is_empty_list(const cu_json &json) noexcept
{
	return json.kind == CU_JSON_ARRAY && json.count == 0;
}

cu_result
check_source(const cu_json *source, cu_error &error) noexcept
{
	if (source == nullptr)
		return CU_OK;
	if (source->kind != CU_JSON_STRING)
		return reject_shape(error, "source", "a string");
	if (source->text.size > CU_MAX_SOURCE_BYTES)
		return Rejection(error, CU_INVALID_REQUEST)
			.message({"source is longer than 255 bytes."})
			.hint({"Give a short name, such as that of a form or a file, and put the rest into evidence."})
			.field("source");
	return CU_OK;
}

} // namespace

cu_result
check_evidence(const cu_parsed_request &request, cu_error &error) noexcept
{
	if (const auto result = check_source(request.source, error); result != CU_OK)
		return result;
	const auto *evidence = request.evidence;
	if (evidence == nullptr || is_empty_list(*evidence))
		return CU_OK;
	if (evidence->kind != CU_JSON_OBJECT)
		return reject_shape(error, "evidence", "an object");
	if (json_size(*evidence) > CU_MAX_EVIDENCE_BYTES)
		return Rejection(error, CU_INVALID_REQUEST)
			.message({"evidence is larger than 8 KiB."})
			.hint({"Keep large documents elsewhere, and put a reference to them into evidence."})
			.field("evidence");
	return CU_OK;
}

std::string_view
source_of(const cu_parsed_request &request) noexcept
{
	const auto *source = request.source;
	return source != nullptr && source->kind == CU_JSON_STRING ? view(source->text) : std::string_view();
}

const cu_json *
evidence_of(const cu_parsed_request &request) noexcept
{
	const auto *evidence = request.evidence;
	return evidence != nullptr && evidence->kind == CU_JSON_OBJECT && evidence->count > 0 ? evidence : nullptr;
}

} // namespace contact
