/*
 * store.c - the few statements of an upsert, and contacts as they come from and go to the tables.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "encoding.h"
#include "json_reader.h"
#include "json_writer.h"
#include "statement.h"
#include "store.h"

/*
 * Every column is cast to the type that we read it as: the tables belong to the user, who may have changed one. A sub-select
 * for the statistics, because its plan is the index look-up even while the table is empty; a join's may be a scan.
 */
static Statement find_contact = {
	.sql = "SELECT w.definitions_version::pg_catalog.int8, c.id::pg_catalog.text, c.version::pg_catalog.int8,"
		   " c.status::pg_catalog.text, c.tags::pg_catalog.int8[], c.data::pg_catalog.jsonb,"
		   " c.created_at::pg_catalog.timestamptz, c.updated_at::pg_catalog.timestamptz,"
		   " (SELECT ARRAY[s.total_opens, s.total_clicks, s.total_bounces, s.total_delivered]::pg_catalog.int8[]"
		   " FROM contacts.statistics s WHERE s.workspace_id" EQ "$1 AND s.contact_id" EQ "c.id)"
		   " FROM contacts.workspace w"
		   " LEFT JOIN contacts.contact c ON c.workspace_id" EQ "$1 AND c.email_address" EQ "$2"
		   " WHERE w.workspace_id" EQ "$1",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

static Statement lock_contact = {
	.sql = "SELECT FROM contacts.contact c"
		   " WHERE c.workspace_id" EQ "$1 AND c.email_address" EQ "$2 FOR NO KEY UPDATE",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
};

/* Returns the id: a trigger of the user's may have chosen another. */
static Statement insert_contact = {
	.sql = "INSERT INTO contacts.contact"
		   " (workspace_id, id, email_address, status, tags, data, version, created_at, updated_at)"
		   " VALUES ($1, $2, $3, $4::contacts.status, $5, $6, 1, $7, $7)"
		   " ON CONFLICT (workspace_id, email_address) DO NOTHING RETURNING id::pg_catalog.text",
	.parameter_count = 7,
	.parameter_types = {INT8OID, TEXTOID, TEXTOID, TEXTOID, INT8ARRAYOID, JSONBOID, TIMESTAMPTZOID},
};

static Statement update_contact = {
	.sql = "UPDATE contacts.contact AS c SET status = $4::contacts.status, tags = $5, data = $6,"
		   " version = c.version OPERATOR(pg_catalog.+) 1, updated_at = $7"
		   " WHERE c.workspace_id" EQ "$1 AND c.id" EQ "$2 AND c.version" EQ "$3",
	.parameter_count = 7,
	.parameter_types = {INT8OID, TEXTOID, INT8OID, TEXTOID, INT8ARRAYOID, JSONBOID, TIMESTAMPTZOID},
};

/* In one order, so that two sessions that create the same tags do not wait for each other. */
static Statement create_tags = {
	.sql = "INSERT INTO contacts.tag (workspace_id, name)"
		   " SELECT $1, n FROM pg_catalog.unnest($2) n ORDER BY contacts.fold_case(n)"
		   " ON CONFLICT (workspace_id, contacts.fold_case(name)) DO NOTHING",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTARRAYOID},
};

static Statement load_definitions = {
	.sql = "SELECT w.definitions_version::pg_catalog.int8, pg_catalog.jsonb_build_object("
		   "'status_policy', w.status_policy,"
		   "'fields', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object("
		   "'merge_tag', f.merge_tag, 'label', f.label, 'type', f.type, 'options', f.options,"
		   "'default_value', f.default_value, 'required', f.required, 'tracked', f.tracked)"
		   " ORDER BY f.position, f.merge_tag) FROM contacts.field f WHERE f.workspace_id" EQ "$1),"
		   "'tags', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(t.tag_id, t.name) ORDER BY t.tag_id)"
		   " FROM contacts.tag t WHERE t.workspace_id" EQ "$1))"
		   " FROM contacts.workspace w WHERE w.workspace_id" EQ "$1",
	.parameter_count = 1,
	.parameter_types = {INT8OID},
};

static cu_status
read_status(Datum stored)
{
	const char *name = TextDatumGetCString(stored);

	for (int i = 0; i < CU_STATUS_COUNT; i++)
		if (strcmp(name, cu_status_name((cu_status)i)) == 0)
			return (cu_status)i;
	elog(ERROR, "unknown contact status %s", name);
}

static Datum
text_datum(const char *data, size_t size)
{
	return PointerGetDatum(cstring_to_text_with_len(data, (int)size));
}

static Datum
tag_ids_datum(const cu_decision *decision)
{
	Datum *ids = palloc(sizeof(Datum) * Max(decision->tag_count, 1));

	for (size_t i = 0; i < decision->tag_count; i++)
		ids[i] = Int64GetDatum(decision->tags[i].id);
	return PointerGetDatum(
		construct_array(ids, (int)decision->tag_count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

bool
store_is_installed(void)
{
	Oid namespace;

	if (statement_is_ready(&find_contact))
		return true;
	namespace = get_namespace_oid("contacts", true);
	return OidIsValid(namespace) && OidIsValid(get_relname_relid("workspace", namespace));
}

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

static void
read_statistics(StoredContact *found, Datum stored)
{
	size_t count;
	const int64 *totals = read_bigints(stored, &count);

	found->total_opens = totals[0];
	found->total_clicks = totals[1];
	found->total_bounces = totals[2];
	found->total_delivered = totals[3];
}

static void
read_contact(StoredContact *found, Datum id)
{
	bool is_null;
	Datum statistics;

	text_to_cstring_buffer(DatumGetTextPP(id), found->id, sizeof(found->id));
	found->version = DatumGetInt64(statement_column(0, 3));
	found->contact.status = read_status(statement_column(0, 4));
	found->contact.tag_ids = read_bigints(statement_column(0, 5), &found->contact.tag_count);
	found->contact.data = json_read(DatumGetJsonbP(statement_column(0, 6)));
	found->created_at = DatumGetTimestampTz(statement_column(0, 7));
	found->updated_at = DatumGetTimestampTz(statement_column(0, 8));
	statistics = statement_nullable_column(0, 9, &is_null);
	if (!is_null)
		read_statistics(found, statistics);
}

bool
store_find_contact(int64 workspace_id, Datum email, StoredContact *found)
{
	bool is_null;
	Datum id;

	if (statement_execute(&find_contact, (Datum[]){Int64GetDatum(workspace_id), email}) == 0)
		return false;

	*found = (StoredContact){.definitions_version = DatumGetInt64(statement_column(0, 1))};
	id = statement_nullable_column(0, 2, &is_null);
	found->exists = !is_null;
	if (found->exists)
		read_contact(found, id);
	return true;
}

void
store_lock_contact(int64 workspace_id, Datum email)
{
	(void)statement_execute(&lock_contact, (Datum[]){Int64GetDatum(workspace_id), email});
}

bool
store_insert_contact(int64 workspace_id, Datum email, char id[OBJECT_ID_SIZE], const cu_decision *decision,
					 TimestampTz now)
{
	if (statement_execute(&insert_contact,
						  (Datum[]){Int64GetDatum(workspace_id),
									text_datum(id, strlen(id)),
									email,
									CStringGetTextDatum(cu_status_name(decision->status)),
									tag_ids_datum(decision),
									JsonbPGetDatum(json_write(&decision->data)),
									TimestampTzGetDatum(now)}) == 0)
		return false;
	text_to_cstring_buffer(DatumGetTextPP(statement_column(0, 1)), id, OBJECT_ID_SIZE);
	return true;
}

bool
store_update_contact(int64 workspace_id, const StoredContact *found, const cu_decision *decision, TimestampTz now)
{
	return statement_execute(&update_contact,
							 (Datum[]){Int64GetDatum(workspace_id),
									   text_datum(found->id, strlen(found->id)),
									   Int64GetDatum(found->version),
									   CStringGetTextDatum(cu_status_name(decision->status)),
									   tag_ids_datum(decision),
									   JsonbPGetDatum(json_write(&decision->data)),
									   TimestampTzGetDatum(now)}) > 0;
}

void
store_create_tags(int64 workspace_id, const cu_decision *decision)
{
	Datum *names = palloc(sizeof(Datum) * decision->new_tag_count);
	int count = 0;

	for (size_t i = 0; i < decision->tag_count; i++)
	{
		cu_text name = encoding_from_core(decision->tags[i].name);

		if (decision->tags[i].id == 0)
			names[count++] = text_datum(name.data, name.size);
	}
	(void)statement_execute(
		&create_tags,
		(Datum[]){Int64GetDatum(workspace_id),
				  PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT))});
}

Jsonb *
store_load_definitions(int64 workspace_id, int64 *version)
{
	if (statement_execute(&load_definitions, (Datum[]){Int64GetDatum(workspace_id)}) == 0)
		return NULL;
	*version = DatumGetInt64(statement_column(0, 1));
	return DatumGetJsonbP(statement_column(0, 2));
}
