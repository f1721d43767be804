/*
 * mode.hpp - whether a request may create a contact, and change one that exists (docs/api.md, "Modes").
 */
#pragma once

#include "request.hpp"

namespace contact {

enum class Mode
{
	upsert,
	create, /* leaves a contact alone that exists */
	update, /* creates none */
	fill,	/* changes only what has no value */
};

/* read_mode reads the mode of a request; upsert if it is omitted. */
[[nodiscard]] cu_result read_mode(const cu_json *given, Mode &mode, cu_error &error) noexcept;

/* leaves_alone says whether nothing becomes of a request, by its mode and whether the contact exists. */
bool leaves_alone(Mode mode, bool exists) noexcept;

/* The same for a request whose mode may be none: such a one is rejected. */
bool leaves_alone(const cu_parsed_request &request, bool exists) noexcept;

} // namespace contact
