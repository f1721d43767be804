/*
 * outbox_rows.c - stores events and their deliveries as the executor does, without the executor.
 *
 * To start and end two statements costs more than to store a row of each table. contacts.event and contacts.delivery are
 * written by this extension alone; where outbox_choice.c finds them as contacts.install() made them, an INSERT does nothing but what stands
 * here: it draws an id, stores the row, and an entry in each index whose predicate is true. PostgreSQL's logical replication applies
 * rows in the same way (ExecSimpleRelationInsert). A table of a user's is never written like this.
 *
 * Why it stores the same:
 *
 * - Locks. ROW EXCLUSIVE on both tables until the transaction ends; on their indexes while they are open. contacts.subscribe() waits for
 *   the first of them, and consumers are read behind it with the latest snapshot: see outbox.c.
 * - An id that is in use. The row is inserted speculatively, as by INSERT ... ON CONFLICT: nobody sees it, and no other waits for more
 *   than the insertion, until the key's index has said that its id is free. Else it is taken back, and a statement stores the
 *   event with another id.
 * - Rights. All code that runs here is PostgreSQL's or ours, none is a user's (outbox_choice.c): so the current user need not change.
 *   outbox_choice.c has compared the privileges of the tables' owner, as whom the statements run.
 * - WAL, logical decoding, predicate locks, TOAST, visibility and counters are the work of the heap and the indexes.
 *
 * pg_stat_statements does not count what is written here. An error leaves behind what the (sub)transaction's abort cleans up.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/pquery.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "outbox_choice.h"
#include "outbox_rows.h"
#include "pg_compat.h"

/* A Writer is one of the tables, open with its indexes. */
typedef struct Writer
{
	const OutboxTarget *target;
	Relation table; /* NULL while it is not open */
	Relation *indexes;
} Writer;

typedef struct ActiveConsumer
{
	int64 id;
	bool wants_all;
	Oid *types; /* else */
	int type_count;
} ActiveConsumer;

struct OutboxRows
{
	const OutboxChoice *choice;
	int64 workspace_id;
	Writer events;
	Writer deliveries;
	List *consumers;
	Oid types[CU_EVENT_TYPE_COUNT]; /* values of contacts.event_type, once they were needed */
};

static void
open_writer(Writer *writer)
{
	writer->table = table_open(writer->target->chosen->oid, NoLock);
	writer->indexes = palloc(sizeof(Relation) * Max(writer->target->index_count, 1));
	for (int i = 0; i < writer->target->index_count; i++)
		writer->indexes[i] = index_open(writer->target->indexes[i].oid, RowExclusiveLock);
}

static void
close_writer(Writer *writer)
{
	if (writer->table == NULL)
		return;
	for (int i = 0; i < writer->target->index_count; i++)
		index_close(writer->indexes[i], RowExclusiveLock);
	table_close(writer->table, NoLock);
}

/* Adds the consumers of a workspace, or those of every workspace. */
static void
add_consumers(OutboxRows *rows, IndexScanDesc scan, TupleTableSlot *slot, int64 workspace_id)
{
	const ChosenTable *consumer_table = rows->choice->consumer;
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(workspace_id));
	index_rescan(scan, &key, 1, NULL, 0);
	while (index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		ActiveConsumer *consumer;
		bool is_null;
		Datum active = slot_getattr(slot, consumer_table->columns[OUTBOX_CONSUMER_ACTIVE], &is_null);
		Datum types;

		if (is_null || !DatumGetBool(active))
			continue;
		consumer = palloc0(sizeof(ActiveConsumer));
		consumer->id = DatumGetInt64(slot_getattr(slot, consumer_table->columns[OUTBOX_CONSUMER_ID], &is_null));
		types = slot_getattr(slot, consumer_table->columns[OUTBOX_CONSUMER_TYPES], &is_null);
		consumer->wants_all = is_null;
		if (!is_null)
		{
			Datum *elements;
			bool *nulls;

			deconstruct_array(DatumGetArrayTypeP(types),
							  rows->choice->event_type,
							  sizeof(Oid),
							  true,
							  TYPALIGN_INT,
							  &elements,
							  &nulls,
							  &consumer->type_count);
			consumer->types = palloc0(sizeof(Oid) * Max(consumer->type_count, 1));
			for (int i = 0; i < consumer->type_count; i++)
				consumer->types[i] = nulls[i] ? InvalidOid : DatumGetObjectId(elements[i]);
		}
		rows->consumers = lappend(rows->consumers, consumer);
	}
}

/* Reads the consumers as they are now, whatever the transaction's snapshot: behind the lock on contacts.event. */
static void
find_consumers(OutboxRows *rows)
{
	const ChosenTable *consumer_table = rows->choice->consumer;
	Relation table = table_open(consumer_table->oid, NoLock);
	Relation index = index_open(consumer_table->index, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(table, NULL);
	IndexScanDesc scan;

	PushActiveSnapshot(GetLatestSnapshot());
	scan = begin_index_scan(table, index, GetActiveSnapshot(), 1);
	add_consumers(rows, scan, slot, rows->workspace_id);
	if (rows->workspace_id != 0)
		add_consumers(rows, scan, slot, 0);
	index_endscan(scan);
	PopActiveSnapshot();
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, NoLock);
	table_close(table, NoLock);
}

OutboxRows *
outbox_rows_begin(int64 workspace_id)
{
	const OutboxChoice *choice = outbox_choice_lock();
	OutboxRows *rows;

	if (choice == NULL)
		return NULL;
	rows = palloc0(sizeof(OutboxRows));
	*rows = (OutboxRows){.choice = choice,
						 .workspace_id = workspace_id,
						 .events = {.target = &choice->event},
						 .deliveries = {.target = &choice->delivery}};
	/* A procedure that has committed has no snapshot, and to read a value from a TOAST table needs one. */
	EnsurePortalSnapshotExists();
	find_consumers(rows);
	open_writer(&rows->events);
	return rows;
}

void
outbox_rows_end(OutboxRows *rows)
{
	close_writer(&rows->deliveries);
	close_writer(&rows->events);
	CommandCounterIncrement();
}

/* Begins the next row. Values that the heap has copied for the last one are gone with it, and what its predicates left. */
static void
begin_row(const OutboxRows *rows, const Writer *writer)
{
	TupleTableSlot *row = writer->target->row;

	ResetExprContext(rows->choice->evaluate);
	ExecClearTuple(row);
	memcpy(row->tts_values, writer->target->defaults, sizeof(Datum) * row->tts_tupleDescriptor->natts);
}

static void
set(const Writer *writer, int column, Datum value)
{
	writer->target->row->tts_values[writer->target->chosen->columns[column] - 1] = value;
}

/* Adds the row to the indexes; false, and not to all of them, if its key may be in use. */
static bool
add_to_indexes(const OutboxRows *rows, const Writer *writer)
{
	TupleTableSlot *row = writer->target->row;

	rows->choice->evaluate->ecxt_scantuple = row;
	for (int i = 0; i < writer->target->index_count; i++)
	{
		const OutboxIndex *index = &writer->target->indexes[i];
		Datum values[INDEX_MAX_KEYS];
		bool nulls[INDEX_MAX_KEYS];
		IndexUniqueCheck check = !index->info->ii_Unique ? UNIQUE_CHECK_NO
								 : index->is_key		 ? UNIQUE_CHECK_PARTIAL
														 : UNIQUE_CHECK_YES;
		bool is_free;

		if (!ExecQual(index->info->ii_PredicateState, rows->choice->evaluate))
			continue;
		FormIndexDatum(index->info, row, NULL, values, nulls);
		is_free =
			index_insert(writer->indexes[i], values, nulls, &row->tts_tid, writer->table, check, false, index->info);
		if (index->is_key && !is_free)
			return false;
	}
	return true;
}

/* Returns the value of the enum. enum_in() raises for one that this transaction has added, as the cast of a statement does. */
static Oid
type_of(OutboxRows *rows, const OutboxEvent *event)
{
	Oid *type = &rows->types[event->type];

	if (!OidIsValid(*type))
		*type = DatumGetObjectId(DirectFunctionCall2(
			enum_in, CStringGetDatum(cu_event_type_name(event->type)), ObjectIdGetDatum(rows->choice->event_type)));
	return *type;
}

int64
outbox_rows_add_event(OutboxRows *rows, const OutboxEvent *event)
{
	const Writer *writer = &rows->events;
	TupleTableSlot *row = writer->target->row;
	TransactionId transaction = GetCurrentTransactionId();
	int64 id = nextval_internal(rows->choice->event_ids, false);
	uint32 token;
	bool is_free;

	begin_row(rows, writer);
	set(writer, OUTBOX_EVENT_WORKSPACE, Int64GetDatum(rows->workspace_id));
	set(writer, OUTBOX_EVENT_ID, Int64GetDatum(id));
	set(writer, OUTBOX_EVENT_CONTACT, CStringGetTextDatum(event->contact_id));
	set(writer, OUTBOX_EVENT_VERSION, Int64GetDatum(event->contact_version));
	set(writer, OUTBOX_EVENT_ORDINAL, Int32GetDatum(event->ordinal));
	set(writer, OUTBOX_EVENT_TYPE, ObjectIdGetDatum(type_of(rows, event)));
	set(writer, OUTBOX_EVENT_DETAIL, JsonbPGetDatum(event->detail));
	set(writer, OUTBOX_EVENT_CREATED_AT, TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
	ExecStoreVirtualTuple(row);

	token = SpeculativeInsertionLockAcquire(transaction);
	table_tuple_insert_speculative(writer->table, row, GetCurrentCommandId(true), 0, NULL, token);
	is_free = add_to_indexes(rows, writer);
	table_tuple_complete_speculative(writer->table, row, token, is_free);
	SpeculativeInsertionLockRelease(transaction);
	return is_free ? id : 0;
}

static bool
wants(const ActiveConsumer *consumer, Oid type)
{
	bool found = consumer->wants_all;

	for (int i = 0; i < consumer->type_count && !found; i++)
		found = consumer->types[i] == type;
	return found;
}

void
outbox_rows_add_deliveries(OutboxRows *rows, const OutboxEvent *event, int64 event_id, int64 queued_xid)
{
	Writer *writer = &rows->deliveries;
	TupleTableSlot *row = writer->target->row;
	Oid type;
	ListCell *cell;

	if (rows->consumers == NIL)
		return;
	type = type_of(rows, event);
	foreach (cell, rows->consumers)
	{
		const ActiveConsumer *consumer = lfirst(cell);

		if (!wants(consumer, type))
			continue;
		if (writer->table == NULL)
			open_writer(writer);
		begin_row(rows, writer);
		set(writer, OUTBOX_DELIVERY_WORKSPACE, Int64GetDatum(rows->workspace_id));
		set(writer, OUTBOX_DELIVERY_CONSUMER, Int64GetDatum(consumer->id));
		set(writer, OUTBOX_DELIVERY_EVENT, Int64GetDatum(event_id));
		set(writer, OUTBOX_DELIVERY_CONTACT, CStringGetTextDatum(event->contact_id));
		set(writer, OUTBOX_DELIVERY_VERSION, Int64GetDatum(event->contact_version));
		set(writer, OUTBOX_DELIVERY_ORDINAL, Int32GetDatum(event->ordinal));
		set(writer, OUTBOX_DELIVERY_QUEUED_XID, Int64GetDatum(queued_xid));
		ExecStoreVirtualTuple(row);
		table_tuple_insert(writer->table, row, GetCurrentCommandId(true), 0, NULL);
		(void)add_to_indexes(rows, writer);
	}
}
