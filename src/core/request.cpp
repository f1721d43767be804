/*
 * request.cpp - parse_request(): limits, keys, kinds, address.
 */
#include "request.hpp"

#include "email.hpp"
#include "rejection.hpp"

#include <algorithm>

namespace contact {

namespace {

/* A key, and where its value goes. */
struct Key
{
	std::string_view name;
	const cu_json *cu_parsed_request::*value;
};

constexpr Key kKeys[] = {
	{"email_address", &cu_parsed_request::email_address},
	{"fields", &cu_parsed_request::fields},
	{"tags", &cu_parsed_request::tags},
	{"status", &cu_parsed_request::status},
	{"partial_update", &cu_parsed_request::partial_update},
	{"add_tags", &cu_parsed_request::add_tags},
	{"remove_tags", &cu_parsed_request::remove_tags},
	{"create_tags", &cu_parsed_request::create_tags},
	{"resubscribe", &cu_parsed_request::resubscribe},
	{"mode", &cu_parsed_request::mode},
	{"if_version", &cu_parsed_request::if_version},
	{"source", &cu_parsed_request::source},
	{"evidence", &cu_parsed_request::evidence},
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

/* nullptr for a key that is not of ours */
const Key *
find_key(std::string_view name) noexcept
{
	const auto *found = std::ranges::find(kKeys, name, &Key::name);
	return found == std::end(kKeys) ? nullptr : found;
}

/* Returns the key of ours that an unknown one was meant to be; empty if it is like none. */
std::string_view
meant_key(std::string_view given) noexcept
{
	if (given.size() > kMaxMisspeltBytes)
		return {};
	const auto *found = std::ranges::find_if(kKeys, [given](const Key &key) { return is_near(given, key.name); });
	return found == std::end(kKeys) ? std::string_view() : found->name;
}

Rejection
reject_key(std::string_view key, cu_error &error) noexcept
{
	Rejection rejection(error, CU_INVALID_REQUEST);
	rejection.message({"The request has the unknown key '", key, "'."}).field(key);
	return rejection;
}

/* Takes the values of the keys, in one pass: a request has few. */
cu_result
read_keys(const Arena &arena, const cu_json &root, bool rejects_unknown_keys, cu_parsed_request &request,
		  cu_error &error) noexcept
{
	const cu_text *unknown = nullptr;
	request.keys = keys(root);
	for (std::size_t i = 0; i < root.count; i++)
	{
		if (arena.interrupted())
			return CU_INTERRUPTED;
		const auto name = view(root.keys[i]);
		const auto &value = root.items[i];
		if (const auto *key = find_key(name))
		{
			request.*key->value = value.kind == CU_JSON_NULL ? nullptr : &value;
			continue;
		}
		if (const auto meant = meant_key(name); !meant.empty())
			return reject_key(name, error).hint({"Did you mean ", meant, "?"});
		if (unknown == nullptr)
			unknown = &root.keys[i];
	}
	if (unknown == nullptr || !rejects_unknown_keys)
		return CU_OK;
	return reject_key(view(*unknown), error)
		.hint({"contact_upsert.unknown_keys is refuse. The keys of a request are"})
		.hint_list(kKeys, [](const Key &key) { return key.name; });
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
	return find_key(key) != nullptr;
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
		result = read_keys(arena, document.root, rejects_unknown_keys, request, error);
	return result == CU_OK ? read_email(arena, request.email_address, request.email, error) : result;
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
