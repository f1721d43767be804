/*
 * decision.cpp - decide(): merges what the checks have made of a request into the contact.
 */
#include "decision.hpp"

#include "checks.hpp"
#include "events.hpp"
#include "rejection.hpp"

namespace contact {

namespace {

/* check_size lets a contact that was given more than it may have, past this code, stay as it is. */
cu_result
check_size(const MergedFields &fields, const cu_contact *existing, cu_error &error) noexcept
{
	if ((existing != nullptr && fields.changes.empty()) || json_size(fields.data) <= CU_MAX_DATA_BYTES)
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

/* What becomes of a contact that the mode leaves alone. */
cu_result
skip(Arena &arena, const Case &of, cu_decision &decision)
{
	auto result = CU_OK;
	if (of.existing != nullptr)
		result = describe(arena, of.definitions, *of.existing, decision);
	else
		decision.data = json_object({}, {});
	decision.outcome = CU_SKIPPED;
	return result;
}

cu_result
merge(Arena &arena, const Case &of, Plan &plan, cu_decision &decision, cu_error &error)
{
	const cu_contact absent{0, plan.status, nullptr, 0, json_object({}, {})};
	const auto &contact = of.existing == nullptr ? absent : *of.existing;
	MergedFields fields{};
	auto result = merge_fields(arena, of.definitions, contact.data, plan.keep, plan.assignments, fields);
	if (result == CU_OK)
		result = check_size(fields, of.existing, error);
	MergedTags tags{};
	if (result == CU_OK)
		result = merge_tags(arena, of.definitions, {contact.tag_ids, contact.tag_count}, plan.keep, plan.tags, tags);
	if (result != CU_OK)
		return result;

	decision.outcome = CU_CREATED;
	decision.old_status = contact.status;
	decision.status = plan.status;
	decision.data = fields.data;
	set_tags(tags, decision);
	if (of.existing != nullptr)
		set_changes(arena, fields, tags, decision);
	const auto events = make_events(arena, decision, fields.changes);
	decision.events = events.data();
	decision.event_count = events.size();
	return CU_OK;
}

} // namespace

cu_result
decide(Arena &arena, const cu_definitions &definitions, const cu_parsed_request &request, const cu_contact *existing,
	   const cu_decide_options &options, cu_decision &decision, cu_error &error)
{
	const Case of{definitions, request, existing, options};
	Plan plan{false, false, false, std::nullopt, CU_SUBSCRIBED, arena.make_vector<Assignment>(0), {}};
	const auto result = check(arena, of, plan, error);
	if (result != CU_OK)
		return result;
	return plan.skips ? skip(arena, of, decision) : merge(arena, of, plan, decision, error);
}

cu_result
describe(Arena &arena, const cu_definitions &definitions, const cu_contact &contact, cu_decision &decision)
{
	MergedFields fields{};
	auto result = merge_fields(arena, definitions, contact.data, true, arena.make_vector<Assignment>(0), fields);
	MergedTags tags{};
	if (result == CU_OK)
		result = merge_tags(arena, definitions, {contact.tag_ids, contact.tag_count}, true, {}, tags);
	if (result != CU_OK)
		return result;
	decision.outcome = CU_UNCHANGED;
	decision.old_status = decision.status = contact.status;
	decision.data = fields.data;
	set_tags(tags, decision);
	return CU_OK;
}

} // namespace contact
