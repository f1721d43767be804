/*
 * import.c - contacts.import() (sql/import.sql): makes requests of the rows of a chunk, runs them as an array, counts what they did, and
 * keeps all errors of the rows that could not be loaded; and what the procedure asks of its parameters before it begins.
 *
 * Raises what an upsert raises that is not a request's fault, with the numbers of the rows. It writes nothing but through bulk_run and
 * import_errors_store.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "bulk.h"
#include "encoding.h"
#include "errors.h"
#include "host.h"
#include "import_cells.h"
#include "import_columns.h"
#include "import_errors.h"
#include "import_options.h"
#include "jsonb_writer.h"
#include "row_error.h"
#include "statement.h"
#include "store.h"

/* FETCHED_TOGETHER is how many contacts of rows that were not run are looked up together. */
#define FETCHED_TOGETHER 250
#define TOO_LONG "The cell is too long: a text has at most 65535 bytes."

/* ImportCounts are what a chunk did, in the order of the columns that contacts_internal.load_rows() returns. */
enum ImportCount
{
	COUNT_CREATED,
	COUNT_UPDATED,
	COUNT_UNCHANGED,
	COUNT_SKIPPED,
	COUNT_FAILED,
	COUNT_VALUES_CLEARED,
	COUNT_TAGS_REMOVED,
	COUNT_STATUSES_CHANGED,
	COUNT_COUNT,
};

/* A Load is the rows of a chunk on their way. */
typedef struct Load
{
	BulkSink sink; /* the bulk engine's own part, and so the first */
	int64 workspace_id;
	const Datum *rows; /* jsonb */
	const int64 *row_numbers;
	int count;
	const cu_definitions *definitions;
	ImportColumns columns;
	const cu_row_reader *reader;
	BulkRow *bulk_rows;
	int *deferred; /* the rows that were rejected without a look at their contacts */
	int deferred_count;
	cu_error *found; /* room for the errors of a row */
	ImportErrors errors;
	int64 counts[COUNT_COUNT];
	MemoryContext scratch; /* of one row */
} Load;

static void
describe_rows(void *argument)
{
	const Load *load = argument;

	if (load->count == 1)
		errcontext("row %lld of the staging table", (long long)load->row_numbers[0]);
	else
		errcontext("rows %lld to %lld of the staging table",
				   (long long)load->row_numbers[0],
				   (long long)load->row_numbers[load->count - 1]);
}

/* Reads a row as a request. */
static cu_row
read_row(const Load *load, int number, cu_json **cells)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_row row;

	*cells = import_columns_read(&load->columns, DatumGetJsonbP(load->rows[number]));
	host_check(cu_read_row(&host, load->reader, *cells, &row));
	return row;
}

static size_t
text_size(const cu_json *cell)
{
	size_t size = cell->kind == CU_JSON_STRING ? cell->text.size : 0;

	for (size_t i = 0; cell->kind == CU_JSON_ARRAY && i < cell->count; i++)
		size += text_size(&cell->items[i]);
	return size;
}

/* Returns the column of the longest cell, if that is longer than any good one; else the number of columns. */
static size_t
too_long_column(const cu_json *cells, size_t count)
{
	size_t found = count;

	for (size_t i = 0; i < count; i++)
		if (text_size(&cells[i]) > (found < count ? text_size(&cells[found]) : CU_MAX_TEXT_BYTES))
			found = i;
	return found;
}

/* Adds an error of a row, with the hint of its cell. */
static void
add_error(Load *load, int number, int error_number, const cu_row *row, const cu_json *cells, cu_error *error)
{
	const ImportColumns *columns = &load->columns;
	size_t column = cu_error_column(columns->columns, columns->count, error);
	cu_text hint = {"", 0};
	ImportCell cell = {.value = error->has_value ? encoding_to_cstring((cu_text){error->value, strlen(error->value)})
												 : NULL};

	if (column < columns->count)
		hint = row->hints[column];
	else if (error->code == CU_INVALID_REQUEST && (column = too_long_column(cells, columns->count)) < columns->count)
		hint = (cu_text){
			TOO_LONG,
			strlen(TOO_LONG)}; /* a request that is too large is not looked into, and its error names no key */
	cu_set_hint(error, hint);
	if (column < columns->count)
		cell = (ImportCell){.column = columns->names[column], .value = import_cell_as_text(&cells[column])};
	import_errors_add(&load->errors,
					  load->row_numbers[number],
					  error_number,
					  DatumGetJsonbP(load->rows[number]),
					  errors_as_jsonb(error),
					  cell);
}

/* Whether two errors are about the same. */
static bool
is_same_error(const cu_error *a, const cu_error *b)
{
	return a->code == b->code && strcmp(a->message, b->message) == 0;
}

/* Adds all errors of a row; rejected is the one by which its request was rejected, or NULL. */
static void
add_errors(Load *load, int number, const cu_definitions *definitions, const cu_contact *existing, bool suppressed,
		   const cu_error *rejected)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_json *cells;
	cu_row row = read_row(load, number, &cells);
	cu_decide_options options = {.suppressed = suppressed, .cells = row.cells};
	size_t room = row.error ? IMPORT_MAX_ERRORS - 1 : IMPORT_MAX_ERRORS;
	size_t count = 0;

	host_check(cu_find_errors(&host, definitions, &row.request, existing, &options, load->found, room, &count));
	/* An error that the definitions of the moment do not make any more is said all the same. */
	if (rejected && (count == 0 || !is_same_error(&load->found[0], rejected)))
		load->found[0] = *rejected, count = 1;
	if (row.error)
		load->found[count++] = *row.error;
	for (size_t i = 0; i < count; i++)
		add_error(load, number, (int)i + 1, &row, cells, &load->found[i]);
}

/* Takes note of a row that was rejected. */
static void
take_rejected(Load *load, int number, const Upsert *upsert)
{
	load->counts[COUNT_FAILED]++;
	if (upsert->row_error)
		import_errors_add(&load->errors,
						  load->row_numbers[number],
						  1,
						  DatumGetJsonbP(load->rows[number]),
						  row_error_as_jsonb(upsert->row_error),
						  (ImportCell){NULL});
	else if (upsert->definitions == NULL)
		load->deferred[load->deferred_count++] = number;
	else
		add_errors(load,
				   number,
				   upsert->definitions,
				   upsert->found.exists ? &upsert->found.stored : NULL,
				   upsert->suppressed,
				   upsert->error);
}

/* Counts what a contact loses by a decision. */
static void
count_losses(Load *load, const cu_decision *decision)
{
	if (decision->outcome != CU_UPDATED)
		return;
	for (size_t i = 0; i < decision->field_change_count; i++)
		load->counts[COUNT_VALUES_CLEARED] += decision->field_changes[i].new_value.kind == CU_JSON_NULL;
	load->counts[COUNT_TAGS_REMOVED] += (int64)decision->tags_removed_count;
	load->counts[COUNT_STATUSES_CHANGED] += decision->status != decision->old_status;
}

static void
take(BulkSink *sink, int64 position, const Upsert *upsert)
{
	static const int outcomes[] = {[CU_CREATED] = COUNT_CREATED,
								   [CU_UPDATED] = COUNT_UPDATED,
								   [CU_UNCHANGED] = COUNT_UNCHANGED,
								   [CU_SKIPPED] = COUNT_SKIPPED};
	Load *load = (Load *)sink;
	MemoryContext caller = MemoryContextSwitchTo(load->scratch);

	if (upsert->rejected)
		take_rejected(load, (int)position - 1, upsert);
	else
	{
		load->counts[outcomes[upsert->decision.outcome]]++;
		count_losses(load, &upsert->decision);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(load->scratch);
}

/* Makes the requests of all rows; those with a created_at that is bad are not run. */
static void
read_rows(Load *load)
{
	MemoryContext caller = CurrentMemoryContext;

	for (int i = 0; i < load->count; i++)
	{
		BulkRow *bulk_row = &load->bulk_rows[i];
		cu_json *cells;
		cu_row row;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(load->scratch);
		row = read_row(load, i, &cells);
		*bulk_row = (BulkRow){.has_created_at = row.created_at.size > 0};
		if (bulk_row->has_created_at)
			bulk_row->created_at = import_read_time(row.created_at);
		MemoryContextSwitchTo(caller);
		if (row.error)
		{
			load->counts[COUNT_FAILED]++;
			load->deferred[load->deferred_count++] = i;
		}
		else
		{
			bulk_row->request = jsonb_write_any(&row.request.root);
			bulk_row->cells = row.cells ? jsonb_write_any(row.cells) : NULL;
		}
		MemoryContextReset(load->scratch);
	}
}

/* Returns the address of a row, or 0 if it has no good one. */
static Datum
address_of(const Load *load, int number)
{
	cu_json *cells;
	cu_row row = read_row(load, number, &cells);
	Upsert upsert = {.error = palloc(sizeof(cu_error))};
	cu_text email;

	return upsert_parse(&upsert, &row.request, &email) ? encoding_to_text(email) : (Datum)0;
}

/* Adds the errors of deferred rows, as many as are looked up together. */
static void
add_deferred(Load *load, const int *rows, int count)
{
	Datum *emails = palloc(sizeof(Datum) * (size_t)count); /* the good ones, without gaps */
	bool *has_email = palloc(sizeof(bool) * (size_t)count);
	size_t email_count = 0;
	FetchedContacts fetched = {.snapshot = NULL};

	for (int i = 0; i < count; i++)
	{
		Datum email = address_of(load, rows[i]);

		has_email[i] = email != 0;
		if (has_email[i])
			emails[email_count++] = email;
	}
	if (email_count > 0 && !store_fetch_contacts(load->workspace_id, emails, email_count, false, &fetched))
		email_count = 0; /* the workspace is gone, which the rest of the import will say */
	for (int i = 0, next = 0; i < count; i++)
	{
		ContactRow contact = {.exists = false};

		if ((size_t)next < email_count && has_email[i])
			(void)store_read_fetched(&fetched, (size_t)next++, &contact);
		add_errors(load, rows[i], load->definitions, contact.exists ? &contact.stored : NULL, false, NULL);
	}
	store_end_fetched(&fetched);
}

/* Adds the errors of the rows that were rejected without a look at their contacts. */
static void
add_all_deferred(Load *load)
{
	for (int i = 0; i < load->deferred_count; i += FETCHED_TOGETHER)
	{
		CHECK_FOR_INTERRUPTS();
		statement_connect();
		add_deferred(load, &load->deferred[i], Min(load->deferred_count - i, FETCHED_TOGETHER));
		SPI_finish();
	}
	load->deferred_count = 0;
}

/* Returns the fields that a dry run takes for defined: those that "unknown" => 'define' would make of columns. */
static NewDefinitions
new_definitions(ArrayType *merge_tags)
{
	NewDefinitions definitions = {.fields = NULL};
	cu_field *fields;
	Datum *tags;
	int count = 0;

	deconstruct_array(merge_tags, TEXTOID, -1, false, TYPALIGN_INT, &tags, NULL, &count);
	fields = palloc0(sizeof(cu_field) * (size_t)Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		cu_text merge_tag =
			encoding_to_core(VARDATA_ANY(DatumGetPointer(tags[i])), VARSIZE_ANY_EXHDR(DatumGetPointer(tags[i])));

		/* A merge tag is no other field's label, and so a good one. */
		fields[i] =
			(cu_field){.merge_tag = merge_tag, .label = merge_tag, .type = CU_TEXT, .default_value.kind = CU_JSON_NULL};
	}
	definitions.fields = fields;
	definitions.field_count = (size_t)count;
	return definitions;
}

/* Sets the definitions by which the rows are read. */
static void
find_definitions(Load *load, const NewDefinitions *added)
{
	MemoryContext caller = CurrentMemoryContext;
	int64 version;
	cu_error error;

	statement_connect();
	version = store_definitions_version(load->workspace_id);
	if (version > 0)
		load->definitions = added->field_count > 0 ? definitions_load_with(load->workspace_id, added, caller)
												   : definitions_get(load->workspace_id, version);
	SPI_finish();
	if (load->definitions)
		return;
	errors_workspace_not_found(&error, load->workspace_id);
	errors_raise(&error);
}

/* The arguments of contacts_internal.load_rows(). */
enum LoadRowsArgument
{
	LOAD_ROWS,
	LOAD_ROW_NUMBERS,
	LOAD_PARAMETERS,
	LOAD_MATCHED,
	LOAD_SEPARATORS,
	LOAD_DEFINED,
	LOAD_IMPORT_ID,
	LOAD_WORKSPACE_ID,
};

/* Runs the rows, and counts. */
static void
load_rows(Load *load, FunctionCallInfo fcinfo)
{
	Jsonb *matched = PG_GETARG_JSONB_P(LOAD_MATCHED);
	ImportOptions options = import_read_options(PG_GETARG_JSONB_P(LOAD_PARAMETERS));
	BulkOptions bulk_options = {.keeps_history = options.history,
								.quiet = !options.events,
								.dry_run = options.dry_run,
								.import_id = PG_GETARG_INT64(LOAD_IMPORT_ID)};
	cu_host host = host_in(CurrentMemoryContext);
	BulkRequests requests;

	if (options.dry_run)
		bulk_options.new_definitions = new_definitions(PG_GETARG_ARRAYTYPE_P(LOAD_DEFINED));
	find_definitions(load, &bulk_options.new_definitions);
	load->columns = import_columns_of(load->definitions, matched, PG_GETARG_JSONB_P(LOAD_SEPARATORS));
	host_check(cu_prepare_reader(
		&host, load->definitions, load->columns.columns, load->columns.count, &options.reading, &load->reader));
	import_errors_begin(&load->errors, load->workspace_id, bulk_options.import_id);
	load->bulk_rows = palloc0(sizeof(BulkRow) * (size_t)load->count);
	load->deferred = palloc(sizeof(int) * (size_t)load->count);
	load->found = palloc(sizeof(cu_error) * IMPORT_MAX_ERRORS);
	read_rows(load);
	/* Before other rows of the chunk are written: a dry run finds the same. */
	add_all_deferred(load);
	requests = bulk_read_rows(load->bulk_rows, (size_t)load->count);
	bulk_options.rows = load->bulk_rows;
	bulk_run(load->workspace_id, requests, bulk_options, &load->sink);
	add_all_deferred(load);
	import_errors_store(&load->errors);
}

/* Returns the counts as a row. */
static Datum
counts_as_row(const Load *load, FunctionCallInfo fcinfo)
{
	TupleDesc descriptor;
	Datum values[COUNT_COUNT];
	bool nulls[COUNT_COUNT] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < COUNT_COUNT; i++)
		values[i] = Int64GetDatum(load->counts[i]);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

PG_FUNCTION_INFO_V1(contacts_load_rows);
Datum
contacts_load_rows(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext memory = AllocSetContextCreate(caller, "contact_upsert import", ALLOCSET_DEFAULT_SIZES);
	ArrayType *rows = PG_GETARG_ARRAYTYPE_P(LOAD_ROWS);
	ArrayType *numbers = PG_GETARG_ARRAYTYPE_P(LOAD_ROW_NUMBERS);
	Load load = {.sink.take = take, .workspace_id = PG_GETARG_INT64(LOAD_WORKSPACE_ID)};
	ErrorContextCallback context = {.previous = error_context_stack, .callback = describe_rows, .arg = &load};
	Datum *row_datums;

	errors_raise_unless_writing("contacts.import()");
	MemoryContextSwitchTo(memory);
	deconstruct_array(rows, JSONBOID, -1, false, TYPALIGN_INT, &row_datums, NULL, &load.count);
	if (load.count == 0 || ArrayGetNItems(ARR_NDIM(numbers), ARR_DIMS(numbers)) != load.count ||
		array_contains_nulls(numbers))
		elog(ERROR, "load_rows() needs rows, and a number for each of them");
	load.rows = row_datums;
	load.row_numbers = (const int64 *)ARR_DATA_PTR(numbers);
	load.scratch = AllocSetContextCreate(memory, "contact_upsert import row", ALLOCSET_DEFAULT_SIZES);
	error_context_stack = &context;
	definitions_begin_call();
	load_rows(&load, fcinfo);
	error_context_stack = context.previous;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(memory);
	return counts_as_row(&load, fcinfo);
}

PG_FUNCTION_INFO_V1(contacts_in_transaction_block);
Datum
contacts_in_transaction_block(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(IsTransactionBlock());
}
