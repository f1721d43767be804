/*
 * consume.c - contacts.claim, ack, fail, release, extend, retry_dead and relay.
 *
 * Each checks as its caller that it may act for the workspace, then works as the owner of the tables. Each is safe to
 * repeat. consumer.c says what is handed out.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "consumer.h"
#include "member.h"
#include "notify.h"
#include "owner.h"
#include "settings.h"

#define DAY_IN_MICROSECONDS INT64CONST(86400000000)

/* After $1 the consumer, $2 its workspace and $3 event ids; see page_execute() for those of pages. */
#define EVENTS_OF_EVERY " d.event_id = ANY ($3) AND d.consumer_id = $1 AND $2 = 0"
#define EVENTS_OF_ONE PAGE_OF_ONE
#define OF_LEASE " AND d.lease = $4"
#define PAIR_OF_PAGES(begin, end, count, ...)                                            \
	{                                                                                    \
		{.sql = begin PAGE_OF_EVERY end,                                                 \
		 .parameter_count = count,                                                       \
		 .parameter_types = {INT8OID, INT8ARRAYOID, INT8ARRAYOID, ##__VA_ARGS__}},       \
		{                                                                                \
			.sql = begin PAGE_OF_ONE end, .parameter_count = count, .parameter_types = { \
				INT8OID,                                                                 \
				INT8OID,                                                                 \
				INT8ARRAYOID,                                                            \
				##__VA_ARGS__                                                            \
			}                                                                            \
		}                                                                                \
	}
#define PAIR_OF_EVENTS(begin, end, count, ...)                                             \
	{                                                                                      \
		{.sql = begin EVENTS_OF_EVERY end,                                                 \
		 .parameter_count = count,                                                         \
		 .parameter_types = {INT8OID, INT8OID, INT8ARRAYOID, ##__VA_ARGS__}},              \
		{                                                                                  \
			.sql = begin EVENTS_OF_ONE end, .parameter_count = count, .parameter_types = { \
				INT8OID,                                                                   \
				INT8OID,                                                                   \
				INT8ARRAYOID,                                                              \
				##__VA_ARGS__                                                              \
			}                                                                              \
		}                                                                                  \
	}

static Statement take_lease = {
	.sql = "SELECT nextval('contacts.delivery_lease_seq')",
};

static Statement lease_page[] =
	PAIR_OF_PAGES("UPDATE contacts.delivery d SET lease = $4, leased_until = $5, attempts = d.attempts + $6 WHERE", "",
				  6, INT8OID, TIMESTAMPTZOID, INT4OID);

static Statement bury_page[] = PAIR_OF_PAGES("UPDATE contacts.delivery d SET due_at = 'infinity', dead = true,"
											 " last_error = 'The lease ran out.' WHERE",
											 "", 3);

static Statement delete_page[] = PAIR_OF_PAGES("DELETE FROM contacts.delivery d WHERE", "", 3);

static Statement delete_orphans[] = PAIR_OF_PAGES("DELETE FROM contacts.delivery d WHERE",
												  " AND NOT EXISTS (SELECT FROM contacts.event e"
												  " WHERE e.workspace_id = d.workspace_id AND e.event_id = d.event_id)",
												  3);

#define FIND_EVENTS(workspace_of_event, workspace_of_contact)                                                 \
	"SELECT k.n, e.workspace_id, e.event_id, e.contact_id, e.contact_version, e.ordinal, e.type, e.detail,"   \
	" e.created_at, c.email_address, e.type::text, e.detail #>> '{tag,id}', e.detail #>> '{field,merge_tag}'" \
	" FROM ROWS FROM (unnest($1), unnest($2)) WITH ORDINALITY AS k (workspace_id, event_id, n)"               \
	" JOIN contacts.event e ON e.workspace_id = " workspace_of_event " AND e.event_id = k.event_id"           \
	" LEFT JOIN contacts.contact c ON c.workspace_id = " workspace_of_contact " AND c.id = e.contact_id ORDER BY k.n"

static Statement find_events[] = {
	{.sql = FIND_EVENTS("k.workspace_id", "k.workspace_id"),
	 .parameter_count = 2,
	 .parameter_types = {INT8ARRAYOID, INT8ARRAYOID}},
	{.sql = FIND_EVENTS("$3", "$3"), .parameter_count = 3, .parameter_types = {INT8ARRAYOID, INT8ARRAYOID, INT8OID}},
};

static Statement acknowledge[] = PAIR_OF_EVENTS("DELETE FROM contacts.delivery d WHERE", OF_LEASE, 4, INT8OID);

static Statement give_back[] =
	PAIR_OF_EVENTS("UPDATE contacts.delivery d SET lease = 0, leased_until = '-infinity' WHERE", OF_LEASE, 4, INT8OID);

/* From half to the whole of 1 s, 2 s, 4 s ... 1 h, so that what failed together does not come back together. */
#define NOTE_FAILURE                                                                                      \
	"UPDATE contacts.delivery d SET lease = 0, leased_until = '-infinity', attempts = d.attempts + 1,"    \
	" last_error = nullif(left($4, 1000), ''), dead = d.attempts + 1 >= $5,"                              \
	" due_at = CASE WHEN d.attempts + 1 >= $5 THEN 'infinity' ELSE $6"                                    \
	" + interval '1 s' * (least(3600, 2 ^ least(d.attempts, 12)) * $7) END WHERE"
#define FAILURE_PARAMETERS TEXTOID, INT4OID, TIMESTAMPTZOID, FLOAT8OID

static Statement note_failure[] =
	PAIR_OF_EVENTS(NOTE_FAILURE, " AND d.lease = $8", 8, FAILURE_PARAMETERS, INT8OID);

static Statement note_page_failure[] = PAIR_OF_PAGES(NOTE_FAILURE, "", 7, FAILURE_PARAMETERS);

#define EXTEND                                                                   \
	"UPDATE contacts.delivery d SET leased_until = greatest(d.leased_until, $4)" \
	" WHERE d.consumer_id = $1 AND ($2 = 0 OR d.workspace_id = $2) AND d.lease = $3"

/* $5 is the floor in both. */
static Statement extend_waiting = {
	.sql = EXTEND " AND " IN_QUEUE " AND d.queued_xid >= $5",
	.parameter_count = 5,
	.parameter_types = {INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID},
	.plan_each_time = true,
};

static Statement extend_failed = {
	.sql = EXTEND " AND d.due_at < 'infinity' AND $5 >= 0",
	.parameter_count = 5,
	.parameter_types = {INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID},
	.plan_each_time = true,
};

#define REVIVE                                                                                                      \
	"UPDATE contacts.delivery d SET lease = 0, leased_until = '-infinity', attempts = 0, due_at = $3, dead = false" \
	" WHERE d.consumer_id = $1 AND ($2 = 0 OR d.workspace_id = $2) AND d.due_at = 'infinity'"

static Statement revive_all = {
	.sql = REVIVE,
	.parameter_count = 3,
	.parameter_types = {INT8OID, INT8OID, TIMESTAMPTZOID},
	.plan_each_time = true,
};

static Statement revive_one = {
	.sql = REVIVE " AND d.event_id = $4",
	.parameter_count = 4,
	.parameter_types = {INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID},
	.plan_each_time = true,
};

/* A call under way: of a caller that may act for the consumer's workspace, as the owner of the tables. */
typedef struct Call
{
	OwnerScope owner;
	Consumer consumer;
} Call;

/* Begins a call. Its first argument is the consumer's name, its last, by number, the workspace. */
static void
begin_call(FunctionCallInfo fcinfo, int workspace_argument, const char *command, Call *call)
{
	int64 workspace = PG_ARGISNULL(workspace_argument) ? settings_workspace_id() : PG_GETARG_INT64(workspace_argument);
	char *name = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));

	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
	member_require(workspace);
	owner_begin(&call->owner);
	statement_connect();
	consumer_find(&call->consumer, workspace, name);
}

static void
end_call(Call *call)
{
	SPI_finish();
	owner_end(&call->owner);
}

static void
require_not_null(FunctionCallInfo fcinfo, int first, const char *names)
{
	if (PG_ARGISNULL(first) || PG_ARGISNULL(first + 1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null.", names),
				 errhint("Both come from contacts.claim().")));
}

/* Deletes what has no event any more, and takes it out of the page. Events are the rows of find_events. */
static void
drop_orphans(const Consumer *consumer, DuePage *page)
{
	size_t kept = 0;

	if (SPI_processed == page->count)
		return;
	for (uint64 row = 0; row < SPI_processed; row++)
		page->events[kept++] = page->events[DatumGetInt64(statement_column(row, 1)) - 1];
	(void)page_execute(delete_orphans, consumer, page, 0, 0, 0);
	page->count = kept;
}

static void
find_page_events(const Consumer *consumer, const DuePage *page)
{
	(void)statement_execute(&find_events[consumer->workspace_id != 0],
							(Datum[]){page_workspaces(page), page_ids(page), Int64GetDatum(consumer->workspace_id)});
}

/* Whether the page is one event whose lease ran out. */
static bool
is_lapsed(const DuePage *page)
{
	return page->count == 1 && page->events[0].lease > 0;
}

/*
 * Finds what to hand out, and leaves its events in SPI_tuptable, in the order of the page. An event whose lease ran out
 * once too often is dead, and the next one's turn comes.
 */
static void
find_due(const Consumer *consumer, int max, DuePage *page)
{
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		consumer_lock_due(consumer, max, page);
		if (page->count == 0)
			return;
		if (is_lapsed(page) && page->events[0].attempts >= consumer->max_attempts)
		{
			(void)page_execute(bury_page, consumer, page, 0, 0, 0);
			continue;
		}
		find_page_events(consumer, page);
		if (SPI_processed == page->count)
			return;
		drop_orphans(consumer, page);
	}
}

static void
require_max(FunctionCallInfo fcinfo, int number, const char *what)
{
	if (PG_ARGISNULL(number) || PG_GETARG_INT32(number) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max must be at least 1."),
				 errhint("It is how many events to %s at most.", what)));
}

/* The time of a lease that begins now, of the interval that an argument gives. */
static TimestampTz
lease_end(FunctionCallInfo fcinfo, int number, const char *name)
{
	const Interval *lease = PG_ARGISNULL(number) ? NULL : PG_GETARG_INTERVAL_P(number);
	/* By the clock: a day has 24 hours, whatever the time zone; months are too long anyway. */
	int64 span = lease && lease->month == 0 && lease->day <= 1 && lease->day >= -1
					 ? lease->time + lease->day * DAY_IN_MICROSECONDS
					 : 0;

	if (lease == NULL || span <= 0 || span > DAY_IN_MICROSECONDS || lease->time > DAY_IN_MICROSECONDS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be more than 0 and at most 1 day.", name),
				 errhint("It is how long the events are yours. When you die, they wait that long for somebody else.")));
	return GetCurrentTimestamp() + span;
}

/* A set of rows of contacts.claimed_event under way. */
typedef struct ClaimedRows
{
	Tuplestorestate *store;
	TupleDesc descriptor;
} ClaimedRows;

static const Oid claimed_types[] = {
	INT8OID, INT8OID, INT4OID, INT8OID, TEXTOID, INT8OID, INT4OID, 0, JSONBOID, TIMESTAMPTZOID, TEXTOID};
#define CLAIMED_COLUMNS lengthof(claimed_types)

static void
begin_rows(FunctionCallInfo fcinfo, ClaimedRows *rows)
{
	ReturnSetInfo *info = (ReturnSetInfo *)fcinfo->resultinfo;
	MemoryContext caller;
	bool is_known;

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("A set of events cannot be returned here."),
				 errhint("Call contacts.claim in FROM, or in the select list of a SELECT.")));
	caller = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	is_known = get_call_result_type(fcinfo, NULL, &rows->descriptor) == TYPEFUNC_COMPOSITE &&
			   rows->descriptor->natts == CLAIMED_COLUMNS;
	for (size_t i = 0; is_known && i < CLAIMED_COLUMNS; i++)
		is_known = !OidIsValid(claimed_types[i]) || TupleDescAttr(rows->descriptor, i)->atttypid == claimed_types[i];
	if (!is_known)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("The type contacts.claimed_event is not that of this version."),
				 errhint("Undo what ALTER TYPE has changed.")));
	rows->store = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	info->returnMode = SFRM_Materialize;
	info->setResult = rows->store;
	info->setDesc = rows->descriptor;
	MemoryContextSwitchTo(caller);
}

/* Adds the events that find_due() left in SPI_tuptable. */
static void
add_rows(const ClaimedRows *rows, SPITupleTable *events, const DuePage *page, int64 lease, int counted)
{
	for (size_t i = 0; i < page->count; i++)
	{
		Datum found[10];
		bool nulls[CLAIMED_COLUMNS] = {false};

		for (int column = 1; column < 10; column++)
			found[column] = SPI_getbinval(events->vals[i], events->tupdesc, column + 1, &nulls[CLAIMED_COLUMNS - 1]);
		tuplestore_putvalues(rows->store,
							 rows->descriptor,
							 (Datum[]){found[2],
									   Int64GetDatum(lease),
									   Int32GetDatum(page->events[i].attempts + counted),
									   found[1],
									   found[3],
									   found[4],
									   found[5],
									   found[6],
									   found[7],
									   found[8],
									   found[9]},
							 nulls);
	}
}

PG_FUNCTION_INFO_V1(contacts_claim);
Datum
contacts_claim(PG_FUNCTION_ARGS)
{
	Call call;
	DuePage page;
	TimestampTz end;
	ClaimedRows rows;
	SPITupleTable *events;
	int64 lease;

	begin_call(fcinfo, 3, "contacts.claim()", &call);
	require_max(fcinfo, 1, "hand out");
	end = lease_end(fcinfo, 2, "lease");
	begin_rows(fcinfo, &rows);
	find_due(&call.consumer, PG_GETARG_INT32(1), &page);
	if (page.count > 0)
	{
		/* What a lapsed lease leaves behind counts when it is handed out, all else when it fails. */
		int counted = is_lapsed(&page) ? 1 : 0;

		events = SPI_tuptable;
		(void)statement_execute(&take_lease, NULL);
		lease = DatumGetInt64(statement_column(0, 1));
		(void)page_execute(
			lease_page, &call.consumer, &page, Int64GetDatum(lease), TimestampTzGetDatum(end), Int32GetDatum(counted));
		add_rows(&rows, events, &page, lease, counted);
	}
	end_call(&call);
	return (Datum)0;
}

/* Executes a statement about events of a lease. */
static uint64
execute_for_lease(Statement pair[2], const Consumer *consumer, Datum event_ids, int64 lease)
{
	if (lease <= 0) /* that of nobody */
		return 0;
	return statement_execute(
		&pair[consumer->workspace_id != 0],
		(Datum[]){Int64GetDatum(consumer->id), Int64GetDatum(consumer->workspace_id), event_ids, Int64GetDatum(lease)});
}

PG_FUNCTION_INFO_V1(contacts_ack);
Datum
contacts_ack(PG_FUNCTION_ARGS)
{
	Call call;
	uint64 acknowledged;

	begin_call(fcinfo, 3, "contacts.ack()", &call);
	require_not_null(fcinfo, 1, "lease and event_ids");
	acknowledged = execute_for_lease(acknowledge, &call.consumer, PG_GETARG_DATUM(2), PG_GETARG_INT64(1));
	end_call(&call);
	PG_RETURN_INT32((int32)acknowledged);
}

PG_FUNCTION_INFO_V1(contacts_release);
Datum
contacts_release(PG_FUNCTION_ARGS)
{
	Call call;
	uint64 released;

	begin_call(fcinfo, 3, "contacts.release()", &call);
	require_not_null(fcinfo, 1, "lease and event_ids");
	released = execute_for_lease(give_back, &call.consumer, PG_GETARG_DATUM(2), PG_GETARG_INT64(1));
	end_call(&call);
	PG_RETURN_INT32((int32)released);
}

/* From 0.5 to 1. */
static float8
jitter(void)
{
	uint32 random;

	if (!pg_strong_random(&random, sizeof(random)))
		random = 0;
	return 0.5 + random / (2.0 * PG_UINT32_MAX);
}

/* Notes that an event has failed; false if the lease has it no more. */
static bool
fail_event(const Consumer *consumer, int64 lease, int64 event_id, Datum error)
{
	Datum ids[] = {Int64GetDatum(event_id)};

	return statement_execute(&note_failure[consumer->workspace_id != 0],
							 (Datum[]){Int64GetDatum(consumer->id),
									   Int64GetDatum(consumer->workspace_id),
									   statement_array(ids, 1, INT8OID),
									   error,
									   Int32GetDatum(consumer->max_attempts),
									   TimestampTzGetDatum(consumer->at),
									   Float8GetDatum(jitter()),
									   Int64GetDatum(lease)}) > 0;
}

/* Notes that an event that is locked has failed. It may have no lease, so only its workspace tells it from others of its id. */
static void
fail_locked(const Consumer *consumer, DueEvent *event, const char *error)
{
	const DuePage page = {.events = event, .count = 1};

	(void)statement_execute(
		&note_page_failure[consumer->workspace_id != 0],
		(Datum[]){Int64GetDatum(consumer->id),
				  consumer->workspace_id != 0 ? Int64GetDatum(consumer->workspace_id) : page_workspaces(&page),
				  page_ids(&page),
				  CStringGetTextDatum(error),
				  Int32GetDatum(consumer->max_attempts),
				  TimestampTzGetDatum(consumer->at),
				  Float8GetDatum(jitter())});
}

PG_FUNCTION_INFO_V1(contacts_fail);
Datum
contacts_fail(PG_FUNCTION_ARGS)
{
	Call call;
	bool failed;

	begin_call(fcinfo, 4, "contacts.fail()", &call);
	require_not_null(fcinfo, 1, "lease and event_id");
	failed = PG_GETARG_INT64(1) > 0 && fail_event(&call.consumer,
												  PG_GETARG_INT64(1),
												  PG_GETARG_INT64(2),
												  PG_ARGISNULL(3) ? CStringGetTextDatum("") : PG_GETARG_DATUM(3));
	end_call(&call);
	PG_RETURN_BOOL(failed);
}

PG_FUNCTION_INFO_V1(contacts_extend);
Datum
contacts_extend(PG_FUNCTION_ARGS)
{
	Call call;
	TimestampTz end;
	uint64 extended = 0;

	begin_call(fcinfo, 3, "contacts.extend()", &call);
	end = lease_end(fcinfo, 2, "duration");
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("lease must not be null."),
				 errhint("It comes from contacts.claim().")));
	if (PG_GETARG_INT64(1) > 0)
	{
		Datum parameters[] = {Int64GetDatum(call.consumer.id),
							  Int64GetDatum(call.consumer.workspace_id),
							  PG_GETARG_DATUM(1),
							  TimestampTzGetDatum(end),
							  Int64GetDatum(call.consumer.floor)};

		extended = statement_execute(&extend_waiting, parameters);
		extended += statement_execute(&extend_failed, parameters);
	}
	end_call(&call);
	PG_RETURN_INT32((int32)extended);
}

PG_FUNCTION_INFO_V1(contacts_retry_dead);
Datum
contacts_retry_dead(PG_FUNCTION_ARGS)
{
	Call call;
	uint64 revived;

	begin_call(fcinfo, 2, "contacts.retry_dead()", &call);
	revived = statement_execute(PG_ARGISNULL(1) ? &revive_all : &revive_one,
								(Datum[]){Int64GetDatum(call.consumer.id),
										  Int64GetDatum(call.consumer.workspace_id),
										  TimestampTzGetDatum(call.consumer.at),
										  PG_ARGISNULL(1) ? (Datum)0 : PG_GETARG_DATUM(1)});
	end_call(&call);
	PG_RETURN_INT32((int32)revived);
}

static char *
nullable_text(SPITupleTable *rows, uint64 row, int column)
{
	return SPI_getvalue(rows->vals[row], rows->tupdesc, column);
}

/* Sends the events that find_due() left in SPI_tuptable; sets which ones no notification can hold. */
static size_t
send_page(const char *channel, SPITupleTable *events, const DuePage *page, bool *is_too_long)
{
	size_t sent = 0;

	for (size_t i = 0; i < page->count; i++)
	{
		bool is_null;
		int64 version = DatumGetInt64(SPI_getbinval(events->vals[i], events->tupdesc, 5, &is_null));
		char *payload = notify_payload(nullable_text(events, i, 11),
									   page->events[i].workspace_id,
									   nullable_text(events, i, 4),
									   version,
									   page->events[i].event_id,
									   nullable_text(events, i, 12),
									   nullable_text(events, i, 13));

		is_too_long[i] = strlen(payload) >= NOTIFY_MAX_PAYLOAD;
		if (!is_too_long[i])
		{
			Async_Notify(channel, payload);
			sent++;
		}
	}
	return sent;
}

/* Deletes what has been sent; what cannot be sent has failed. Nobody else takes what is locked, so it needs no lease. */
static void
settle_page(const Consumer *consumer, DuePage *page, const bool *is_too_long)
{
	size_t sent = 0;

	for (size_t i = 0; i < page->count; i++)
		if (is_too_long[i])
			fail_locked(consumer, &page->events[i], "The event is too long for a notification.");
		else
			page->events[sent++] = page->events[i];
	page->count = sent;
	if (sent > 0)
		(void)page_execute(delete_page, consumer, page, 0, 0, 0);
}

PG_FUNCTION_INFO_V1(contacts_relay);
Datum
contacts_relay(PG_FUNCTION_ARGS)
{
	Call call;
	DuePage page;
	char *channel = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	size_t taken;

	begin_call(fcinfo, 3, "contacts.relay()", &call);
	require_max(fcinfo, 2, "relay");
	if (channel == NULL || *channel == '\0' || strlen(channel) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("channel must have 1 to %d bytes.", NAMEDATALEN - 1),
				 errhint("It is what listeners name after LISTEN, such as contact_automation.")));
	find_due(&call.consumer, PG_GETARG_INT32(2), &page);
	taken = page.count;
	if (taken > 0)
	{
		bool *is_too_long = palloc(sizeof(bool) * taken);

		(void)send_page(channel, SPI_tuptable, &page, is_too_long);
		settle_page(&call.consumer, &page, is_too_long);
	}
	end_call(&call);
	PG_RETURN_INT32((int32)taken);
}
