/*
 * failure.c - notes that the delivery of an event has failed.
 *
 * An event is due again after from half to the whole of 1 s, 2 s, 4 s ... 1 h, so that what failed together does not come back
 * together; after max_attempts it is dead.
 */
#include "postgres.h"

#include "port.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "failure.h"

/* The parameters are $4 the error, $5 the consumer's max_attempts, $6 the time of the call, $7 the jitter. */
#define NOTE                                                                                           \
	"UPDATE contacts.delivery d SET lease = 0, leased_until = '-infinity', attempts = d.attempts + 1," \
	" last_error = nullif(left($4, 1000), ''), dead = d.attempts + 1 >= $5,"                           \
	" due_at = CASE WHEN d.attempts + 1 >= $5 THEN 'infinity' ELSE $6"                                 \
	" + interval '1 s' * (least(3600, 2 ^ least(d.attempts, 12)) * $7) END WHERE"
#define NOTE_PARAMETERS TEXTOID, INT4OID, TIMESTAMPTZOID, FLOAT8OID

static Statement note_leased[] = DUE_PAIR(INT8OID, "$2 = 0", NOTE, " AND d.lease = $8", 8, NOTE_PARAMETERS, INT8OID);

static Statement note_locked[] = DUE_PAIR_OF_PAGES(NOTE, "", 7, NOTE_PARAMETERS);

/* From 0.5 to 1. */
static float8
jitter(void)
{
	uint32 random;

	if (!pg_strong_random(&random, sizeof(random)))
		random = 0;
	return 0.5 + random / (2.0 * PG_UINT32_MAX);
}

bool
failure_of_leased(const Consumer *consumer, int64 lease, int64 event_id, Datum error)
{
	Datum ids[] = {Int64GetDatum(event_id)};

	/* No lease is handed out twice, nor has two events of one id: so the event needs no workspace. */
	return statement_execute(&note_leased[consumer->workspace_id != 0],
							 (Datum[]){Int64GetDatum(consumer->id),
									   Int64GetDatum(consumer->workspace_id),
									   statement_array(ids, 1, INT8OID),
									   error,
									   Int32GetDatum(consumer->max_attempts),
									   TimestampTzGetDatum(consumer->at),
									   Float8GetDatum(jitter()),
									   Int64GetDatum(lease)}) > 0;
}

void
failure_of_locked(const Consumer *consumer, DueEvent *event, const char *error)
{
	const DuePage page = {.events = event, .count = 1};

	(void)due_execute(note_locked,
					  consumer,
					  &page,
					  (Datum[]){CStringGetTextDatum(error),
								Int32GetDatum(consumer->max_attempts),
								TimestampTzGetDatum(consumer->at),
								Float8GetDatum(jitter())});
}
