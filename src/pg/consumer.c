/*
 * consumer.c - see consumer.h. What is handed out, and in which order.
 *
 * Why a contact's events come in order. An upsert writes them while it holds the lock on the contact's row, until its
 * transaction ends. So whoever sees an event of a version sees those of the versions before: no earlier one can appear
 * later. An event is handed out only if the contact has no earlier one that is live, that is, neither acknowledged (deleted)
 * nor dead. Earlier is: of a lower version, or of the same and a lower ordinal.
 *
 * The races, under READ COMMITTED, where FOR UPDATE checks a row again as it is now, but other rows by the snapshot:
 *   claim, claim   The row that the other has locked is skipped; the one that it has leased meanwhile fails the check.
 *   claim, ack     The earlier event is acknowledged after the snapshot: the later one waits for the next claim.
 *   claim, fail    The same; and an event that failed after the snapshot fails the check, for it is due later.
 *   ack, claim     The lease ran out and another claim took the event: ack waits for it, checks the lease again, and
 *                  leaves the row alone.
 *   retry_dead     A dead event comes back after later ones of its contact may have been handed out, or while one is: to
 *                  be dead is to have given up the order. This alone breaks it.
 *
 * Why a claim does not slow down while a long transaction keeps dead rows from being removed. It looks at deliveries by
 * queued_xid and begins at the consumer's floor. queued_xid is the transaction id that came next when the delivery was
 * written, so it is above the writer's own. A floor is at most the lowest transaction id in progress of a snapshot, and at
 * most the lowest queued_xid that waits in the same snapshot: what that snapshot does not see was written by a transaction
 * from there on, and is above the floor, whatever the ids of its events are. Deliveries that have failed are few, and found
 * by indexes that hold nothing else.
 *
 * Transaction ids of another server (a dump, a failover by logical replication) say nothing here. The floor's row says
 * which server it is from: the first claim on another one puts all deliveries of the consumer at 0.
 *
 * Why the plans are right whatever the planner believes. The table is sometimes empty, sometimes huge, and statistics tell
 * of the other time. Looking for what is due is planned at each call, for the size of the files is known, with no other
 * choice than index scans. All indexes but the primary key are partial, and that begins with event_id: so it is the only
 * way to deliveries by their id. The index of the queue has more in its predicate than the index of contacts (IN_QUEUE): so
 * that one is the only way to the waiting deliveries of a contact.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "consumer.h"

#define RAISE_INTERVAL USECS_PER_SEC

static Statement find_consumer = {
	.sql =
		"SELECT c.consumer_id, c.max_attempts, coalesce(f.floor, 0), coalesce(f.server, 0), "
		" coalesce(f.raised_at, '-infinity'::timestamptz) FROM contacts.consumer c LEFT JOIN contacts.consumer_floor f"
		" ON f.workspace_id = $1 AND f.consumer_id = c.consumer_id WHERE c.workspace_id = $1 AND c.name = $2",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

/* The lowest transaction that may still write, and the lowest delivery that waits, in one snapshot. */
static Statement find_lowest = {
	.sql = "SELECT least(pg_snapshot_xmin(s)::text::int8, (SELECT d.queued_xid FROM contacts.delivery d"
		   " WHERE d.consumer_id = $1 AND ($2 = 0 OR d.workspace_id = $2) AND " IN_QUEUE " AND d.queued_xid >= $3"
		   " ORDER BY d.queued_xid, d.event_id LIMIT 1)) FROM pg_current_snapshot() s",
	.parameter_count = 3,
	.parameter_types = {INT8OID, INT8OID, INT8OID},
	.plan_each_time = true,
};

/* Whoever else raises it does as well. */
static Statement lock_floor = {
	.sql = "SELECT FROM contacts.consumer_floor f WHERE f.workspace_id = $1 AND f.consumer_id = $2"
		   " FOR NO KEY UPDATE SKIP LOCKED",
	.parameter_count = 2,
	.parameter_types = {INT8OID, INT8OID},
};

static Statement raise_floor = {
	.sql = "UPDATE contacts.consumer_floor f SET floor = greatest(f.floor, $3), raised_at = $4"
		   " WHERE f.workspace_id = $1 AND f.consumer_id = $2",
	.parameter_count = 4,
	.parameter_types = {INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID},
};

/* Waits for somebody else that does the same, and then finds nothing to do. */
static Statement move_floor = {
	.sql = "INSERT INTO contacts.consumer_floor AS f (workspace_id, consumer_id, floor, server, raised_at)"
		   " VALUES ($1, $2, 0, $3, $4) ON CONFLICT (workspace_id, consumer_id) DO UPDATE"
		   " SET floor = 0, server = excluded.server, raised_at = excluded.raised_at"
		   " WHERE f.server <> excluded.server RETURNING 1",
	.parameter_count = 4,
	.parameter_types = {INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID},
};

static Statement forget_transactions = {
	.sql = "UPDATE contacts.delivery d SET queued_xid = 0"
		   " WHERE d.consumer_id = $1 AND ($2 = 0 OR d.workspace_id = $2) AND d.queued_xid <> 0",
	.parameter_count = 2,
	.parameter_types = {INT8OID, INT8OID},
};

#define DUE_COLUMNS "d.workspace_id, d.event_id, d.lease, d.attempts"
/*
 * "+ 0" keeps the planner from comparing f and w with the constants that d is compared with, and reading all that matches
 * those for each row of d: where it believes that hardly any does, that looks as cheap as to look up the contact.
 */
#define OF_CONTACT(other) other ".consumer_id = d.consumer_id + 0 AND " other ".workspace_id = d.workspace_id + 0"
#define IS_FIRST_OF_CONTACT                                                                                           \
	" AND NOT EXISTS (SELECT FROM contacts.delivery f"                                                                \
	" WHERE " OF_CONTACT("f") " AND f.contact_id = d.contact_id"                                                      \
							  " AND (f.contact_version, f.ordinal) < (d.contact_version, d.ordinal) AND f.due_at IS " \
							  "NOT NULL AND NOT f.dead)"                                                              \
							  " AND NOT EXISTS (SELECT FROM contacts.delivery w"                                      \
							  " WHERE " OF_CONTACT(                                                                   \
								  "w") " AND w.due_at IS NULL"                                                        \
									   " AND (w.contact_id, w.queued_xid) >= (d.contact_id, $4)"                      \
									   " AND (w.contact_id, w.queued_xid, w.contact_version, w.ordinal)"              \
									   " < (d.contact_id, d.queued_xid, d.contact_version, d.ordinal))"

/* Those that have never failed. */
static Statement lock_waiting = {
	.sql = "SELECT " DUE_COLUMNS " FROM contacts.delivery d"
		   " WHERE d.consumer_id = $1 AND ($2 = 0 OR d.workspace_id = $2) AND " IN_QUEUE " AND d.queued_xid >= $4"
		   " AND d.leased_until <= $3" IS_FIRST_OF_CONTACT
		   " ORDER BY d.queued_xid, d.event_id LIMIT $5 FOR UPDATE OF d SKIP LOCKED",
	.parameter_count = 5,
	.parameter_types = {INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID, INT8OID},
	.plan_each_time = true,
};

/* Those that have, and are to be tried again. */
static Statement lock_failed = {
	.sql = "SELECT " DUE_COLUMNS " FROM contacts.delivery d"
		   " WHERE d.consumer_id = $1 AND ($2 = 0 OR d.workspace_id = $2) AND d.due_at <= $3"
		   " AND d.leased_until <= $3" IS_FIRST_OF_CONTACT " ORDER BY d.due_at LIMIT $5 FOR UPDATE OF d SKIP LOCKED",
	.parameter_count = 5,
	.parameter_types = {INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID, INT8OID},
	.plan_each_time = true,
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
			&move_floor,
			(Datum[]){workspace, id, Int64GetDatum((int64)GetSystemIdentifier()), TimestampTzGetDatum(consumer->at)}) >
		0)
		(void)statement_execute(&forget_transactions, (Datum[]){id, workspace});
	consumer->floor = 0;
}

static void
raise_floor_when_due(Consumer *consumer, TimestampTz raised_at)
{
	Datum workspace = Int64GetDatum(consumer->workspace_id);
	Datum id = Int64GetDatum(consumer->id);
	int64 lowest;

	/* In an older snapshot there is nothing to learn, and the row of the floor may have changed since. */
	if (XactIsoLevel != XACT_READ_COMMITTED || raised_at > consumer->at - RAISE_INTERVAL)
		return;
	(void)statement_execute(&find_lowest, (Datum[]){id, workspace, Int64GetDatum(consumer->floor)});
	lowest = DatumGetInt64(statement_column(0, 1));
	if (lowest > consumer->floor && statement_execute(&lock_floor, (Datum[]){workspace, id}) > 0)
		(void)statement_execute(&raise_floor,
								(Datum[]){workspace, id, Int64GetDatum(lowest), TimestampTzGetDatum(consumer->at)});
}

void
consumer_find(Consumer *consumer, int64 workspace_id, const char *name)
{
	TimestampTz raised_at;
	int64 server;

	if (name == NULL ||
		statement_execute(&find_consumer, (Datum[]){Int64GetDatum(workspace_id), CStringGetTextDatum(name)}) == 0)
		raise_no_consumer(workspace_id, name);
	*consumer = (Consumer){.workspace_id = workspace_id,
						   .id = DatumGetInt64(statement_column(0, 1)),
						   .max_attempts = DatumGetInt32(statement_column(0, 2)),
						   .floor = DatumGetInt64(statement_column(0, 3)),
						   .at = GetCurrentTimestamp()};
	server = DatumGetInt64(statement_column(0, 4));
	raised_at = DatumGetTimestampTz(statement_column(0, 5));
	if (server != (int64)GetSystemIdentifier())
		move_to_this_server(consumer);
	else
		raise_floor_when_due(consumer, raised_at);
}

/* Takes the deliveries that a portal has fetched, but not those of leases that ran out. */
static void
take_fetched(DuePage *page, uint64 first)
{
	for (uint64 row = first; row < SPI_processed; row++)
	{
		DueEvent event = {.workspace_id = DatumGetInt64(statement_column(row, 1)),
						  .event_id = DatumGetInt64(statement_column(row, 2)),
						  .lease = DatumGetInt64(statement_column(row, 3)),
						  .attempts = DatumGetInt32(statement_column(row, 4))};

		if (event.lease == 0)
			page->events[page->count++] = event;
	}
}

/*
 * Fetches the first delivery. If its lease ran out, it becomes the page and the function returns true; else it is left in
 * first, or there is none.
 */
static bool
begin_with_lapsed(Portal portal, DuePage *page, DueEvent *first, bool *has_first)
{
	SPI_cursor_fetch(portal, true, 1);
	*has_first = SPI_processed > 0;
	if (!*has_first)
		return false;
	*first = (DueEvent){.workspace_id = DatumGetInt64(statement_column(0, 1)),
						.event_id = DatumGetInt64(statement_column(0, 2)),
						.lease = DatumGetInt64(statement_column(0, 3)),
						.attempts = DatumGetInt32(statement_column(0, 4))};
	if (first->lease == 0)
		return false;
	page->events[0] = *first;
	page->count = 1;
	return true;
}

static void
take_rest(Portal portal, DuePage *page, const DueEvent *first, bool has_first, int max)
{
	if (!has_first || page->count >= (size_t)max)
		return;
	page->events[page->count++] = *first;
	if (page->count >= (size_t)max)
		return;
	SPI_cursor_fetch(portal, true, max - (long)page->count);
	take_fetched(page, 0);
}

static int
compare_events(const void *left, const void *right)
{
	const DueEvent *a = left;
	const DueEvent *b = right;

	return a->event_id != b->event_id ? (a->event_id < b->event_id ? -1 : 1) : 0;
}

/* Sorts a page; of events of one id, which may be of two workspaces, it keeps one. */
static void
sort_page(DuePage *page)
{
	size_t kept = 0;

	qsort(page->events, page->count, sizeof(DueEvent), compare_events);
	for (size_t i = 0; i < page->count; i++)
		if (kept == 0 || page->events[kept - 1].event_id != page->events[i].event_id)
			page->events[kept++] = page->events[i];
	page->count = kept;
}

/* The most that a page holds, so that its memory is bounded; a caller that wants more comes again. */
#define MAX_PAGE 100000

void
consumer_lock_due(const Consumer *consumer, int max, DuePage *page)
{
	int limit = Min(max, MAX_PAGE);
	Datum parameters[] = {Int64GetDatum(consumer->id),
						  Int64GetDatum(consumer->workspace_id),
						  TimestampTzGetDatum(consumer->at),
						  Int64GetDatum(consumer->floor),
						  Int64GetDatum(limit)};
	Portal waiting = statement_open(&lock_waiting, parameters);
	Portal failed;
	DueEvent first_waiting;
	DueEvent first_failed;
	bool has_waiting;
	bool has_failed;

	*page = (DuePage){.events = palloc(sizeof(DueEvent) * limit)};
	if (!begin_with_lapsed(waiting, page, &first_waiting, &has_waiting))
	{
		failed = statement_open(&lock_failed, parameters);
		if (!begin_with_lapsed(failed, page, &first_failed, &has_failed))
		{
			take_rest(failed, page, &first_failed, has_failed, limit);
			take_rest(waiting, page, &first_waiting, has_waiting, limit);
		}
		SPI_cursor_close(failed);
	}
	SPI_cursor_close(waiting);
	sort_page(page);
}

Datum
page_ids(const DuePage *page)
{
	Datum *ids = palloc(sizeof(Datum) * page->count);

	for (size_t i = 0; i < page->count; i++)
		ids[i] = Int64GetDatum(page->events[i].event_id);
	return statement_array(ids, page->count, INT8OID);
}

Datum
page_workspaces(const DuePage *page)
{
	Datum *ids = palloc(sizeof(Datum) * page->count);

	for (size_t i = 0; i < page->count; i++)
		ids[i] = Int64GetDatum(page->events[i].workspace_id);
	return statement_array(ids, page->count, INT8OID);
}

uint64
page_execute(Statement pair[2], const Consumer *consumer, const DuePage *page, Datum fourth, Datum fifth, Datum sixth)
{
	bool is_of_one = consumer->workspace_id != 0;

	return statement_execute(&pair[is_of_one],
							 (Datum[]){Int64GetDatum(consumer->id),
									   is_of_one ? Int64GetDatum(consumer->workspace_id) : page_workspaces(page),
									   page_ids(page),
									   fourth,
									   fifth,
									   sixth});
}
