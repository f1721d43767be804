/*
 * definitions.hpp - the fields and tags of a workspace, with indexes for looking them up.
 *
 * Definitions are loaded once and used by many calls. Loading fails only without memory, when interrupted, or with CU_INTERNAL_ERROR for
 * definitions that no table of ours can hold.
 */
#pragma once

#include "value.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace contact {

inline constexpr std::string_view kEmailAddress = "email_address";

struct Field
{
	std::string_view merge_tag;
	std::string_view label;
	cu_field_type type;
	Options options;
	cu_json default_value; /* as it is stored; a JSON null if there is none, or the type no longer accepts it */
	bool required;
	bool tracked;
};

} // namespace contact

struct cu_definitions
{
	bool guarded = false;
	/* All but email_address, which the address itself always satisfies. A lower address is earlier in order. */
	std::span<const contact::Field> fields;
	std::span<const contact::Field *const> fields_by_merge_tag;
	/* By id, and their places in the order of their folded names: there may be very many. */
	std::span<const cu_tag> tags;
	std::span<const std::uint32_t> tags_by_name;
};

namespace contact {

/* load_definitions sets definitions, which point into workspace; scratch is for what is not needed afterwards. */
[[nodiscard]] cu_result load_definitions(Arena &arena, Arena &scratch, const cu_workspace &workspace,
										 cu_definitions &definitions);

/* find_field and find_tag return nullptr for what is not defined. */
const Field *find_field(const cu_definitions &definitions, std::string_view merge_tag) noexcept;
const cu_tag *find_tag(const cu_definitions &definitions, std::int64_t id) noexcept;
const cu_tag *find_tag(const cu_definitions &definitions, std::string_view folded_name) noexcept;

} // namespace contact
