/*
 * date.hpp - dates and times of RFC 3339, and how they are stored.
 *
 * normalize_date accepts the RFC's full-date and date-time to the letter, on the Gregorian calendar, in the years 1 to 9999 (in UTC too); not
 * the leap second 60, which PostgreSQL could not return. Depends on no time zone, clock or setting.
 */
#pragma once

#include "arena.hpp"

#include <optional>
#include <string_view>

namespace contact {

/* normalize_date returns text as it is stored: YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ without a fraction; nothing if it is neither. */
std::optional<std::string_view> normalize_date(Arena &arena, std::string_view text);

} // namespace contact
