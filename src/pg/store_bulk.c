/*
 * store_bulk.c - the statements of a batch: fetch_contacts, which is executed where probe.c cannot look up, and those that write.
 *
 * write_contacts is an INSERT .. ON CONFLICT DO UPDATE of the new and the changed together, because it locks each row when it
 * comes to it: so every session takes its locks in the order of the addresses, whether a contact is new or not, and two of
 * them never wait for each other. A row that is no longer as it was found is locked, but not changed; the next look at it
 * is the last word.
 *
 * Such a statement treats contacts that exist as if they were inserted first, which shows where own_rules.h says so. There a
 * contact is written alone, as a single request would do it.
 *
 * Contacts that are all new, or all found, have a statement that costs less, where no rule of the user's own may reject one of them
 * (own_rules.h), and probe.c has looked up: then contacts.contact is a plain table, without rules that rewrite a statement.
 *
 * - insert_contacts has no ON CONFLICT, which is a look-up by the key for each row, and a lock and a WAL record to let go of it again. A
 *   contact that another session has created meanwhile is a unique violation; the caller has a subtransaction around it, and goes
 *   back to write_contacts.
 * - update_contacts takes each row from where it was found, under the snapshot of the look-up. So it comes to each row that
 *   write_contacts would come to, in the same order; under a later snapshot it would pass by one that another session has changed since,
 *   and lock what follows before it. But where a contact is gone, or has another address, it locks nothing, and write_contacts makes the
 *   address anew, which holds its place in the order. So where it has not updated each, the caller, which has a subtransaction around it,
 *   goes back to write_contacts.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "encoding.h"
#include "host.h"
#include "jsonb_writer.h"
#include "probe.h"
#include "status_type.h"
#include "store_bulk.h"

/* fetch_contacts has LATERAL with LIMIT, which is an index look-up for each address, whatever the planner believes of the table's size. */
static Statement fetch_contacts = {
	.sql = "SELECT (SELECT w.definitions_version::pg_catalog.int8 FROM contacts.workspace w WHERE w.workspace_id" EQ
		   "$1)," CONTACT_COLUMNS " FROM pg_catalog.unnest($2) a (email_address) LEFT JOIN LATERAL ("
		   "SELECT s.id, s.version, s.status, s.tags, s.data, s.created_at, s.updated_at FROM contacts.contact s"
		   " WHERE s.workspace_id" EQ "$1 AND s.email_address" EQ "a.email_address LIMIT 1) c ON true",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTARRAYOID},
	.by_workspace = true,
};

static Statement look_for_contacts = {
	.sql = "SELECT c.found IS NOT NULL FROM pg_catalog.unnest($2) a (email_address) LEFT JOIN LATERAL ("
		   "SELECT true AS found FROM contacts.contact s"
		   " WHERE s.workspace_id" EQ "$1 AND s.email_address" EQ "a.email_address LIMIT 1) c ON true",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTARRAYOID},
};

/*
 * write_contacts gets a new id for each contact, for the case that the row is inserted. A contact that was found and is gone is
 * inserted, too, and its new id shows that.
 *
 *   INSERT INTO contacts.contact AS c (...) SELECT ... FROM <an array of records>
 *   ON CONFLICT (workspace_id, email_address) DO UPDATE SET <status, tags, data, version, updated_at>
 *   WHERE <c is of the version before, and is still the contact that was found> RETURNING id, email_address
 *
 * Its stamp is the created_at of a contact that is new, and of one that was found its updated_at: by that, together with the version, it is
 * known again. Its created_at does not tell it from another one that has got the address since: many contacts of a file can have the same.
 */
static Statement write_contacts = {
	.sql =
		"INSERT INTO contacts.contact AS c"
		" (workspace_id, id, email_address, status, tags, data, version, created_at, updated_at)"
		" SELECT $1, n.id, n.email_address, n.status, n.tags, n.data, n.version, n.stamp, $3"
		" FROM pg_catalog.unnest($2) AS n (id pg_catalog.text, email_address pg_catalog.text, status contacts.status,"
		" tags pg_catalog.int8[], data pg_catalog.jsonb, version pg_catalog.int8, stamp pg_catalog.timestamptz)"
		" ON CONFLICT (workspace_id, email_address) DO UPDATE SET status = excluded.status, tags = excluded.tags,"
		" data = excluded.data, version = excluded.version, updated_at = GREATEST(c.updated_at, excluded.updated_at)"
		" WHERE c.version" EQ "(excluded.version OPERATOR(pg_catalog.-) 1) AND c.updated_at" EQ "excluded.created_at"
		" RETURNING id::pg_catalog.text, email_address::pg_catalog.text",
	.parameter_count = 3,
	.parameter_types = {INT8OID, RECORDARRAYOID, TIMESTAMPTZOID},
};

/* insert_contacts takes the records of write_contacts. Its rows are those that were given: nothing of the user's own may change or leave out one. */
static Statement insert_contacts = {
	.sql =
		"INSERT INTO contacts.contact"
		" (workspace_id, id, email_address, status, tags, data, version, created_at, updated_at)"
		" SELECT $1, n.id, n.email_address, n.status, n.tags, n.data, n.version, n.stamp, $3"
		" FROM pg_catalog.unnest($2) AS n (id pg_catalog.text, email_address pg_catalog.text, status contacts.status,"
		" tags pg_catalog.int8[], data pg_catalog.jsonb, version pg_catalog.int8, stamp pg_catalog.timestamptz)",
	.parameter_count = 3,
	.parameter_types = {INT8OID, RECORDARRAYOID, TIMESTAMPTZOID},
};

/* update_contacts takes records with a place instead of the address. */
static Statement update_contacts = {
	.sql = "UPDATE contacts.contact AS c SET status = n.status, tags = n.tags, data = n.data, version = n.version,"
		   " updated_at = GREATEST(c.updated_at, $3)"
		   " FROM pg_catalog.unnest($2) AS n (id pg_catalog.text, place pg_catalog.tid, status contacts.status,"
		   " tags pg_catalog.int8[], data pg_catalog.jsonb, version pg_catalog.int8, stamp pg_catalog.timestamptz)"
		   " WHERE c.ctid" EQ "n.place AND c.workspace_id" EQ "$1 AND c.id" EQ "n.id"
		   " AND c.version" EQ "(n.version OPERATOR(pg_catalog.-) 1) AND c.updated_at" EQ "n.stamp",
	.parameter_count = 3,
	.parameter_types = {INT8OID, RECORDARRAYOID, TIMESTAMPTZOID},
	.by_place = true,
};

/* The columns of the records; of a type that is not known before, InvalidOid. */
enum RecordColumn
{
	RECORD_ID,
	RECORD_KEY, /* the address, or the place */
	RECORD_STATUS,
	RECORD_TAGS,
	RECORD_DATA,
	RECORD_VERSION,
	RECORD_STAMP,
	RECORD_COLUMN_COUNT,
};

static const Oid record_types[RECORD_COLUMN_COUNT] = {
	TEXTOID, InvalidOid, InvalidOid, INT8ARRAYOID, JSONBOID, INT8OID, TIMESTAMPTZOID};

/* The columns that write_contacts returns. */
enum WrittenColumn
{
	WRITTEN_ID = 1,
	WRITTEN_EMAIL,
};

static Statement lock_unchanged = {
	.sql = "SELECT n.place, c.version::pg_catalog.int8 FROM pg_catalog.unnest($2) WITH ORDINALITY n (id, place)"
		   " JOIN contacts.contact c ON c.workspace_id" EQ "$1 AND c.id" EQ "n.id"
		   " ORDER BY n.place FOR KEY SHARE OF c",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTARRAYOID},
	.by_workspace = true,
};

/* The columns of lock_unchanged. */
enum LockedColumn
{
	LOCKED_PLACE = 1, /* from 1 */
	LOCKED_VERSION,
};

/* Does by the statement what probe_find_contacts() does; returns the version of the definitions. */
static int64
fetch_by_statement(int64 workspace_id, Datum *emails, size_t count, StoredContact *contacts)
{
	uint64 rows = statement_execute(&fetch_contacts,
									(Datum[]){Int64GetDatum(workspace_id), statement_array(emails, count, TEXTOID)});
	bool is_null;
	Datum version;

	if (rows != count)
		elog(ERROR, "a look-up of %zu contacts found " UINT64_FORMAT, count, rows);
	for (size_t i = 0; i < count; i++)
		contacts[i] = store_take_row(i);
	version = statement_nullable_column(0, DEFINITIONS_VERSION, &is_null);
	return is_null ? 0 : DatumGetInt64(version);
}

bool
store_fetch_contacts(int64 workspace_id, Datum *emails, size_t count, bool with_totals, FetchedContacts *fetched)
{
	StoredContact *contacts = palloc(sizeof(StoredContact) * count);
	Snapshot snapshot = NULL;
	int64 version;

	if (!probe_find_contacts(workspace_id, emails, count, with_totals, &version, contacts, &snapshot))
		version = fetch_by_statement(workspace_id, emails, count, contacts);
	*fetched =
		(FetchedContacts){.emails = emails, .contacts = contacts, .definitions_version = version, .snapshot = snapshot};
	return version != 0;
}

void
store_end_fetched(FetchedContacts *fetched)
{
	if (fetched->snapshot)
		UnregisterSnapshot(fetched->snapshot);
	fetched->snapshot = NULL;
}

bool
store_is_fetched(const FetchedContacts *fetched, size_t number)
{
	return fetched->contacts[number].exists;
}

void
store_look_for_contacts(int64 workspace_id, Datum *emails, size_t count, bool *exists)
{
	uint64 rows = statement_execute(&look_for_contacts,
									(Datum[]){Int64GetDatum(workspace_id), statement_array(emails, count, TEXTOID)});

	if (rows != count)
		elog(ERROR, "a look-up of %zu contacts found " UINT64_FORMAT, count, rows);
	for (size_t i = 0; i < count; i++)
		exists[i] = DatumGetBool(statement_column(i, 1));
}

size_t
store_read_fetched(const FetchedContacts *fetched, size_t number, ContactRow *contact)
{
	const StoredContact *stored = &fetched->contacts[number];

	*contact = store_read_contact(stored, fetched->emails[number]);
	return stored->exists ? toast_raw_datum_size(stored->tags) + toast_raw_datum_size(stored->data) : 0;
}

/*
 * describe_records() returns what the records are made of. One array of them is one function scan, where an array for each column is a
 * scan for each, and arrays of tags and values of the enum would have to be texts.
 */
static TupleDesc
describe_records(Oid key_type)
{
	TupleDesc descriptor = CreateTemplateTupleDesc(RECORD_COLUMN_COUNT);

	for (int i = 0; i < RECORD_COLUMN_COUNT; i++)
	{
		Oid type = i == RECORD_KEY ? key_type : i == RECORD_STATUS ? status_type() : record_types[i];

		TupleDescInitEntry(descriptor, i + 1, NULL, type, -1, 0);
	}
	return BlessTupleDesc(descriptor);
}

/*
 * make_record() sets the id of a contact that is created; the record of one that was found has another id, in case write_contacts inserts
 * it.
 */
static Datum
make_record(TupleDesc descriptor, const ContactWrite *write, bool by_place)
{
	bool nulls[RECORD_COLUMN_COUNT] = {false};
	ContactRow *contact = write->contact;
	const cu_decision *decision = write->decision;
	char other_id[OBJECT_ID_SIZE];
	char *id = decision->outcome == CU_CREATED || by_place ? contact->id : other_id;
	Datum values[RECORD_COLUMN_COUNT];

	if (!by_place)
		host_make_object_id(id);
	values[RECORD_ID] = CStringGetTextDatum(id);
	values[RECORD_KEY] = by_place ? PointerGetDatum(&write->place) : contact->email;
	values[RECORD_STATUS] = ObjectIdGetDatum(status_type_value(decision->status));
	values[RECORD_TAGS] = store_tag_ids(decision);
	values[RECORD_DATA] = JsonbPGetDatum(jsonb_write(&decision->data));
	values[RECORD_VERSION] = Int64GetDatum(contact->version);
	values[RECORD_STAMP] = TimestampTzGetDatum(decision->outcome == CU_CREATED ? contact->created_at : write->found_at);
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

/* Returns the records, an array; of update_contacts if by_place is set. */
static Datum
make_records(const ContactWrite *writes, size_t count, bool by_place)
{
	TupleDesc descriptor = describe_records(by_place ? TIDOID : TEXTOID);
	Datum *records = palloc(sizeof(Datum) * count);

	for (size_t i = 0; i < count; i++)
		records[i] = make_record(descriptor, &writes[i], by_place);
	return statement_array(records, count, RECORDOID);
}

/*
 * Takes what write_contacts returned: sets written, and the ids of new contacts. Puts the ids of rows that were inserted for a
 * contact that was to be updated into strays, and returns how many they are: such a contact was deleted since it was found.
 */
static size_t
take_written(ContactWrite *writes, size_t count, uint64 rows, Datum *strays)
{
	size_t stray_count = 0;
	size_t next = 0;

	/* Rows come back in the order in which they were given. */
	for (uint64 row = 0; row < rows; row++)
	{
		Datum id = statement_column(row, WRITTEN_ID);
		Datum email = statement_column(row, WRITTEN_EMAIL);
		ContactWrite *write;

		while (next < count && encoding_compare_texts(writes[next].contact->email, email) != 0)
			next++;
		if (next == count)
			break; /* a trigger of the user's has changed the address */
		write = &writes[next++];
		if (write->decision->outcome == CU_CREATED)
			text_to_cstring_buffer(DatumGetTextPP(id), write->contact->id, OBJECT_ID_SIZE);
		write->written = strcmp(write->contact->id, TextDatumGetCString(id)) == 0;
		if (!write->written)
			strays[stray_count++] = id;
	}
	return stray_count;
}

void
store_write_together(int64 workspace_id, ContactWrite *writes, size_t count)
{
	uint64 rows = statement_execute(&write_contacts,
									(Datum[]){Int64GetDatum(workspace_id),
											  make_records(writes, count, false),
											  TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())});
	Datum *strays = palloc(sizeof(Datum) * count);
	size_t stray_count = take_written(writes, count, rows, strays);

	/* Under such a snapshot the contact would be found again and again. */
	if (stray_count > 0 && IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent delete")));
	for (size_t i = 0; i < stray_count; i++)
		store_delete_contact(workspace_id, strays[i]);
}

bool
store_may_try_together(void)
{
	/*
	 * A transaction of more subtransactions than PostgreSQL keeps in shared memory makes every session's snapshots dearer. Half of them
	 * are left to the caller's savepoints.
	 */
	return !MyProc->subxidStatus.overflowed && MyProc->subxidStatus.count < PGPROC_MAX_CACHED_SUBXIDS / 2;
}

void
store_insert_together(int64 workspace_id, ContactWrite *writes, size_t count)
{
	uint64 rows = statement_execute(&insert_contacts,
									(Datum[]){Int64GetDatum(workspace_id),
											  make_records(writes, count, false),
											  TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())});

	if (rows != count)
		elog(ERROR, "of %zu contacts " UINT64_FORMAT " were inserted", count, rows);
	for (size_t i = 0; i < count; i++)
		writes[i].written = true;
}

void
store_update_together(int64 workspace_id, Snapshot snapshot, ContactWrite *writes, size_t count)
{
	uint64 rows = statement_execute_under(&update_contacts,
										  (Datum[]){Int64GetDatum(workspace_id),
													make_records(writes, count, true),
													TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())},
										  snapshot);

	/* It has locked those behind a contact that is gone, and not that one: the caller's subtransaction gives the locks back. */
	if (rows != count)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg_internal("of %zu contacts " UINT64_FORMAT " were updated", count, rows)));
	for (size_t i = 0; i < count; i++)
		writes[i].written = true;
}

bool
store_lock_together(int64 workspace_id, ContactWrite *writes, size_t count)
{
	Datum *ids = palloc(sizeof(Datum) * count);
	uint64 locked;

	for (size_t i = 0; i < count; i++)
		ids[i] = CStringGetTextDatum(writes[i].contact->id);
	locked = statement_execute(&lock_unchanged,
							   (Datum[]){Int64GetDatum(workspace_id), statement_array(ids, count, TEXTOID)});
	for (uint64 row = 0; row < locked; row++)
	{
		ContactWrite *write = &writes[DatumGetInt64(statement_column(row, LOCKED_PLACE)) - 1];

		write->written = DatumGetInt64(statement_column(row, LOCKED_VERSION)) == write->contact->version;
	}
	return locked == count;
}

void
store_write_alone(int64 workspace_id, ContactWrite *write)
{
	ContactRow *contact = write->contact;

	if (write->decision->outcome == CU_UPDATED)
	{
		store_lock_contact(workspace_id, contact->email);
		write->written = store_update_contact(workspace_id, contact, write->decision);
		return;
	}
	host_make_object_id(contact->id);
	write->written = store_insert_contact(workspace_id, contact, write->decision);
	if (!write->written)
		store_lock_contact(workspace_id, contact->email);
}
