/*
 * decision.hpp - what a request makes of a contact: the checks from FIELD_NOT_FOUND on (docs/api.md, "Errors"), then the merge.
 */
#pragma once

#include "definitions.hpp"
#include "request.hpp"

namespace contact {

/* decide sets decision, or error for CU_REJECTED; existing is nullptr if there is no such contact. */
[[nodiscard]] cu_result decide(Arena &arena, const cu_definitions &definitions, const cu_parsed_request &request,
							   const cu_contact *existing, const cu_decide_options &options, cu_decision &decision,
							   cu_error &error);

/* describe sets decision to a contact as it is shown. */
[[nodiscard]] cu_result describe(Arena &arena, const cu_definitions &definitions, const cu_contact &contact,
								 cu_decision &decision);

} // namespace contact
