/*
 * find_errors.hpp - all errors of a request, for people who mend a file: cu_find_errors() of contact_core.h.
 */
#pragma once

#include "definitions.hpp"

#include <span>

namespace contact {

/* find_errors writes into errors and sets count; CU_OK, or CU_INTERRUPTED. */
[[nodiscard]] cu_result find_errors(Arena &arena, const cu_definitions &definitions, const cu_document &document,
									const cu_contact *existing, const cu_decide_options &options,
									std::span<cu_error> errors, std::size_t &count);

} // namespace contact
