/*
 * outbox_choice.h - whether events may be written without statements, and what their tables then look like.
 */
#ifndef CU_OUTBOX_CHOICE_H
#define CU_OUTBOX_CHOICE_H

#include "executor/tuptable.h"
#include "nodes/execnodes.h"

#include "table_choice.h"

/* The tables in the order in which they are locked. */
typedef enum OutboxTable
{
	OUTBOX_EVENT,
	OUTBOX_DELIVERY,
	OUTBOX_CONSUMER, /* is read */
} OutboxTable;

/* The columns that are written or read of each. */
enum OutboxEventColumn
{
	OUTBOX_EVENT_WORKSPACE,
	OUTBOX_EVENT_ID,
	OUTBOX_EVENT_CONTACT,
	OUTBOX_EVENT_VERSION,
	OUTBOX_EVENT_ORDINAL,
	OUTBOX_EVENT_TYPE,
	OUTBOX_EVENT_DETAIL,
	OUTBOX_EVENT_CREATED_AT,
};

enum OutboxDeliveryColumn
{
	OUTBOX_DELIVERY_WORKSPACE,
	OUTBOX_DELIVERY_CONSUMER,
	OUTBOX_DELIVERY_EVENT,
	OUTBOX_DELIVERY_CONTACT,
	OUTBOX_DELIVERY_VERSION,
	OUTBOX_DELIVERY_ORDINAL,
	OUTBOX_DELIVERY_QUEUED_XID,
};

enum OutboxConsumerColumn
{
	OUTBOX_CONSUMER_WORKSPACE,
	OUTBOX_CONSUMER_ID,
	OUTBOX_CONSUMER_TYPES,
	OUTBOX_CONSUMER_ACTIVE,
};

/* An OutboxIndex is an index of a table that is written. */
typedef struct OutboxIndex
{
	Oid oid;
	IndexInfo *info; /* with its predicate, ready to be evaluated */
	bool is_key;	 /* a unique index over (workspace_id, event_id) of contacts.event */
} OutboxIndex;

/* An OutboxTarget is a table that is written. */
typedef struct OutboxTarget
{
	const ChosenTable *chosen;
	TupleTableSlot *row; /* a virtual one, for each row */
	Datum *defaults;	 /* what it begins with: of columns that are not ours; which of those are null, the row knows */
	OutboxIndex *indexes;
	int index_count;
} OutboxTarget;

typedef struct OutboxChoice
{
	OutboxTarget event;
	OutboxTarget delivery;
	const ChosenTable *consumer; /* with an index that begins with workspace_id */
	Oid event_type;				 /* contacts.event_type */
	Oid event_ids;				 /* the sequence of contacts.event.event_id */
	ExprContext *evaluate;		 /* the context of the indexes' predicates */
} OutboxChoice;

/* outbox_choice_init() registers the callbacks that notice changes; called once, from _PG_init. */
extern void outbox_choice_init(void);

/*
 * outbox_choice_lock() returns the choice with its tables locked until the transaction ends, ROW EXCLUSIVE or, where they are
 * read, ACCESS SHARE; NULL if statements are to be executed. The choice is good until the next call.
 */
extern const OutboxChoice *outbox_choice_lock(void);

#endif
