/*
 * consumer.c - begins the calls on behalf of a consumer, and keeps its low-water mark.
 *
 * The low-water mark of a consumer is the queued_xid from which a claim begins to look, so that a claim does not slow down
 * while a long transaction keeps dead rows from being removed. queued_xid is the transaction id that came next when a delivery
 * was written, so it is above the writer's own. A mark is at most the lowest transaction id in progress of a snapshot, and at
 * most the lowest queued_xid that waits in the same snapshot: what that snapshot does not see was written by a transaction
 * from there on, and is above the mark, whatever the ids of its events are. Deliveries that have failed are few, and found
 * by indexes that hold nothing else.
 *
 * Transaction ids of another server (a dump, a failover by logical replication) say nothing here. The mark's row says
 * which server it is from: the first claim on another one puts all deliveries of the consumer at 0.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "consumer.h"
#include "errors.h"
#include "member.h"
#include "settings.h"

#define RAISE_INTERVAL USECS_PER_SEC

typedef enum ConsumerColumn
{
	CONSUMER_ID = 1,
	CONSUMER_MAX_ATTEMPTS,
	CONSUMER_LOW_WATER_MARK,
	CONSUMER_SERVER,
	CONSUMER_RAISED_AT
} ConsumerColumn;

static Statement find_consumer = {
	.sql =
		"SELECT c.consumer_id, c.max_attempts, coalesce(m.queued_xid, 0), coalesce(m.server, 0), "
		" coalesce(m.raised_at, '-infinity'::timestamptz) FROM contacts.consumer c LEFT JOIN contacts.low_water_mark m"
		" ON m.workspace_id = $1 AND m.consumer_id = c.consumer_id WHERE c.workspace_id = $1 AND c.name = $2",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

/* The least of the lowest transaction that may still write and of the lowest delivery that waits, in one snapshot. */
static Statement find_lowest = {
	.sql = "SELECT least(pg_snapshot_xmin(s)::text::int8, (SELECT d.queued_xid FROM contacts.delivery d"
		   " WHERE d.consumer_id = $1 AND ($2 = 0 OR d.workspace_id = $2) AND " IN_QUEUE " AND d.queued_xid >= $3"
		   " ORDER BY d.queued_xid, d.event_id LIMIT 1)) FROM pg_current_snapshot() s",
	.parameter_count = 3,
	.parameter_types = {INT8OID, INT8OID, INT8OID},
	.plan_each_time = true,
};

/* A session that finds the row locked leaves the mark to the session that has the lock. */
static Statement lock_mark = {
	.sql = "SELECT FROM contacts.low_water_mark m WHERE m.workspace_id = $1 AND m.consumer_id = $2"
		   " FOR NO KEY UPDATE SKIP LOCKED",
	.parameter_count = 2,
	.parameter_types = {INT8OID, INT8OID},
};

static Statement raise_mark = {
	.sql = "UPDATE contacts.low_water_mark m SET queued_xid = greatest(m.queued_xid, $3), raised_at = $4"
		   " WHERE m.workspace_id = $1 AND m.consumer_id = $2",
	.parameter_count = 4,
	.parameter_types = {INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID},
};

/* Of two sessions that move a mark at once, the second waits for the first and then finds nothing to do. */
static Statement move_mark = {
	.sql = "INSERT INTO contacts.low_water_mark AS m (workspace_id, consumer_id, queued_xid, server, raised_at)"
		   " VALUES ($1, $2, 0, $3, $4) ON CONFLICT (workspace_id, consumer_id) DO UPDATE"
		   " SET queued_xid = 0, server = excluded.server, raised_at = excluded.raised_at"
		   " WHERE m.server <> excluded.server RETURNING 1",
	.parameter_count = 4,
	.parameter_types = {INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID},
};

static Statement forget_transactions = {
	.sql = "UPDATE contacts.delivery d SET queued_xid = 0"
		   " WHERE d.consumer_id = $1 AND ($2 = 0 OR d.workspace_id = $2) AND d.queued_xid <> 0",
	.parameter_count = 2,
	.parameter_types = {INT8OID, INT8OID},
};

static void
raise_no_consumer(int64 workspace_id, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("There is no consumer %s in workspace " INT64_FORMAT ".",
					name ? quote_literal_cstr(name) : "NULL",
					workspace_id),
			 errhint("SELECT contacts.subscribe(consumer) registers one; TABLE contacts.consumer lists them."),
			 err_generic_string(PG_DIAG_SCHEMA_NAME, "contacts"),
			 err_generic_string(PG_DIAG_TABLE_NAME, "consumer")));
}

/* Puts the deliveries that this server finds in the order of their contacts' versions, below all that it will write. */
static void
move_to_this_server(Consumer *consumer)
{
	Datum workspace = Int64GetDatum(consumer->workspace_id);
	Datum id = Int64GetDatum(consumer->id);

	if (statement_execute(
			&move_mark,
			(Datum[]){workspace, id, Int64GetDatum((int64)GetSystemIdentifier()), TimestampTzGetDatum(consumer->at)}) >
		0)
		(void)statement_execute(&forget_transactions, (Datum[]){id, workspace});
	consumer->low_water_mark = 0;
}

static void
raise_mark_when_due(Consumer *consumer, TimestampTz raised_at)
{
	Datum workspace = Int64GetDatum(consumer->workspace_id);
	Datum id = Int64GetDatum(consumer->id);
	int64 lowest;

	/* In an older snapshot there is nothing to learn, and the row of the mark may have changed since. */
	if (XactIsoLevel != XACT_READ_COMMITTED || raised_at > consumer->at - RAISE_INTERVAL)
		return;
	(void)statement_execute(&find_lowest, (Datum[]){id, workspace, Int64GetDatum(consumer->low_water_mark)});
	lowest = DatumGetInt64(statement_column(0, 1));
	if (lowest > consumer->low_water_mark && statement_execute(&lock_mark, (Datum[]){workspace, id}) > 0)
		(void)statement_execute(&raise_mark,
								(Datum[]){workspace, id, Int64GetDatum(lowest), TimestampTzGetDatum(consumer->at)});
}

static void
find_by_name(Consumer *consumer, int64 workspace_id, const char *name)
{
	TimestampTz raised_at;
	int64 server;

	if (name == NULL ||
		statement_execute(&find_consumer, (Datum[]){Int64GetDatum(workspace_id), CStringGetTextDatum(name)}) == 0)
		raise_no_consumer(workspace_id, name);
	*consumer = (Consumer){.workspace_id = workspace_id,
						   .id = DatumGetInt64(statement_column(0, CONSUMER_ID)),
						   .max_attempts = DatumGetInt32(statement_column(0, CONSUMER_MAX_ATTEMPTS)),
						   .low_water_mark = DatumGetInt64(statement_column(0, CONSUMER_LOW_WATER_MARK)),
						   .at = GetCurrentTimestamp()};
	server = DatumGetInt64(statement_column(0, CONSUMER_SERVER));
	raised_at = DatumGetTimestampTz(statement_column(0, CONSUMER_RAISED_AT));
	if (server != (int64)GetSystemIdentifier())
		move_to_this_server(consumer);
	else
		raise_mark_when_due(consumer, raised_at);
}

void
consumer_begin(FunctionCallInfo fcinfo, int workspace_argument, const char *command, ConsumerCall *call)
{
	int64 workspace = settings_workspace_argument(fcinfo, workspace_argument);
	char *name = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));

	errors_raise_unless_writing(command);
	member_require(workspace);
	owner_begin(&call->owner);
	statement_connect();
	find_by_name(&call->consumer, workspace, name);
}

void
consumer_end(ConsumerCall *call)
{
	SPI_finish();
	owner_end(&call->owner);
}

void
consumer_require_max(FunctionCallInfo fcinfo, int number, const char *what)
{
	if (PG_ARGISNULL(number) || PG_GETARG_INT32(number) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max must be at least 1."),
				 errhint("It is how many events to %s at most.", what)));
}
