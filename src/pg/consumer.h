/*
 * consumer.h - the consumer that a call is for, and its deliveries that may be handed out.
 *
 * All functions need an SPI connection, as the tables' owner (owner_begin). search_path is pinned there, so operators in
 * their statements need no schema.
 */
#ifndef CU_CONSUMER_H
#define CU_CONSUMER_H

#include "datatype/timestamp.h"

#include "statement.h"

typedef struct Consumer
{
	int64 workspace_id; /* 0: every workspace */
	int64 id;
	int max_attempts;
	int64 floor;	/* nothing that has never failed is left, or will appear, with a lower queued_xid */
	TimestampTz at; /* the time of the call: in a long transaction, its beginning is long ago */
} Consumer;

/* A delivery that has been found due, and locked. */
typedef struct DueEvent
{
	int64 workspace_id;
	int64 event_id;
	int64 lease; /* 0, or that of a claim whose time ran out */
	int attempts;
} DueEvent;

/* What is to be handed out together, by event_id; no two have the same. */
typedef struct DuePage
{
	DueEvent *events;
	size_t count;
} DuePage;

/* The predicate of the index delivery_queue_idx, which a statement must have to be able to use it. */
#define IN_QUEUE "d.due_at IS NULL AND d.queued_xid >= 0"

/* Finds a consumer by its name and raises its floor if it is time; name may be NULL. Raises if there is none. */
extern void consumer_find(Consumer *consumer, int64 workspace_id, const char *name);

/*
 * Locks the oldest deliveries that are due, at most max: of each contact the first one that is left, and none that somebody
 * else holds or has locked. One whose lease ran out is alone in its page, because it may be what killed its worker.
 */
extern void consumer_lock_due(const Consumer *consumer, int max, DuePage *page);

/*
 * Statements about the deliveries of a page. A pair: for a consumer of every workspace, and of one. Parameters are $1 the
 * consumer, $2 its workspace or, in the first of the pair, that of each event, $3 the event ids, then the statement's own.
 */
#define PAGE_OF_EVERY \
	" d.event_id = ANY ($3) AND d.consumer_id = $1 AND d.workspace_id = ($2)[width_bucket(d.event_id, $3)]"
#define PAGE_OF_ONE " d.event_id = ANY ($3) AND d.consumer_id = $1 AND d.workspace_id = $2"
extern Datum page_ids(const DuePage *page);
extern Datum page_workspaces(const DuePage *page);
extern uint64 page_execute(Statement pair[2], const Consumer *consumer, const DuePage *page, Datum fourth, Datum fifth,
						   Datum sixth);

#endif
