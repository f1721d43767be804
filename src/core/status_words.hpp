/*
 * status_words.hpp - what other systems call a contact's status (docs/files.md, "Status words"). Nothing here fails or needs memory.
 */
#pragma once

#include "contact_core.h"

#include <optional>
#include <string_view>

namespace contact {

/* find_status returns the status that a word means, by our names too, without regard to case, white space, "_" and "-". */
std::optional<cu_status> find_status(std::string_view word) noexcept;

} // namespace contact
