/*
 * import.c - contacts.import() (sql/import.sql): makes requests of the rows of a chunk, runs them as an array, and counts what they did
 * (import_rejected.c keeps the errors of the others); and what the procedure asks of its parameters before it begins.
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

#include "encoding.h"
#include "errors.h"
#include "host.h"
#include "import_cells.h"
#include "import_load.h"
#include "import_options.h"
#include "jsonb_writer.h"
#include "statement.h"
#include "store.h"

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
		import_add_rejected(load, (int)position - 1, upsert);
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
		row = import_read_row(load, i, &cells);
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
	import_add_deferred(load);
	requests = bulk_read_rows(load->bulk_rows, (size_t)load->count);
	bulk_options.rows = load->bulk_rows;
	bulk_run(load->workspace_id, requests, bulk_options, &load->sink);
	import_add_deferred(load);
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
