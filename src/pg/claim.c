/*
 * claim.c - contacts.claim, and what a consumer does with the events that it was handed: ack, fail, release, extend, retry_dead.
 * Each is safe to repeat.
 *
 * A lease is the number of a claim. No number is given twice, and a claim hands out no two events of one id: so a lease and
 * an event id name one delivery, also for a consumer of every workspace.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "claimed_event.h"
#include "delegate.h"
#include "due.h"
#include "due_choice.h"
#include "failure.h"
#include "lease.h"

#define DAY_IN_MICROSECONDS INT64CONST(86400000000)

/* A pair of statements about events of a lease, $4. */
#define PAIR_OF_LEASE(begin) DUE_PAIR(INT8OID, "$2 = 0", begin, " AND d.lease = $4", 4, INT8OID)

static Statement take_lease = {
	.sql = "SELECT nextval('contacts.delivery_lease_seq')",
};

static Statement lease_page[] =
	DUE_PAIR_OF_PAGES("UPDATE contacts.delivery d SET lease = $4, leased_until = $5, attempts = d.attempts + $6 WHERE",
					  "", 6, INT8OID, TIMESTAMPTZOID, INT4OID);

/* What lease_page does; returns the places of what it has written, in the order of the page. */
static Statement lease_page_in_place = {
	.sql = "UPDATE contacts.delivery d SET lease = $3, leased_until = $4, attempts = d.attempts + $5 FROM " DUE_PLACES
		   " RETURNING d.ctid",
	.parameter_count = 5,
	.parameter_types = {INT8OID, TIDARRAYOID, INT8OID, TIMESTAMPTZOID, INT4OID},
	.by_place = true,
};

/* Acknowledges events of a lease, $5, as long as they are where they were. */
static Statement acknowledge_in_place = {
	.sql = "DELETE FROM contacts.delivery d USING ROWS FROM (unnest($3), unnest($4)) k (event_id, place)"
		   " WHERE d.ctid = k.place AND d.event_id = k.event_id AND d.consumer_id = $1"
		   " AND ($2 = 0 OR d.workspace_id = $2) AND d.lease = $5",
	.parameter_count = 5,
	.parameter_types = {INT8OID, INT8OID, INT8ARRAYOID, TIDARRAYOID, INT8OID},
	.by_place = true,
};

static Statement acknowledge[] = PAIR_OF_LEASE("DELETE FROM contacts.delivery d WHERE");

static Statement release[] =
	PAIR_OF_LEASE("UPDATE contacts.delivery d SET lease = 0, leased_until = '-infinity' WHERE");

static Statement extend_page[] =
	DUE_PAIR_OF_PAGES("UPDATE contacts.delivery d SET leased_until = greatest(d.leased_until, $4) WHERE",
					  " AND d.lease = $5", 5, TIMESTAMPTZOID, INT8OID);

#define EXTEND                                                                   \
	"UPDATE contacts.delivery d SET leased_until = greatest(d.leased_until, $4)" \
	" WHERE d.consumer_id = $1 AND ($2 = 0 OR d.workspace_id = $2) AND d.lease = $3"

/* $5 is the low-water mark in both. */
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

static void
require_not_null(FunctionCallInfo fcinfo, int first, const char *names)
{
	if (PG_ARGISNULL(first) || PG_ARGISNULL(first + 1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null.", names),
				 errhint("Both come from contacts.claim().")));
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
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be more than 0 and at most 1 day.", name),
			 errhint("It is how long the events are not handed out again, also if the worker that has them dies.")));
	return GetCurrentTimestamp() + span;
}

/* A set of rows of contacts.claimed_event under way. */
typedef struct ClaimedRows
{
	Tuplestorestate *store;
	TupleDesc descriptor;
} ClaimedRows;

/* The columns of due_find() that the attributes take their values from; 0: the claim's own. */
static const DueColumn sources[CLAIMED_COLUMNS] = {
	[CLAIMED_EVENT_ID] = DUE_EVENT_ID,
	[CLAIMED_WORKSPACE_ID] = DUE_WORKSPACE_ID,
	[CLAIMED_CONTACT_ID] = DUE_CONTACT_ID,
	[CLAIMED_CONTACT_VERSION] = DUE_CONTACT_VERSION,
	[CLAIMED_ORDINAL] = DUE_ORDINAL,
	[CLAIMED_TYPE] = DUE_TYPE,
	[CLAIMED_DETAIL] = DUE_DETAIL,
	[CLAIMED_CREATED_AT] = DUE_CREATED_AT,
	[CLAIMED_EMAIL_ADDRESS] = DUE_EMAIL_ADDRESS,
};

static void
begin_rows(FunctionCallInfo fcinfo, ClaimedRows *rows)
{
	ReturnSetInfo *info = (ReturnSetInfo *)fcinfo->resultinfo;
	MemoryContext caller;

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("A set of events cannot be returned here."),
				 errhint("Call contacts.claim in FROM, or in the select list of a SELECT.")));
	caller = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &rows->descriptor) != TYPEFUNC_COMPOSITE)
		rows->descriptor = NULL;
	claimed_event_require(rows->descriptor);
	rows->store = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	info->returnMode = SFRM_Materialize;
	info->setResult = rows->store;
	info->setDesc = rows->descriptor;
	MemoryContextSwitchTo(caller);
}

/* Adds the events that due_find() left in SPI_tuptable. */
static void
add_rows(const ClaimedRows *rows, SPITupleTable *events, const DuePage *page, int64 lease, int counted)
{
	int attributes = rows->descriptor->natts;
	Datum *values = palloc0(sizeof(Datum) * attributes);
	bool *nulls = palloc0(sizeof(bool) * attributes);

	for (int dropped = CLAIMED_COLUMNS; dropped < attributes; dropped++)
		nulls[dropped] = true;
	for (size_t i = 0; i < page->count; i++)
	{
		for (int column = 0; column < CLAIMED_COLUMNS; column++)
			if (sources[column])
				values[column] = SPI_getbinval(events->vals[i], events->tupdesc, sources[column], &nulls[column]);
		values[CLAIMED_LEASE] = Int64GetDatum(lease);
		values[CLAIMED_ATTEMPTS] = Int32GetDatum(page->events[i].attempts + counted);
		tuplestore_putvalues(rows->store, rows->descriptor, values, nulls);
	}
}

/* Leases the page, which the session remembers. */
static void
take_page(const Consumer *consumer, DuePage *page, int64 lease, TimestampTz end, int counted)
{
	Datum parameters[] = {Int64GetDatum(lease), TimestampTzGetDatum(end), Int32GetDatum(counted)};

	if (!page->has_places)
		(void)due_execute(lease_page, consumer, page, parameters);
	else
	{
		/* A trigger may have kept one as it is. */
		page->has_places = due_execute_in_place(&lease_page_in_place, consumer, page, parameters) == page->count;
		for (size_t i = 0; i < page->count && page->has_places; i++)
			page->events[i].place = *(ItemPointer)DatumGetPointer(statement_column(i, 1));
	}
	lease_remember(consumer, lease, page);
}

PG_FUNCTION_INFO_V1(contacts_claim);
Datum
contacts_claim(PG_FUNCTION_ARGS)
{
	ConsumerCall call;
	DuePage page;
	TimestampTz end;
	ClaimedRows rows;
	SPITupleTable *events;
	int64 lease;
	Datum there;

	if (delegate_call(fcinfo, 3, "contacts.claim()", &there))
		return there;
	consumer_begin(fcinfo, 3, "contacts.claim()", &call);
	consumer_require_max(fcinfo, 1, "hand out");
	end = lease_end(fcinfo, 2, "lease");
	begin_rows(fcinfo, &rows);
	due_find(&call.consumer, PG_GETARG_INT32(1), false, &page);
	if (page.count > 0)
	{
		/* What a lapsed lease leaves behind counts when it is handed out, all else when it fails. */
		int counted = due_is_lapsed(&page) ? 1 : 0;

		events = SPI_tuptable;
		(void)statement_execute(&take_lease, NULL);
		lease = DatumGetInt64(statement_column(0, 1));
		take_page(&call.consumer, &page, lease, end, counted);
		add_rows(&rows, events, &page, lease, counted);
	}
	consumer_end(&call);
	return (Datum)0;
}

/* Executes a statement about events of a lease. */
static uint64
execute_for_lease(Statement pair[2], const Consumer *consumer, Datum event_ids, int64 lease)
{
	if (lease <= 0) /* no claim has such a number */
		return 0;
	return statement_execute(
		&pair[consumer->workspace_id != 0],
		(Datum[]){Int64GetDatum(consumer->id), Int64GetDatum(consumer->workspace_id), event_ids, Int64GetDatum(lease)});
}

static int
compare_event_ids(const void *id, const void *event)
{
	int64 left = *(const int64 *)id;
	int64 right = ((const DueEvent *)event)->event_id;

	return left != right ? (left < right ? -1 : 1) : 0;
}

/* Acknowledges events of a lease where the session remembers them; sets *is_done if these were all. */
static uint64
acknowledge_remembered(const Consumer *consumer, Datum event_ids, int64 lease, bool *is_done)
{
	const DuePage *page = lease_recall(consumer, lease);
	Datum *ids;
	bool *nulls;
	int count;
	Datum *places;
	uint64 acknowledged;

	*is_done = false;
	if (page == NULL || !page->has_places || !due_choice_gives_places())
		return 0;
	deconstruct_array(
		DatumGetArrayTypeP(event_ids), INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &ids, &nulls, &count);
	places = palloc(sizeof(Datum) * count);
	for (int i = 0; i < count; i++)
	{
		int64 id = nulls[i] ? 0 : DatumGetInt64(ids[i]);
		DueEvent *event =
			nulls[i] ? NULL : bsearch(&id, page->events, page->count, sizeof(DueEvent), compare_event_ids);

		if (event == NULL)
			return 0;
		places[i] = PointerGetDatum(&event->place);
	}
	acknowledged = statement_execute(&acknowledge_in_place,
									 (Datum[]){Int64GetDatum(consumer->id),
											   Int64GetDatum(consumer->workspace_id),
											   event_ids,
											   statement_array(places, count, TIDOID),
											   Int64GetDatum(lease)});
	*is_done = acknowledged == (uint64)count;
	return acknowledged;
}

PG_FUNCTION_INFO_V1(contacts_ack);
Datum
contacts_ack(PG_FUNCTION_ARGS)
{
	ConsumerCall call;
	uint64 acknowledged;
	bool is_done;
	Datum there;

	if (delegate_call(fcinfo, 3, "contacts.ack()", &there))
		return there;
	consumer_begin(fcinfo, 3, "contacts.ack()", &call);
	require_not_null(fcinfo, 1, "lease and event_ids");
	acknowledged = acknowledge_remembered(&call.consumer, PG_GETARG_DATUM(2), PG_GETARG_INT64(1), &is_done);
	if (!is_done)
		acknowledged += execute_for_lease(acknowledge, &call.consumer, PG_GETARG_DATUM(2), PG_GETARG_INT64(1));
	consumer_end(&call);
	PG_RETURN_INT32((int32)acknowledged);
}

PG_FUNCTION_INFO_V1(contacts_release);
Datum
contacts_release(PG_FUNCTION_ARGS)
{
	ConsumerCall call;
	uint64 released;
	Datum there;

	if (delegate_call(fcinfo, 3, "contacts.release()", &there))
		return there;
	consumer_begin(fcinfo, 3, "contacts.release()", &call);
	require_not_null(fcinfo, 1, "lease and event_ids");
	released = execute_for_lease(release, &call.consumer, PG_GETARG_DATUM(2), PG_GETARG_INT64(1));
	consumer_end(&call);
	PG_RETURN_INT32((int32)released);
}

PG_FUNCTION_INFO_V1(contacts_fail);
Datum
contacts_fail(PG_FUNCTION_ARGS)
{
	ConsumerCall call;
	bool failed;
	Datum there;

	if (delegate_call(fcinfo, 4, "contacts.fail()", &there))
		return there;
	consumer_begin(fcinfo, 4, "contacts.fail()", &call);
	require_not_null(fcinfo, 1, "lease and event_id");
	failed =
		PG_GETARG_INT64(1) > 0 && failure_of_leased(&call.consumer,
													PG_GETARG_INT64(1),
													PG_GETARG_INT64(2),
													PG_ARGISNULL(3) ? CStringGetTextDatum("") : PG_GETARG_DATUM(3));
	consumer_end(&call);
	PG_RETURN_BOOL(failed);
}

/* Makes a lease last until end at least; returns how many events it has. */
static uint64
extend_lease(const Consumer *consumer, int64 lease, TimestampTz end)
{
	const DuePage *page = lease_recall(consumer, lease);
	Datum parameters[] = {Int64GetDatum(consumer->id),
						  Int64GetDatum(consumer->workspace_id),
						  Int64GetDatum(lease),
						  TimestampTzGetDatum(end),
						  Int64GetDatum(consumer->low_water_mark)};
	uint64 extended = 0;

	if (page)
		extended = due_execute(extend_page, consumer, page, (Datum[]){TimestampTzGetDatum(end), Int64GetDatum(lease)});
	if (extended > 0)
		return extended;
	extended = statement_execute(&extend_waiting, parameters);
	return extended + statement_execute(&extend_failed, parameters);
}

PG_FUNCTION_INFO_V1(contacts_extend);
Datum
contacts_extend(PG_FUNCTION_ARGS)
{
	ConsumerCall call;
	TimestampTz end;
	uint64 extended = 0;
	Datum there;

	if (delegate_call(fcinfo, 3, "contacts.extend()", &there))
		return there;
	consumer_begin(fcinfo, 3, "contacts.extend()", &call);
	end = lease_end(fcinfo, 2, "duration");
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("lease must not be null."),
				 errhint("It comes from contacts.claim().")));
	if (PG_GETARG_INT64(1) > 0)
		extended = extend_lease(&call.consumer, PG_GETARG_INT64(1), end);
	consumer_end(&call);
	PG_RETURN_INT32((int32)extended);
}

PG_FUNCTION_INFO_V1(contacts_retry_dead);
Datum
contacts_retry_dead(PG_FUNCTION_ARGS)
{
	ConsumerCall call;
	uint64 revived;
	Datum there;

	if (delegate_call(fcinfo, 2, "contacts.retry_dead()", &there))
		return there;
	consumer_begin(fcinfo, 2, "contacts.retry_dead()", &call);
	revived = statement_execute(PG_ARGISNULL(1) ? &revive_all : &revive_one,
								(Datum[]){Int64GetDatum(call.consumer.id),
										  Int64GetDatum(call.consumer.workspace_id),
										  TimestampTzGetDatum(call.consumer.at),
										  PG_ARGISNULL(1) ? (Datum)0 : PG_GETARG_DATUM(1)});
	consumer_end(&call);
	PG_RETURN_INT32((int32)revived);
}
