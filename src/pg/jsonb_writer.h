/*
 * jsonb_writer.h - the core's structs to jsonb. Everything is palloc'd in the current memory context.
 */
#ifndef CU_JSONB_WRITER_H
#define CU_JSONB_WRITER_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "core/contact_core.h"

/* What a contact has beside the core's decision. */
typedef struct ContactFacts
{
	const char *id; /* NULL as long as it has none: a preview of a creation */
	cu_text email;
	TimestampTz created_at;
	TimestampTz updated_at;
	int64 total_opens;
	int64 total_clicks;
	int64 total_bounces;
	int64 total_delivered;
} ContactFacts;

/* A value as it is, for contact.data. */
extern Jsonb *jsonb_write(const cu_json *value);

/* The API's answer, {"data": {..}}. */
extern Jsonb *jsonb_write_answer(const ContactFacts *facts, const cu_decision *decision);

/* What the answer holds under "data". */
extern Jsonb *jsonb_write_contact(const ContactFacts *facts, const cu_decision *decision);

/* {"fields": {tag: {"old", "new"}}, "status": {"old", "new"}, "tags": {"added": [..], "removed": [..]}}, only what changed. */
extern Jsonb *jsonb_write_changes(const cu_decision *decision);

/* [{"type", ..detail} ..] */
extern Jsonb *jsonb_write_events(const cu_decision *decision);

/* {}, {"tag": {"id", "name"}} or {"field": {"merge_tag", "label", "old", "new"}} */
extern Jsonb *jsonb_write_event_detail(const cu_event *event);

/* The error's object for machines; with position unless it is 0, with message, sqlstate and hint unless sqlstate is NULL. */
extern Jsonb *jsonb_write_error(const cu_error *error, int64 position, const char *sqlstate);

#endif
