/*
 * fields.hpp - the fields of a request, from its keys to the contact's new data.
 *
 * find_fields, read_fields, check_not_cleared, complete_fields and merge_fields are steps, to be called in this order; they are
 * apart because the order of errors (docs/api.md, "Errors") puts other checks between them. Each costs what the request and the contact hold; only complete_fields visits all definitions.
 */
#pragma once

#include "definitions.hpp"

#include <span>

namespace contact {

/* Assignment is a value that a field is to have; a JSON null clears the field. */
struct Assignment
{
	const Field *field;
	const cu_json *given; /* as in the request; nullptr for a default */
	cu_json value;		  /* as it is stored */
};

using Assignments = std::pmr::vector<Assignment>;

struct FieldChange
{
	const Field *field;
	cu_json old_value;
	cu_json new_value;
};

struct MergedFields
{
	cu_json data;						  /* an object in jsonb's order */
	std::span<const FieldChange> changes; /* in the order of the definitions */
};

/* find_fields finds the definition of each key of fields, which is nullptr if the request omits it. */
[[nodiscard]] cu_result find_fields(Arena &arena, const cu_definitions &definitions, const cu_json *fields,
									Assignments &assignments, cu_error &error);

/* Before is what a value may be like, although its type does not accept it: then it stays as it was. */
struct Before
{
	const cu_json *data = nullptr;	/* of the contact, an object; nullptr if there is none */
	const cu_json *cells = nullptr; /* of a file, by merge tag: cu_row.cells; else nullptr */
};

/* read_fields reads the values, in the order of the definitions, and leaves the assignments in that order. */
[[nodiscard]] cu_result read_fields(Arena &arena, const Before &before, Assignments &assignments, cu_error &error);

/* check_not_cleared is for a partial update: a required field may be missing, but not cleared. */
[[nodiscard]] cu_result check_not_cleared(const Assignments &assignments, cu_error &error) noexcept;

/* complete_fields is for a contact that is created or replaced, and adds the defaults: a required field must have a value then. */
[[nodiscard]] cu_result complete_fields(Arena &arena, const cu_definitions &definitions, Assignments &assignments,
										cu_error &error);

/* reject_missing is the rejection of a request without a value for a required field. */
[[nodiscard]] cu_result reject_missing(const Field &field, cu_error &error) noexcept;

/* keep_values drops the assignments that are not for a field without a value in data, an object: values stay, and none is cleared. */
void keep_values(const cu_json &data, Assignments &assignments) noexcept;

/*
 * merge_fields merges the assignments into data, an object. keep: whether fields without an assignment stay. Values that have lost
 * their definition go, which is no change.
 */
[[nodiscard]] cu_result merge_fields(Arena &arena, const cu_definitions &definitions, const cu_json &data, bool keep,
									 Assignments &assignments, MergedFields &merged);

} // namespace contact
