/*
 * bulk.c - an array of requests, a batch at a time.
 *
 * First the tags are created that the array asks for. Then requests are taken in the order of their addresses, so that
 * whoever else does the same never holds a contact that we want while he waits for one of ours. A bad request is known before
 * anything of it is written, so it costs no savepoint; for those that the user's own rules reject see contact_writer.c.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "bulk.h"
#include "bulk_batch.h"
#include "bulk_tags.h"
#include "definitions.h"
#include "errors.h"
#include "statement.h"
#include "versions.h"

/* A batch is small enough to stay in the processor's cache, and large enough to make its statements cheap. */
#define BATCH_REQUESTS 250
#define BATCH_BYTES (4 * 1024 * 1024)

/* How many requests the next batch has, beginning with the given one. */
static size_t
batch_size(const Requests *requests, size_t first)
{
	size_t bytes = 0;
	size_t count = 0;

	while (first + count < requests->count && count < BATCH_REQUESTS && bytes < BATCH_BYTES)
		bytes += request_size(&requests->items[first + count++]);
	return count;
}

/* Takes the results of the requests that have no address. */
static void
reject_first_ones(Many *many, MemoryContext memory)
{
	const Requests *requests = &many->requests;

	for (size_t i = 0; i < requests->rejected_count; i++)
	{
		Upsert upsert = {.error = &many->error};

		CHECK_FOR_INTERRUPTS();
		(void)request_load(&requests->items[i], &upsert);
		many_reject(many, requests->items[i].position, &upsert);
		MemoryContextReset(memory);
	}
}

/* Runs all requests, which are sorted. */
static void
run(Many *many)
{
	const Requests *requests = &many->requests;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext memory = AllocSetContextCreate(caller, "contact_upsert batch", ALLOCSET_DEFAULT_SIZES);
	size_t count;

	outbox_begin(&many->outbox);
	MemoryContextSwitchTo(memory);
	reject_first_ones(many, memory);
	for (size_t i = requests->rejected_count; i < requests->count; i += count)
	{
		count = many_run_batch(many, &requests->items[i], batch_size(requests, i));
		MemoryContextReset(memory);
	}
	if (many->stops && many->first_rejected > 0)
		many_raise_first(many);
	statement_connect();
	outbox_store(&many->outbox, many->workspace_id);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(memory);
}

/* Raises if it is no array, or too long. */
static void
check_array(Jsonb *requests)
{
	cu_error error;

	if (requests == NULL || !JB_ROOT_IS_ARRAY(requests) || JB_ROOT_IS_SCALAR(requests))
		errors_no_array(&error, requests);
	else if (JB_ROOT_COUNT(requests) > MAX_REQUESTS)
		errors_array_too_long(&error, MAX_REQUESTS);
	else
		return;
	errors_raise(&error);
}

void
bulk_upsert(int64 workspace_id, Jsonb *requests, bool stops, UpsertResults *results)
{
	Many *many = palloc0(sizeof(Many));
	cu_error error;

	check_array(requests);
	upsert_begin_call();
	if (!store_is_installed())
	{
		errors_not_installed(&error);
		errors_raise(&error);
	}
	versions_check();
	*many = (Many){.workspace_id = workspace_id,
				   .requests = requests_read(requests),
				   .stops = stops,
				   .results = results,
				   .writer.workspace_id = workspace_id,
				   .memory = CurrentMemoryContext};
	if (many->requests.create_tags)
		bulk_tags_create(workspace_id, &many->requests);
	requests_sort(&many->requests);
	run(many);
}
