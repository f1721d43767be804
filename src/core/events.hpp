/*
 * events.hpp - the automation events that a decision raises (docs/events.md, "Outbox").
 */
#pragma once

#include "fields.hpp"

#include <span>

namespace contact {

/*
 * make_events returns the events of a decision whose outcome, tags and field_changes are complete. field_changes: what the decision's were
 * made of, in the same order.
 */
std::span<const cu_event> make_events(Arena &arena, const cu_decision &decision,
									  std::span<const FieldChange> field_changes);

} // namespace contact
