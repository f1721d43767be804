/*
 * outbox.c - writes contacts.event and contacts.delivery in the transaction of the change.
 *
 * Two statements, however many events and consumers there are. The first takes the lock on contacts.event with which
 * contacts.subscribe() waits for the writers under way; the second looks for consumers only then, and with the latest
 * snapshot: so no event that commits after a subscription is missed, under any isolation level.
 *
 * Most requests raise one event, and in those statements the functions that unfold arrays cost as much as all the rest:
 * one event has statements of its own.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "encoding.h"
#include "json_writer.h"
#include "notify.h"
#include "outbox.h"
#include "statement.h"
#include "text_order.h"

#define EVENT_COLUMNS "(workspace_id, contact_id, contact_version, ordinal, type, detail)"
#define DELIVERY_COLUMNS "(workspace_id, contact_id, event_id, consumer_id)"
#define CONSUMERS_OF_WORKSPACE "c.workspace_id" EQ "ANY (ARRAY[$1, 0::pg_catalog.int8]) AND c.active"

static Statement insert_event = {
	.sql = "INSERT INTO contacts.event " EVENT_COLUMNS " VALUES ($1, $2, $3, $4, $5::contacts.event_type, $6)"
		   " RETURNING event_id::pg_catalog.int8",
	.parameter_count = 6,
	.parameter_types = {INT8OID, TEXTOID, INT8OID, INT4OID, TEXTOID, JSONBOID},
};

static Statement insert_delivery = {
	.sql =
		"INSERT INTO contacts.delivery " DELIVERY_COLUMNS " SELECT $1, $2, $3, c.consumer_id FROM contacts.consumer c"
		" WHERE " CONSUMERS_OF_WORKSPACE
		" AND (c.types IS NULL OR $4::contacts.event_type OPERATOR(pg_catalog.=) ANY (c.types))",
	.parameter_count = 4,
	.parameter_types = {INT8OID, TEXTOID, INT8OID, TEXTOID},
};

static Statement insert_events = {
	.sql =
		"INSERT INTO contacts.event " EVENT_COLUMNS
		" SELECT $1, e.contact_id, e.contact_version, e.ordinal, e.type::contacts.event_type, e.detail"
		" FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),"
		" pg_catalog.unnest($6)) AS e (contact_id, contact_version, ordinal, type, detail)"
		" RETURNING event_id::pg_catalog.int8",
	.parameter_count = 6,
	.parameter_types = {INT8OID, TEXTARRAYOID, INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, JSONBARRAYOID},
};

static Statement insert_deliveries = {
	.sql = "INSERT INTO contacts.delivery " DELIVERY_COLUMNS " SELECT $1, e.contact_id, e.event_id, c.consumer_id"
		   " FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4))"
		   " AS e (contact_id, event_id, type)"
		   " JOIN contacts.consumer c"
		   " ON c.types IS NULL OR e.type::contacts.event_type OPERATOR(pg_catalog.=) ANY (c.types)"
		   " WHERE " CONSUMERS_OF_WORKSPACE,
	.parameter_count = 4,
	.parameter_types = {INT8OID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID},
};

void
outbox_begin(Outbox *outbox)
{
	*outbox = (Outbox){.parent = CurrentMemoryContext};
}

static OutboxEvent *
next_event(Outbox *outbox)
{
	if (outbox->count == outbox->capacity)
	{
		outbox->capacity = Max(8, outbox->capacity * 2);
		outbox->events = outbox->events ? repalloc_huge(outbox->events, outbox->capacity * sizeof(OutboxEvent))
										: palloc(outbox->capacity * sizeof(OutboxEvent));
	}
	return &outbox->events[outbox->count++];
}

void
outbox_add(Outbox *outbox, int64 position, const char *contact_id, int64 version, const cu_decision *decision)
{
	MemoryContext caller = CurrentMemoryContext;

	if (decision->event_count == 0)
		return;
	if (outbox->memory == NULL)
		outbox->memory = AllocSetContextCreate(outbox->parent, "contact_upsert outbox", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(outbox->memory);
	for (size_t i = 0; i < decision->event_count; i++)
	{
		const cu_event *event = &decision->events[i];
		OutboxEvent *stored = next_event(outbox);

		*stored = (OutboxEvent){.position = position,
								.contact_version = version,
								.ordinal = (int)i + 1,
								.type = event->type,
								.detail = json_write_event_detail(event),
								.tag_id = event->tag ? event->tag->id : 0,
								.merge_tag = event->change ? encoding_to_cstring(event->change->merge_tag) : NULL};
		strlcpy(stored->contact_id, contact_id, sizeof(stored->contact_id));
	}
	MemoryContextSwitchTo(caller);
}

static void
check_stored(const Outbox *outbox, uint64 stored)
{
	if (stored != outbox->count)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("An event of the contact could not be stored."),
				 errhint("Look for a trigger on contacts.event that returns NULL.")));
}

static void
store_one(const Outbox *outbox, int64 workspace_id)
{
	const OutboxEvent *event = &outbox->events[0];
	Datum workspace = Int64GetDatum(workspace_id);
	Datum contact = CStringGetTextDatum(event->contact_id);
	Datum type = CStringGetTextDatum(cu_event_type_name(event->type));
	Datum event_id;

	check_stored(outbox,
				 statement_execute(&insert_event,
								   (Datum[]){workspace,
											 contact,
											 Int64GetDatum(event->contact_version),
											 Int32GetDatum(event->ordinal),
											 type,
											 JsonbPGetDatum(event->detail)}));
	event_id = statement_column(0, 1);
	notify_queue(workspace_id, event, DatumGetInt64(event_id));
	(void)statement_execute_latest(&insert_delivery, (Datum[]){workspace, contact, event_id, type});
}

static void
store_many(const Outbox *outbox, int64 workspace_id)
{
	size_t count = outbox->count;
	Datum *contacts = palloc(sizeof(Datum) * count);
	Datum *versions = palloc(sizeof(Datum) * count);
	Datum *ordinals = palloc(sizeof(Datum) * count);
	Datum *types = palloc(sizeof(Datum) * count);
	Datum *details = palloc(sizeof(Datum) * count);
	Datum *ids = palloc(sizeof(Datum) * count);
	Datum workspace = Int64GetDatum(workspace_id);
	Datum contact_array;
	Datum type_array;

	for (size_t i = 0; i < count; i++)
	{
		const OutboxEvent *event = &outbox->events[i];

		contacts[i] = CStringGetTextDatum(event->contact_id);
		versions[i] = Int64GetDatum(event->contact_version);
		ordinals[i] = Int32GetDatum(event->ordinal);
		types[i] = CStringGetTextDatum(cu_event_type_name(event->type));
		details[i] = JsonbPGetDatum(event->detail);
	}
	contact_array = statement_array(contacts, count, TEXTOID);
	type_array = statement_array(types, count, TEXTOID);

	check_stored(outbox,
				 statement_execute(&insert_events,
								   (Datum[]){workspace,
											 contact_array,
											 statement_array(versions, count, INT8OID),
											 statement_array(ordinals, count, INT4OID),
											 type_array,
											 statement_array(details, count, JSONBOID)}));
	for (size_t i = 0; i < count; i++)
	{
		ids[i] = statement_column(i, 1);
		notify_queue(workspace_id, &outbox->events[i], DatumGetInt64(ids[i]));
	}
	(void)statement_execute_latest(
		&insert_deliveries, (Datum[]){workspace, contact_array, statement_array(ids, count, INT8OID), type_array});
}

static int
compare_events(const void *left, const void *right)
{
	const OutboxEvent *a = left;
	const OutboxEvent *b = right;

	return a->position != b->position ? compare_positions(a->position, b->position) : a->ordinal - b->ordinal;
}

void
outbox_store(Outbox *outbox, int64 workspace_id)
{
	if (outbox->count == 0)
		return;
	if (outbox->count == 1)
		store_one(outbox, workspace_id);
	else
	{
		qsort(outbox->events, outbox->count, sizeof(OutboxEvent), compare_events);
		store_many(outbox, workspace_id);
	}
	MemoryContextDelete(outbox->memory);
	*outbox = (Outbox){.parent = outbox->parent};
}
