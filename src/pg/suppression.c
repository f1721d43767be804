/*
 * suppression.c - keeps contacts.suppression, in which an address is the SHA-256 of its UTF-8.
 *
 * Triggers on contacts.contact leave a suppression whenever a contact that has opted out is deleted or gets another address,
 * whatever statement does it. They fire for each row, and not for each statement, because a statement on a partition fires no
 * trigger of the partitioned table; their WHEN clauses keep every other contact from costing anything. Under
 * session_replication_role = replica they do not fire: there the suppression comes by replication, as a row of its own.
 *
 * A look-up sees all that is committed, under every isolation level. Made behind an INSERT of the address, which has waited for
 * whatever session was deleting the contact with it, it misses none: upsert.c, bulk_batch.c and bulk_slice.c look twice for that reason.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "address.h"
#include "contact_key.h"
#include "delegate.h"
#include "encoding.h"
#include "member.h"
#include "owner.h"
#include "pg_compat.h"
#include "settings.h"
#include "statement.h"
#include "store.h"
#include "suppression.h"
#include "triggers.h"

static Statement find_one = {
	.sql = "SELECT FROM contacts.suppression s WHERE s.workspace_id" EQ "$1 AND s.address_hash" EQ "$2",
	.parameter_count = 2,
	.parameter_types = {INT8OID, BYTEAOID},
};

/* find_many has LATERAL with LIMIT, which is an index look-up for each address. */
static Statement find_many = {
	.sql = "SELECT a.number FROM pg_catalog.unnest($2) WITH ORDINALITY AS a (hash, number) CROSS JOIN LATERAL ("
		   "SELECT FROM contacts.suppression s WHERE s.workspace_id" EQ "$1 AND s.address_hash" EQ "a.hash LIMIT 1) s",
	.parameter_count = 2,
	.parameter_types = {INT8OID, BYTEAARRAYOID},
};

/* leave_one: GREATEST is by the order of the enum, in which the stricter of two opt-outs comes later. */
static Statement leave_one = {
	.sql =
		"INSERT INTO contacts.suppression AS s (workspace_id, address_hash, status, reason)"
		" VALUES ($1, $2, $3::contacts.status, $4) ON CONFLICT (workspace_id, address_hash) DO UPDATE"
		" SET status = GREATEST(s.status, excluded.status), reason = excluded.reason, created_at = excluded.created_at",
	.parameter_count = 4,
	.parameter_types = {INT8OID, BYTEAOID, TEXTOID, TEXTOID},
};

static Statement lift_many = {
	.sql = "DELETE FROM contacts.suppression s WHERE s.workspace_id" EQ
		   "$1 AND s.address_hash OPERATOR(pg_catalog.=) ANY ($2)",
	.parameter_count = 2,
	.parameter_types = {INT8OID, BYTEAARRAYOID},
};

/* Returns the SHA-256 of an address in UTF-8, as a bytea. */
static Datum
hash_of(Datum email)
{
	const text *address = DatumGetTextPP(email);
	cu_text utf8 = encoding_to_core(VARDATA_ANY(address), VARSIZE_ANY_EXHDR(address));
	bytea *bytes = palloc(VARHDRSZ + utf8.size);

	SET_VARSIZE(bytes, VARHDRSZ + utf8.size);
	memcpy(VARDATA(bytes), utf8.data, utf8.size);
	return DirectFunctionCall1(sha256_bytea, PointerGetDatum(bytes));
}

static Datum
hashes_of(const Datum *emails, size_t count)
{
	Datum *hashes = palloc(sizeof(Datum) * count);

	for (size_t i = 0; i < count; i++)
		hashes[i] = hash_of(emails[i]);
	return statement_array(hashes, count, BYTEAOID);
}

bool
suppression_is_opt_out(const char *status)
{
	for (int i = 0; i < CU_STATUS_COUNT; i++)
		if (strcmp(status, cu_status_name((cu_status)i)) == 0)
			return !cu_is_mailable((cu_status)i);
	return false;
}

bool
suppression_covers(int64 workspace_id, Datum email)
{
	OwnerScope scope;
	bool covers;

	owner_begin(&scope);
	covers = statement_read_latest(&find_one, (Datum[]){Int64GetDatum(workspace_id), hash_of(email)}) > 0;
	owner_end(&scope);
	return covers;
}

void
suppression_find(int64 workspace_id, const Datum *emails, size_t count, bool *suppressed)
{
	OwnerScope scope;
	uint64 found;

	memset(suppressed, 0, sizeof(bool) * count);
	if (count == 0)
		return;
	owner_begin(&scope);
	found = statement_read_latest(&find_many, (Datum[]){Int64GetDatum(workspace_id), hashes_of(emails, count)});
	owner_end(&scope);
	for (uint64 row = 0; row < found; row++)
		suppressed[DatumGetInt64(statement_column(row, 1)) - 1] = true;
}

void
suppression_leave(int64 workspace_id, Datum email, const char *status, const char *reason)
{
	OwnerScope scope;

	owner_begin(&scope);
	(void)statement_execute(
		&leave_one,
		(Datum[]){
			Int64GetDatum(workspace_id), hash_of(email), CStringGetTextDatum(status), CStringGetTextDatum(reason)});
	owner_end(&scope);
}

uint64
suppression_lift(int64 workspace_id, const Datum *emails, size_t count)
{
	OwnerScope scope;
	uint64 lifted;

	if (count == 0)
		return 0;
	owner_begin(&scope);
	lifted = statement_execute(&lift_many, (Datum[]){Int64GetDatum(workspace_id), hashes_of(emails, count)});
	owner_end(&scope);
	return lifted;
}

/* Suppresses the address of a row that is gone, or has another address now, if its contact had opted out. */
static void
leave_for_row(const TriggerData *trigger, const char *reason)
{
	TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
	HeapTuple row = trigger->tg_trigtuple;
	char *status = SPI_getvalue(row, descriptor, SPI_fnumber(descriptor, "status"));
	bool is_null;
	Datum workspace = heap_getattr(row, SPI_fnumber(descriptor, "workspace_id"), descriptor, &is_null);
	Datum email = heap_getattr(row, SPI_fnumber(descriptor, "email_address"), descriptor, &is_null);

	/* Null where a user has dropped their NOT NULL. */
	if (is_null || status == NULL || !suppression_is_opt_out(status))
		return;
	statement_connect();
	suppression_leave(DatumGetInt64(workspace), email, status, reason);
	SPI_finish();
}

PG_FUNCTION_INFO_V1(contacts_after_contact_delete);
Datum
contacts_after_contact_delete(PG_FUNCTION_ARGS)
{
	leave_for_row(triggers_data(fcinfo, TRIGGER_EVENT_AFTER, TRIGGER_EVENT_DELETE), "delete");
	return PointerGetDatum(NULL);
}

/* Keeps in the history that a contact had another address before. */
static void
note_in_history(const TriggerData *trigger)
{
	TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
	HeapTuple old = trigger->tg_trigtuple;
	HeapTuple new = trigger->tg_newtuple;
	int workspace_column = SPI_fnumber(descriptor, "workspace_id");
	int email_column = SPI_fnumber(descriptor, "email_address");
	bool is_null;
	int64 workspace_id = DatumGetInt64(heap_getattr(new, workspace_column, descriptor, &is_null));
	Datum value = heap_getattr(new, SPI_fnumber(descriptor, "version"), descriptor, &is_null);
	int64 version = is_null ? 0 : DatumGetInt64(value); /* null where a user has dropped its NOT NULL, as below */
	bool had_none, has_none;
	Datum before = heap_getattr(old, email_column, descriptor, &had_none);
	Datum after = heap_getattr(new, email_column, descriptor, &has_none);

	/* A contact that is moved to another workspace has no history there. */
	if (had_none || has_none ||
		workspace_id != DatumGetInt64(heap_getattr(old, workspace_column, descriptor, &is_null)))
		return;
	statement_connect();
	address_note_change(
		workspace_id, SPI_getvalue(new, descriptor, SPI_fnumber(descriptor, "id")), version, before, after);
	SPI_finish();
}

PG_FUNCTION_INFO_V1(contacts_after_address_change);
Datum
contacts_after_address_change(PG_FUNCTION_ARGS)
{
	const TriggerData *trigger = triggers_data(fcinfo, TRIGGER_EVENT_AFTER, TRIGGER_EVENT_UPDATE);

	leave_for_row(trigger, "change_address");
	note_in_history(trigger);
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(contacts_lift_suppression);
Datum
contacts_lift_suppression(PG_FUNCTION_ARGS)
{
	int64 workspace_id = settings_workspace_argument(fcinfo, 1);
	Datum email;
	uint64 lifted;
	Datum there;

	if (delegate_call(fcinfo, 1, "contacts.lift_suppression()", &there))
		return there;
	member_begin_write("contacts.lift_suppression()", workspace_id);
	statement_connect();
	store_require_workspace(workspace_id);
	email = contact_key_require_address(PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0));
	lifted = suppression_lift(workspace_id, &email, 1);
	SPI_finish();
	PG_RETURN_BOOL(lifted > 0);
}

/* For the functions in PL/pgSQL that write contacts (sql/addresses.sql). */
PG_FUNCTION_INFO_V1(contacts_is_suppressed);
Datum
contacts_is_suppressed(PG_FUNCTION_ARGS)
{
	int64 workspace_id = PG_GETARG_INT64(1);
	bool covers;

	member_require(workspace_id);
	statement_connect();
	covers = suppression_covers(workspace_id, PG_GETARG_DATUM(0));
	SPI_finish();
	PG_RETURN_BOOL(covers);
}
