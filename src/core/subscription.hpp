/*
 * subscription.hpp - a contact's status: what a request may make of it, under either status policy (docs/api.md, "Consent").
 */
#pragma once

#include "definitions.hpp"
#include "request.hpp"

#include <optional>

namespace contact {

/* is_mailable is cu_is_mailable() of contact_core.h. */
bool is_mailable(cu_status status) noexcept;

/* Reads the status of a request; nothing if it is omitted. */
[[nodiscard]] cu_result read_status(const cu_json *given, std::optional<cu_status> &status, cu_error &error) noexcept;

/* StatusChange is all that decides the status of a contact that exists. */
struct StatusChange
{
	cu_status old_status;
	std::optional<cu_status> given;
	bool partial;
	bool guarded;
	bool resubscribe;
};

[[nodiscard]] cu_result change_status(const StatusChange &change, cu_status &status, cu_error &error) noexcept;

/* NewStatus is all that decides the status of a contact that does not exist. */
struct NewStatus
{
	std::optional<cu_status> given;
	bool suppressed; /* by a guarded workspace */
	bool resubscribe;
};

[[nodiscard]] cu_result choose_status(const NewStatus &choice, cu_status &status, cu_error &error) noexcept;

/* asks_for_suppression is cu_asks_for_suppression() of contact_core.h. */
bool asks_for_suppression(const cu_definitions &definitions, const cu_parsed_request &request) noexcept;

} // namespace contact
