/*
 * jsonb_writer.h - the core's structs to jsonb. Everything is palloc'd in the current memory context.
 */
#ifndef CU_JSONB_WRITER_H
#define CU_JSONB_WRITER_H

#include "utils/jsonb.h"

#include "contact.h"

/* jsonb_write() returns an object as it is. */
extern Jsonb *jsonb_write(const cu_json *value);

/* jsonb_write_data() returns the decision's data for contact.data, and leaves the tree of it to what writes the contact afterwards. */
extern Jsonb *jsonb_write_data(ContactRow *contact, const cu_decision *decision);

/* jsonb_write_any() returns a value as it is, whatever is in it. */
extern Jsonb *jsonb_write_any(const cu_json *value);

/*
 * jsonb_write_answer() returns the API's answer, {"data": {..}}, of a contact whose status, tags and data are the decision's. An empty id, as that of a
 * creation that is only previewed, is null.
 */
extern Jsonb *jsonb_write_answer(const ContactRow *contact, const cu_decision *decision);

/* jsonb_write_versioned_answer() returns the answer with the contact's version beside data. */
extern Jsonb *jsonb_write_versioned_answer(const ContactRow *contact, const cu_decision *decision);

/* jsonb_write_contact() returns what the answer holds under "data". */
extern Jsonb *jsonb_write_contact(const ContactRow *contact, const cu_decision *decision);

/*
 * jsonb_write_changes() returns what changed, and no more, of
 * {"fields": {tag: {"old", "new"}}, "status": {"old", "new"}, "tags": {"added": [..], "removed": [..]}}.
 */
extern Jsonb *jsonb_write_changes(const cu_decision *decision);

/*
 * jsonb_write_creation() returns the same of a contact that was created, where all is new: {"fields": {tag: {"new"}}, "status":
 * {"new"}, "tags": {"added": [..]}, "email_address": {"new"}}.
 */
extern Jsonb *jsonb_write_creation(const ContactRow *contact, const cu_decision *decision);

/* jsonb_write_events() returns [{"type", ..detail} ..]. */
extern Jsonb *jsonb_write_events(const cu_decision *decision);

/*
 * jsonb_write_event_detail() returns {}, {"tag": {"id", "name"}} or {"field": {"merge_tag", "label", "old", "new"}}.
 */
extern Jsonb *jsonb_write_event_detail(const cu_event *event);

/*
 * jsonb_write_error() returns the object of an error for machines; with position unless that is 0, with message, sqlstate and
 * hint unless sqlstate is NULL.
 */
extern Jsonb *jsonb_write_error(const cu_error *error, int64 position, const char *sqlstate);

#endif
