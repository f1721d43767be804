/*
 * request.hpp - the shape of a request: the checks up to EMAIL_INVALID (docs/api.md, "Errors").
 *
 * A request that parse_request accepts keeps the limits, has no key that looks like a misspelt one of ours, and an e-mail address.
 * All other keys are only found here; the steps of the decision check them, in the order of errors.
 */
#pragma once

#include "json.hpp"

#include <string_view>

/* cu_parsed_request points into the document; nullptr stands for a key that is omitted or null. */
struct cu_parsed_request
{
	std::string_view email; /* as it is stored */
	std::span<const cu_text> keys;
	const cu_json *email_address;
	const cu_json *fields;
	const cu_json *status;
	const cu_json *tags;
	const cu_json *add_tags;
	const cu_json *remove_tags;
	const cu_json *create_tags;
	const cu_json *partial_update;
	const cu_json *resubscribe;
	const cu_json *mode;
	const cu_json *if_version;
	const cu_json *source;
	const cu_json *evidence;
};

namespace contact {

/* Whether a request can have such a top-level key. */
bool is_request_key(std::string_view key) noexcept;

[[nodiscard]] cu_result parse_request(Arena &arena, const cu_document &document, bool rejects_unknown_keys,
									  cu_parsed_request &request, cu_error &error);

/* read_email reads an e-mail address; given is nullptr if it is omitted. */
[[nodiscard]] cu_result read_email(Arena &arena, const cu_json *given, std::string_view &email, cu_error &error);

/* Lists the top-level keys that are not of ours, in a text that is cut to its size; false if there are none. */
bool list_unknown_keys(const cu_parsed_request &request, char (&names)[256]) noexcept;

/* Reads the boolean of a top-level key; false if it is omitted. */
[[nodiscard]] cu_result read_flag(const cu_json *given, std::string_view key, bool &flag, cu_error &error) noexcept;

} // namespace contact
