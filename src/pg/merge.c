/*
 * merge.c - contacts.merge(): two contacts become one.
 *
 * A merge runs as its caller: contacts_internal.merge locks both contacts and deletes the duplicate, an upsert (finish_merge)
 * gives the other one what the duplicate had. Between the two the duplicate's history and events follow, as their owner, who alone
 * writes them: the events before the upsert, so that those that it raises come behind them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "address.h"
#include "delegate.h"
#include "member.h"
#include "outbox.h"
#include "owner.h"
#include "settings.h"
#include "statement.h"
#include "store.h"

static Statement merge = {
	.sql = "SELECT m.duplicate_id, m.duplicate_address, m.into_id, m.into_address, m.into_version, m.requests"
		   " FROM contacts_internal.merge($1, $2, $3) m",
	.parameter_count = 3,
	.parameter_types = {TEXTOID, TEXTOID, INT8OID},
};

/* The columns of merge. */
enum MergeColumn
{
	MERGED_DUPLICATE = 1,
	MERGED_DUPLICATE_ADDRESS,
	MERGED_INTO,
	MERGED_INTO_ADDRESS,
	MERGED_VERSION,
	MERGED_REQUESTS,
};

static Statement finish = {
	.sql = "SELECT contacts_internal.finish_merge($1, $2, $3, $4)",
	.parameter_count = 4,
	.parameter_types = {TEXTOID, INT8OID, JSONBARRAYOID, INT8OID},
};

/* find_version runs as the owner of the tables. */
static Statement find_version = {
	.sql = "SELECT c.version FROM contacts.contact c WHERE c.workspace_id = $1 AND c.id = $2",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

/*
 * move_history: a row that moves forgets its import, so that an undo of that never takes it for a change of the contact that stays,
 * whose versions are others.
 */
static Statement move_history = {
	.sql = "UPDATE contacts.history h SET contact_id = $3, import_id = NULL WHERE h.workspace_id = $1 AND h.contact_id "
		   "= $2",
	.parameter_count = 3,
	.parameter_types = {INT8OID, TEXTOID, TEXTOID},
};

/* delete_kept: the contact of which an undo has noted something is gone. */
static Statement delete_kept = {
	.sql = "DELETE FROM contacts.import_kept k WHERE k.workspace_id = $1 AND k.contact_id = $2",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

/* Returns the version of a contact, as the owner of the tables. */
static int64
version_of(int64 workspace_id, Datum id)
{
	OwnerScope scope;
	int64 version = 0;

	owner_begin(&scope);
	if (statement_execute(&find_version, (Datum[]){Int64GetDatum(workspace_id), id}) > 0)
		version = DatumGetInt64(statement_column(0, 1));
	owner_end(&scope);
	return version;
}

/* Gives what is kept of a duplicate that is gone to the contact that stays. */
static void
move_past(int64 workspace_id, Datum duplicate, Datum into)
{
	OwnerScope scope;

	outbox_move(workspace_id, duplicate, into, version_of(workspace_id, into));
	owner_begin(&scope);
	(void)statement_execute(&move_history, (Datum[]){Int64GetDatum(workspace_id), duplicate, into});
	(void)statement_execute(&delete_kept, (Datum[]){Int64GetDatum(workspace_id), duplicate});
	owner_end(&scope);
}

PG_FUNCTION_INFO_V1(contacts_merge);
Datum
contacts_merge(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	int64 workspace_id = settings_workspace_argument(fcinfo, 2);
	Datum into;
	Datum duplicate_address;
	Datum into_address;
	Datum version;
	Datum requests;
	Jsonb *answer;
	Datum there;

	if (delegate_call(fcinfo, 2, "contacts.merge()", &there))
		return there;
	member_begin_write("contacts.merge()", workspace_id);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("duplicate and into_contact must not be null."),
				 errhint("They are the ids or e-mail addresses of two contacts; the first one is deleted.")));
	statement_connect();
	store_require_workspace(workspace_id);
	(void)statement_execute(&merge, (Datum[]){PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), Int64GetDatum(workspace_id)});
	into = statement_column(0, MERGED_INTO);
	duplicate_address = statement_column(0, MERGED_DUPLICATE_ADDRESS);
	into_address = statement_column(0, MERGED_INTO_ADDRESS);
	version = statement_column(0, MERGED_VERSION);
	requests = statement_column(0, MERGED_REQUESTS);
	move_past(workspace_id, statement_column(0, MERGED_DUPLICATE), into);
	(void)statement_execute(&finish, (Datum[]){into, version, requests, Int64GetDatum(workspace_id)});
	MemoryContextSwitchTo(caller);
	answer = DatumGetJsonbPCopy(statement_column(0, 1));
	address_note_change(
		workspace_id, TextDatumGetCString(into), version_of(workspace_id, into), duplicate_address, into_address);
	SPI_finish();
	return JsonbPGetDatum(answer);
}
