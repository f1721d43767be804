/*
 * due.h - the deliveries of a consumer that are due: found, locked, and written by the page.
 */
#ifndef CU_DUE_H
#define CU_DUE_H

#include "catalog/pg_type.h"
#include "storage/itemptr.h"

#include "consumer.h"

/* A delivery that is due, and locked. */
typedef struct DueEvent
{
	int64 workspace_id;
	int64 event_id;
	int64 lease; /* 0, or that of a claim whose time ran out */
	int attempts;
	ItemPointerData place; /* invalid where the page has no places */
} DueEvent;

/* Deliveries to be handed out together, by event_id; no two have the same. */
typedef struct DuePage
{
	DueEvent *events;
	size_t count;
	bool has_places;
} DuePage;

/* The columns of the rows that due_find() leaves in SPI_tuptable. */
typedef enum DueColumn
{
	DUE_WORKSPACE_ID = 1,
	DUE_EVENT_ID,
	DUE_CONTACT_ID,
	DUE_CONTACT_VERSION,
	DUE_ORDINAL,
	DUE_TYPE,
	DUE_DETAIL,
	DUE_CREATED_AT,
	DUE_EMAIL_ADDRESS, /* NULL where the contact is gone */
	/* Only where they are asked for: */
	DUE_TYPE_NAME,
	DUE_TAG_ID,
	DUE_MERGE_TAG
} DueColumn;

/*
 * Locks the oldest deliveries that are due, at most max: of each contact the first one that is left, and none that another
 * session holds or has locked. A delivery whose lease ran out is alone in its page, because it may be what killed its worker;
 * one whose lease ran out too often is dead, and the next one's turn comes. The events are left in SPI_tuptable, in the order
 * of the page; named asks for the columns from DUE_TYPE_NAME on.
 */
extern void due_find(const Consumer *consumer, int max, bool named, DuePage *page);

/* Whether the page is one delivery whose lease ran out. */
extern bool due_is_lapsed(const DuePage *page);

/*
 * A pair of statements about deliveries d: for a consumer of every workspace, and for a consumer of one. Parameters are $1
 * the consumer, $2 its workspace, $3 event ids, in ascending order, then the statement's own. For a page, $2 of the first
 * statement is an array of the workspaces of the events, because events of two workspaces may have one id.
 */
#define DUE_PAIR(type_of_2, of_every, begin, end, count, ...)                                         \
	{                                                                                                 \
		{.sql = begin " d.event_id = ANY ($3) AND d.consumer_id = $1 AND " of_every end,              \
		 .parameter_count = count,                                                                    \
		 .parameter_types = {INT8OID, type_of_2, INT8ARRAYOID, ##__VA_ARGS__}},                       \
		{                                                                                             \
			.sql = begin " d.event_id = ANY ($3) AND d.consumer_id = $1 AND d.workspace_id = $2" end, \
			.parameter_count = count, .parameter_types = {                                            \
				INT8OID,                                                                              \
				INT8OID,                                                                              \
				INT8ARRAYOID,                                                                         \
				##__VA_ARGS__                                                                         \
			}                                                                                         \
		}                                                                                             \
	}
#define DUE_PAIR_OF_PAGES(begin, end, count, ...) \
	DUE_PAIR(INT8ARRAYOID, "d.workspace_id = ($2)[width_bucket(d.event_id, $3)]", begin, end, count, ##__VA_ARGS__)

/* Executes one of a pair that is about pages. own: the parameters from $4 on. */
extern uint64 due_execute(Statement pair[2], const Consumer *consumer, const DuePage *page, const Datum *own);

/*
 * The condition of a statement about the deliveries d of a page with places, k: $1 is the consumer, $2 the places, and the statement's own
 * are from $3 on. Its rows are in the order of the page.
 */
#define DUE_PLACES "unnest($2) k (place) WHERE d.ctid = k.place AND d.consumer_id = $1"

/* Executes such a statement for deliveries that are still locked. own: the parameters from $3 on. */
extern uint64 due_execute_in_place(Statement *statement, const Consumer *consumer, const DuePage *page,
								   const Datum *own);

#endif
