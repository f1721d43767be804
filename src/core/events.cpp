/*
 * events.cpp - make_events(): tags, then tracked fields; or the one of a new contact. A change of status raises no event.
 */
#include "events.hpp"

namespace contact {

std::span<const cu_event>
make_events(Arena &arena, const cu_decision &decision, std::span<const FieldChange> field_changes)
{
	if (decision.outcome == CU_CREATED)
	{
		auto &events = arena.make_vector<cu_event>(1);
		if (decision.status == CU_UNCONFIRMED)
			events.push_back({CU_CONTACT_SUBSCRIBED_PENDING, nullptr, nullptr});
		return events;
	}

	auto &events = arena.make_vector<cu_event>(decision.tags_added_count + decision.tags_removed_count +
											   decision.field_change_count);
	for (std::size_t i = 0; i < decision.tags_added_count; i++)
		events.push_back({CU_TAG_ADDED, &decision.tags_added[i], nullptr});
	for (std::size_t i = 0; i < decision.tags_removed_count; i++)
		events.push_back({CU_TAG_REMOVED, &decision.tags_removed[i], nullptr});
	for (std::size_t i = 0; i < decision.field_change_count; i++)
	{
		if (field_changes[i].field->tracked)
			events.push_back({CU_FIELD_UPDATED, nullptr, &decision.field_changes[i]});
	}
	return events;
}

} // namespace contact
