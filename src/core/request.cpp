/*
 * request.cpp - see request.hpp.
 */
#include "request.hpp"

#include "email.hpp"
#include "refusal.hpp"

namespace contact {

namespace {

cu_result
check_document(const cu_document &document, cu_error &error) noexcept
{
	/* Before the kind: the reader does not look into a request that is too large. */
	if (document.bytes > CU_MAX_REQUEST_BYTES)
		return Refusal(error, CU_INVALID_REQUEST)
			.message({"The request is larger than 1 MiB."})
			.hint({"Send less in one request; a partial update needs only what changes."});
	if (const auto kind = document.root.kind; kind != CU_JSON_OBJECT)
	{
		Refusal refusal(error, CU_INVALID_REQUEST);
		refusal.message({"The request must be a JSON object."});
		if (kind == CU_JSON_STRING)
			return refusal.hint({"The request is a JSON string: it looks encoded twice. ",
								 "Pass the object itself, cast with ::jsonb, not a string of it."});
		if (kind == CU_JSON_ARRAY)
			return refusal.hint(
				{"Pass one object at a time: SELECT contact_upsert(r) FROM jsonb_array_elements(requests) r."});
		return refusal.hint({R"(Pass an object such as {"email_address": "tywin@example.com"}.)"});
	}
	if (document.depth > CU_MAX_DEPTH)
		return Refusal(error, CU_INVALID_REQUEST)
			.message({"The request is nested deeper than 8 levels."})
			.hint({"No key of a request needs more than two levels: check how it was built."});
	return CU_OK;
}

cu_result
read_email(Arena &arena, const cu_json *given, std::string_view &email, cu_error &error)
{
	const bool is_string = given != nullptr && given->kind == CU_JSON_STRING;
	const auto text = is_string ? trim(view(given->text)) : std::string_view();
	if (given == nullptr || (is_string && text.empty()))
		return Refusal(error, CU_EMAIL_REQUIRED)
			.message({"Email address is required for upsert operation."})
			.hint({"Add the top-level key email_address."})
			.field("email_address");
	if (!is_email(text))
		return Refusal(error, CU_EMAIL_INVALID)
			.message({"The email address you provided is not valid."})
			.hint({"email_address must be one address such as tywin@example.com, a string of at most 254 bytes."})
			.field("email_address");
	email = normalize_email(arena, text);
	return CU_OK;
}

} // namespace

cu_result
read_request(Arena &arena, const cu_document &document, cu_request &request, cu_error &error)
{
	if (const auto result = check_document(document, error); result != CU_OK)
		return result;

	const auto find = [&document](std::string_view key) { return find_value(document.root, key); };
	request.fields = find("fields");
	request.status = find("status");
	request.tags = find("tags");
	request.add_tags = find("add_tags");
	request.remove_tags = find("remove_tags");
	request.create_tags = find("create_tags");
	request.partial_update = find("partial_update");
	request.resubscribe = find("resubscribe");
	return read_email(arena, find("email_address"), request.email, error);
}

cu_result
read_flag(const cu_json *given, std::string_view key, bool &flag, cu_error &error) noexcept
{
	if (given != nullptr && given->kind != CU_JSON_BOOLEAN)
		return refuse_shape(error, key, "true or false");
	flag = given != nullptr && given->boolean;
	return CU_OK;
}

} // namespace contact
