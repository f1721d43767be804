/*
 * upsert_many.c - an array of requests, a batch at a time.
 *
 * Requests are taken in the order of their addresses, so that whoever else does the same never holds a contact that we
 * want while he waits for one of ours. Nothing is rejected after a write, so a bad request costs no savepoint.
 *
 * Requests that create tags: see new_tags.h. To say which tags there are for whom, it must be known which of those requests
 * are good, and that comes out only while they are worked through. So it is done in a subtransaction, which is rolled back
 * and begun again without those that were not.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "definitions.h"
#include "many.h"
#include "report.h"
#include "statement.h"
#include "upsert_many.h"
#include "versions.h"

/* A batch is small enough to stay in the processor's cache, and large enough to make its statements cheap. */
#define BATCH_REQUESTS 250
#define BATCH_BYTES (4 * 1024 * 1024)
/* Events are stored in the order of their requests, as far as they wait for each other. */
#define BATCH_EVENTS 1000

/* Stores the events so far, in the order of their requests. */
static void
store_events(Many *many)
{
	statement_connect();
	definitions_begin_call();
	outbox_store(&many->outbox, many->workspace_id);
	SPI_finish();
}

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

/* Runs all requests once. */
static void
run(Many *many)
{
	const Requests *requests = &many->requests;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext memory = AllocSetContextCreate(caller, "contact_upsert batch", ALLOCSET_DEFAULT_SIZES);
	size_t count;

	outbox_begin(&many->outbox);
	many->misjudged = 0;
	many->first_rejected = 0;
	memset(many->is_rejected, 0, sizeof(bool) * (requests->count + 1));
	MemoryContextSwitchTo(memory);
	for (size_t i = 0; i < requests->rejected_count; i++)
	{
		Upsert upsert = {.error = &many->error};

		(void)request_load(&requests->items[i], &upsert);
		many_reject(many, requests->items[i].position, &upsert);
		MemoryContextReset(memory);
	}
	for (size_t i = requests->rejected_count; i < requests->count; i += count)
	{
		count = batch_size(requests, i);
		many_run_batch(many, &requests->items[i], count);
		MemoryContextReset(memory);
		if (many->outbox.count >= BATCH_EVENTS)
			store_events(many);
	}
	store_events(many);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(memory);
	if (many->stops && many->first_rejected > 0)
		report_raise_at(&many->first_error, many->first_rejected);
}

/* Whether the requests that create tags were good. Else it changes which ones are excluded. */
static bool
judge(const Many *many, bool *is_excluded, bool *one_at_a_time)
{
	bool good = true;

	if (many->misjudged > 0)
	{
		/* It was rejected only because another one before it was not yet. */
		is_excluded[many->misjudged] = false;
		*one_at_a_time = true;
		return false;
	}
	for (size_t i = 0; i < many->new_tags.count && (good || !*one_at_a_time); i++)
	{
		int64 position = many->new_tags.tags[i].position;

		if (many->is_rejected[position])
		{
			is_excluded[position] = true;
			good = false;
		}
	}
	return good;
}

/* Runs the requests with the tags that they create, in the current subtransaction. */
static void
try_with_new_tags(Many *many, const bool *is_excluded)
{
	new_tags_begin(&many->new_tags);
	for (size_t i = 0; i < many->misjudged_tags.count; i++)
		if (!is_excluded[many->misjudged_tags.tags[i].position])
			new_tags_add(&many->new_tags, many->misjudged_tags.tags[i].position, many->misjudged_tags.tags[i].name);
	new_tags_collect(&many->new_tags, many->workspace_id, &many->requests, is_excluded);
	if (many->new_tags.count > 0)
		new_tags_create(&many->new_tags, many->workspace_id);
	run(many);
}

/* Runs the requests until it is known which of them create tags. */
static void
run_with_new_tags(Many *many)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	bool *is_excluded = palloc0(sizeof(bool) * (many->requests.count + 1));
	bool one_at_a_time = false;
	volatile bool good = false;
	ErrorData *volatile error = NULL;

	new_tags_begin(&many->misjudged_tags);
	while (!good)
	{
		BeginInternalSubTransaction(NULL);
		MemoryContextSwitchTo(memory);
		PG_TRY()
			;
			{
				try_with_new_tags(many, is_excluded);
				good = judge(many, is_excluded, &one_at_a_time);
			}
			PG_CATCH();
			{
				/* PostgreSQL would leave the subtransaction open for somebody who knows of it. */
				MemoryContextSwitchTo(memory);
				error = CopyErrorData();
				FlushErrorState();
			}
		PG_END_TRY();

		if (good)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
		if (error)
			ReThrowError(error);
		if (!good)
			results_clear(many->results);
	}
}

/* Raises if it is no array, or too long. */
static void
check_array(Jsonb *requests)
{
	cu_error error;

	if (requests == NULL || !JB_ROOT_IS_ARRAY(requests) || JB_ROOT_IS_SCALAR(requests))
		report_no_array(&error, requests);
	else if (JB_ROOT_COUNT(requests) > MAX_REQUESTS)
		report_array_too_long(&error, MAX_REQUESTS);
	else
		return;
	report_raise(&error);
}

void
upsert_many(int64 workspace_id, Jsonb *requests, bool stops, Results *results)
{
	Many *many = palloc0(sizeof(Many));
	cu_error error;

	check_array(requests);
	upsert_begin_call();
	if (!store_is_installed())
	{
		report_not_installed(&error);
		report_raise(&error);
	}
	versions_check();
	*many = (Many){.workspace_id = workspace_id,
				   .requests = requests_read(requests),
				   .stops = stops,
				   .results = results,
				   .is_rejected = palloc(sizeof(bool) * (JB_ROOT_COUNT(requests) + 1))};
	if (many->requests.create_tags)
		run_with_new_tags(many);
	else
		run(many);
}
