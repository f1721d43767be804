/*
 * probe.c - the look-up of a call without the executor: a row of each of three tables, by the indexes of their keys.
 *
 * To start and end the executor costs more than to find a contact. So where probe_choice.c says that a statement would find
 * exactly the same, a look-up opens the tables and the indexes of their keys, and reads the rows itself, as PostgreSQL 19 does for
 * foreign keys (ri_FastPathCheck). It only reads: what is written are rows of a user's table, with triggers, constraints and
 * policies, and those are the executor's business.
 *
 * Why it finds the same:
 *
 * - Snapshot. The command counter is advanced, the tables are locked, then a snapshot is taken and made the active one: as SPI does for a
 *   statement that may write. So it sees what this transaction has done so far, also further up, below a trigger; in READ
 *   COMMITTED what others have committed by now, behind a wait for a lock too; in REPEATABLE READ and SERIALIZABLE the
 *   transaction's snapshot. One snapshot serves the three tables: a contact and the definitions' version are of one moment.
 *   It is above that of a portal or a trigger, and gone at the end; after an error the (sub)transaction's abort pops it, closes the
 *   tables and ends the scans.
 * - SERIALIZABLE. The predicate locks on pages of the index and on rows, and the conflicts out, are the work of index and heap, which
 *   the executor calls as it is done here.
 * - Locks. ACCESS SHARE on tables and indexes until the transaction ends, as a SELECT leaves behind.
 * - DDL, also in the same transaction. The command counter's advance makes own changes known, the lock those of others. Either
 *   has table_choice.c choose anew.
 * - Rights. They are those of the current user, whoever that is: in a SECURITY DEFINER function its owner. probe_choice.c has compared
 *   privileges, and policies with row_security; whether the role is a member of the workspace is asked here, at each look-up, as the
 *   policy asks. A role that is none gets what the statement says.
 * - Values. They are copied as the row has them, so that a value in a TOAST table is a pointer to it, and fetched later
 *   if it is needed: that is what SPI's rows are, too. A null, in a column that contacts.install() makes NOT NULL, is an error
 *   that the statement raises.
 * - A read-only transaction and a standby read alike; a parallel query takes the statement.
 *
 * The row of a workspace stays where it is from call to call, so it is looked for where it was last. If the snapshot sees a row with the
 * workspace's id there, it is the one that the index would find, for the key is unique; else the index is asked.
 *
 * Where a contact was found, its place, is handed on to the UPDATE (store.c), which so goes through no index again. A place is a hint: that
 * statement asks for the key and the version too, and where it finds nothing, for the contact has a newer version by now, the request
 * begins anew with a look-up, as after any lost race. So no harm is done where somebody else's row has got the place. A role that may not
 * read ctid is given none.
 *
 * What a statement has beside its result, this has not: pg_stat_statements does not count it. The counters of tables and indexes do,
 * but not a workspace that was found where it was last.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "tcop/pquery.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "member.h"
#include "pg_compat.h"
#include "probe.h"
#include "probe_choice.h"

/* A Probe is one of the tables, open once a row is looked for, and a scan of its key's index, once one is looked for by index. */
typedef struct Probe
{
	const ChosenTable *chosen;
	Relation table;
	TupleTableSlot *row;
	Relation index;
	IndexScanDesc scan;
} Probe;

/* A WorkspacePlace is where the row of a workspace was when it was last found by index. */
typedef struct WorkspacePlace
{
	int64 workspace_id; /* 0: none */
	ItemPointerData place;
} WorkspacePlace;

/* workspace_places has one for each remainder of workspace_id. */
static WorkspacePlace workspace_places[64];

static void
open_table(Probe *probe)
{
	if (probe->table)
		return;
	probe->table = table_open(probe->chosen->oid, NoLock);
	probe->row = table_slot_create(probe->table, NULL);
}

static void
open_index(Probe *probe, int key_size)
{
	if (probe->scan)
		return;
	probe->index = index_open(probe->chosen->index, AccessShareLock);
	probe->scan = begin_index_scan(probe->table, probe->index, GetActiveSnapshot(), key_size);
}

static void
end_probe(const Probe *probe)
{
	if (probe->scan)
	{
		index_endscan(probe->scan);
		index_close(probe->index, NoLock);
	}
	if (probe->table)
	{
		ExecDropSingleTupleTableSlot(probe->row);
		table_close(probe->table, NoLock);
	}
}

/* Finds the row of a key; of one column alone if text is 0. */
static bool
find_row(Probe *probe, int64 workspace_id, Datum text)
{
	ScanKeyData keys[2];
	int count = DatumGetPointer(text) == NULL ? 1 : 2;

	open_table(probe);
	open_index(probe, count);
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(workspace_id));
	/* ScanKeyInit() compares by the collation "C", which the index has. */
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_TEXTEQ, text);
	index_rescan(probe->scan, keys, count, NULL, 0);
	return index_getnext_slot(probe->scan, ForwardScanDirection, probe->row);
}

/* Returns a value of the row that was found; sets *has_null if it is null. */
static Datum
column(const Probe *probe, int number, bool *has_null)
{
	bool is_null;
	Datum value = slot_getattr(probe->row, probe->chosen->columns[number], &is_null);

	*has_null |= is_null;
	return value;
}

/* Returns a number or a time; 0 if it, or a column before it, is null: where a Datum has 32 bits, a null one points nowhere. */
static int64
int64_column(const Probe *probe, int number, bool *has_null)
{
	Datum value = column(probe, number, has_null);

	return *has_null ? 0 : DatumGetInt64(value);
}

/* Returns a copy of a value of variable length, in the current memory. */
static Datum
copied_column(const Probe *probe, int number, bool *has_null)
{
	Datum value = column(probe, number, has_null);

	return *has_null ? (Datum)0 : datumCopy(value, false, -1);
}

/* Whether a workspace's row is in a place, as the snapshot sees it. The table may have become shorter. */
static bool
find_in_place(Probe *probe, int64 workspace_id, ItemPointerData place)
{
	bool has_null = false;

	open_table(probe);
	return ItemPointerGetBlockNumber(&place) < RelationGetNumberOfBlocks(probe->table) &&
		   table_tuple_fetch_row_version(probe->table, &place, GetActiveSnapshot(), probe->row) &&
		   int64_column(probe, PROBED_WORKSPACE_ID, &has_null) == workspace_id && !has_null;
}

/* Finds a workspace, where it was last found or by index. */
static bool
find_workspace(Probe *probe, int64 workspace_id)
{
	WorkspacePlace *known = &workspace_places[(uint64)workspace_id % lengthof(workspace_places)];

	if (known->workspace_id == workspace_id && ItemPointerIsValid(&known->place) &&
		find_in_place(probe, workspace_id, known->place))
		return true;
	if (!find_row(probe, workspace_id, (Datum)0))
		return false;
	*known = (WorkspacePlace){workspace_id, probe->row->tts_tid};
	return true;
}

/* Reads the version of the definitions; false if it is null. */
static bool
read_version(const ChosenTable *chosen, int64 workspace_id, int64 *version)
{
	Probe probe = {.chosen = chosen};
	bool has_null = false;

	*version = 0;
	if (find_workspace(&probe, workspace_id))
		*version = int64_column(&probe, PROBED_DEFINITIONS_VERSION, &has_null);
	end_probe(&probe);
	return !has_null;
}

/* Reads the contact with an address, without its statistics; false if something is null. */
static bool
read_contact(Probe *probe, int64 workspace_id, Datum email, StoredContact *contact)
{
	bool has_null = false;

	*contact = (StoredContact){.exists = find_row(probe, workspace_id, email)};
	if (!contact->exists)
		return true;
	contact->place = probe->row->tts_tid;
	contact->id = copied_column(probe, PROBED_CONTACT_ID, &has_null);
	contact->version = int64_column(probe, PROBED_CONTACT_VERSION, &has_null);
	contact->status = DatumGetObjectId(column(probe, PROBED_CONTACT_STATUS, &has_null));
	contact->tags = copied_column(probe, PROBED_CONTACT_TAGS, &has_null);
	contact->data = copied_column(probe, PROBED_CONTACT_DATA, &has_null);
	contact->created_at = int64_column(probe, PROBED_CONTACT_CREATED_AT, &has_null);
	contact->updated_at = int64_column(probe, PROBED_CONTACT_UPDATED_AT, &has_null);
	return !has_null;
}

/* Reads the statistics of a contact that exists; false if something is null. */
static bool
read_totals(Probe *probe, int64 workspace_id, StoredContact *contact)
{
	bool has_null = false;

	if (!find_row(probe, workspace_id, contact->id))
		return true;
	for (int i = 0; i < STORED_TOTALS; i++)
		contact->totals[i] = int64_column(probe, PROBED_TOTALS + i, &has_null);
	return !has_null;
}

/* Reads contacts; false if the statement has to raise an error. */
static bool
read_contacts(const ProbeChoice *choice, int64 workspace_id, const Datum *emails, size_t count, bool with_totals,
			  StoredContact *contacts)
{
	Probe contact_probe = {.chosen = &choice->tables[PROBED_CONTACT]};
	Probe statistics_probe = {.chosen = &choice->tables[PROBED_STATISTICS]};
	bool is_good = true;

	for (size_t i = 0; i < count && is_good; i++)
	{
		CHECK_FOR_INTERRUPTS();
		is_good = read_contact(&contact_probe, workspace_id, emails[i], &contacts[i]) &&
				  (!with_totals || !contacts[i].exists || read_totals(&statistics_probe, workspace_id, &contacts[i]));
		if (!choice->gives_places)
			ItemPointerSetInvalid(&contacts[i].place);
	}
	end_probe(&statistics_probe);
	end_probe(&contact_probe);
	return is_good;
}

/* Makes the tables and a snapshot ready; NULL if a statement has to be executed. end_look_up() lets go of the snapshot. */
static const ProbeChoice *
begin_look_up(int64 workspace_id)
{
	const ProbeChoice *choice;

	if (!probe_choice_is_open())
		return NULL;
	CommandCounterIncrement(); /* may run the callbacks of table_choice.c */
	choice = probe_choice_lock();
	if (choice == NULL || (choice->asks_for_membership && !member_is(workspace_id)))
		return NULL;
	/* A procedure that has committed has no snapshot, and to read a value from a TOAST table needs one. */
	EnsurePortalSnapshotExists();
	/* Not before the locks are held: what a session has committed for which we waited has to be seen. */
	PushActiveSnapshot(GetTransactionSnapshot());
	return choice;
}

static void
end_look_up(void)
{
	PopActiveSnapshot();
}

bool
probe_find_contacts(int64 workspace_id, const Datum *emails, size_t count, bool with_totals, int64 *definitions_version,
					StoredContact *contacts, Snapshot *snapshot)
{
	const ProbeChoice *choice = begin_look_up(workspace_id);
	bool is_good;

	if (choice == NULL)
		return false;
	is_good = read_version(&choice->tables[PROBED_WORKSPACE], workspace_id, definitions_version) &&
			  (*definitions_version == 0 || read_contacts(choice, workspace_id, emails, count, with_totals, contacts));
	if (is_good && snapshot && choice->gives_places)
		*snapshot = RegisterSnapshot(GetActiveSnapshot());
	end_look_up();
	return is_good;
}
