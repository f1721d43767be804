/*
 * names.hpp - the names of the ABI's enums, as in the API and in SQL. Nothing here fails or needs memory.
 */
#pragma once

#include "contact_core.h"

#include <iterator>
#include <optional>
#include <string_view>

namespace contact {

inline constexpr const char *kStatusNames[] = {"SUBSCRIBED", "UNSUBSCRIBED", "UNCONFIRMED", "CLEANED", "COMPLAINED"};
static_assert(std::size(kStatusNames) == CU_STATUS_COUNT);

inline constexpr const char *kFieldTypeNames[] = {
	"TEXT", "NUMBER", "BOOLEAN", "DATE", "DROPDOWN_SINGLE", "DROPDOWN_MULTIPLE", "COUNTRY"};
static_assert(std::size(kFieldTypeNames) == CU_FIELD_TYPE_COUNT);

inline constexpr const char *kEventTypeNames[] = {
	"CONTACT_SUBSCRIBED_PENDING", "TAG_ADDED", "TAG_REMOVED", "FIELD_UPDATED"};
static_assert(std::size(kEventTypeNames) == CU_EVENT_TYPE_COUNT);

inline constexpr const char *kCodeNames[] = {"INVALID_REQUEST",
											 "EMAIL_REQUIRED",
											 "EMAIL_INVALID",
											 "FIELD_NOT_FOUND",
											 "STATUS_INVALID",
											 "FIELD_INVALID",
											 "TAG_NOT_FOUND",
											 "FIELD_REQUIRED",
											 "RESUBSCRIBE_REFUSED",
											 "VERSION_CONFLICT",
											 "CONTACT_NOT_FOUND",
											 "ADDRESS_TAKEN",
											 "WORKSPACE_NOT_FOUND",
											 "NOT_INSTALLED"};
static_assert(std::size(kCodeNames) == CU_NOT_INSTALLED + 1);

/* nullptr for a value that the enum does not have */
template <class Enum, std::size_t kCount>
constexpr const char *
name_of(const char *const (&names)[kCount], Enum value) noexcept
{
	const auto index = static_cast<std::size_t>(value);
	return index < kCount ? names[index] : nullptr;
}

template <class Enum, std::size_t kCount>
constexpr std::optional<Enum>
value_of(const char *const (&names)[kCount], std::string_view name) noexcept
{
	for (std::size_t i = 0; i < kCount; i++)
	{
		if (name == names[i])
			return static_cast<Enum>(i);
	}
	return std::nullopt;
}

} // namespace contact
