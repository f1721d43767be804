/*
 * staging.c - reads the staging table of contacts.import (sql/import.sql): a table, a view or a foreign table, each row one
 * jsonb without its nulls.
 *
 * A column's type may have casts of its maker's, a view may call functions of its owner's. So the query that reads them has
 * only functions of PostgreSQL's own in it, which never look for a cast (staging_row.c), and runs as the relation's owner, in the way in which
 * ANALYZE runs a table's functions. What the caller may see is checked as the caller, before that. Code of a user's own thus
 * never runs with the rights of the caller, and the caller never sees what its own SELECT would not show.
 *
 * Raises what reading a table may raise, with the number of the row in the context. It writes nothing.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/analyze.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "core/contact_rows.h"
#include "import_cells.h"
#include "json_object.h"
#include "pg_compat.h"
#include "staging_row.h"

/* CHUNK_BYTES keeps the memory of a chunk bounded, whatever is in the rows. */
#define CHUNK_BYTES (32 * 1024 * 1024)

/* A StagingReader is where the rows go, as the executor wants it. */
typedef struct StagingReader
{
	DestReceiver receiver; /* the executor's own part, and so the first */
	StagingColumns columns;
	const char *name;
	const char *owner;
	int64 row_count;
	uint64 hash_sum;   /* of all rows so far, in whatever order */
	MemoryContext row; /* what is needed for one row alone */
	int chunk_size;	   /* 0: the rows are only counted and hashed */
	ReturnSetInfo *result;
	MemoryContext chunk;
	Datum *rows; /* of the chunk */
	int chunk_count;
	size_t chunk_bytes;
	Datum *lists; /* names of columns that are lists, texts */
	int list_count;
	unsigned *separators; /* that those have in all rows so far, see cu_list_separators */
} StagingReader;

static void
describe_row(void *argument)
{
	const StagingReader *reader = argument;

	errcontext("reading row %lld of %s as its owner %s", (long long)reader->row_count + 1, reader->name, reader->owner);
}

/* Whether a row is more than what is stored: then what is in it depends on the user as which it is read. */
static bool
depends_on_reader(Oid id, LOCKMODE lock)
{
	bool depends = get_rel_relkind(id) == RELKIND_VIEW;
	List *members = NIL;
	ListCell *member;

	if (!depends)
		members = find_all_inheritors(id, lock, NULL);
	foreach (member, members)
		depends = depends || get_rel_relkind(lfirst_oid(member)) == RELKIND_FOREIGN_TABLE;
	return depends;
}

/* Raises unless the caller may see every row and column. */
static void
check_caller(Form_pg_class relation, LOCKMODE lock)
{
	Oid id = relation->oid;
	Oid caller = GetUserId();
	const char *name = NameStr(relation->relname);

	if (namespace_aclcheck(relation->relnamespace, caller, ACL_USAGE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_SCHEMA, get_namespace_name(relation->relnamespace));
	if (pg_class_aclcheck(id, caller, ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(id, caller, ACL_SELECT, ACLMASK_ALL) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(relation->relkind), name);
	/* FORCE ROW LEVEL SECURITY hides rows from the owner, as which the table is read. */
	if (check_enable_rls(id, caller, true) == RLS_ENABLED ||
		check_enable_rls(id, relation->relowner, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("\"%s\" cannot be imported: row level security may hide some of its rows.", name),
				 errhint("Copy the rows that you see into a table of your own, and import that.")));
	if (!has_privs_of_role(caller, relation->relowner) && depends_on_reader(id, lock))
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("\"%s\" cannot be imported: what it shows depends on its reader, and it is read as its owner %s.",
					name,
					GetUserNameFromId(relation->relowner, false)),
			 errhint("Let the owner or a member of that role import it, or copy its rows into a table of your own.")));
}

/* Returns the query, and sets the columns that it has. */
static const char *
query_text(Relation relation, StagingColumns *columns)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	*columns = staging_row_select(&sql, RelationGetDescr(relation));
	appendStringInfo(&sql,
					 " FROM %s AS staged",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												RelationGetRelationName(relation)));
	return sql.data;
}

/* Returns the query, with names looked up as the caller. */
static Query *
analyze_query(Relation relation, const char *sql)
{
	RawStmt *statement = linitial_node(RawStmt, pg_parse_query(sql));
	Query *query = parse_analyze_fixedparams(statement, sql, NULL, 0, NULL);

	/* The relation is locked, but its schema may have been renamed, and another one have got the name. */
	if (linitial_node(RangeTblEntry, query->rtable)->relid != RelationGetRelid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("\"%s\" was renamed meanwhile.", RelationGetRelationName(relation)),
				 errhint("Call contacts.import() again.")));
	return query;
}

static void
execute_query(Query *query, const char *sql, DestReceiver *receiver)
{
	PlannedStmt *plan;
	QueryDesc *execution;

	/* The plan is not parallel, because a row's number is its place in the table. */
	plan = plan_without_parameters(linitial_node(Query, QueryRewrite(query)), sql);
	PushCopiedSnapshot(GetActiveSnapshot());
	UpdateActiveSnapshotCommandId();
	execution = CreateQueryDesc(plan, sql, GetActiveSnapshot(), InvalidSnapshot, receiver, NULL, NULL, 0);
	ExecutorStart(execution, 0);
	run_to_end(execution);
	ExecutorFinish(execution);
	ExecutorEnd(execution);
	FreeQueryDesc(execution);
	PopActiveSnapshot();
}

/* Pins what the output of a type depends on, so that the rows of a table are the same in every session. */
static void
pin_settings(void)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"timezone", "UTC"},
		{"datestyle", "ISO"},
		{"intervalstyle", "postgres"},
		{"extra_float_digits", "1"},
		{"bytea_output", "hex"},
		{"lc_monetary", "C"},
		/* a large table too is read from its beginning */
		{"synchronize_seqscans", "off"},
	};

	for (size_t i = 0; i < lengthof(settings); i++)
		(void)set_config_option(
			settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

static void
read_staging(Oid id, StagingReader *reader)
{
	Relation relation = relation_open(id, AccessShareLock);
	const char *sql;
	Query *query;
	ErrorContextCallback context = {.previous = error_context_stack, .callback = describe_row, .arg = reader};
	Oid caller;
	int security;
	int settings;

	check_caller(relation->rd_rel, AccessShareLock);
	sql = query_text(relation, &reader->columns);
	query = analyze_query(relation, sql);
	reader->name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
											  RelationGetRelationName(relation));
	reader->owner = GetUserNameFromId(relation->rd_rel->relowner, false);
	reader->row = AllocSetContextCreate(CurrentMemoryContext, "contact_upsert staged row", ALLOCSET_DEFAULT_SIZES);
	GetUserIdAndSecContext(&caller, &security);
	SetUserIdAndSecContext(relation->rd_rel->relowner, security | SECURITY_RESTRICTED_OPERATION);
	/* also takes back what the owner's functions set */
	settings = NewGUCNestLevel();
	pin_settings();
	error_context_stack = &context;
	execute_query(query, sql, &reader->receiver);
	error_context_stack = context.previous;
	AtEOXact_GUC(false, settings);
	SetUserIdAndSecContext(caller, security);
	relation_close(relation, NoLock);
}

/* Whether a cell is, or is meant for, an array, which has commas whatever separates the items of lists. */
static bool
begins_like_array(const cu_json *cell)
{
	cu_text text = cu_trim(cell->text);

	return cell->kind != CU_JSON_STRING || (text.size > 0 && (text.data[0] == '{' || text.data[0] == '['));
}

/* Takes note of the separators that the lists of a row have. */
static void
note_separators(StagingReader *reader, Jsonb *row)
{
	for (int i = 0; i < reader->list_count; i++)
	{
		text *name = DatumGetTextPP(reader->lists[i]);
		JsonbValue key = {.type = jbvString,
						  .val.string = {.val = VARDATA_ANY(name), .len = (int)VARSIZE_ANY_EXHDR(name)}};
		JsonbValue *value = findJsonbValueFromContainer(&row->root, JB_FOBJECT, &key);

		if (value)
		{
			cu_json cell = import_cell_of_value(value, true);

			if (!begins_like_array(&cell))
				reader->separators[i] |= cu_list_separators(&cell);
		}
	}
}

#define MAX_SEPARATORS 3

/* Writes the separator of a list, and behind it those that its cells have beside that; nothing where it is not clear. */
static int
write_separators(unsigned separators, char *text)
{
	int size = 0;
	char separator = cu_separator_of(separators);

	if (separator == '\0')
		return 0;
	text[size++] = separator;
	if (separator != ';' && (separators & CU_HAS_SEMICOLON))
		text[size++] = ';';
	if (separator != '|' && (separators & CU_HAS_BAR))
		text[size++] = '|';
	return size;
}

/* Returns the separators of the lists, as far as they are clear: {"column": ";"}, or {"column": ",;"} where cells have others, too. */
static Jsonb *
separators_as_jsonb(const StagingReader *reader)
{
	JsonObject object;

	json_object_begin(&object);
	for (int i = 0; i < reader->list_count; i++)
	{
		text *name = DatumGetTextPP(reader->lists[i]);
		JsonbValue key = {.type = jbvString,
						  .val.string = {.val = VARDATA_ANY(name), .len = (int)VARSIZE_ANY_EXHDR(name)}};
		JsonbValue value = {.type = jbvString, .val.string = {.val = palloc(MAX_SEPARATORS)}};

		value.val.string.len = write_separators(reader->separators[i], value.val.string.val);
		if (value.val.string.len == 0)
			continue;
		json_object_add(&object, key, value);
	}
	return json_object_end(&object);
}

/* Returns the chunk so far as a row of the result. */
static void
return_chunk(StagingReader *reader)
{
	Datum values[4];
	bool nulls[4] = {false};

	if (reader->chunk_count == 0)
		return;
	values[0] = Int64GetDatum(reader->row_count - reader->chunk_count + 1);
	values[1] = PointerGetDatum(construct_array(reader->rows, reader->chunk_count, JSONBOID, -1, false, TYPALIGN_INT));
	values[2] = Int64GetDatum((int64)reader->hash_sum);
	values[3] = JsonbPGetDatum(separators_as_jsonb(reader));
	tuplestore_putvalues(reader->result->setResult, reader->result->setDesc, values, nulls);
	reader->chunk_count = 0;
	reader->chunk_bytes = 0;
	MemoryContextReset(reader->chunk);
}

static void
add_to_chunk(StagingReader *reader, Jsonb *row)
{
	MemoryContext caller = MemoryContextSwitchTo(reader->chunk);
	size_t size = VARSIZE(row);

	if (reader->chunk_count == reader->chunk_size || reader->chunk_bytes + size > CHUNK_BYTES)
		return_chunk(reader);
	if (reader->chunk_count == 0)
		reader->rows = palloc(sizeof(Datum) * reader->chunk_size);
	reader->rows[reader->chunk_count++] = PointerGetDatum(memcpy(palloc(size), row, size));
	reader->chunk_bytes += size;
	MemoryContextSwitchTo(caller);
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *receiver)
{
	StagingReader *reader = (StagingReader *)receiver;
	MemoryContext caller = MemoryContextSwitchTo(reader->row);
	Jsonb *row = staging_row_as_jsonb(&reader->columns, slot);

	if (reader->chunk_size > 0)
	{
		add_to_chunk(reader, row);
		note_separators(reader, row);
	}
	/* hash_any_extended(), not jsonb_hash_extended(): only a row that has not changed has to give the same, not one that is equal. */
	reader->hash_sum += DatumGetUInt64(hash_any_extended((unsigned char *)row, VARSIZE(row), 0));
	reader->row_count++;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(reader->row);
	return true;
}

static void
begin_rows(DestReceiver *receiver, int operation, TupleDesc descriptor)
{}

static void
end_rows(DestReceiver *receiver)
{}

static StagingReader
new_reader(void)
{
	return (StagingReader){
		.receiver = {.receiveSlot = receive_row, .rStartup = begin_rows, .rShutdown = end_rows, .rDestroy = end_rows}};
}

PG_FUNCTION_INFO_V1(contacts_check_staging);
Datum
contacts_check_staging(PG_FUNCTION_ARGS)
{
	HeapTuple relation = SearchSysCache1(RELOID, ObjectIdGetDatum(PG_GETARG_OID(0)));

	/*
	 * No lock is taken: another session may hold one, and whether that session is importing the table has to be seen
	 * first.
	 */
	if (HeapTupleIsValid(relation))
	{
		check_caller((Form_pg_class)GETSTRUCT(relation), NoLock);
		ReleaseSysCache(relation);
	}
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(contacts_staging_fingerprint);
Datum
contacts_staging_fingerprint(PG_FUNCTION_ARGS)
{
	StagingReader reader = new_reader();

	read_staging(PG_GETARG_OID(0), &reader);
	PG_RETURN_INT64((int64)reader.hash_sum);
}

PG_FUNCTION_INFO_V1(contacts_staging_chunks);
Datum
contacts_staging_chunks(PG_FUNCTION_ARGS)
{
	StagingReader reader = new_reader();

	InitMaterializedSRF(fcinfo, 0);
	reader.result = (ReturnSetInfo *)fcinfo->resultinfo;
	reader.chunk_size = Max(PG_GETARG_INT32(1), 1);
	deconstruct_array(
		PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &reader.lists, NULL, &reader.list_count);
	reader.separators = palloc0(sizeof(unsigned) * (size_t)Max(reader.list_count, 1));
	reader.chunk = AllocSetContextCreate(CurrentMemoryContext, "contact_upsert staged chunk", ALLOCSET_DEFAULT_SIZES);
	read_staging(PG_GETARG_OID(0), &reader);
	return_chunk(&reader);
	MemoryContextDelete(reader.chunk);
	PG_RETURN_NULL();
}
