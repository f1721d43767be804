/*
 * decision.cpp - decide(): calls the steps of each topic in the order of errors (docs/api.md, "Errors"),
 * which is why the steps of one topic do not stand together.
 */
#include "decision.hpp"

#include "events.hpp"
#include "evidence.hpp"
#include "fields.hpp"
#include "if_version.hpp"
#include "mode.hpp"
#include "rejection.hpp"
#include "subscription.hpp"
#include "tags.hpp"

namespace contact {

namespace {

/* Case is what is decided on. */
struct Case
{
	const cu_definitions &definitions;
	const cu_parsed_request &request;
	const cu_contact *existing;
	const cu_decide_options &options;
};

/* Plan is what a request comes to, check by check. */
struct Plan
{
	bool skips; /* the mode leaves the contact alone */
	bool fills; /* a contact that exists, only where it has no value */
	bool keep;	/* what the request omits */
	std::optional<cu_status> given_status;
	cu_status status;
	Assignments &assignments;
	TagRequest tags;
};

/* What the request says of the contact, whatever becomes of it. */
cu_result
read_content(Arena &arena, const Case &of, Plan &plan, cu_error &error)
{
	auto result = find_fields(arena, of.definitions, of.request.fields, plan.assignments, error);
	if (result == CU_OK)
		result = read_status(of.request.status, plan.given_status, error);
	if (result == CU_OK)
		result = read_fields(
			arena, {of.existing == nullptr ? nullptr : &of.existing->data, of.options.cells}, plan.assignments, error);
	if (result == CU_OK)
		result = read_tags(arena, of.definitions, of.request, plan.tags, error);
	return result;
}

/* How that is to be merged: mode and partial_update. */
cu_result
read_manner(Arena &arena, const Case &of, Plan &plan, cu_error &error)
{
	const bool exists = of.existing != nullptr;
	Mode mode{};
	auto result = read_mode(of.request.mode, mode, error);
	bool partial = false;
	if (result == CU_OK)
		result = read_flag(of.request.partial_update, "partial_update", partial, error);
	if (result != CU_OK)
		return result;
	plan.skips = leaves_alone(mode, exists);
	plan.fills = mode == Mode::fill && exists;
	plan.keep = exists && (partial || plan.fills);
	if (plan.fills)
	{
		keep_values(of.existing->data, plan.assignments);
		only_add(arena, plan.tags);
		plan.given_status.reset();
	}
	return CU_OK;
}

cu_result
check_required(Arena &arena, const Case &of, Plan &plan, cu_error &error)
{
	if (plan.skips || plan.fills || of.options.restores)
		return CU_OK;
	return plan.keep ? check_not_cleared(plan.assignments, error)
					 : complete_fields(arena, of.definitions, plan.assignments, error);
}

cu_result
check_status(const Case &of, Plan &plan, cu_error &error) noexcept
{
	const bool guarded = of.definitions.guarded && !of.options.restores;
	bool resubscribe = false;
	const auto result = read_flag(of.request.resubscribe, "resubscribe", resubscribe, error);
	if (result != CU_OK || plan.skips)
		return result;
	if (of.existing == nullptr)
		return choose_status({plan.given_status, guarded && of.options.suppressed, resubscribe}, plan.status, error);
	return change_status({of.existing->status, plan.given_status, plan.keep, guarded, resubscribe}, plan.status, error);
}

cu_result
check_if_version(const Case &of, const Plan &plan, cu_error &error) noexcept
{
	std::optional<std::int64_t> expected;
	const auto result = read_if_version(of.request.if_version, expected, error);
	return result != CU_OK || plan.skips ? result : check_version(expected, of.existing, error);
}

/* All checks; of those behind the mode, a request that leaves the contact alone keeps the ones of its own shape. */
cu_result
check(Arena &arena, const Case &of, Plan &plan, cu_error &error)
{
	auto result = read_content(arena, of, plan, error);
	if (result == CU_OK)
		result = read_manner(arena, of, plan, error);
	if (result == CU_OK)
		result = check_required(arena, of, plan, error);
	if (result == CU_OK)
		result = check_status(of, plan, error);
	if (result == CU_OK)
		result = check_if_version(of, plan, error);
	if (result == CU_OK)
		result = check_evidence(of.request, error);
	return result;
}

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
