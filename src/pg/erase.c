/*
 * erase.c - contacts.erase(): everything of one contact goes, in one transaction.
 *
 * The contact itself is deleted with the caller's rights, so that privileges, policies and triggers of the user's have their
 * say; its statistics go with it. All else belongs to tables that only their owner writes: rows of imports, events with their
 * deliveries, history, suppressions. They go as the owner, once the contact is gone: where the caller may not delete it, nothing goes.
 *
 * Rows of imports come first, because an import holds the rows of its chunk before it locks contacts (docs/architecture.md,
 * "Order of locks"); events last, as in an upsert. An upsert under way on the contact is waited for, so its events are found.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"

#include "contact_key.h"
#include "delegate.h"
#include "encoding.h"
#include "member.h"
#include "owner.h"
#include "settings.h"
#include "statement.h"
#include "store.h"
#include "suppression.h"

/* A contact that is created while it is erased, again and again, is given up. */
#define MAX_TRIES 5

/* An Erasure is a call under way. */
typedef struct Erasure
{
	int64 workspace_id;
	ContactKey key;
	Datum email;	 /* the contact's address, or the one that was given; 0 if it is not known */
	Datum id;		 /* likewise */
	Datum addresses; /* an array: that address, and the earlier ones */
	bool found;
	const char *status; /* of the contact that was found */
} Erasure;

#define FIND_CONTACT(column)                                                                                         \
	"SELECT c.id::pg_catalog.text, c.email_address::pg_catalog.text FROM contacts.contact c WHERE c.workspace_id" EQ \
	"$1 AND c." column EQ "$2"

static Statement find_by_id = {
	.sql = FIND_CONTACT("id"),
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

static Statement find_by_email = {
	.sql = FIND_CONTACT("email_address"),
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

#define DELETE_CONTACT(column)                                                          \
	"DELETE FROM contacts.contact c WHERE c.workspace_id" EQ "$1 AND c." column EQ "$2" \
	" RETURNING c.id::pg_catalog.text, c.email_address::pg_catalog.text, c.status::pg_catalog.text"

static Statement delete_by_id = {
	.sql = DELETE_CONTACT("id"),
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

static Statement delete_by_email = {
	.sql = DELETE_CONTACT("email_address"),
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

/* The columns that those four return, the first two without the last. */
enum ContactColumn
{
	COLUMN_ID = 1,
	COLUMN_EMAIL,
	COLUMN_STATUS,
};

/* Whether the contact is there, for the owner of the tables. */
static Statement find_left = {
	.sql = "SELECT FROM contacts.contact c WHERE c.workspace_id" EQ "$1 AND (c.id" EQ "$2 OR c.email_address" EQ "$2)",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

/*
 * The statements from here on run as the owner, with search_path pinned: operators need no schema. Those that delete see all that is
 * committed, under every isolation level: a row of proof or of an import does not change the contact, so nothing else would tell.
 */

static Statement find_addresses = {
	.sql = "SELECT contacts_internal.known_addresses($2, $3, $1)",
	.parameter_count = 3,
	.parameter_types = {INT8OID, TEXTOID, TEXTOID},
};

static Statement find_gone = {
	.sql = "SELECT g.id FROM unnest(contacts_internal.gone_contacts($2, $1)) g (id)",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTARRAYOID},
};

static Statement delete_deliveries = {
	.sql = "DELETE FROM contacts.delivery d USING contacts.event e WHERE e.workspace_id = $1 AND e.contact_id = $2"
		   " AND d.workspace_id = $1 AND d.event_id = e.event_id",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

static Statement delete_events = {
	.sql = "DELETE FROM contacts.event e WHERE e.workspace_id = $1 AND e.contact_id = $2",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

static Statement delete_history = {
	.sql = "DELETE FROM contacts.history h WHERE h.workspace_id = $1 AND h.contact_id = $2",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

static Statement delete_kept = {
	.sql = "DELETE FROM contacts.import_kept k WHERE k.workspace_id = $1 AND k.contact_id = $2",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

/*
 * Whether the row of an import is about one of the addresses, an array $2: a row that waits, by its column alone that is the address, which
 * is not taken for somebody else's; of a row that failed, also an error may have the address, and then all its errors go.
 */
#define WAITS_FOR "contacts_internal.mentions_address(u.row -> contacts_internal.address_column(p.matched), $2)"
#define FAILED_FOR                                                                                                \
	"contacts_internal.mentions_address(jsonb_build_array(f.row -> contacts_internal.address_column(p.matched), " \
	"f.value, "                                                                                                   \
	"f.message, f.error), $2)"

/* An empty object keeps the numbers of the other rows; the import then counts it as one that failed. */
static Statement empty_waiting_rows = {
	.sql = "UPDATE contacts.import_chunk c SET rows = ARRAY(SELECT CASE WHEN " WAITS_FOR " THEN '{}' ELSE u.row END"
		   " FROM unnest(c.rows) WITH ORDINALITY AS u (row, number) ORDER BY u.number)"
		   " FROM contacts.import_progress p WHERE p.workspace_id = $1 AND p.import_id = c.import_id"
		   " AND c.workspace_id = $1 AND EXISTS (SELECT FROM unnest(c.rows) AS u (row) WHERE " WAITS_FOR ")",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTARRAYOID},
};

static Statement delete_bad_rows = {
	.sql = "DELETE FROM contacts.import_error e WHERE e.workspace_id = $1 AND (e.import_id, e.row_number) IN ("
		   "SELECT f.import_id, f.row_number FROM contacts.import_progress p"
		   " JOIN contacts.import_error f ON f.workspace_id = $1 AND f.import_id = p.import_id"
		   " WHERE p.workspace_id = $1 AND " FAILED_FOR ")",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTARRAYOID},
};

static uint64
execute(Statement *statement, const Erasure *erasure, Datum key)
{
	return statement_execute(statement, (Datum[]){Int64GetDatum(erasure->workspace_id), key});
}

static void
execute_latest(Statement *statement, const Erasure *erasure, Datum key)
{
	(void)statement_execute_latest(statement, (Datum[]){Int64GetDatum(erasure->workspace_id), key});
}

/* Looks for the addresses that are known of the contact; false if they are those that were known before. */
static bool
look_for_addresses(Erasure *erasure)
{
	Datum unknown = CStringGetTextDatum("");
	Datum before = erasure->addresses;
	OwnerScope scope;

	owner_begin(&scope);
	(void)statement_read_latest(&find_addresses,
								(Datum[]){Int64GetDatum(erasure->workspace_id),
										  erasure->id ? erasure->id : unknown,
										  erasure->email ? erasure->email : unknown});
	erasure->addresses = statement_column(0, 1);
	owner_end(&scope);
	return before == 0 || !datumIsEqual(before, erasure->addresses, false, -1);
}

static void
erase_import_rows(const Erasure *erasure)
{
	OwnerScope scope;

	owner_begin(&scope);
	execute_latest(&empty_waiting_rows, erasure, erasure->addresses);
	execute_latest(&delete_bad_rows, erasure, erasure->addresses);
	owner_end(&scope);
}

/* Erases what is left of a contact that is gone. */
static void
erase_past(const Erasure *erasure, Datum id)
{
	execute_latest(&delete_history, erasure, id);
	execute_latest(&delete_kept, erasure, id);
	execute_latest(&delete_deliveries, erasure, id);
	execute_latest(&delete_events, erasure, id);
}

/* Erases what is left of the contact, and of those with its addresses that a plain DELETE has deleted. */
static void
erase_pasts(const Erasure *erasure)
{
	OwnerScope scope;
	uint64 count;
	Datum *gone;

	owner_begin(&scope);
	if (erasure->id)
		erase_past(erasure, erasure->id);
	count = statement_read_latest(&find_gone, (Datum[]){Int64GetDatum(erasure->workspace_id), erasure->addresses});
	gone = palloc(sizeof(Datum) * (count + 1));
	for (uint64 row = 0; row < count; row++)
		gone[row] = statement_column(row, 1);
	for (uint64 row = 0; row < count; row++)
		erase_past(erasure, gone[row]);
	owner_end(&scope);
}

/* Looks for the id and the address of the contact; one of them is its name. */
static void
look_for_contact(Erasure *erasure)
{
	bool by_id = erasure->key.kind == CONTACT_KEY_ID;

	if (by_id)
		erasure->id = erasure->key.value;
	else
		erasure->email = erasure->key.value;
	if (execute(by_id ? &find_by_id : &find_by_email, erasure, erasure->key.value) > 0)
	{
		erasure->id = statement_column(0, COLUMN_ID);
		erasure->email = statement_column(0, COLUMN_EMAIL);
	}
}

/* Deletes the contact as the caller; false if there was none to delete. */
static bool
delete_contact(Erasure *erasure)
{
	Statement *statement = erasure->key.kind == CONTACT_KEY_ID ? &delete_by_id : &delete_by_email;

	if (execute(statement, erasure, erasure->key.value) == 0)
		return false;
	erasure->found = true;
	erasure->id = statement_column(0, COLUMN_ID);
	erasure->email = statement_column(0, COLUMN_EMAIL);
	erasure->status = TextDatumGetCString(statement_column(0, COLUMN_STATUS));
	return true;
}

static bool
is_left(const Erasure *erasure)
{
	OwnerScope scope;
	bool is_left;

	owner_begin(&scope);
	is_left = execute(&find_left, erasure, erasure->key.value) > 0;
	owner_end(&scope);
	return is_left;
}

/* Deletes the contact, unless there is none. A contact that has got another address meanwhile is not the one that was meant. */
static void
erase_contact(Erasure *erasure)
{
	for (int try = 0; try < MAX_TRIES; try++)
	{
		if (delete_contact(erasure))
			return;
		if (!is_left(erasure))
		{
			if (erasure->key.kind == CONTACT_KEY_ADDRESS)
				erasure->id = (Datum)0;
			return;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("The contact could not be erased."),
			 errhint("Look for a row level security policy or a trigger on contacts.contact that keeps it.")));
}

/* Leaves a suppression if the contact had opted out, or if it is asked for. */
static void
suppress_address(const Erasure *erasure, bool is_given, bool suppress)
{
	bool opted_out = erasure->found && suppression_is_opt_out(erasure->status);

	if (opted_out && is_given && !suppress)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("The contact has opted out, and suppress => false would forget that."),
				 errhint("Leave suppress out. Where there is consent, contacts.lift_suppression() comes afterwards.")));
	if (erasure->email != 0 && (opted_out || suppress))
		suppression_leave(erasure->workspace_id,
						  erasure->email,
						  opted_out ? erasure->status : cu_status_name(CU_UNSUBSCRIBED),
						  "erase");
}

PG_FUNCTION_INFO_V1(contacts_erase);
Datum
contacts_erase(PG_FUNCTION_ARGS)
{
	Erasure erasure = {.workspace_id = settings_workspace_argument(fcinfo, 2)};
	Datum there;

	if (delegate_call(fcinfo, 2, "contacts.erase()", &there))
		return there;
	member_begin_write("contacts.erase()", erasure.workspace_id);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("contact must not be null."),
				 errhint("It is the id or the e-mail address of the contact to erase.")));
	erasure.key = contact_key_read(PG_GETARG_TEXT_PP(0));
	statement_connect();
	store_require_workspace(erasure.workspace_id);
	if (erasure.key.kind != CONTACT_KEY_NEITHER)
	{
		look_for_contact(&erasure);
		(void)look_for_addresses(&erasure);
		erase_import_rows(&erasure);
		erase_contact(&erasure);
		/* The contact may have got another address meanwhile, or be another one. */
		if (look_for_addresses(&erasure))
			erase_import_rows(&erasure);
		erase_pasts(&erasure);
		suppress_address(&erasure, !PG_ARGISNULL(1), !PG_ARGISNULL(1) && PG_GETARG_BOOL(1));
	}
	SPI_finish();
	PG_RETURN_BOOL(erasure.found);
}
