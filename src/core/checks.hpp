/*
 * checks.hpp - the checks of a request behind its address, in the order of errors (docs/api.md, "Errors").
 *
 * A Case is what is checked; the checks fill a Plan, of which merging makes the decision. check() makes all of them and stops at
 * the first error; the single ones are for collecting all errors.
 */
#pragma once

#include "fields.hpp"
#include "subscription.hpp"
#include "tags.hpp"

#include <optional>

namespace contact {

/* Case is what is decided on. */
struct Case
{
	const cu_definitions &definitions;
	const cu_parsed_request &request;
	const cu_contact *existing;
	const cu_decide_options &options;
};

/* Plan is what a request comes to, check by check. */
struct Plan
{
	bool skips; /* the mode leaves the contact alone */
	bool fills; /* a contact that exists, only where it has no value */
	bool keep;	/* what the request omits */
	std::optional<cu_status> given_status;
	cu_status status;
	Assignments &assignments;
	TagRequest tags;
};

/* check makes all checks; of those behind the mode, a request that leaves the contact alone keeps the ones of its own shape. */
[[nodiscard]] cu_result check(Arena &arena, const Case &of, Plan &plan, cu_error &error);

/* read_manner reads how the request is to be merged: mode and partial_update. */
[[nodiscard]] cu_result read_manner(Arena &arena, const Case &of, Plan &plan, cu_error &error);

/* What the contact has, and what a file says that it has. */
Before before(const Case &of) noexcept;

[[nodiscard]] cu_result check_status(const Case &of, Plan &plan, cu_error &error) noexcept;
[[nodiscard]] cu_result check_if_version(const Case &of, const Plan &plan, cu_error &error) noexcept;

} // namespace contact
