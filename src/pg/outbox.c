/*
 * outbox.c - writes contacts.event and contacts.delivery in the transaction of the change, as the owner of the tables: that
 * the caller may write the contact is known by then, since it has been written.
 *
 * outbox_store() has outbox_rows.c store the rows where that does the same as statements; else it executes two, however many events and
 * consumers there are. Either way the lock on contacts.event comes first, with which contacts.subscribe() waits for the writers under way,
 * and consumers are looked for behind it, with the latest snapshot: so no event that commits after a subscription is missed, under any
 * isolation level.
 *
 * Most requests raise one event, and in those statements the functions that unfold arrays cost as much as all the rest:
 * one event has statements of its own.
 *
 * An event_id may be in use already, as identity.h says. Then the sequence is moved past all of them, and the event gets
 * another.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "encoding.h"
#include "identity.h"
#include "jsonb_writer.h"
#include "notify.h"
#include "outbox.h"
#include "outbox_rows.h"
#include "owner.h"
#include "pg_compat.h"
#include "statement.h"

#define EVENT_COLUMNS "(workspace_id, contact_id, contact_version, ordinal, type, detail)"
#define KEEP_FIRST " ON CONFLICT (workspace_id, event_id) DO NOTHING"
#define DELIVERY_COLUMNS "(workspace_id, contact_id, event_id, contact_version, ordinal, queued_xid, consumer_id)"
#define CONSUMERS_OF_WORKSPACE "c.workspace_id" EQ "ANY (ARRAY[$1, 0::pg_catalog.int8]) AND c.active"

/*
 * insert_event stores one event:
 *
 *   INSERT INTO contacts.event (workspace_id, contact_id, contact_version, ordinal, type, detail) VALUES (...)
 *   ON CONFLICT (workspace_id, event_id) DO NOTHING RETURNING event_id
 */
static Statement insert_event = {
	.sql = "INSERT INTO contacts.event " EVENT_COLUMNS
		   " VALUES ($1, $2, $3, $4, $5::contacts.event_type, $6)" KEEP_FIRST " RETURNING event_id::pg_catalog.int8",
	.parameter_count = 6,
	.parameter_types = {INT8OID, TEXTOID, INT8OID, INT4OID, TEXTOID, JSONBOID},
};

/*
 * insert_delivery stores the deliveries of one event:
 *
 *   INSERT INTO contacts.delivery (...) SELECT ..., c.consumer_id FROM contacts.consumer c
 *   WHERE c.workspace_id IN ($1, 0) AND c.active AND (c.types IS NULL OR $4 = ANY (c.types))
 */
static Statement insert_delivery = {
	.sql = "INSERT INTO contacts.delivery " DELIVERY_COLUMNS
		   " SELECT $1, $2, $3, $5, $6, $7, c.consumer_id FROM contacts.consumer c"
		   " WHERE " CONSUMERS_OF_WORKSPACE
		   " AND (c.types IS NULL OR $4::contacts.event_type OPERATOR(pg_catalog.=) ANY (c.types))",
	.parameter_count = 7,
	.parameter_types = {INT8OID, TEXTOID, INT8OID, TEXTOID, INT8OID, INT4OID, INT8OID},
};

/* insert_events does what insert_event does, for arrays of events. */
static Statement insert_events = {
	.sql =
		"INSERT INTO contacts.event " EVENT_COLUMNS
		" SELECT $1, e.contact_id, e.contact_version, e.ordinal, e.type::contacts.event_type, e.detail"
		" FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),"
		" pg_catalog.unnest($6)) AS e (contact_id, contact_version, ordinal, type, detail)" KEEP_FIRST
		" RETURNING event_id::pg_catalog.int8, contact_id::pg_catalog.text, contact_version::pg_catalog.int8,"
		" ordinal::pg_catalog.int4",
	.parameter_count = 6,
	.parameter_types = {INT8OID, TEXTARRAYOID, INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, JSONBARRAYOID},
};

/* The columns that insert_events returns. */
enum StoredEventColumn
{
	STORED_EVENT_ID = 1,
	STORED_CONTACT_ID,
	STORED_CONTACT_VERSION,
	STORED_ORDINAL,
};

/* insert_deliveries does what insert_delivery does, for arrays of events. */
static Statement insert_deliveries = {
	.sql =
		"INSERT INTO contacts.delivery " DELIVERY_COLUMNS
		" SELECT $1, e.contact_id, e.event_id, e.contact_version, e.ordinal, $7, c.consumer_id"
		" FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),"
		" pg_catalog.unnest($6)) AS e (contact_id, event_id, type, contact_version, ordinal)"
		" JOIN contacts.consumer c"
		" ON c.types IS NULL OR e.type::contacts.event_type OPERATOR(pg_catalog.=) ANY (c.types)"
		" WHERE " CONSUMERS_OF_WORKSPACE,
	.parameter_count = 7,
	.parameter_types = {INT8OID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT4ARRAYOID, INT8OID},
};

/*
 * move_events numbers the events that move behind those that the other contact, $3, has of its version, $4: in their own order. So no
 * two events of a contact have one place, and its next version comes behind all of them.
 */
static Statement move_events = {
	.sql = "UPDATE contacts.event e SET contact_id = $3, contact_version = $4, ordinal = n.ordinal::int4"
		   " FROM (SELECT m.event_id, row_number() OVER (ORDER BY m.contact_version, m.ordinal, m.event_id)"
		   " + coalesce((SELECT max(k.ordinal) FROM contacts.event k"
		   " WHERE k.workspace_id = $1 AND k.contact_id = $3 AND k.contact_version = $4), 0) AS ordinal"
		   " FROM contacts.event m WHERE m.workspace_id = $1 AND m.contact_id = $2) n"
		   " WHERE e.workspace_id = $1 AND e.event_id = n.event_id",
	.parameter_count = 4,
	.parameter_types = {INT8OID, TEXTOID, TEXTOID, INT8OID},
};

static Statement move_deliveries = {
	.sql = "UPDATE contacts.delivery d SET contact_id = $3, contact_version = $4, ordinal = e.ordinal, queued_xid = $5"
		   " FROM contacts.event e WHERE e.workspace_id = $1 AND e.contact_id = $3 AND e.contact_version = $4"
		   " AND d.workspace_id = $1 AND d.event_id = e.event_id AND d.contact_id = $2",
	.parameter_count = 5,
	.parameter_types = {INT8OID, TEXTOID, TEXTOID, INT8OID, INT8OID},
};

static IdentityColumn event_ids = IDENTITY_COLUMN("event", "event_id");

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
outbox_add(Outbox *outbox, int64 position, const ContactRow *contact, const cu_decision *decision)
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
								.contact_version = contact->version,
								.ordinal = (int)i + 1,
								.type = event->type,
								.detail = jsonb_write_event_detail(event),
								.tag_id = event->tag ? event->tag->id : 0,
								.merge_tag = event->change ? encoding_to_cstring(event->change->merge_tag) : NULL};
		strlcpy(stored->contact_id, contact->id, sizeof(stored->contact_id));
	}
	MemoryContextSwitchTo(caller);
}

static void
raise_not_stored(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("An event of the contact could not be stored."),
			 errhint("Look for a trigger on contacts.event that returns NULL.")));
}

/* Stores an event and returns its id. */
static int64
insert_one(const OutboxEvent *event, int64 workspace_id)
{
	Datum parameters[] = {Int64GetDatum(workspace_id),
						  CStringGetTextDatum(event->contact_id),
						  Int64GetDatum(event->contact_version),
						  Int32GetDatum(event->ordinal),
						  CStringGetTextDatum(cu_event_type_name(event->type)),
						  JsonbPGetDatum(event->detail)};

	for (int try = 0; statement_execute(&insert_event, parameters) == 0; try++)
	{
		CHECK_FOR_INTERRUPTS();
		if (try == IDENTITY_MAX_TRIES || !identity_drew_used_id(&event_ids, workspace_id))
			raise_not_stored();
		identity_move_past_used(&event_ids);
	}
	return DatumGetInt64(statement_column(0, 1));
}

/* Stores an event whose id is in use, with another one. */
static int64
insert_elsewhere(const OutboxEvent *event, int64 workspace_id)
{
	OwnerScope scope;
	int64 event_id;

	owner_begin(&scope);
	event_id = insert_one(event, workspace_id);
	owner_end(&scope);
	return event_id;
}

/*
 * Returns the transaction id that comes next, which orders the deliveries: a snapshot that does not see a delivery yet
 * has no lower bound above its queued_xid, and of one contact queued_xid never goes back, since its writers wait for
 * each other.
 */
static int64
queued_xid(void)
{
	return (int64)U64FromFullTransactionId(ReadNextFullTransactionId());
}

static void
store_one(const Outbox *outbox, int64 workspace_id)
{
	const OutboxEvent *event = &outbox->events[0];
	int64 event_id = insert_one(event, workspace_id);

	notify_queue(workspace_id, event, event_id);
	(void)statement_execute_latest(&insert_delivery,
								   (Datum[]){Int64GetDatum(workspace_id),
											 CStringGetTextDatum(event->contact_id),
											 Int64GetDatum(event_id),
											 CStringGetTextDatum(cu_event_type_name(event->type)),
											 Int64GetDatum(event->contact_version),
											 Int32GetDatum(event->ordinal),
											 Int64GetDatum(queued_xid())});
}

/* Takes the ids of the events that the last statement stored, in their order; 0 for one that it did not store. */
static void
take_ids(const Outbox *outbox, uint64 stored, int64 *ids)
{
	uint64 row = 0;

	for (size_t i = 0; i < outbox->count; i++)
	{
		const OutboxEvent *event = &outbox->events[i];
		bool is_next =
			row < stored &&
			(stored == outbox->count ||
			 (DatumGetInt64(statement_column(row, STORED_CONTACT_VERSION)) == event->contact_version &&
			  DatumGetInt32(statement_column(row, STORED_ORDINAL)) == event->ordinal &&
			  strcmp(TextDatumGetCString(statement_column(row, STORED_CONTACT_ID)), event->contact_id) == 0));

		ids[i] = is_next ? DatumGetInt64(statement_column(row++, STORED_EVENT_ID)) : 0;
	}
	if (row < stored)
		raise_not_stored(); /* or stored as something else */
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
	Datum *id_datums = palloc(sizeof(Datum) * count);
	int64 *ids = palloc(sizeof(int64) * count);
	Datum workspace = Int64GetDatum(workspace_id);
	uint64 stored;
	Datum contact_array;
	Datum version_array;
	Datum ordinal_array;
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
	version_array = statement_array(versions, count, INT8OID);
	ordinal_array = statement_array(ordinals, count, INT4OID);
	type_array = statement_array(types, count, TEXTOID);

	stored = statement_execute(&insert_events,
							   (Datum[]){workspace,
										 contact_array,
										 version_array,
										 ordinal_array,
										 type_array,
										 statement_array(details, count, JSONBOID)});
	take_ids(outbox, stored, ids);
	if (stored < count)
		identity_move_past_used(&event_ids);
	for (size_t i = 0; i < count; i++)
	{
		if (ids[i] == 0)
			ids[i] = insert_one(&outbox->events[i], workspace_id);
		id_datums[i] = Int64GetDatum(ids[i]);
		notify_queue(workspace_id, &outbox->events[i], ids[i]);
	}
	(void)statement_execute_latest(&insert_deliveries,
								   (Datum[]){workspace,
											 contact_array,
											 statement_array(id_datums, count, INT8OID),
											 type_array,
											 version_array,
											 ordinal_array,
											 Int64GetDatum(queued_xid())});
}

static int
compare_events(const void *left, const void *right)
{
	const OutboxEvent *a = left;
	const OutboxEvent *b = right;

	return a->position != b->position ? pg_cmp_s64(a->position, b->position) : a->ordinal - b->ordinal;
}

/* Stores the events without statements; false if that cannot be, and nothing is stored. */
static bool
store_rows(const Outbox *outbox, int64 workspace_id)
{
	OutboxRows *rows = outbox_rows_begin(workspace_id);
	int64 xid;

	if (rows == NULL)
		return false;
	xid = queued_xid();
	for (size_t i = 0; i < outbox->count; i++)
	{
		const OutboxEvent *event = &outbox->events[i];
		int64 event_id = outbox_rows_add_event(rows, event);

		CHECK_FOR_INTERRUPTS();
		if (event_id == 0)
			event_id = insert_elsewhere(event, workspace_id);
		notify_queue(workspace_id, event, event_id);
		outbox_rows_add_deliveries(rows, event, event_id, xid);
	}
	outbox_rows_end(rows);
	return true;
}

static void
execute_statements(const Outbox *outbox, int64 workspace_id)
{
	OwnerScope scope;

	owner_begin(&scope);
	if (outbox->count == 1)
		store_one(outbox, workspace_id);
	else
		store_many(outbox, workspace_id);
	owner_end(&scope);
}

void
outbox_store(Outbox *outbox, int64 workspace_id)
{
	if (outbox->count == 0)
		return;
	if (outbox->count > 1)
		qsort(outbox->events, outbox->count, sizeof(OutboxEvent), compare_events);
	if (!store_rows(outbox, workspace_id))
		execute_statements(outbox, workspace_id);
	MemoryContextDelete(outbox->memory);
	*outbox = (Outbox){.parent = outbox->parent};
}

/*
 * The place of a delivery must be the same by (queued_xid, contact_version, ordinal), which orders those that wait, and by
 * (contact_version, ordinal), which orders the others among each other and with them: else two events could wait for each other for
 * ever (due.c). So both change together, and queued_xid is read behind the locks on both contacts.
 */
void
outbox_move(int64 workspace_id, Datum from_id, Datum to_id, int64 version)
{
	Datum parameters[] = {
		Int64GetDatum(workspace_id), from_id, to_id, Int64GetDatum(version), Int64GetDatum(queued_xid())};
	OwnerScope scope;

	owner_begin(&scope);
	if (statement_execute(&move_events, parameters) > 0)
		(void)statement_execute_latest(&move_deliveries, parameters);
	owner_end(&scope);
}
