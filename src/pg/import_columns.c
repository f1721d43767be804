/*
 * import_columns.c - what the columns of a file are matched to, for contacts.match_columns(), contacts.import() and import views.
 *
 * The core matches (cu_match_columns). An import is matched once, when it begins, and keeps the name of each column with the name of its
 * target, by which later calls find it again.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "definitions.h"
#include "delegate.h"
#include "encoding.h"
#include "errors.h"
#include "host.h"
#include "import_cells.h"
#include "import_columns.h"
#include "jsonb_reader.h"
#include "settings.h"
#include "statement.h"
#include "store.h"
#include "versions.h"

#define COLUMNS_HINT \
	"It is an object such as {\"Opt-in Time\": \"optin_time\", \"Notes\": null}: null leaves a column out."

/* Raises for "columns". */
pg_noreturn static void
raise_bad_columns(const char *message, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg_internal("%s", message), errhint("%s", hint)));
}

/* Raises unless "columns" is an object of texts and nulls. */
static void
check_targets(Jsonb *targets)
{
	JsonbIterator *iterator = JsonbIteratorInit(&targets->root);
	JsonbIteratorToken token;
	JsonbValue member;

	if (!JB_ROOT_IS_OBJECT(targets))
		raise_bad_columns("columns must be an object.", COLUMNS_HINT);
	while ((token = JsonbIteratorNext(&iterator, &member, true)) != WJB_DONE)
		if (token == WJB_VALUE && member.type != jbvString && member.type != jbvNull)
			raise_bad_columns("columns must have texts and nulls.", COLUMNS_HINT);
}

ImportColumns
import_columns_match(const cu_definitions *definitions, char **names, size_t count, Jsonb *targets)
{
	ImportColumns columns = {.count = count,
							 .names = names,
							 .columns = palloc0(sizeof(cu_column) * Max(count, 1)),
							 .matches = palloc0(sizeof(cu_column_match) * Max(count, 1)),
							 .lists = palloc0(sizeof(bool) * Max(count, 1))};
	cu_text *texts = palloc(sizeof(cu_text) * Max(count, 1));
	cu_host host = host_in(CurrentMemoryContext);
	cu_json given;

	for (size_t i = 0; i < count; i++)
		texts[i] = encoding_to_core(names[i], strlen(names[i]));
	if (targets)
		given = jsonb_read(targets);
	host_check(cu_match_columns(&host,
								definitions,
								texts,
								count,
								targets ? &given : NULL,
								columns.columns,
								columns.matches,
								&columns.matching));
	for (size_t i = 0; i < count; i++)
		columns.lists[i] = cu_is_list(definitions, &columns.columns[i]);
	return columns;
}

/* Returns the keys of an object, in jsonb's order. */
static char **
keys_of(Jsonb *object, size_t *count)
{
	char **names = palloc(sizeof(char *) * Max(JB_ROOT_COUNT(object), 1));
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue member;

	*count = 0;
	while ((token = JsonbIteratorNext(&iterator, &member, true)) != WJB_DONE)
		if (token == WJB_KEY)
			names[(*count)++] = pnstrdup(member.val.string.val, member.val.string.len);
	return names;
}

/* Returns the separator that is kept for a column, or 0. */
static char
separator_of(Jsonb *separators, char *name)
{
	JsonbValue key = {.type = jbvString, .val.string = {.val = name, .len = (int)strlen(name)}};
	JsonbValue *value = findJsonbValueFromContainer(&separators->root, JB_FOBJECT, &key);

	return value && value->type == jbvString && value->val.string.len == 1 ? value->val.string.val[0] : '\0';
}

ImportColumns
import_columns_of(const cu_definitions *definitions, Jsonb *matched, Jsonb *separators)
{
	size_t count;
	char **names = keys_of(matched, &count);
	ImportColumns columns = import_columns_match(definitions, names, count, matched);

	for (size_t i = 0; i < count; i++)
	{
		if (columns.matches[i].problem != CU_MATCH_GOOD)
			ereport(
				ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("The column %s of the import was matched to %s, which is gone.",
						quote_identifier(names[i]),
						encoding_to_cstring(columns.matches[i].given)),
				 errhint("Define the field again to load the rest of the rows, or begin anew with restart => true.")));
		columns.columns[i].separator = separator_of(separators, names[i]);
	}
	return columns;
}

cu_json *
import_columns_read(const ImportColumns *columns, Jsonb *row)
{
	cu_json *cells = palloc0(sizeof(cu_json) * Max(columns->count, 1));
	JsonbIterator *iterator = JsonbIteratorInit(&row->root);
	JsonbIteratorToken token;
	JsonbValue member;
	size_t next = 0;

	for (size_t i = 0; i < columns->count; i++)
		cells[i].kind = CU_JSON_NULL;
	while ((token = JsonbIteratorNext(&iterator, &member, true)) != WJB_DONE)
	{
		size_t found = next;

		if (token != WJB_KEY)
			continue;
		/* Both are in jsonb's order, but a row has not all keys. */
		while (found < columns->count &&
			   (strlen(columns->names[found]) != (size_t)member.val.string.len ||
				memcmp(columns->names[found], member.val.string.val, member.val.string.len) != 0))
			found++;
		(void)JsonbIteratorNext(&iterator, &member, true);
		if (found == columns->count)
			continue;
		cells[found] = import_cell_of_value(&member, columns->lists[found]);
		next = found + 1;
	}
	return cells;
}

/* Raises for names in "columns" that no column has. */
static void
check_unused(const ImportColumns *columns)
{
	StringInfoData unused;
	StringInfoData names;

	if (columns->matching.unused_count == 0)
		return;
	initStringInfo(&unused);
	initStringInfo(&names);
	for (size_t i = 0; i < columns->matching.unused_count; i++)
		appendStringInfo(
			&unused, "%s%s", i > 0 ? ", " : "", quote_identifier(encoding_to_cstring(columns->matching.unused[i])));
	for (size_t i = 0; i < columns->count; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", quote_identifier(columns->names[i]));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("columns names what is no column: %s", unused.data),
			 errhint("The columns are %s.", names.data)));
}

static Datum
text_or_null(cu_text text, bool *is_null)
{
	*is_null = text.size == 0;
	return *is_null ? (Datum)0 : encoding_to_text(text);
}

enum MatchColumn
{
	MATCH_POSITION,
	MATCH_NAME,
	MATCH_TARGET,
	MATCH_TYPE,
	MATCH_PROBLEM,
	MATCH_NEAREST,
	MATCH_COLUMN_COUNT,
};

/* Adds a column to the result of contacts.match_columns(). */
static void
put_match(ReturnSetInfo *result, const cu_definitions *definitions, const ImportColumns *columns, size_t number)
{
	static const char *const problems[] = {[CU_MATCH_UNKNOWN] = "unknown",
										   [CU_MATCH_AMBIGUOUS] = "ambiguous",
										   [CU_MATCH_DUPLICATE] = "duplicate",
										   [CU_MATCH_BAD_TARGET] = "no such target"};
	const cu_column *column = &columns->columns[number];
	const cu_column_match *match = &columns->matches[number];
	bool is_field = column->target == CU_TARGET_FIELD;
	cu_text target = match->problem == CU_MATCH_BAD_TARGET ? match->given : cu_target_name(definitions, column);
	cu_text nearest = match->problem == CU_MATCH_DUPLICATE ? columns->columns[match->other].name : match->nearest;
	Datum values[MATCH_COLUMN_COUNT];
	bool nulls[MATCH_COLUMN_COUNT] = {false};

	values[MATCH_POSITION] = Int32GetDatum((int32)number + 1);
	values[MATCH_NAME] = CStringGetTextDatum(columns->names[number]);
	values[MATCH_TARGET] = text_or_null(target, &nulls[MATCH_TARGET]);
	nulls[MATCH_TYPE] = !is_field;
	if (is_field)
		values[MATCH_TYPE] = CStringGetTextDatum(cu_field_type_name(cu_target_type(definitions, column)));
	nulls[MATCH_PROBLEM] = match->problem == CU_MATCH_GOOD;
	if (!nulls[MATCH_PROBLEM])
		values[MATCH_PROBLEM] = CStringGetTextDatum(problems[match->problem]);
	values[MATCH_NEAREST] = text_or_null(nearest, &nulls[MATCH_NEAREST]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Returns an array of texts as names. */
static char **
names_argument(FunctionCallInfo fcinfo, int number, size_t *count)
{
	Datum *texts;
	bool *nulls;
	int text_count = 0;
	char **names;

	if (PG_ARGISNULL(number))
		raise_bad_columns("names must not be null.", "They are the names of the columns, in their order.");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(number), TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, &text_count);
	names = palloc(sizeof(char *) * (size_t)Max(text_count, 1));
	for (int i = 0; i < text_count; i++)
		names[i] = nulls[i] ? pstrdup("") : TextDatumGetCString(texts[i]);
	*count = (size_t)text_count;
	return names;
}

/* Returns the definitions of a workspace as the calling query sees them; raises if there is none. Needs an SPI connection. */
static const cu_definitions *
definitions_of(int64 workspace_id)
{
	return definitions_require(workspace_id, store_read_definitions_version(workspace_id));
}

PG_FUNCTION_INFO_V1(contacts_match_columns);
Datum
contacts_match_columns(PG_FUNCTION_ARGS)
{
	size_t count;
	char **names = names_argument(fcinfo, 0, &count);
	Jsonb *targets = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);
	int64 workspace_id = settings_workspace_argument(fcinfo, 2);
	const cu_definitions *definitions;
	ImportColumns columns;
	Datum there;

	if (delegate_call(fcinfo, 2, NULL, &there))
		return there;
	InitMaterializedSRF(fcinfo, 0);
	if (targets)
		check_targets(targets);
	if (!store_is_installed())
		errors_raise_not_installed();
	versions_check();
	statement_connect();
	definitions_begin_call();
	definitions = definitions_of(workspace_id);
	columns = import_columns_match(definitions, names, count, targets);
	check_unused(&columns);
	for (size_t i = 0; i < count; i++)
		put_match((ReturnSetInfo *)fcinfo->resultinfo, definitions, &columns, i);
	SPI_finish();
	return (Datum)0;
}

/* contacts_list_columns() returns the names of the columns whose cells are lists, of those that an import has matched. */
PG_FUNCTION_INFO_V1(contacts_list_columns);
Datum
contacts_list_columns(PG_FUNCTION_ARGS)
{
	size_t count;
	Jsonb *matched = PG_GETARG_JSONB_P(0);
	char **names = keys_of(matched, &count);
	Datum *lists = palloc(sizeof(Datum) * Max(count, 1));
	size_t list_count = 0;
	ImportColumns columns;
	Datum there;

	if (delegate_call(fcinfo, 1, NULL, &there))
		return there;
	statement_connect();
	definitions_begin_call();
	columns = import_columns_match(definitions_of(PG_GETARG_INT64(1)), names, count, matched);
	/* The names are the caller's, what was matched goes with the connection. */
	for (size_t i = 0; i < count; i++)
		if (columns.matches[i].problem == CU_MATCH_GOOD && columns.lists[i])
			names[list_count++] = names[i];
	SPI_finish();
	for (size_t i = 0; i < list_count; i++)
		lists[i] = CStringGetTextDatum(names[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(lists, (int)list_count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* contacts_make_merge_tag() returns a merge tag made of a name, or an empty text. */
PG_FUNCTION_INFO_V1(contacts_make_merge_tag);
Datum
contacts_make_merge_tag(PG_FUNCTION_ARGS)
{
	const text *name = PG_GETARG_TEXT_PP(0);
	cu_host host = host_in(CurrentMemoryContext);
	cu_text merge_tag;

	host_check(cu_make_merge_tag(&host, encoding_to_core(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)), &merge_tag));
	PG_RETURN_DATUM(encoding_to_text(merge_tag));
}
