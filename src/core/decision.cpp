/*
 * decision.cpp - decide(): calls the steps of each topic in the order of errors (docs/api.md, "Errors"),
 * which is why the steps of one topic do not stand together.
 */
#include "decision.hpp"

#include "events.hpp"
#include "fields.hpp"
#include "rejection.hpp"
#include "subscription.hpp"
#include "tags.hpp"

namespace contact {

namespace {

/* Plan is a request that passed every check. */
struct Plan
{
	bool keep; /* what the request omits */
	cu_status status;
	Assignments &assignments;
	TagRequest tags;
};

cu_result
check_status(const cu_definitions &definitions, const cu_contact *existing, std::optional<cu_status> given,
			 bool resubscribe, Plan &plan, cu_error &error) noexcept
{
	if (existing != nullptr)
		return change_status(
			{existing->status, given, plan.keep, definitions.guarded, resubscribe}, plan.status, error);
	plan.status = given.value_or(CU_SUBSCRIBED);
	return CU_OK;
}

cu_result
check(Arena &arena, const cu_definitions &definitions, const cu_parsed_request &request, const cu_contact *existing,
	  Plan &plan, cu_error &error)
{
	auto result = find_fields(arena, definitions, request.fields, plan.assignments, error);
	std::optional<cu_status> status;
	if (result == CU_OK)
		result = read_status(request.status, status, error);
	if (result == CU_OK)
		result = read_fields(arena, existing == nullptr ? nullptr : &existing->data, plan.assignments, error);
	if (result == CU_OK)
		result = read_tags(arena, definitions, request, plan.tags, error);

	bool partial = false;
	if (result == CU_OK)
		result = read_flag(request.partial_update, "partial_update", partial, error);
	plan.keep = partial && existing != nullptr;
	if (result == CU_OK)
		result = plan.keep ? check_not_cleared(plan.assignments, error)
						   : complete_fields(arena, definitions, plan.assignments, error);

	bool resubscribe = false;
	if (result == CU_OK)
		result = read_flag(request.resubscribe, "resubscribe", resubscribe, error);
	if (result == CU_OK)
		result = check_status(definitions, existing, status, resubscribe, plan, error);
	return result;
}

/* check_size lets a contact that was given more than it may have, past this code, stay as it is. */
cu_result
check_size(const MergedFields &fields, const cu_contact *existing, cu_error &error) noexcept
{
	if ((existing != nullptr && fields.changes.empty()) || data_size(fields.data) <= CU_MAX_DATA_BYTES)
		return CU_OK;
	return Rejection(error, CU_INVALID_REQUEST)
		.message({"The fields of the contact would be larger than 1 MiB."})
		.hint({"Shorten the values, or clear fields of the contact that are not needed."})
		.field("fields");
}

void
set_tags(const MergedTags &merged, cu_decision &decision) noexcept
{
	decision.tags = merged.tags.data();
	decision.tag_count = merged.tags.size();
	decision.new_tag_count = merged.new_count;
}

/* What differs from the contact as it was. */
void
set_changes(Arena &arena, const MergedFields &fields, const MergedTags &tags, cu_decision &decision)
{
	auto &changes = arena.make_vector<cu_field_change>(fields.changes.size());
	for (const auto &change : fields.changes)
		changes.push_back(
			{to_text(change.field->merge_tag), to_text(change.field->label), change.old_value, change.new_value});
	decision.field_changes = changes.data();
	decision.field_change_count = changes.size();
	decision.tags_added = tags.added.data();
	decision.tags_added_count = tags.added.size();
	decision.tags_removed = tags.removed.data();
	decision.tags_removed_count = tags.removed.size();

	const bool changed =
		!changes.empty() || !tags.added.empty() || !tags.removed.empty() || decision.status != decision.old_status;
	decision.outcome = changed ? CU_UPDATED : CU_UNCHANGED;
}

} // namespace

cu_result
decide(Arena &arena, const cu_definitions &definitions, const cu_parsed_request &request, const cu_contact *existing,
	   cu_decision &decision, cu_error &error)
{
	Plan plan{false, CU_SUBSCRIBED, arena.make_vector<Assignment>(0), {}};
	if (const auto result = check(arena, definitions, request, existing, plan, error); result != CU_OK)
		return result;

	const cu_contact absent{plan.status, nullptr, 0, json_object({}, {})};
	const auto &contact = existing == nullptr ? absent : *existing;
	MergedFields fields{};
	auto result = merge_fields(arena, definitions, contact.data, plan.keep, plan.assignments, fields);
	if (result == CU_OK)
		result = check_size(fields, existing, error);
	MergedTags tags{};
	if (result == CU_OK)
		result = merge_tags(arena, definitions, {contact.tag_ids, contact.tag_count}, plan.keep, plan.tags, tags);
	if (result != CU_OK)
		return result;

	decision.outcome = CU_CREATED;
	decision.old_status = contact.status;
	decision.status = plan.status;
	decision.data = fields.data;
	set_tags(tags, decision);
	if (existing != nullptr)
		set_changes(arena, fields, tags, decision);
	const auto events = make_events(arena, decision, fields.changes);
	decision.events = events.data();
	decision.event_count = events.size();
	return CU_OK;
}

} // namespace contact
