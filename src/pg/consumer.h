/*
 * consumer.h - a consumer, and the calls on its behalf.
 *
 * A call checks as its caller that it may act for the consumer's workspace, then works as the owner of the tables, which
 * nobody else may write (owner.h). search_path is pinned meanwhile, so operators in the statements need no schema.
 */
#ifndef CU_CONSUMER_H
#define CU_CONSUMER_H

#include "datatype/timestamp.h"
#include "fmgr.h"

#include "owner.h"
#include "statement.h"

typedef struct Consumer
{
	int64 workspace_id; /* 0: every workspace */
	int64 id;
	int max_attempts;
	int64 low_water_mark; /* no delivery that never failed has a lower queued_xid, or will have one */
	TimestampTz at;		  /* the time of the call: in a long transaction, its beginning is long ago */
} Consumer;

/* A call under way. */
typedef struct ConsumerCall
{
	OwnerScope owner;
	Consumer consumer;
} ConsumerCall;

/* The predicate of the index delivery_queue_idx, which a statement must have to be able to use it. */
#define IN_QUEUE "d.due_at IS NULL AND d.queued_xid >= 0"

/*
 * Begins a call whose first argument is the consumer's name and whose last one, of that number, is the workspace. Finds the
 * consumer and raises its low-water mark if it is time. An error if there is no such consumer.
 */
extern void consumer_begin(FunctionCallInfo fcinfo, int workspace_argument, const char *command, ConsumerCall *call);
extern void consumer_end(ConsumerCall *call);

/* Raises unless an argument says how many events to take at most; what: the verb of the hint. */
extern void consumer_require_max(FunctionCallInfo fcinfo, int number, const char *what);

#endif
