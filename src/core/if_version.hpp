/*
 * if_version.hpp - the version that a contact must have for a request to apply (docs/api.md, "Versions").
 */
#pragma once

#include "contact_core.h"

#include <cstdint>
#include <optional>

namespace contact {

/* read_if_version reads the version that a request expects, 0 for no contact; nothing if it is omitted. */
[[nodiscard]] cu_result read_if_version(const cu_json *given, std::optional<std::int64_t> &expected,
										cu_error &error) noexcept;

/* check_version rejects a request that expects another version; existing is nullptr if there is no such contact. */
[[nodiscard]] cu_result check_version(std::optional<std::int64_t> expected, const cu_contact *existing,
									  cu_error &error) noexcept;

} // namespace contact
