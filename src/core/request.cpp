/*
 * request.cpp - parse_request(): limits, keys, kinds, address.
 */
#include "request.hpp"

#include "email.hpp"
#include "rejection.hpp"

#include <algorithm>

namespace contact {

namespace {

constexpr std::string_view kKeys[] = {
	"email_address",
	"fields",
	"tags",
	"status",
	"partial_update",
	"add_tags",
	"remove_tags",
	"create_tags",
	"resubscribe",
	"mode",
	"if_version",
	"source",
	"evidence",
};

/* Longer than any key of ours with a few "_" and "-" more. */
constexpr std::size_t kMaxMisspeltBytes = 64;

constexpr bool
is_separator(char byte) noexcept
{
	return byte == '_' || byte == '-';
}

/* Whether two keys are the same but for case, "_" and "-". */
bool
is_near(std::string_view given, std::string_view key) noexcept
{
	const auto skip = [](std::string_view &text) {
		while (!text.empty() && is_separator(text[0]))
			text.remove_prefix(1);
	};
	for (;;)
	{
		skip(given);
		skip(key);
		if (given.empty() || key.empty())
			return given.empty() && key.empty();
		if (to_lower_ascii(given[0]) != key[0])
			return false;
		given.remove_prefix(1);
		key.remove_prefix(1);
	}
}

/* Returns the key of ours that an unknown one was meant to be; empty if it is like none. */
std::string_view
meant_key(std::string_view given) noexcept
{
	if (given.size() > kMaxMisspeltBytes)
		return {};
	const auto *found = std::ranges::find_if(kKeys, [given](std::string_view key) { return is_near(given, key); });
	return found == std::end(kKeys) ? std::string_view() : *found;
}

Rejection
reject_key(std::string_view key, cu_error &error) noexcept
{
	Rejection rejection(error, CU_INVALID_REQUEST);
	rejection.message({"The request has the unknown key '", key, "'."}).field(key);
	return rejection;
}

cu_result
check_keys(const Arena &arena, std::span<const cu_text> keys, bool rejects_unknown_keys, cu_error &error) noexcept
{
	const cu_text *unknown = nullptr;
	for (const auto &key : keys)
	{
		if (arena.interrupted())
			return CU_INTERRUPTED;
		if (is_request_key(view(key)))
			continue;
		if (const auto meant = meant_key(view(key)); !meant.empty())
			return reject_key(view(key), error).hint({"Did you mean ", meant, "?"});
		if (unknown == nullptr)
			unknown = &key;
	}
	if (unknown == nullptr || !rejects_unknown_keys)
		return CU_OK;
	return reject_key(view(*unknown), error)
		.hint({"contact_upsert.unknown_keys is refuse. The keys of a request are"})
		.hint_list(kKeys, [](std::string_view key) { return key; });
}

cu_result
check_document(const cu_document &document, cu_error &error) noexcept
{
	/* Before the kind: the reader does not look into a request that is too large. */
	if (document.bytes > CU_MAX_REQUEST_BYTES)
		return Rejection(error, CU_INVALID_REQUEST)
			.message({"The request is larger than 1 MiB."})
			.hint({"Send less in one request; a partial update needs only what changes."});
	if (const auto kind = document.root.kind; kind != CU_JSON_OBJECT)
	{
		Rejection rejection(error, CU_INVALID_REQUEST);
		rejection.message({"The request must be a JSON object."});
		if (kind == CU_JSON_STRING)
			return rejection.hint({"The request is a JSON string: it looks encoded twice. ",
								   "Pass the object itself, cast with ::jsonb, not a string of it."});
		if (kind == CU_JSON_ARRAY)
			return rejection.hint(
				{"Pass one object at a time: SELECT contact_upsert(r) FROM jsonb_array_elements(requests) r."});
		return rejection.hint({R"(Pass an object such as {"email_address": "tywin@example.com"}.)"});
	}
	if (document.depth > CU_MAX_DEPTH)
		return Rejection(error, CU_INVALID_REQUEST)
			.message({"The request is nested deeper than 8 levels."})
			.hint({"No key of a request needs more than two levels: check how it was built."});
	return CU_OK;
}

} // namespace

bool
is_request_key(std::string_view key) noexcept
{
	return std::ranges::find(kKeys, key) != std::end(kKeys);
}

cu_result
read_email(Arena &arena, const cu_json *given, std::string_view &email, cu_error &error)
{
	const bool is_string = given != nullptr && given->kind == CU_JSON_STRING;
	const auto text = is_string ? trim(view(given->text)) : std::string_view();
	if (given == nullptr || (is_string && text.empty()))
		return Rejection(error, CU_EMAIL_REQUIRED)
			.message({"Email address is required for upsert operation."})
			.hint({"Add the top-level key email_address."})
			.field("email_address");
	if (!is_email(text))
		return Rejection(error, CU_EMAIL_INVALID)
			.message({"The email address you provided is not valid."})
			.hint({"email_address must be one address such as tywin@example.com, a string of at most 254 bytes."})
			.field("email_address")
			.value(*given);
	email = normalize_email(arena, text);
	return CU_OK;
}

bool
list_unknown_keys(const cu_parsed_request &request, char (&names)[256]) noexcept
{
	ErrorText text(names);
	bool found = false;
	for (const auto &key : request.keys)
	{
		if (is_request_key(view(key)))
			continue;
		text.append(found ? ", \"" : "\"").append(view(key)).append("\"");
		found = true;
		if (text.is_full())
			break;
	}
	return found;
}

cu_result
parse_request(Arena &arena, const cu_document &document, bool rejects_unknown_keys, cu_parsed_request &request,
			  cu_error &error)
{
	auto result = check_document(document, error);
	if (result == CU_OK)
		result = check_keys(arena, keys(document.root), rejects_unknown_keys, error);
	if (result != CU_OK)
		return result;

	const auto find = [&document](std::string_view key) { return find_value(document.root, key); };
	request.keys = keys(document.root);
	request.fields = find("fields");
	request.status = find("status");
	request.tags = find("tags");
	request.add_tags = find("add_tags");
	request.remove_tags = find("remove_tags");
	request.create_tags = find("create_tags");
	request.partial_update = find("partial_update");
	request.resubscribe = find("resubscribe");
	request.mode = find("mode");
	request.if_version = find("if_version");
	request.source = find("source");
	request.evidence = find("evidence");
	return read_email(arena, find("email_address"), request.email, error);
}

cu_result
read_flag(const cu_json *given, std::string_view key, bool &flag, cu_error &error) noexcept
{
	if (given != nullptr && given->kind != CU_JSON_BOOLEAN)
		return reject_shape(error, key, "true or false");
	flag = given != nullptr && given->boolean;
	return CU_OK;
}

} // namespace contact
