/*
 * bulk.c - the way of an array of requests: read it, create its tags, sort it, run it a batch at a time.
 *
 * The tags that the array asks for are created before the first contact is locked: the order of locks is definitions, then
 * contacts (docs/architecture.md, "Order of locks"). Requests are then run in the order of their addresses, so that two
 * sessions that do so never hold a contact each that the other one wants. A bad request is known before anything of it is
 * written, so it costs no savepoint; for those that rules of the user's own reject see contact_writer.c.
 *
 * bulk.h names the structs.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "bulk.h"
#include "errors.h"
#include "row_error.h"
#include "statement.h"
#include "store.h"
#include "versions.h"

/*
 * BATCH_BYTES_EACH is what a request with a handful of fields takes once it is parsed; SLICE_BYTES_EACH what it takes while its contact is
 * decided on and written.
 */
#define BATCH_BYTES_EACH 4096
#define SLICE_BYTES_EACH 10240

/* Raises unless it is an array, and not too long. */
static void
check_array(Jsonb *array)
{
	cu_error error;

	if (array == NULL || !JB_ROOT_IS_ARRAY(array) || JB_ROOT_IS_SCALAR(array))
		errors_no_array(&error, array);
	else if (JB_ROOT_COUNT(array) > BULK_MAX_REQUESTS)
		errors_array_too_long(&error, BULK_MAX_REQUESTS);
	else
		return;
	errors_raise(&error);
}

/* Raises the error of the request that is the first of the array to be rejected. */
pg_noreturn static void
raise_first_rejected(const BulkCall *call)
{
	if (call->first_row_error)
		row_error_raise_at(call->first_row_error, call->first_rejected);
	errors_raise_at(&call->first_error, call->first_rejected);
}

/*
 * make_memory() makes a context whose first block, which a reset keeps, is as large as usually is needed: what a reset gives back to the
 * operating system comes again page by page, each by a fault.
 */
static MemoryContext
make_memory(MemoryContext parent, const char *name, size_t requests, size_t bytes_each)
{
	Size size = MAXALIGN(ALLOCSET_DEFAULT_INITSIZE + Min(requests, BULK_BATCH_REQUESTS) * bytes_each);
	MemoryContext memory =
		AllocSetContextCreate(parent, "contact_upsert bulk", size, ALLOCSET_DEFAULT_INITSIZE, ALLOCSET_DEFAULT_MAXSIZE);

	MemoryContextSetIdentifier(memory, name);
	return memory;
}

static void
run_batches(BulkCall *call)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext memory = make_memory(caller, "batch", call->requests.count, BATCH_BYTES_EACH);
	size_t done = 0;

	call->slice_memory = make_memory(caller, "slice", call->requests.count, SLICE_BYTES_EACH);

	outbox_begin(&call->outbox);
	history_begin(&call->history, HISTORY_NONE, call->options.import_id);
	MemoryContextSwitchTo(memory);
	while (done < call->requests.count)
	{
		done += bulk_run_batch(call, done);
		MemoryContextReset(memory);
	}
	if (call->options.stops && call->first_rejected > 0)
		raise_first_rejected(call);
	statement_connect();
	history_store(&call->history, call->workspace_id);
	outbox_store(&call->outbox, call->workspace_id);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(call->slice_memory);
	MemoryContextDelete(memory);
}

/* Returns the definitions that the requests of a dry run would find; NULL if those are the ones that there are. */
static const cu_definitions *
definitions_of_dry_run(BulkCall *call)
{
	NewDefinitions new_definitions = call->options.new_definitions;
	const cu_definitions *definitions = NULL;
	MemoryContext caller = CurrentMemoryContext;

	statement_connect();
	definitions_begin_call();
	if (call->requests.create_tags)
		new_definitions.tags = bulk_new_tags(call->workspace_id, &call->requests);
	if (new_definitions.field_count > 0 || new_definitions.tags)
		definitions = definitions_load_with(call->workspace_id, &new_definitions, caller);
	SPI_finish();
	return definitions;
}

void
bulk_run(int64 workspace_id, BulkRequests requests, BulkOptions options, BulkSink *sink)
{
	BulkCall *call = palloc(sizeof(BulkCall));

	upsert_begin_call();
	if (!store_is_installed())
		errors_raise_not_installed();
	versions_check();
	*call = (BulkCall){.workspace_id = workspace_id,
					   .requests = requests,
					   .options = options,
					   .sink = sink,
					   .writer.workspace_id = workspace_id,
					   .memory = CurrentMemoryContext};
	if (options.dry_run)
		call->definitions = definitions_of_dry_run(call);
	else if (call->requests.create_tags)
		bulk_create_tags(workspace_id, &call->requests);
	bulk_sort_requests(&call->requests);
	run_batches(call);
}

/* A ResultsSink adds the results to a set of rows. */
typedef struct ResultsSink
{
	BulkSink sink;
	UpsertResults *results;
} ResultsSink;

static void
add_result(BulkSink *sink, int64 position, const Upsert *upsert)
{
	upsert_results_add(((ResultsSink *)sink)->results, position, upsert);
}

void
bulk_upsert(int64 workspace_id, Jsonb *array, BulkOptions options, UpsertResults *results)
{
	ResultsSink sink = {.sink.take = add_result, .results = results};

	check_array(array);
	options.reads_totals = results->wanted == RESULTS_ALL;
	bulk_run(workspace_id, bulk_read_requests(array), options, &sink.sink);
}
