/*
 * fields.cpp - looks up, reads and merges the values of fields, each step in the order that makes it linear.
 */
#include "fields.hpp"

#include "names.hpp"
#include "number.hpp"
#include "rejection.hpp"

#include <algorithm>

namespace contact {

namespace {

cu_result
reject_unknown(std::string_view merge_tag, cu_error &error) noexcept
{
	return Rejection(error, CU_FIELD_NOT_FOUND)
		.message({"We were unable to find a field with the merge_tag ", merge_tag})
		.hint({"Define the field, or remove the key from fields. Merge tags are case-sensitive."})
		.merge_tag(merge_tag);
}

cu_result
reject_value(const Field &field, const cu_json &given, cu_error &error) noexcept
{
	const bool has_text = given.kind == CU_JSON_NUMBER || given.kind == CU_JSON_STRING;
	const bool is_large = field.type == CU_NUMBER && has_text && is_number(trim(view(given.text)));
	Rejection rejection(error, CU_FIELD_INVALID);
	rejection.message({"Field '", field.label, "' is not a valid ", kFieldTypeNames[field.type], "."})
		.hint(
			{"Expected ",
			 is_large ? "a number of at most 65535 digits, 16383 of them behind the point" : describe_type(field.type)})
		.merge_tag(field.merge_tag)
		.type(field.type, field.options.items())
		.value(given);
	if (field.type != CU_DROPDOWN_SINGLE && field.type != CU_DROPDOWN_MULTIPLE)
		return rejection.hint({"."});
	return rejection.hint_list(field.options.items(), [](const cu_json &option) { return view(option.text); });
}

bool
is_required_but_empty(const Assignment &assignment) noexcept
{
	return assignment.field->required && assignment.value.kind == CU_JSON_NULL;
}

std::string_view
merge_tag_of(const Assignment &assignment) noexcept
{
	return assignment.field->merge_tag;
}

/* Merge is what a merge has come to so far: fields arrive in jsonb's order. */
class Merge
{
public:
	Merge(Arena &arena, std::size_t capacity)
		: arena_(arena), keys_(arena.make_vector<cu_text>(capacity)), values_(arena.make_vector<cu_json>(capacity)),
		  changes_(arena.make_vector<FieldChange>(capacity))
	{}

	void keep(const Field &field, const cu_json &value)
	{
		if (value.kind == CU_JSON_NULL)
			return;
		keys_.push_back(to_text(field.merge_tag));
		values_.push_back(value);
	}

	void set(const Field &field, const cu_json &old_value, const cu_json &new_value)
	{
		/* Of two spellings of one number, or orders of one set, the stored one stays: nothing would change. */
		if (same_value(arena_, old_value, new_value))
			return keep(field, old_value);
		changes_.push_back({&field, old_value, new_value});
		keep(field, new_value);
	}

	MergedFields finish()
	{
		std::ranges::sort(changes_, {}, &FieldChange::field);
		return {json_object(keys_, values_), changes_};
	}

private:
	Arena &arena_;
	std::pmr::vector<cu_text> &keys_;
	std::pmr::vector<cu_json> &values_;
	std::pmr::vector<FieldChange> &changes_;
};

} // namespace

cu_result
find_fields(Arena &arena, const cu_definitions &definitions, const cu_json *fields, Assignments &assignments,
			cu_error &error)
{
	if (fields == nullptr)
		return CU_OK;
	/* PHP writes an empty map as an empty list. */
	if (fields->kind == CU_JSON_ARRAY && fields->count == 0)
		return CU_OK;
	if (fields->kind != CU_JSON_OBJECT)
		return reject_shape(error, "fields", "an object");
	if (fields->count > CU_MAX_FIELDS)
		return Rejection(error, CU_INVALID_REQUEST)
			.message({"The request has more than 1000 fields."})
			.hint({"Spread the fields over several partial updates."})
			.field("fields");

	assignments.reserve(fields->count);
	for (std::size_t i = 0; i < fields->count; i++)
	{
		if (arena.interrupted())
			return CU_INTERRUPTED;
		const auto merge_tag = view(fields->keys[i]);
		if (merge_tag == kEmailAddress)
			continue;
		const auto *field = find_field(definitions, merge_tag);
		if (field == nullptr)
			return reject_unknown(merge_tag, error);
		assignments.push_back({field, &fields->items[i], json_null()});
	}
	return CU_OK;
}

cu_result
read_fields(Arena &arena, const Before &before, Assignments &assignments, cu_error &error)
{
	std::ranges::sort(assignments, {}, &Assignment::field);
	for (auto &assignment : assignments)
	{
		if (arena.interrupted())
			return CU_INTERRUPTED;
		const auto &field = *assignment.field;
		const auto *stored = before.data != nullptr ? find_value(*before.data, field.merge_tag) : nullptr;
		const auto *cell =
			stored != nullptr && before.cells != nullptr ? find_value(*before.cells, field.merge_tag) : nullptr;
		/* As it is stored to the letter: it stays, even where the rules of today would store it otherwise. */
		if (stored != nullptr &&
			(same_value(arena, *assignment.given, *stored) || (cell != nullptr && is_text_of(arena, *cell, *stored))))
		{
			assignment.value = *stored;
			continue;
		}
		const auto result = read_value(arena, field.type, field.options, *assignment.given, assignment.value);
		if (result == CU_REJECTED && stored != nullptr && is_stored_as(arena, *assignment.given, *stored))
		{
			assignment.value = *stored;
			continue;
		}
		if (result == CU_REJECTED)
			return reject_value(field, *assignment.given, error);
		if (result != CU_OK)
			return result;
	}
	return CU_OK;
}

cu_result
reject_missing(const Field &field, cu_error &error) noexcept
{
	return Rejection(error, CU_FIELD_REQUIRED)
		.message({"Field '", field.label, "' is required."})
		.hint({"Give fields.", field.merge_tag, " a value; null and \"\" are none."})
		.merge_tag(field.merge_tag);
}

cu_result
check_not_cleared(const Assignments &assignments, cu_error &error) noexcept
{
	const auto cleared = std::ranges::find_if(assignments, is_required_but_empty);
	return cleared == assignments.end() ? CU_OK : reject_missing(*cleared->field, error);
}

void
keep_values(const cu_json &data, Assignments &assignments) noexcept
{
	std::erase_if(assignments, [&data](const Assignment &assignment) {
		return assignment.value.kind == CU_JSON_NULL || find_value(data, assignment.field->merge_tag) != nullptr;
	});
}

cu_result
complete_fields(Arena &arena, const cu_definitions &definitions, Assignments &assignments, cu_error &error)
{
	auto &complete = arena.make_vector<Assignment>(definitions.fields.size());
	auto given = assignments.cbegin();
	for (const auto &field : definitions.fields)
	{
		if (arena.interrupted())
			return CU_INTERRUPTED;
		Assignment assignment{&field, nullptr, json_null()};
		if (given != assignments.cend() && given->field == &field)
			assignment = *given++;
		if (assignment.value.kind == CU_JSON_NULL)
			assignment.value = field.default_value;
		if (is_required_but_empty(assignment))
			return reject_missing(field, error);
		complete.push_back(assignment);
	}
	assignments.swap(complete);
	return CU_OK;
}

cu_result
merge_fields(Arena &arena, const cu_definitions &definitions, const cu_json &data, bool keep, Assignments &assignments,
			 MergedFields &merged)
{
	std::ranges::sort(assignments, jsonb_less, merge_tag_of);
	Merge merge(arena, data.count + assignments.size());
	auto next = assignments.cbegin();
	const auto end = assignments.cend();

	for (std::size_t i = 0; i < data.count; i++)
	{
		if (arena.interrupted())
			return CU_INTERRUPTED;
		const auto merge_tag = view(data.keys[i]);
		const auto &old_value = data.items[i];
		for (; next != end && jsonb_less(merge_tag_of(*next), merge_tag); ++next)
			merge.set(*next->field, json_null(), next->value);

		if (next != end && merge_tag_of(*next) == merge_tag)
		{
			merge.set(*next->field, old_value, next->value);
			++next;
		}
		else if (const auto *field = find_field(definitions, merge_tag); field != nullptr && keep)
			merge.keep(*field, old_value);
		else if (field != nullptr)
			merge.set(*field, old_value, json_null());
	}
	for (; next != end; ++next)
		merge.set(*next->field, json_null(), next->value);

	merged = merge.finish();
	return CU_OK;
}

} // namespace contact
