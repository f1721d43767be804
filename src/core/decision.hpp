/*
 * decision.hpp - what a request makes of a contact: checks 4 to 9 of the contract, then the merge.
 */
#pragma once

#include "definitions.hpp"
#include "request.hpp"

namespace contact {

/* existing: nullptr if there is no such contact. */
[[nodiscard]] cu_result decide(Arena &arena, const cu_definitions &definitions, const cu_parsed_request &request,
							   const cu_contact *existing, cu_decision &decision, cu_error &error);

} // namespace contact
