/*
 * store.c - the statements of one request, and the reading of contacts as statements return them.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "jsonb_reader.h"
#include "jsonb_writer.h"
#include "probe.h"
#include "probe_choice.h"
#include "statement.h"
#include "status_type.h"
#include "store.h"

static Statement find_contact = {
	.sql = "SELECT w.definitions_version::pg_catalog.int8," CONTACT_COLUMNS " FROM contacts.workspace w"
		   " LEFT JOIN contacts.contact c ON c.workspace_id" EQ "$1 AND c.email_address" EQ "$2"
		   " WHERE w.workspace_id" EQ "$1",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
	.by_workspace = true,
};

static Statement lock_contact = {
	.sql = "SELECT FROM contacts.contact c"
		   " WHERE c.workspace_id" EQ "$1 AND c.email_address" EQ "$2 FOR NO KEY UPDATE",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
	.by_workspace = true,
};

/* The parameter $4 is a contacts.status. */
#define INSERT_STATUS 4
#define INSERT(returning)                                                                                   \
	{                                                                                                       \
		.sql = "INSERT INTO contacts.contact"                                                               \
			   " (workspace_id, id, email_address, status, tags, data, version, created_at, updated_at)"    \
			   " VALUES ($1, $2, $3, $4::contacts.status, $5, $6, 1, $7, $8)"                               \
			   " ON CONFLICT (workspace_id, email_address) DO NOTHING" returning,                           \
		.parameter_count = 8,                                                                               \
		.parameter_types = {                                                                                \
			INT8OID, TEXTOID, TEXTOID, InvalidOid, INT8ARRAYOID, JSONBOID, TIMESTAMPTZOID, TIMESTAMPTZOID}, \
	}

/* insert_contact is for a table that keeps the id; by insert_returning_id a trigger of the user's may choose another. */
static Statement insert_contact = INSERT("");
static Statement insert_returning_id = INSERT(" RETURNING id::pg_catalog.text");

/* UpdateStatements update a contact: all that is decided, or no more than its fields where status and tags stay as they were found. */
typedef struct UpdateStatements
{
	Statement all;
	Statement fields_alone;
} UpdateStatements;

/* The parameter $8 of an update of all is a contacts.status. */
#define UPDATE_STATUS 8
#define UPDATE(columns, key)                                                                                       \
	"UPDATE contacts.contact AS c SET " columns "data = $4, version = $5, updated_at = $6 WHERE c.workspace_id" EQ \
	"$1 AND c.id" EQ "$2 AND c.version" EQ "$3 AND c." key EQ "$7"
#define UPDATES(key, type)                                                                                          \
	{                                                                                                               \
		.all = {.sql = UPDATE("status = $8::contacts.status, tags = $9, ", key),                                    \
				.parameter_count = 9,                                                                               \
				.parameter_types =                                                                                  \
					{INT8OID, TEXTOID, INT8OID, JSONBOID, INT8OID, TIMESTAMPTZOID, type, InvalidOid, INT8ARRAYOID}, \
				.by_workspace = true},                                                                              \
		.fields_alone = {.sql = UPDATE("", key),                                                                    \
						 .parameter_count = 7,                                                                      \
						 .parameter_types = {INT8OID, TEXTOID, INT8OID, JSONBOID, INT8OID, TIMESTAMPTZOID, type},   \
						 .by_workspace = true},                                                                     \
	}

/* update_by_key finds its row by both keys: by the id alone, the index on the address looks as good as long as the planner believes in a small table. */
static UpdateStatements update_by_key = UPDATES("email_address", TEXTOID);

/*
 * update_in_place goes to where a look-up by index has found the version that it updates, and through no index again. Every other version
 * is in another place; what else may be there by now, the conditions turn away.
 */
static UpdateStatements update_in_place = UPDATES("ctid", TIDOID);

/* lock_unchanged takes the lock of a foreign key. */
static Statement lock_unchanged = {
	.sql = "SELECT c.version::pg_catalog.int8 FROM contacts.contact c WHERE c.workspace_id" EQ "$1 AND c.id" EQ
		   "$2 FOR KEY SHARE",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
	.by_workspace = true,
};

static Statement delete_contact = {
	.sql = "DELETE FROM contacts.contact c WHERE c.workspace_id" EQ "$1 AND c.id" EQ "$2",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
	.by_workspace = true,
};

static Statement find_definitions = {
	.sql = "SELECT w.definitions_version::pg_catalog.int8 FROM contacts.workspace w WHERE w.workspace_id" EQ "$1",
	.parameter_count = 1,
	.parameter_types = {INT8OID},
};

/*
 * take_turn makes sessions that create tags take turns: two that create the same ones in another order would wait for
 * each other. It locks a row that every workspace has, that other statements have no reason to lock, and that only its
 * members can lock: not the workspace's own row, because a statement that writes a tag by hand locks that one last.
 */
static Statement take_turn = {
	.sql = "SELECT FROM contacts.field f WHERE f.workspace_id" EQ "$1 AND f.merge_tag" EQ "'email_address'"
		   " FOR NO KEY UPDATE",
	.parameter_count = 1,
	.parameter_types = {INT8OID},
};

static Statement create_tags = {
	.sql = "INSERT INTO contacts.tag (workspace_id, name) SELECT $1, n FROM pg_catalog.unnest($2) n"
		   " ON CONFLICT (workspace_id, contacts_internal.fold_case(name)) DO NOTHING",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTARRAYOID},
};

/*
 * load_definitions returns one row, however many fields and tags there are, so that one snapshot has all of it with its version.
 *
 *   SELECT w.definitions_version, w.status_policy, w.history, <an array of each column of contacts.field, by position>,
 *          <the same of contacts.tag, by tag_id>
 *   FROM contacts.workspace w WHERE w.workspace_id = $1
 */
static Statement load_definitions = {
	.sql = "SELECT w.definitions_version::pg_catalog.int8, w.status_policy::pg_catalog.text,"
		   " w.history::pg_catalog.text,"
		   " f.merge_tags, f.labels, f.types, f.options, f.default_values, f.required, f.tracked, t.ids, t.names"
		   " FROM contacts.workspace w CROSS JOIN ("
		   "SELECT pg_catalog.array_agg(o.merge_tag) AS merge_tags, pg_catalog.array_agg(o.label) AS labels,"
		   " pg_catalog.array_agg(o.type) AS types, pg_catalog.array_agg(o.options) AS options,"
		   " pg_catalog.array_agg(o.default_value) AS default_values,"
		   " pg_catalog.array_agg(o.required) AS required, pg_catalog.array_agg(o.tracked) AS tracked FROM ("
		   "SELECT f.merge_tag::pg_catalog.text, f.label::pg_catalog.text, f.type::pg_catalog.text,"
		   " pg_catalog.to_jsonb(f.options::pg_catalog.text[]) AS options, f.default_value::pg_catalog.jsonb,"
		   " f.required::pg_catalog.bool, f.tracked::pg_catalog.bool FROM contacts.field f"
		   " WHERE f.workspace_id" EQ "$1 ORDER BY f.position, f.merge_tag) o) f CROSS JOIN ("
		   "SELECT pg_catalog.array_agg(o.tag_id) AS ids, pg_catalog.array_agg(o.name) AS names FROM ("
		   "SELECT t.tag_id::pg_catalog.int8, t.name::pg_catalog.text FROM contacts.tag t"
		   " WHERE t.workspace_id" EQ "$1 ORDER BY t.tag_id) o) t"
		   " WHERE w.workspace_id" EQ "$1",
	.parameter_count = 1,
	.parameter_types = {INT8OID},
};

/* The columns of load_definitions. */
enum DefinitionsColumn
{
	DEFINED_VERSION = 1,
	DEFINED_STATUS_POLICY,
	DEFINED_HISTORY,
	DEFINED_FIELDS,
	DEFINED_TAG_IDS = DEFINED_FIELDS + FIELD_COLUMN_COUNT,
	DEFINED_TAG_NAMES,
};

/* Points to the elements of a bigint[]. */
static const int64 *
read_bigints(Datum stored, size_t *count)
{
	ArrayType *array = DatumGetArrayTypeP(stored);

	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a number in the contact tables must not be null")));
	*count = (size_t)ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	return (const int64 *)ARR_DATA_PTR(array);
}

/* Reads the data of a contact. Of a row that the rules' trigger has not seen it may be anything, and the core wants an object. */
static cu_json
read_data(const StoredContact *stored)
{
	cu_json data = jsonb_read(DatumGetJsonbP(stored->data));

	if (data.kind != CU_JSON_OBJECT)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("The data of the contact %s is no object.", TextDatumGetCString(stored->id)),
				 errhint("The row broke a rule of contacts.contact where no trigger saw it. UPDATE its data."),
				 err_generic_string(PG_DIAG_SCHEMA_NAME, "contacts"),
				 err_generic_string(PG_DIAG_TABLE_NAME, "contact"),
				 err_generic_string(PG_DIAG_COLUMN_NAME, "data")));
	return data;
}

ContactRow
store_read_contact(const StoredContact *stored, Datum email)
{
	ContactRow contact = {.email = email, .exists = stored->exists};

	if (!stored->exists)
		return contact;
	text_to_cstring_buffer(DatumGetTextPP(stored->id), contact.id, sizeof(contact.id));
	contact.version = stored->version;
	contact.place = stored->place;
	contact.stored.version = stored->version;
	contact.stored.status = status_type_read(stored->status);
	contact.stored.tag_ids = read_bigints(stored->tags, &contact.stored.tag_count);
	contact.stored.data = read_data(stored);
	contact.created_at = stored->created_at;
	contact.updated_at = stored->updated_at;
	contact.total_opens = stored->totals[0];
	contact.total_clicks = stored->totals[1];
	contact.total_bounces = stored->totals[2];
	contact.total_delivered = stored->totals[3];
	return contact;
}

StoredContact
store_take_row(uint64 row)
{
	bool is_null;
	Datum value = statement_nullable_column(row, CONTACT_ID, &is_null);
	StoredContact stored = {.exists = !is_null, .id = value};
	size_t count;

	if (is_null)
		return stored;
	stored.version = DatumGetInt64(statement_column(row, CONTACT_VERSION));
	stored.status = DatumGetObjectId(statement_column(row, CONTACT_STATUS));
	stored.tags = statement_column(row, CONTACT_TAGS);
	stored.data = statement_column(row, CONTACT_DATA);
	stored.created_at = DatumGetTimestampTz(statement_column(row, CONTACT_CREATED_AT));
	stored.updated_at = DatumGetTimestampTz(statement_column(row, CONTACT_UPDATED_AT));
	value = statement_nullable_column(row, CONTACT_STATISTICS, &is_null);
	if (!is_null)
		memcpy(stored.totals, read_bigints(value, &count), sizeof(stored.totals));
	return stored;
}

ContactRow
store_read_row(uint64 row, Datum email)
{
	StoredContact stored = store_take_row(row);

	return store_read_contact(&stored, email);
}

Datum
store_tag_ids(const cu_decision *decision)
{
	Datum *ids = palloc(sizeof(Datum) * Max(decision->tag_count, 1));

	for (size_t i = 0; i < decision->tag_count; i++)
		ids[i] = Int64GetDatum(decision->tags[i].id);
	return statement_array(ids, decision->tag_count, INT8OID);
}

bool
store_is_installed(void)
{
	Oid namespace;

	if (probe_choice_is_made() || statement_is_ready(&find_contact))
		return true;
	namespace = get_namespace_oid("contacts", true);
	return OidIsValid(namespace) && OidIsValid(get_relname_relid("workspace", namespace));
}

int64
store_find_contact(int64 workspace_id, ContactRow *contact)
{
	StoredContact stored = {.exists = false};
	int64 version = 0;

	if (!probe_find_contacts(workspace_id, &contact->email, 1, true, &version, &stored, NULL) &&
		statement_execute(&find_contact, (Datum[]){Int64GetDatum(workspace_id), contact->email}) > 0)
	{
		version = DatumGetInt64(statement_column(0, DEFINITIONS_VERSION));
		stored = store_take_row(0);
	}
	if (version != 0)
		*contact = store_read_contact(&stored, contact->email);
	return version;
}

void
store_lock_contact(int64 workspace_id, Datum email)
{
	(void)statement_execute(&lock_contact, (Datum[]){Int64GetDatum(workspace_id), email});
}

bool
store_insert_contact(int64 workspace_id, ContactRow *contact, const cu_decision *decision)
{
	bool keeps_id = probe_choice_keeps_ids();
	Statement *insert = keeps_id ? &insert_contact : &insert_returning_id;

	statement_set_type(insert, INSERT_STATUS, status_type());
	if (statement_execute(insert,
						  (Datum[]){Int64GetDatum(workspace_id),
									CStringGetTextDatum(contact->id),
									contact->email,
									ObjectIdGetDatum(status_type_value(decision->status)),
									store_tag_ids(decision),
									JsonbPGetDatum(jsonb_write_data(contact, decision)),
									TimestampTzGetDatum(contact->created_at),
									TimestampTzGetDatum(contact->updated_at)}) == 0)
		return false;
	if (!keeps_id)
		text_to_cstring_buffer(DatumGetTextPP(statement_column(0, 1)), contact->id, OBJECT_ID_SIZE);
	return true;
}

/* Whether a contact keeps the status and the tags with which it was found. */
static bool
keeps_status_and_tags(const cu_contact *found, const cu_decision *decision)
{
	if (decision->status != found->status || decision->tag_count != found->tag_count)
		return false;
	for (size_t i = 0; i < decision->tag_count; i++)
		if (decision->tags[i].id != found->tag_ids[i])
			return false;
	return true;
}

bool
store_update_contact(int64 workspace_id, ContactRow *contact, const cu_decision *decision)
{
	ItemPointerData place = contact->place;
	bool is_placed = ItemPointerIsValid(&place);
	UpdateStatements *statements = is_placed ? &update_in_place : &update_by_key;
	bool fields_alone = keeps_status_and_tags(&contact->stored, decision);

	if (!fields_alone)
		statement_set_type(&statements->all, UPDATE_STATUS, status_type());
	return statement_execute(fields_alone ? &statements->fields_alone : &statements->all,
							 (Datum[]){Int64GetDatum(workspace_id),
									   CStringGetTextDatum(contact->id),
									   Int64GetDatum(contact->version - 1),
									   JsonbPGetDatum(jsonb_write_data(contact, decision)),
									   Int64GetDatum(contact->version),
									   TimestampTzGetDatum(contact->updated_at),
									   is_placed ? PointerGetDatum(&place) : contact->email,
									   fields_alone ? (Datum)0 : ObjectIdGetDatum(status_type_value(decision->status)),
									   fields_alone ? (Datum)0 : store_tag_ids(decision)}) > 0;
}

bool
store_lock_unchanged(int64 workspace_id, const ContactRow *contact)
{
	return statement_execute(&lock_unchanged,
							 (Datum[]){Int64GetDatum(workspace_id), CStringGetTextDatum(contact->id)}) > 0 &&
		   DatumGetInt64(statement_column(0, 1)) == contact->version;
}

void
store_delete_contact(int64 workspace_id, Datum id)
{
	if (statement_execute(&delete_contact, (Datum[]){Int64GetDatum(workspace_id), id}) > 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("A contact changed while it was created, and could not be taken back."),
			 errhint("Try again. Where a trigger or a row level security policy keeps contacts from being deleted, a "
					 "creation cannot wait for another session that deletes the contact.")));
}

int64
store_definitions_version(int64 workspace_id)
{
	if (statement_execute(&find_definitions, (Datum[]){Int64GetDatum(workspace_id)}) == 0)
		return 0;
	return DatumGetInt64(statement_column(0, 1));
}

int64
store_read_definitions_version(int64 workspace_id)
{
	if (statement_read(&find_definitions, (Datum[]){Int64GetDatum(workspace_id)}) == 0)
		return 0;
	return DatumGetInt64(statement_column(0, 1));
}

void
store_require_workspace(int64 workspace_id)
{
	cu_error error;

	if (store_definitions_version(workspace_id) > 0)
		return;
	errors_workspace_not_found(&error, workspace_id);
	errors_raise(&error);
}

void
store_create_tags(int64 workspace_id, const List *names)
{
	Datum workspace = Int64GetDatum(workspace_id);
	size_t count = (size_t)list_length(names);
	Datum *texts;

	/* Without the row of email_address there is no workspace any more, which the next look-up in it says. */
	if (statement_execute(&take_turn, (Datum[]){workspace}) == 0)
		return;
	texts = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum) * count);
	for (size_t i = 0; i < count; i++)
		texts[i] = PointerGetDatum(list_nth(names, (int)i));
	(void)statement_execute(&create_tags, (Datum[]){workspace, statement_array(texts, count, TEXTOID)});
}

/* Returns an array that the last statement found, or NULL. */
static ArrayType *
array_column(int number)
{
	bool is_null;
	Datum array = statement_nullable_column(0, number, &is_null);

	return is_null ? NULL : DatumGetArrayTypeP(array);
}

bool
store_load_definitions(int64 workspace_id, StoredDefinitions *stored)
{
	if (statement_execute(&load_definitions, (Datum[]){Int64GetDatum(workspace_id)}) == 0)
		return false;
	*stored = (StoredDefinitions){.version = DatumGetInt64(statement_column(0, DEFINED_VERSION)),
								  .status_policy = TextDatumGetCString(statement_column(0, DEFINED_STATUS_POLICY)),
								  .history = TextDatumGetCString(statement_column(0, DEFINED_HISTORY)),
								  .tag_ids = array_column(DEFINED_TAG_IDS),
								  .tag_names = array_column(DEFINED_TAG_NAMES)};
	for (int i = 0; i < FIELD_COLUMN_COUNT; i++)
		stored->fields[i] = array_column(DEFINED_FIELDS + i);
	return true;
}
