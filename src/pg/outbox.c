/*
 * outbox.c - writes contacts.event and contacts.delivery in the transaction of the change.
 *
 * Two statements, however many events and consumers there are. The first takes the lock on contacts.event with which
 * contacts.subscribe() waits for the writers under way; the second looks for consumers only then, and with the latest
 * snapshot: so no event that commits after a subscription is missed, under any isolation level.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "json_writer.h"
#include "notify.h"
#include "outbox.h"
#include "statement.h"

static Statement insert_events = {
	.sql = "INSERT INTO contacts.event (workspace_id, contact_id, contact_version, ordinal, type, detail)"
		   " SELECT $1, $2, $3, e.ordinal, e.type::contacts.event_type, e.detail"
		   " FROM ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5)) WITH ORDINALITY AS e (type, detail, ordinal)"
		   " RETURNING event_id::pg_catalog.int8",
	.parameter_count = 5,
	.parameter_types = {INT8OID, TEXTOID, INT8OID, TEXTARRAYOID, JSONBARRAYOID},
};

static Statement insert_deliveries = {
	.sql = "INSERT INTO contacts.delivery (workspace_id, consumer_id, event_id, contact_id)"
		   " SELECT $1, c.consumer_id, e.event_id, $2"
		   " FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4)) AS e (event_id, type)"
		   " JOIN contacts.consumer c"
		   " ON c.types IS NULL OR e.type::contacts.event_type OPERATOR(pg_catalog.=) ANY (c.types)"
		   " WHERE c.workspace_id" EQ "ANY (ARRAY[$1, 0::pg_catalog.int8]) AND c.active",
	.parameter_count = 4,
	.parameter_types = {INT8OID, TEXTOID, INT8ARRAYOID, TEXTARRAYOID},
};

static Datum
array_datum(Datum *elements, size_t count, Oid type)
{
	if (type == INT8OID)
		return PointerGetDatum(
			construct_array(elements, (int)count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	return PointerGetDatum(construct_array(elements, (int)count, type, -1, false, TYPALIGN_INT));
}

void
outbox_store(int64 workspace_id, const char *contact_id, int64 version, const cu_decision *decision)
{
	size_t count = decision->event_count;
	Datum *types = palloc(sizeof(Datum) * Max(count, 1));
	Datum *details = palloc(sizeof(Datum) * Max(count, 1));
	Datum *ids = palloc(sizeof(Datum) * Max(count, 1));
	Datum contact = CStringGetTextDatum(contact_id);
	Datum type_array;

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
	{
		types[i] = CStringGetTextDatum(cu_event_type_name(decision->events[i].type));
		details[i] = JsonbPGetDatum(json_write_event_detail(&decision->events[i]));
	}
	type_array = array_datum(types, count, TEXTOID);

	if (statement_execute(&insert_events,
						  (Datum[]){Int64GetDatum(workspace_id),
									contact,
									Int64GetDatum(version),
									type_array,
									array_datum(details, count, JSONBOID)}) != count)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("An event of the contact could not be stored."),
				 errhint("Look for a trigger on contacts.event that returns NULL.")));
	for (size_t i = 0; i < count; i++)
	{
		ids[i] = statement_column(i, 1);
		notify_queue(workspace_id, contact_id, version, DatumGetInt64(ids[i]), &decision->events[i]);
	}
	(void)statement_execute_latest(
		&insert_deliveries,
		(Datum[]){Int64GetDatum(workspace_id), contact, array_datum(ids, count, INT8OID), type_array});
}
