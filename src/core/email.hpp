/*
 * email.hpp - which e-mail addresses are accepted, and how they are stored.
 *
 * The rule is the WHATWG's for <input type=email>, widened to RFC 6531: a code point beyond ASCII counts as an allowed
 * character or as a letter of a domain, unless it is invisible (white space, controls, default-ignorables) or it
 * is an at sign or a full stop in disguise; two such addresses would look like one. These functions reject nothing: their callers say why.
 */
#pragma once

#include "arena.hpp"

#include <string_view>

namespace contact {

/* Whether text is an address, in any case and without white space around it. */
bool is_email(std::string_view text) noexcept;

/* Whether text is an address as normalize_email returns it. */
bool is_stored_email(std::string_view text) noexcept;

/* The form in which an address is stored and matched: ASCII letters in lower case. */
std::string_view normalize_email(Arena &arena, std::string_view email);

} // namespace contact
