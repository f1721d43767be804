/*
 * due.c - what is due for a consumer, and in which order.
 *
 * Why a contact's events come in order. An upsert writes them while it holds the lock on the contact's row, until its
 * transaction ends. So a snapshot that has an event of a version has those of the versions before: no earlier one can appear
 * later. An event is handed out only if the contact has no earlier one that is live, that is, neither acknowledged (deleted)
 * nor dead. Earlier is: of a lower version, or of the same and a lower ordinal.
 *
 * A merge puts the events of one contact behind those of another, under the locks on both (outbox_move).
 *
 * The races, under READ COMMITTED, where FOR UPDATE checks a row again as it is now, but other rows by the snapshot:
 *   claim, claim   The row that the other has locked is skipped; the one that it has leased meanwhile fails the check.
 *   claim, ack     The earlier event is acknowledged after the snapshot: the later one waits for the next claim.
 *   claim, fail    The same; and an event that failed after the snapshot fails the check, for it is due later.
 *   ack, claim     The lease ran out and another claim took the event: ack waits for it, checks the lease again, and
 *                  leaves the row alone.
 *   claim, merge   The event that a merge has moved meanwhile is checked as it is now; the merge waits for one that is locked.
 *   retry_dead     A dead event comes back after later ones of its contact may have been handed out, or while one is: to
 *                  be dead is to have given up the order. This alone breaks it.
 *
 * Why a place finds its delivery. Where due_choice.c says so, a delivery is locked together with its place, the ctid. As long as this
 * transaction has the lock, nobody else moves the row: so claim() and relay() write the row at that place, and ask for no key. What
 * claim() has written has another place, which it returns, for the acknowledgement of the same session (lease.c). By then the lock is gone, and
 * a place is but a hint: ack() compares event and lease, and where a place does not have them, acknowledges by the key.
 *
 * Why the plans are right whatever the planner believes. The table is sometimes empty, sometimes huge, and statistics tell
 * of the other time. Looking for what is due is planned at each call, with no other choice than index scans that give the order which is
 * asked for; each order is that of one index. All indexes but the primary key are partial, and that begins with event_id: so it is the
 * only way to deliveries by their id.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "due.h"
#include "due_choice.h"

/* The most that a page holds, so that its memory is bounded; a caller that wants more comes again. */
#define MAX_PAGE 100000

/* The columns of a delivery that is locked. */
typedef enum LockedColumn
{
	LOCKED_WORKSPACE_ID = 1,
	LOCKED_EVENT_ID,
	LOCKED_LEASE,
	LOCKED_ATTEMPTS,
	LOCKED_PLACE /* only where it is asked for */
} LockedColumn;
#define LOCKED_COLUMNS "d.workspace_id, d.event_id, d.lease, d.attempts"

/*
 * The predicates that a delivery d is the first one of its contact: that no delivery f is before it, which has failed and is not dead,
 * and none w, which has never failed. Each is a subquery for one row in the order of the index that is to find it: no other index gives
 * that order, and a subquery is not joined. A NOT EXISTS would be: where the planner believes that hardly any row of w matches the consumer, it
 * reads all of them for each row of d.
 *
 *   NOT EXISTS (SELECT FROM contacts.delivery f
 *       WHERE f.consumer_id = d.consumer_id AND f.workspace_id = d.workspace_id AND f.contact_id = d.contact_id
 *         AND (f.contact_version, f.ordinal) < (d.contact_version, d.ordinal) AND f.due_at IS NOT NULL AND NOT f.dead)
 *   NOT EXISTS (SELECT FROM contacts.delivery w
 *       WHERE w.consumer_id = d.consumer_id AND w.workspace_id = d.workspace_id AND w.due_at IS NULL
 *         AND w.contact_id = d.contact_id AND w.queued_xid >= $4
 *         AND (w.queued_xid, w.contact_version, w.ordinal) < (d.queued_xid, d.contact_version, d.ordinal))
 */
#define NO_FAILED_BEFORE                                                                                       \
	"(SELECT true FROM contacts.delivery f"                                                                    \
	" WHERE f.consumer_id = d.consumer_id AND f.workspace_id = d.workspace_id AND f.contact_id = d.contact_id" \
	" AND (f.contact_version, f.ordinal) < (d.contact_version, d.ordinal) AND f.due_at IS NOT NULL"            \
	" AND NOT f.dead ORDER BY f.contact_version, f.ordinal LIMIT 1) IS NULL"
#define NO_WAITING_BEFORE                                                                                      \
	"(SELECT true FROM contacts.delivery w"                                                                    \
	" WHERE w.consumer_id = d.consumer_id AND w.workspace_id = d.workspace_id AND w.contact_id = d.contact_id" \
	" AND w.due_at IS NULL AND w.queued_xid >= $4"                                                             \
	" AND (w.queued_xid, w.contact_version, w.ordinal) < (d.queued_xid, d.contact_version, d.ordinal)"         \
	" ORDER BY w.queued_xid, w.contact_version, w.ordinal LIMIT 1) IS NULL"

/*
 * Where the consumer has no delivery a at all that has failed and is not dead, there is no f either, whatever d is. Most consumers have
 * none, most of the time: so a is looked for once, and f, for each row of d, only if there is an a.
 */
#define NONE_FAILED                                                                \
	"(SELECT true FROM contacts.delivery a WHERE a.consumer_id = $1"               \
	" AND ($2 = 0 OR a.workspace_id = $2) AND a.due_at IS NOT NULL AND NOT a.dead" \
	" ORDER BY a.workspace_id, a.contact_id, a.contact_version, a.ordinal LIMIT 1) IS NULL"

/* Deliveries that have never failed. */
#define LOCK_WAITING(columns)                                                                                          \
	{                                                                                                                  \
		.sql = "SELECT " columns " FROM contacts.delivery d"                                                           \
			   " WHERE d.consumer_id = $1 AND ($2 = 0 OR d.workspace_id = $2) AND " IN_QUEUE " AND d.queued_xid >= $4" \
			   " AND d.leased_until <= $3 AND (" NONE_FAILED " OR " NO_FAILED_BEFORE ") AND " NO_WAITING_BEFORE        \
			   " ORDER BY d.queued_xid, d.event_id LIMIT $5 FOR UPDATE OF d SKIP LOCKED",                              \
		.parameter_count = 5, .parameter_types = {INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID, INT8OID},                 \
		.plan_each_time = true,                                                                                        \
	}

/* Deliveries that have failed, and are to be tried again. */
#define LOCK_FAILED(columns)                                                                           \
	{                                                                                                  \
		.sql = "SELECT " columns " FROM contacts.delivery d"                                           \
			   " WHERE d.consumer_id = $1 AND ($2 = 0 OR d.workspace_id = $2) AND d.due_at <= $3"      \
			   " AND d.leased_until <= $3 AND " NO_FAILED_BEFORE " AND " NO_WAITING_BEFORE             \
			   " ORDER BY d.due_at LIMIT $5 FOR UPDATE OF d SKIP LOCKED",                              \
		.parameter_count = 5, .parameter_types = {INT8OID, INT8OID, TIMESTAMPTZOID, INT8OID, INT8OID}, \
		.plan_each_time = true,                                                                        \
	}

/* Without places, and with them. */
static Statement lock_waiting[] = {LOCK_WAITING(LOCKED_COLUMNS), LOCK_WAITING(LOCKED_COLUMNS ", d.ctid")};
static Statement lock_failed[] = {LOCK_FAILED(LOCKED_COLUMNS), LOCK_FAILED(LOCKED_COLUMNS ", d.ctid")};

static Statement bury_page[] = DUE_PAIR_OF_PAGES("UPDATE contacts.delivery d SET due_at = 'infinity', dead = true,"
												 " last_error = 'The lease ran out.' WHERE",
												 "", 3);

/* Those of the page whose event is gone. */
static Statement delete_orphans[] =
	DUE_PAIR_OF_PAGES("DELETE FROM contacts.delivery d WHERE",
					  " AND NOT EXISTS (SELECT FROM contacts.event e"
					  " WHERE e.workspace_id = d.workspace_id AND e.event_id = d.event_id)",
					  3);

/*
 * The events of a page with their contacts, in the order of DueColumn. workspace is that of an event k of the page:
 *
 *   SELECT ... FROM <the page> k
 *   CROSS JOIN LATERAL (SELECT ... WHERE workspace_id = <workspace> AND event_id = k.event_id ORDER BY event_id LIMIT 1) e
 *   LEFT JOIN LATERAL (SELECT ... WHERE workspace_id = <workspace> AND id = e.contact_id ORDER BY id LIMIT 1) c ON true
 *   ORDER BY k.n
 *
 * Its plan stays while the tables grow. The order is that of the primary key alone. It is a condition only where "=" is written as ">="
 * and "<=": else any index that begins with workspace_id is as good to the planner that believes in an empty table.
 */
#define FIND_EVENTS(workspace, names)                                                                             \
	"SELECT e.workspace_id, e.event_id, e.contact_id, e.contact_version, e.ordinal, e.type, e.detail,"            \
	" e.created_at, c.email_address" names                                                                        \
	" FROM ROWS FROM (unnest($1), unnest($2)) WITH ORDINALITY AS k (workspace_id, event_id, n)"                   \
	" CROSS JOIN LATERAL (SELECT x.workspace_id, x.event_id, x.contact_id, x.contact_version, x.ordinal, x.type," \
	" x.detail, x.created_at FROM contacts.event x WHERE x.workspace_id = " workspace                             \
	" AND x.event_id >= k.event_id AND x.event_id <= k.event_id ORDER BY x.event_id LIMIT 1) e"                   \
	" LEFT JOIN LATERAL (SELECT x.email_address FROM contacts.contact x WHERE x.workspace_id = " workspace        \
	" AND x.id >= e.contact_id AND x.id <= e.contact_id ORDER BY x.id LIMIT 1) c ON true ORDER BY k.n"

#define FIND_EVENTS_PAIR(names)                                                        \
	{                                                                                  \
		{.sql = FIND_EVENTS("k.workspace_id", names),                                  \
		 .parameter_count = 2,                                                         \
		 .parameter_types = {INT8ARRAYOID, INT8ARRAYOID},                              \
		 .by_order = true},                                                            \
		{                                                                              \
			.sql = FIND_EVENTS("$3", names), .parameter_count = 3,                     \
			.parameter_types = {INT8ARRAYOID, INT8ARRAYOID, INT8OID}, .by_order = true \
		}                                                                              \
	}

static Statement find_events[] = FIND_EVENTS_PAIR("");
static Statement find_named_events[] =
	FIND_EVENTS_PAIR(", e.type::text, e.detail #>> '{tag,id}', e.detail #>> '{field,merge_tag}'");

static DueEvent
read_locked(uint64 row, bool has_place)
{
	DueEvent event = {.workspace_id = DatumGetInt64(statement_column(row, LOCKED_WORKSPACE_ID)),
					  .event_id = DatumGetInt64(statement_column(row, LOCKED_EVENT_ID)),
					  .lease = DatumGetInt64(statement_column(row, LOCKED_LEASE)),
					  .attempts = DatumGetInt32(statement_column(row, LOCKED_ATTEMPTS))};

	ItemPointerSetInvalid(&event.place);
	if (has_place)
		event.place = *(ItemPointer)DatumGetPointer(statement_column(row, LOCKED_PLACE));
	return event;
}

/*
 * Fetches the first delivery. If its lease ran out, it becomes the page and the function returns true; else it is left in
 * first, or there is none.
 */
static bool
begin_with_lapsed(Portal portal, DuePage *page, DueEvent *first, bool *has_first)
{
	statement_fetch(portal, 1);
	*has_first = SPI_processed > 0;
	if (!*has_first)
		return false;
	*first = read_locked(0, page->has_places);
	if (first->lease == 0)
		return false;
	page->events[0] = *first;
	page->count = 1;
	return true;
}

/* Fills the page, up to max, with the first delivery and those behind it whose lease has not run out. */
static void
take_rest(Portal portal, DuePage *page, const DueEvent *first, bool has_first, int max)
{
	if (!has_first || page->count >= (size_t)max)
		return;
	page->events[page->count++] = *first;
	if (page->count >= (size_t)max)
		return;
	statement_fetch(portal, max - (long)page->count);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		DueEvent event = read_locked(row, page->has_places);

		if (event.lease == 0)
			page->events[page->count++] = event;
	}
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

/* Locks a page of deliveries, see due_find(); one whose lease ran out may have too many attempts. */
static void
lock_page(const Consumer *consumer, int max, DuePage *page)
{
	int limit = Min(max, MAX_PAGE);
	Datum parameters[] = {Int64GetDatum(consumer->id),
						  Int64GetDatum(consumer->workspace_id),
						  TimestampTzGetDatum(consumer->at),
						  Int64GetDatum(consumer->low_water_mark),
						  Int64GetDatum(limit)};
	bool has_places = due_choice_gives_places();
	Portal waiting = statement_open(&lock_waiting[has_places], parameters);
	Portal failed;
	DueEvent first_waiting;
	DueEvent first_failed;
	bool has_waiting;
	bool has_failed;

	*page = (DuePage){.events = palloc(sizeof(DueEvent) * limit), .has_places = has_places};
	if (!begin_with_lapsed(waiting, page, &first_waiting, &has_waiting))
	{
		failed = statement_open(&lock_failed[has_places], parameters);
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

static Datum
page_ids(const DuePage *page)
{
	Datum *ids = palloc(sizeof(Datum) * page->count);

	for (size_t i = 0; i < page->count; i++)
		ids[i] = Int64GetDatum(page->events[i].event_id);
	return statement_array(ids, page->count, INT8OID);
}

static Datum
page_workspaces(const DuePage *page)
{
	Datum *ids = palloc(sizeof(Datum) * page->count);

	for (size_t i = 0; i < page->count; i++)
		ids[i] = Int64GetDatum(page->events[i].workspace_id);
	return statement_array(ids, page->count, INT8OID);
}

uint64
due_execute(Statement pair[2], const Consumer *consumer, const DuePage *page, const Datum *own)
{
	bool is_of_one = consumer->workspace_id != 0;
	Statement *statement = &pair[is_of_one];
	Datum parameters[STATEMENT_MAX_PARAMETERS] = {Int64GetDatum(consumer->id),
												  is_of_one ? Int64GetDatum(consumer->workspace_id)
															: page_workspaces(page),
												  page_ids(page)};

	for (int i = 3; i < statement->parameter_count; i++)
		parameters[i] = own[i - 3];
	return statement_execute(statement, parameters);
}

uint64
due_execute_in_place(Statement *statement, const Consumer *consumer, const DuePage *page, const Datum *own)
{
	Datum parameters[STATEMENT_MAX_PARAMETERS] = {Int64GetDatum(consumer->id)};
	Datum *places = palloc(sizeof(Datum) * page->count);

	for (size_t i = 0; i < page->count; i++)
		places[i] = PointerGetDatum(&page->events[i].place);
	parameters[1] = statement_array(places, page->count, TIDOID);
	for (int i = 2; i < statement->parameter_count; i++)
		parameters[i] = own[i - 2];
	return statement_execute(statement, parameters);
}

/* Takes deliveries out of the queue, at least one. */
static void
take_out(Statement *pair, const Consumer *consumer, const DuePage *page)
{
	/* The same page would be found again for ever. */
	if (due_execute(pair, consumer, page, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("A delivery could not be taken out of the queue."),
				 errhint("Look for a trigger on contacts.delivery that returns NULL.")));
}

static void
find_page_events(const Consumer *consumer, const DuePage *page, bool named)
{
	(void)statement_execute(&(named ? find_named_events : find_events)[consumer->workspace_id != 0],
							(Datum[]){page_workspaces(page), page_ids(page), Int64GetDatum(consumer->workspace_id)});
}

bool
due_is_lapsed(const DuePage *page)
{
	return page->count == 1 && page->events[0].lease > 0;
}

void
due_find(const Consumer *consumer, int max, bool named, DuePage *page)
{
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		lock_page(consumer, max, page);
		if (page->count == 0)
			return;
		if (due_is_lapsed(page) && page->events[0].attempts >= consumer->max_attempts)
		{
			take_out(bury_page, consumer, page);
			continue;
		}
		find_page_events(consumer, page, named);
		if (SPI_processed == page->count)
			return;
		take_out(delete_orphans, consumer, page);
	}
}
