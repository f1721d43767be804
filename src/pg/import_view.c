/*
 * import_view.c - the trigger under an import view (sql/import_view.sql): makes a request of a row that is inserted, upserts the contact,
 * and returns the row as the view shows it then. COPY calls it for each line of a file.
 *
 * The columns are matched once a statement. Raises what an upsert raises; COPY adds the line. It writes nothing but through
 * upsert_run_document.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "definitions.h"
#include "encoding.h"
#include "errors.h"
#include "host.h"
#include "import_cells.h"
#include "import_columns.h"
#include "import_options.h"
#include "jsonb_writer.h"
#include "statement.h"
#include "store.h"
#include "upsert.h"

/*
 * NOT_NAMED is the default of the columns of a view that clears blank cells (contacts_internal.keep_unnamed_columns): a row has it where
 * the INSERT or COPY does not name the column, which then says nothing.
 */
#define NOT_NAMED "contact_upsert: column not named"

/* A ViewReader reads the rows of one statement. */
typedef struct ViewReader
{
	MemoryContext memory;
	const cu_definitions *definitions; /* by which the columns are matched */
	ImportColumns columns;
	int *attributes; /* of each column, from 0 */
	cu_read_options options;
	MemoryContext reader_memory;
	const cu_row_reader *reader; /* of rows that name these columns; NULL before the first one */
	bool *named;				 /* of each column */
} ViewReader;

/* Returns what stands behind the prefix in an argument of the trigger behind the first, which is the workspace; NULL if none has it. */
static const char *
argument(const TriggerData *trigger, const char *prefix)
{
	for (int i = 1; i < trigger->tg_trigger->tgnargs; i++)
		if (strncmp(trigger->tg_trigger->tgargs[i], prefix, strlen(prefix)) == 0)
			return trigger->tg_trigger->tgargs[i] + strlen(prefix);
	return NULL;
}

static cu_text
text_argument(const TriggerData *trigger, const char *prefix)
{
	const char *text = argument(trigger, prefix);

	return text ? encoding_to_core(text, strlen(text)) : (cu_text){"", 0};
}

static int64
workspace_of(const TriggerData *trigger)
{
	return DatumGetInt64(DirectFunctionCall1(int8in, CStringGetDatum(trigger->tg_trigger->tgargs[0])));
}

static cu_read_options
options_of(const TriggerData *trigger)
{
	const char *blank = argument(trigger, "blank=");

	return (cu_read_options){.partial_update = argument(trigger, "partial_update") != NULL,
							 .create_tags = argument(trigger, "create_tags") != NULL,
							 .clears_blank = blank && strcmp(blank, "clear") == 0,
							 .mode = text_argument(trigger, "mode="),
							 .date_format = text_argument(trigger, "date_format="),
							 .now_seconds = (int64)timestamptz_to_time_t(GetCurrentTimestamp())};
}

/* Matches the columns of the view. A column whose field is gone has no target. */
static void
match_columns(ViewReader *reader, const TriggerData *trigger)
{
	TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
	const char *columns = argument(trigger, "columns=");
	const char *separator = argument(trigger, "separator=");
	char **names = palloc(sizeof(char *) * (size_t)Max(descriptor->natts, 1));
	size_t count = 0;

	reader->attributes = palloc(sizeof(int) * (size_t)Max(descriptor->natts, 1));
	for (int i = 0; i < descriptor->natts; i++)
	{
		if (TupleDescAttr(descriptor, i)->attisdropped)
			continue;
		reader->attributes[count] = i;
		names[count++] = NameStr(TupleDescAttr(descriptor, i)->attname);
	}
	reader->columns =
		import_columns_match(reader->definitions,
							 names,
							 count,
							 columns ? DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(columns))) : NULL);
	for (size_t i = 0; separator && i < count; i++)
		reader->columns.columns[i].separator = separator[0];
}

/* Prepares to read rows. The definitions that it points to stay until the statement is done. */
static ViewReader *
prepare_reader(FunctionCallInfo fcinfo)
{
	const TriggerData *trigger = (TriggerData *)fcinfo->context;
	int64 workspace_id = workspace_of(trigger);
	MemoryContext memory =
		AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "contact_upsert view reader", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(memory);
	ViewReader *reader = palloc0(sizeof(ViewReader));

	reader->memory = memory;
	reader->options = options_of(trigger);
	reader->reader_memory = AllocSetContextCreate(memory, "contact_upsert row reader", ALLOCSET_SMALL_SIZES);
	definitions_begin_call();
	statement_connect();
	reader->definitions = definitions_require(workspace_id, store_definitions_version(workspace_id));
	SPI_finish();
	match_columns(reader, trigger);
	reader->named = palloc0(sizeof(bool) * Max(reader->columns.count, 1));
	MemoryContextSwitchTo(caller);
	return reader;
}

/* Makes the reader one of rows that name these columns. The rows of a statement name the same, but for VALUES with DEFAULT in them. */
static void
set_named(ViewReader *reader, const bool *named)
{
	size_t count = reader->columns.count;
	cu_column *columns;
	cu_host host = host_in(reader->reader_memory);

	if (reader->reader && memcmp(reader->named, named, sizeof(bool) * count) == 0)
		return;
	reader->reader = NULL;
	MemoryContextReset(reader->reader_memory);
	columns = MemoryContextAlloc(reader->reader_memory, sizeof(cu_column) * Max(count, 1));
	for (size_t i = 0; i < count; i++)
	{
		columns[i] = reader->columns.columns[i];
		if (!named[i])
			columns[i].target = CU_NO_TARGET;
	}
	host_check(cu_prepare_reader(&host, reader->definitions, columns, count, &reader->options, &reader->reader));
	memcpy(reader->named, named, sizeof(bool) * count);
}

static bool
is_not_named(const text *cell)
{
	return VARSIZE_ANY_EXHDR(cell) == strlen(NOT_NAMED) && memcmp(VARDATA_ANY(cell), NOT_NAMED, strlen(NOT_NAMED)) == 0;
}

/* Raises for a value in a column that is none of the definitions any more. */
static void
check_has_target(const ImportColumns *columns, size_t number, const cu_json *cell)
{
	const cu_column_match *match = &columns->matches[number];
	cu_error error = {.code = CU_FIELD_NOT_FOUND, .has_merge_tag = true};
	cu_text name = match->problem == CU_MATCH_BAD_TARGET ? match->given : columns->columns[number].name;

	if (match->problem == CU_MATCH_GOOD || cell->kind == CU_JSON_NULL || cu_trim(cell->text).size == 0)
		return;
	snprintf(error.merge_tag, sizeof(error.merge_tag), "%.*s", (int)name.size, name.data);
	snprintf(
		error.message, sizeof(error.message), "We were unable to find a field with the merge_tag %s", error.merge_tag);
	strlcpy(error.hint,
			"Define the field, leave the column empty, or make the view anew: contacts.create_import_view() with "
			"replace => true.",
			sizeof(error.hint));
	errors_raise(&error);
}

/* Returns the cells of the row that is inserted, for which the reader is made ready. */
static cu_json *
read_cells(ViewReader *reader, const TriggerData *trigger)
{
	const ImportColumns *columns = &reader->columns;
	cu_json *cells = palloc(sizeof(cu_json) * Max(columns->count, 1));
	bool *named = palloc(sizeof(bool) * Max(columns->count, 1));

	for (size_t i = 0; i < columns->count; i++)
	{
		bool is_null;
		Datum value = heap_getattr(
			trigger->tg_trigtuple, reader->attributes[i] + 1, RelationGetDescr(trigger->tg_relation), &is_null);

		cells[i] = (cu_json){.kind = CU_JSON_NULL};
		named[i] = true;
		if (!is_null)
		{
			const text *cell = DatumGetTextPP(value);

			named[i] = !is_not_named(cell);
			if (!named[i])
				continue;
			cells[i] = import_cell_of_text(VARDATA_ANY(cell), VARSIZE_ANY_EXHDR(cell), columns->lists[i]);
			check_has_target(columns, i, &cells[i]);
		}
	}
	set_named(reader, named);
	return cells;
}

/* Raises an error with the hint of its cell. */
pg_noreturn static void
raise_error(const ViewReader *reader, const cu_row *row, const cu_error *error)
{
	size_t column = cu_error_column(reader->columns.columns, reader->columns.count, error);
	cu_error with_hint = *error;

	cu_set_hint(&with_hint, column < reader->columns.count ? row->hints[column] : (cu_text){"", 0});
	errors_raise(&with_hint);
}

/* Returns texts as the text of an array. */
static Datum
list_text(Datum *items, size_t count)
{
	ArrayType *array = construct_array(items, (int)count, TEXTOID, -1, false, TYPALIGN_INT);

	return CStringGetTextDatum(OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(array)));
}

static Datum
tags_text(const cu_decision *decision)
{
	Datum *names = palloc(sizeof(Datum) * Max(decision->tag_count, 1));

	for (size_t i = 0; i < decision->tag_count; i++)
		names[i] = encoding_to_text(decision->tags[i].name);
	return list_text(names, decision->tag_count);
}

/* Returns a value of a contact as the view shows it; 0 for one that its field cannot have, and for none. */
static Datum
field_text(cu_field_type type, const cu_json *value)
{
	Datum *items;
	Jsonb *jsonb;

	switch (type)
	{
		case CU_NUMBER:
		case CU_BOOLEAN:
			if (value->kind != (type == CU_NUMBER ? CU_JSON_NUMBER : CU_JSON_BOOLEAN))
				return (Datum)0;
			jsonb = jsonb_write_any(value);
			return CStringGetTextDatum(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)));
		case CU_DROPDOWN_MULTIPLE:
			if (value->kind != CU_JSON_ARRAY)
				return (Datum)0;
			items = palloc(sizeof(Datum) * Max(value->count, 1));
			for (size_t i = 0; i < value->count; i++)
				items[i] = encoding_to_text(value->items[i].text);
			return list_text(items, value->count);
		default:
			return value->kind == CU_JSON_STRING ? encoding_to_text(value->text) : (Datum)0;
	}
}

static Datum
time_text(TimestampTz time)
{
	struct pg_tm tm;
	fsec_t fraction;

	if (timestamp2tm(time, NULL, &tm, &fraction, NULL, NULL) != 0)
		return (Datum)0;
	return CStringGetTextDatum(psprintf(
		"%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec));
}

/* Returns a column of a contact as the view shows it, or 0 for NULL. */
static Datum
column_text(const ViewReader *reader, const cu_column *column, const Upsert *upsert)
{
	const cu_json *data = &upsert->decision.data;

	switch (column->target)
	{
		case CU_TARGET_EMAIL_ADDRESS:
			return upsert->after.email;
		case CU_TARGET_STATUS:
			return CStringGetTextDatum(cu_status_name(upsert->decision.status));
		case CU_TARGET_TAGS:
			return tags_text(&upsert->decision);
		case CU_TARGET_CREATED_AT:
			return time_text(upsert->after.created_at);
		case CU_TARGET_FIELD:
			for (size_t i = 0; i < data->count; i++)
				if (data->keys[i].size == column->merge_tag.size &&
					memcmp(data->keys[i].data, column->merge_tag.data, column->merge_tag.size) == 0)
					return field_text(cu_target_type(reader->definitions, column), &data->items[i]);
			return (Datum)0;
		default:
			return (Datum)0;
	}
}

/* Returns the contact as a row of the view; NULL if there is none. */
static HeapTuple
stored_row(const ViewReader *reader, TupleDesc descriptor, const Upsert *upsert)
{
	Datum *values = palloc0(sizeof(Datum) * (size_t)Max(descriptor->natts, 1));
	bool *nulls = palloc(sizeof(bool) * (size_t)Max(descriptor->natts, 1));

	if (upsert->decision.outcome == CU_SKIPPED && !upsert->found.exists)
		return NULL;
	memset(nulls, true, sizeof(bool) * (size_t)Max(descriptor->natts, 1));
	for (size_t i = 0; i < reader->columns.count; i++)
	{
		int attribute = reader->attributes[i];

		values[attribute] = column_text(reader, &reader->columns.columns[i], upsert);
		nulls[attribute] = values[attribute] == 0;
	}
	return heap_form_tuple(descriptor, values, nulls);
}

/* Upserts the contact of a row, and returns the row as it is stored, in the current memory. is_current: the definitions are as they were. */
static HeapTuple
upsert_row(ViewReader *reader, const TriggerData *trigger, bool *is_current)
{
	MemoryContext caller = CurrentMemoryContext;
	cu_host host = host_in(CurrentMemoryContext);
	cu_json *cells = read_cells(reader, trigger);
	Upsert upsert = {.rejected = false};
	TimestampTz created_at;
	HeapTuple stored;
	cu_row row;

	host_check(cu_read_row(&host, reader->reader, cells, &row));
	if (row.error)
		raise_error(reader, &row, row.error);
	upsert.cells = row.cells;
	if (row.created_at.size > 0)
	{
		created_at = import_read_time(row.created_at);
		upsert.created_at = &created_at;
	}
	statement_connect();
	upsert_run_document(workspace_of(trigger), &row.request, true, &upsert);
	if (upsert.rejected)
		raise_error(reader, &row, upsert.error);
	*is_current = upsert.definitions == reader->definitions;
	MemoryContextSwitchTo(caller);
	stored = stored_row(reader, RelationGetDescr(trigger->tg_relation), &upsert);
	SPI_finish();
	return stored;
}

PG_FUNCTION_INFO_V1(contacts_upsert_view_row);
Datum
contacts_upsert_view_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *)fcinfo->context;
	ViewReader *reader = fcinfo->flinfo->fn_extra;
	bool is_current;
	HeapTuple stored;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_INSTEAD(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || trigger->tg_trigger->tgnargs < 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("contacts_internal.upsert_view_row() is the trigger of an import view."),
				 errhint("SELECT contacts.create_import_view(name) makes one.")));
	if (reader == NULL)
		fcinfo->flinfo->fn_extra = reader = prepare_reader(fcinfo);
	stored = upsert_row(reader, trigger, &is_current);
	if (!is_current)
	{
		MemoryContextDelete(reader->memory);
		fcinfo->flinfo->fn_extra = NULL;
	}
	return PointerGetDatum(stored);
}
