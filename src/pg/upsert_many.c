/*
 * upsert_many.c - an array of requests, a batch at a time, in rounds.
 *
 * Requests are taken in the order of their addresses, so that whoever else does the same never holds a contact that we
 * want while he waits for one of ours. Nothing is rejected after a write, so a bad request costs no savepoint.
 *
 * A round reads the contacts of a batch with one statement, decides for each, and writes what changes with another. What
 * somebody else was faster with, and the next request for a contact that has just changed, is for the next round. Usually
 * there is one. What a round allocates goes with its SPI connection, the parsed requests with the batch; the events wait for
 * more of them, to be stored in the order of the requests.
 *
 * Requests that create tags: see new_tags.h. To say which tags there are for whom, it must be known which of those requests
 * are good, and that comes out only while they are worked through. So it is done in a subtransaction, which is rolled back
 * and begun again without those that were not.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "definitions.h"
#include "encoding.h"
#include "json_writer.h"
#include "new_tags.h"
#include "outbox.h"
#include "report.h"
#include "requests.h"
#include "store_many.h"
#include "upsert_many.h"

/* A batch is small enough to stay in the processor's cache, and large enough to make its statements cheap. */
#define BATCH_REQUESTS 250
#define BATCH_BYTES (4 * 1024 * 1024)
#define BATCH_EVENTS 1000
#define MAX_TRIES 5

/* One call. */
typedef struct Many
{
	int64 workspace_id;
	Requests requests;
	bool stops;
	Results *results;
	NewTags new_tags;
	bool *is_rejected;		/* by position */
	int64 misjudged;		/* position of a request that creates tags, though none were collected from it, or 0 */
	NewTags misjudged_tags; /* what such requests create */
	int64 first_rejected;	/* position, or 0 */
	cu_error first_error;
	cu_error error; /* of the request under way */
	Outbox outbox;
} Many;

/* A request as it was read. */
typedef struct Loaded
{
	const cu_request *request; /* NULL if it was rejected */
	cu_text email;
} Loaded;

/* The requests for one contact. */
typedef struct Candidate
{
	size_t next; /* in the batch: the one to decide on */
	size_t end;
	int tries;
	Upsert upsert;
} Candidate;

/* Some requests, in the order of their addresses, which is that of the candidates too. */
typedef struct Batch
{
	Many *many;
	const Request *requests;
	const Loaded *loaded;
	Candidate **candidates; /* with requests left */
	size_t count;
} Batch;

static void
reject(Many *many, int64 position, const Upsert *upsert)
{
	many->is_rejected[position] = true;
	if (many->first_rejected == 0 || position < many->first_rejected)
	{
		many->first_rejected = position;
		many->first_error = *upsert->error;
	}
	results_add(many->results, position, upsert);
}

/* Whether an earlier request has already decided that all fail. */
static bool
is_pointless(const Many *many, int64 position)
{
	return many->stops && many->first_rejected > 0 && position > many->first_rejected;
}

/* Takes note of a request that creates tags, though it was believed to be rejected. */
static void
misjudge(Many *many, int64 position, const cu_decision *decision)
{
	many->misjudged = position;
	for (size_t i = 0; i < decision->tag_count; i++)
		if (decision->tags[i].id == 0)
			new_tags_add(&many->misjudged_tags, position, encoding_to_text(decision->tags[i].name));
}

/* Decides on the requests for a contact up to the first one that changes it; false if there is none. */
static bool
decide(Batch *batch, Candidate *candidate, const cu_definitions *definitions)
{
	Many *many = batch->many;
	Upsert *upsert = &candidate->upsert;

	for (; candidate->next < candidate->end; candidate->next++)
	{
		int64 position = batch->requests[candidate->next].position;

		CHECK_FOR_INTERRUPTS();
		if (batch->loaded[candidate->next].request == NULL || is_pointless(many, position))
			continue;
		upsert->request = batch->loaded[candidate->next].request;
		upsert->facts.email = batch->loaded[candidate->next].email;
		if (!upsert_decide(upsert, new_tags_definitions(&many->new_tags, definitions, position)))
			reject(many, position, upsert);
		else if (upsert->decision.new_tag_count > 0)
			misjudge(many, position, &upsert->decision);
		else if (upsert->decision.outcome == CU_UNCHANGED)
			results_add(many->results, position, upsert);
		else
			return true;
	}
	return false;
}

/* Looks at the contacts of all candidates; returns the definitions of that moment. */
static const cu_definitions *
look(Batch *batch, Datum *emails)
{
	int64 workspace_id = batch->many->workspace_id;
	StoredContact **found = palloc(sizeof(StoredContact *) * batch->count);
	const cu_definitions *definitions = NULL;
	cu_error error;

	for (size_t i = 0; i < batch->count; i++)
	{
		emails[i] = batch->requests[batch->candidates[i]->next].email;
		found[i] = &batch->candidates[i]->upsert.found;
	}
	if (store_find_contacts(workspace_id, emails, batch->count, found))
		definitions = definitions_get(workspace_id, found[0]->definitions_version);
	if (definitions == NULL)
	{
		report_workspace_not_found(&error, workspace_id);
		report_raise(&error);
	}
	return definitions;
}

/* Takes the result of a request whose contact has been written, or takes note that it has not. */
static void
take_result(Batch *batch, Candidate *candidate, bool written)
{
	Upsert *upsert = &candidate->upsert;
	int64 position = batch->requests[candidate->next].position;

	if (!written)
	{
		if (++candidate->tries == MAX_TRIES)
			upsert_raise_not_written();
		return;
	}
	upsert->facts.id = upsert->id;
	outbox_add(&batch->many->outbox, position, upsert->id, upsert->found.version + 1, &upsert->decision);
	results_add(batch->many->results, position, upsert);
	candidate->tries = 0;
	candidate->next++;
}

/* Drops the candidates that have no requests left. */
static void
keep_pending(Batch *batch)
{
	size_t kept = 0;

	for (size_t i = 0; i < batch->count; i++)
		if (batch->candidates[i]->next < batch->candidates[i]->end)
			batch->candidates[kept++] = batch->candidates[i];
	batch->count = kept;
}

static void
run_round(Batch *batch)
{
	Datum *emails = palloc(sizeof(Datum) * batch->count);
	ContactWrite *writes = palloc(sizeof(ContactWrite) * batch->count);
	Candidate **written = palloc(sizeof(Candidate *) * batch->count);
	const cu_definitions *definitions = look(batch, emails);
	size_t count = 0;

	for (size_t i = 0; i < batch->count; i++)
	{
		Upsert *upsert = &batch->candidates[i]->upsert;

		if (!decide(batch, batch->candidates[i], definitions))
			continue;
		written[count] = batch->candidates[i];
		writes[count++] = (ContactWrite){
			.email = emails[i], .found = &upsert->found, .decision = &upsert->decision, .id = upsert->id};
	}
	if (count > 0)
		store_write_contacts(batch->many->workspace_id, writes, count, GetCurrentTransactionStartTimestamp());
	for (size_t i = 0; i < count; i++)
		take_result(batch, written[i], writes[i].written);
	keep_pending(batch);
}

static void
connect_spi(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	definitions_begin_call();
}

/* Reads the requests of a batch and gathers those for one contact. */
static Batch
begin_batch(Many *many, const Request *requests, size_t count)
{
	Loaded *loaded = palloc(sizeof(Loaded) * count);
	Batch batch = {
		.many = many, .requests = requests, .loaded = loaded, .candidates = palloc(sizeof(Candidate *) * count)};

	for (size_t i = 0; i < count; i++)
	{
		Upsert upsert = {.error = &many->error};

		CHECK_FOR_INTERRUPTS();
		if (request_load(&requests[i], &upsert))
			loaded[i] = (Loaded){upsert.request, upsert.facts.email};
		else
		{
			loaded[i] = (Loaded){NULL};
			reject(many, requests[i].position, &upsert);
		}
		if (i == 0 || !request_is_for_same(&requests[i - 1], &requests[i]))
		{
			Candidate *candidate = palloc(sizeof(Candidate));

			*candidate = (Candidate){.next = i, .upsert.error = &many->error};
			batch.candidates[batch.count++] = candidate;
		}
		batch.candidates[batch.count - 1]->end = i + 1;
	}
	return batch;
}

static void
run_batch(Many *many, const Request *requests, size_t count)
{
	Batch batch = begin_batch(many, requests, count);

	while (batch.count > 0)
	{
		connect_spi();
		run_round(&batch);
		SPI_finish();
	}
}

/* Stores the events so far, in the order of their requests. */
static void
store_events(Many *many)
{
	connect_spi();
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
		reject(many, requests->items[i].position, &upsert);
		MemoryContextReset(memory);
	}
	for (size_t i = requests->rejected_count; i < requests->count; i += count)
	{
		count = batch_size(requests, i);
		run_batch(many, &requests->items[i], count);
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
	if (!store_is_installed())
	{
		report_not_installed(&error);
		report_raise(&error);
	}
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
