/*
 * file_hint.hpp - what an error says to a person with a file, in place of what it says of the keys of a request.
 */
#pragma once

#include "contact_core.h"

namespace contact {

/* set_file_hint does what cu_set_hint says. */
void set_file_hint(cu_error &error, cu_text hint_of_cell) noexcept;

} // namespace contact
