/*
 * many.c - a batch of requests, in rounds.
 *
 * A round reads the contacts of a batch with one statement, decides for each, and writes what changes with another. What
 * somebody else was faster with, and the next request for a contact that has just changed, is for the next round. Usually
 * there is one. What a round allocates goes with its SPI connection; the parsed requests stay for the batch.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "definitions.h"
#include "encoding.h"
#include "many.h"
#include "report.h"
#include "statement.h"
#include "store_many.h"

#define MAX_TRIES 5

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

void
many_reject(Many *many, int64 position, const Upsert *upsert)
{
	many->is_rejected[position] = true;
	if (many->first_rejected == 0 || position < many->first_rejected)
	{
		many->first_rejected = position;
		report_keep(GetMemoryChunkContext(many), &many->first_error, upsert->error);
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
			many_reject(many, position, upsert);
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
			many_reject(many, requests[i].position, &upsert);
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

void
many_run_batch(Many *many, const Request *requests, size_t count)
{
	Batch batch = begin_batch(many, requests, count);

	while (batch.count > 0)
	{
		statement_connect();
		definitions_begin_call();
		run_round(&batch);
		SPI_finish();
	}
}
