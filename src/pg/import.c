/*
 * import.c - what loading files needs in C. The trigger under an import view (sql/import_view.sql) makes a request of a row
 * that is inserted and upserts the contact, because COPY calls it for each line of a file; contacts.import (sql/import.sql)
 * has the rows of a chunk upserted, and asks whether it may commit.
 *
 * Raises what an upsert raises; COPY adds the line, contacts.import the rows. It writes nothing but through upsert_run and
 * bulk_upsert.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"

#include "bulk.h"
#include "errors.h"
#include "statement.h"
#include "upsert.h"

/*
 * contact_columns are the contact's own; the column of a field of such a name begins with field_prefix, as no merge
 * tag does.
 */
static const char *const contact_columns[] = {"email_address", "status", "tags"};
static const char field_prefix[] = "fields.";

/* A RowValue is a value of a row that is not null, under the name of its column. */
typedef struct RowValue
{
	const char *column;
	JsonbValue value;
} RowValue;

/* An ImportRow is a row of a file or of a staging table, and how it is to be upserted. */
typedef struct ImportRow
{
	RowValue *values;
	int count;
	bool partial_update;
	bool create_tags;
	const char *mode; /* NULL for upsert */
} ImportRow;

static JsonbValue
string_value(char *text)
{
	return (JsonbValue){.type = jbvString, .val.string = {.val = text, .len = (int)strlen(text)}};
}

static JsonbValue
list_value(ArrayType *array)
{
	Datum *items;
	bool *nulls;
	int count;
	JsonbValue *elements;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
	elements = palloc0(sizeof(JsonbValue) * Max(count, 1));
	for (int i = 0; i < count; i++)
		elements[i] = nulls[i] ? (JsonbValue){.type = jbvNull} : string_value(TextDatumGetCString(items[i]));
	return (JsonbValue){.type = jbvArray, .val.array = {.nElems = count, .elems = elements}};
}

/* Returns booleans, numbers and lists as such, all else as text: NaN too, which the core rejects. */
static JsonbValue
column_value(Oid type, Datum column)
{
	Oid output;
	bool is_varlena;

	if (type == BOOLOID)
		return (JsonbValue){.type = jbvBool, .val.boolean = DatumGetBool(column)};
	if (type == NUMERICOID && !numeric_is_nan(DatumGetNumeric(column)) && !numeric_is_inf(DatumGetNumeric(column)))
		return (JsonbValue){.type = jbvNumeric, .val.numeric = DatumGetNumeric(column)};
	if (type == TEXTARRAYOID)
		return list_value(DatumGetArrayTypeP(column));
	getTypeOutputInfo(type, &output, &is_varlena);
	return string_value(OidOutputFunctionCall(output, column));
}

/* Takes the values of a row that is inserted into a view. */
static ImportRow
row_of_tuple(HeapTuple tuple, TupleDesc descriptor)
{
	ImportRow row = {.values = palloc(sizeof(RowValue) * (size_t)Max(descriptor->natts, 1))};

	for (int number = 1; number <= descriptor->natts; number++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, number - 1);
		bool is_null;
		Datum column = heap_getattr(tuple, number, descriptor, &is_null);

		if (!is_null)
			row.values[row.count++] =
				(RowValue){NameStr(attribute->attname), column_value(attribute->atttypid, column)};
	}
	return row;
}

/* Takes the values of a row of a staging table, as staging.c reads it. */
static ImportRow
row_of_jsonb(Jsonb *object)
{
	ImportRow row = {.values = palloc(sizeof(RowValue) * Max(JB_ROOT_COUNT(object), 1))};
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue member;

	while ((token = JsonbIteratorNext(&iterator, &member, true)) != WJB_DONE)
	{
		RowValue *value;

		if (token != WJB_KEY)
			continue;
		value = &row.values[row.count++];
		value->column = pnstrdup(member.val.string.val, member.val.string.len);
		(void)JsonbIteratorNext(&iterator, &value->value, true);
	}
	return row;
}

static bool
is_contact_column(const char *name)
{
	for (size_t i = 0; i < lengthof(contact_columns); i++)
		if (strcmp(name, contact_columns[i]) == 0)
			return true;
	return false;
}

static const char *
merge_tag_of(const char *column)
{
	size_t prefix = sizeof(field_prefix) - 1;

	return strncmp(column, field_prefix, prefix) == 0 ? column + prefix : column;
}

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue value = string_value(unconstify(char *, key));

	pushJsonbValue(state, WJB_KEY, &value);
}

static void
push_boolean(JsonbParseState **state, const char *key, bool boolean)
{
	JsonbValue value = {.type = jbvBool, .val.boolean = boolean};

	push_key(state, key);
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_string(JsonbParseState **state, const char *key, const char *text)
{
	JsonbValue value = string_value(unconstify(char *, text));

	push_key(state, key);
	pushJsonbValue(state, WJB_VALUE, &value);
}

static bool
is_blank(const char *text, int size)
{
	for (int i = 0; i < size; i++)
		if (text[i] != ' ')
			return false;
	return true;
}

/* Pushes the names of a text of tags, separated by commas; white space around a name is the core's to drop. */
static void
push_names(JsonbParseState **state, const JsonbValue *list)
{
	char *end = list->val.string.val + list->val.string.len;
	char *comma;

	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (char *at = list->val.string.val; at < end; at = comma + 1)
	{
		JsonbValue name = {.type = jbvString};

		comma = memchr(at, ',', end - at);
		if (comma == NULL)
			comma = end;
		name.val.string.val = at;
		name.val.string.len = (int)(comma - at);
		if (!is_blank(at, name.val.string.len))
			pushJsonbValue(state, WJB_ELEM, &name);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* Pushes the values of a row: the contact's own, or those that are fields. */
static void
push_values(JsonbParseState **state, const ImportRow *row, bool contacts_own)
{
	for (int i = 0; i < row->count; i++)
	{
		RowValue *value = &row->values[i];

		if (is_contact_column(value->column) != contacts_own)
			continue;
		push_key(state, merge_tag_of(value->column));
		if (strcmp(value->column, "tags") == 0 && value->value.type == jbvString)
			push_names(state, &value->value);
		else
			pushJsonbValue(state, WJB_VALUE, &value->value);
	}
}

/* Pushes the request for a row. */
static JsonbValue *
push_request(JsonbParseState **state, const ImportRow *row)
{
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_boolean(state, "partial_update", row->partial_update);
	push_boolean(state, "create_tags", row->create_tags);
	if (row->mode)
		push_string(state, "mode", row->mode);
	push_values(state, row, true);
	push_key(state, "fields");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_values(state, row, false);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* A RowRange is rows of a staging table, for an error's context. */
typedef struct RowRange
{
	int64 first;
	int count;
} RowRange;

static void
describe_rows(void *argument)
{
	const RowRange *rows = argument;

	if (rows->count == 1)
		errcontext("row %lld of the staging table", (long long)rows->first);
	else
		errcontext("rows %lld to %lld of the staging table",
				   (long long)rows->first,
				   (long long)(rows->first + rows->count - 1));
}

/* Returns the requests for rows of a staging table, as an array; how has the parameters that all have in common. */
static Jsonb *
requests_of(const Datum *rows, int count, const ImportRow *how)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < count; i++)
	{
		ImportRow row = row_of_jsonb(DatumGetJsonbP(rows[i]));

		CHECK_FOR_INTERRUPTS();
		row.partial_update = how->partial_update;
		row.create_tags = how->create_tags;
		row.mode = how->mode;
		(void)push_request(&state, &row);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

/* Most imports upsert, which the requests need not say. */
static const char *
mode_argument(const char *mode)
{
	return strcmp(mode, "upsert") == 0 ? NULL : mode;
}

/* The arguments of contacts_internal.upsert_rows(). */
enum UpsertRowsArgument
{
	UPSERT_ROWS,
	UPSERT_FIRST_ROW,
	UPSERT_PARTIAL_UPDATE,
	UPSERT_CREATE_TAGS,
	UPSERT_MODE,
	UPSERT_HISTORY,
	UPSERT_IMPORT_ID,
	UPSERT_WORKSPACE_ID,
};

PG_FUNCTION_INFO_V1(contacts_upsert_rows);
Datum
contacts_upsert_rows(PG_FUNCTION_ARGS)
{
	RowRange range = {.first = PG_GETARG_INT64(UPSERT_FIRST_ROW)};
	ErrorContextCallback context = {.previous = error_context_stack, .callback = describe_rows, .arg = &range};
	ImportRow how = {.partial_update = PG_GETARG_BOOL(UPSERT_PARTIAL_UPDATE),
					 .create_tags = PG_GETARG_BOOL(UPSERT_CREATE_TAGS),
					 .mode = mode_argument(text_to_cstring(PG_GETARG_TEXT_PP(UPSERT_MODE)))};
	BulkOptions options = {.keeps_history = PG_GETARG_BOOL(UPSERT_HISTORY),
						   .import_id = PG_GETARG_INT64(UPSERT_IMPORT_ID)};
	UpsertResults results;
	Jsonb *requests;
	Datum *rows;

	PreventCommandIfReadOnly("contacts.import()");
	PreventCommandIfParallelMode("contacts.import()");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(UPSERT_ROWS), JSONBOID, -1, false, TYPALIGN_INT, &rows, NULL, &range.count);
	error_context_stack = &context;
	upsert_results_begin(&results, fcinfo);
	requests = requests_of(rows, range.count, &how);
	bulk_upsert(PG_GETARG_INT64(UPSERT_WORKSPACE_ID), requests, options, &results);
	upsert_results_return(&results);
	error_context_stack = context.previous;
	return (Datum)0;
}

/* Whether an argument of a view's trigger, behind the workspace, is a key of the request that is true. */
static bool
has_argument(const TriggerData *trigger, const char *key)
{
	for (int i = 1; i < trigger->tg_trigger->tgnargs; i++)
		if (strcmp(trigger->tg_trigger->tgargs[i], key) == 0)
			return true;
	return false;
}

/* Returns the mode of a view's rows, the argument behind the workspace that begins with mode_prefix. */
static const char *
mode_of(const TriggerData *trigger)
{
	static const char mode_prefix[] = "mode=";
	size_t prefix = sizeof(mode_prefix) - 1;

	for (int i = 1; i < trigger->tg_trigger->tgnargs; i++)
		if (strncmp(trigger->tg_trigger->tgargs[i], mode_prefix, prefix) == 0)
			return trigger->tg_trigger->tgargs[i] + prefix;
	return NULL;
}

/* Returns the request for a row that is inserted into a view. */
static Datum
request_of(const TriggerData *trigger)
{
	ImportRow row = row_of_tuple(trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation));
	JsonbParseState *state = NULL;

	row.partial_update = has_argument(trigger, "partial_update");
	row.create_tags = has_argument(trigger, "create_tags");
	row.mode = mode_of(trigger);
	return JsonbPGetDatum(JsonbValueToJsonb(push_request(&state, &row)));
}

static int64
workspace_of(const TriggerData *trigger)
{
	return DatumGetInt64(DirectFunctionCall1(int8in, CStringGetDatum(trigger->tg_trigger->tgargs[0])));
}

PG_FUNCTION_INFO_V1(contacts_upsert_view_row);
Datum
contacts_upsert_view_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *)fcinfo->context;
	Upsert upsert;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_INSTEAD(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || trigger->tg_trigger->tgnargs < 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("contacts_internal.upsert_view_row() is the trigger of an import view."),
				 errhint("SELECT contacts.create_import_view(name) makes one.")));
	statement_connect();
	upsert_run(workspace_of(trigger), request_of(trigger), true, &upsert);
	if (upsert.rejected)
		errors_raise(upsert.error);
	SPI_finish();
	return PointerGetDatum(trigger->tg_trigtuple);
}

PG_FUNCTION_INFO_V1(contacts_in_transaction_block);
Datum
contacts_in_transaction_block(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(IsTransactionBlock());
}
