/*
 * bulk_batch.c - the way of a batch of requests: parse them, group them by contact, and run the groups in rounds.
 *
 * A round looks the contacts of all groups up together, decides on the next request of each group, and writes what changes
 * with one statement. A group that has requests left goes into the next round: where another session has changed
 * the contact meanwhile, or where a request has just changed it and others for it follow. Usually there is one round.
 *
 * Contacts can be large, and take a multiple of their size while they are decided on. So a round goes through its groups in
 * slices (bulk_slice.c): as many at a time as are a megabyte together. What a slice allocates goes before the next one; the parsed
 * requests stay for the batch.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "bulk.h"
#include "bulk_slice.h"
#include "definitions.h"
#include "encoding.h"
#include "guard.h"
#include "statement.h"
#include "store.h"

#define BATCH_BYTES (4 * 1024 * 1024)
/* BATCH_MEMORY is what the requests of a batch may take once they are parsed, give or take the last one: numbers of a few bytes can
   have as many digits as make a megabyte. */
#define BATCH_MEMORY (16 * 1024 * 1024)

/* Parses a request into the batch; its result is taken if it is rejected. */
static void
parse_into(Batch *batch, size_t number)
{
	const BulkRequest *request = &batch->requests[number];
	Upsert upsert = {.error = &batch->call->error};

	if (!bulk_parse_request(request, &upsert))
		bulk_reject(batch->call, request->position, &upsert);
	batch->parsed_requests[number] = upsert.rejected ? NULL : upsert.parsed_request;
}

/* Puts a request into the group of the one before it, or into a new group if that is for another contact. */
static void
put_into_group(Batch *batch, size_t number)
{
	const BulkRequest *request = &batch->requests[number];
	ContactGroup *group;

	if (request->email == 0)
		return;
	if (number == 0 || request[-1].email == 0 || encoding_compare_texts(request[-1].email, request->email) != 0)
	{
		group = palloc(sizeof(ContactGroup));
		*group = (ContactGroup){.next = number,
								.upsert = {.error = &batch->call->error,
										   .restores = batch->call->options.restores,
										   .quiet = batch->call->options.quiet}};
		batch->groups[batch->group_count++] = group;
	}
	batch->groups[batch->group_count - 1]->end = number + 1;
}

/* Returns the size of a request in the array, in bytes. */
static size_t
size_in_array(const BulkRequest *request)
{
	return request->element.type == jbvBinary ? (size_t)request->element.val.binary.len : 0;
}

/* Makes a batch of the next requests, as many as fit into memory. */
static Batch
begin_batch(BulkCall *call, size_t first)
{
	size_t room = Min(call->requests.count - first, BULK_BATCH_REQUESTS);
	Batch batch = {.call = call,
				   .requests = &call->requests.items[first],
				   .parsed_requests = palloc(sizeof(cu_parsed_request *) * room),
				   .groups = palloc(sizeof(ContactGroup *) * room)};
	size_t bytes = 0;

	while (batch.count < room && bytes < BATCH_BYTES &&
		   MemoryContextMemAllocated(CurrentMemoryContext, true) < BATCH_MEMORY)
	{
		CHECK_FOR_INTERRUPTS();
		bytes += size_in_array(&batch.requests[batch.count]);
		parse_into(&batch, batch.count);
		put_into_group(&batch, batch.count);
		batch.count++;
	}
	return batch;
}

/* Looks up which addresses that no contact has are suppressed, where a request of their group has to know: by one statement. */
static void
look_for_suppressions(const Round *round)
{
	const Batch *batch = round->batch;
	Upsert **upserts = palloc(sizeof(Upsert *) * batch->group_count);

	for (size_t i = 0; i < batch->group_count; i++)
	{
		ContactGroup *group = batch->groups[i];
		bool asks = false;

		upserts[i] = &group->upsert;
		upserts[i]->found.email = batch->requests[group->next].email;
		for (size_t n = group->next; n < group->end && !asks && !store_is_fetched(&round->contacts, i); n++)
			asks = batch->parsed_requests[n] && cu_asks_for_suppression(round->definitions, batch->parsed_requests[n]);
		upserts[i]->asks = asks;
	}
	guard_look_up(batch->call->workspace_id, upserts, batch->group_count);
}

/* Fetches the contacts of all groups. */
static Round
begin_round(Batch *batch)
{
	int64 workspace_id = batch->call->workspace_id;
	Datum *emails = palloc(sizeof(Datum) * batch->group_count);
	Round round = {.batch = batch};

	for (size_t i = 0; i < batch->group_count; i++)
		emails[i] = batch->requests[batch->groups[i]->next].email;
	(void)store_fetch_contacts(
		workspace_id, emails, batch->group_count, batch->call->options.reads_totals, &round.contacts);
	round.definitions = definitions_require(workspace_id, round.contacts.definitions_version);
	if (batch->call->definitions)
		round.definitions = batch->call->definitions;
	batch->call->writer.snapshot = round.contacts.snapshot;
	look_for_suppressions(&round);
	batch->call->history.level =
		batch->call->options.keeps_history ? HISTORY_ALL : definitions_history_level(workspace_id);
	return round;
}

/* Drops the groups that have no requests left. */
static void
drop_finished_groups(Batch *batch)
{
	size_t kept = 0;

	for (size_t i = 0; i < batch->group_count; i++)
		if (batch->groups[i]->next < batch->groups[i]->end)
			batch->groups[kept++] = batch->groups[i];
	batch->group_count = kept;
}

static void
run_round(Batch *batch)
{
	Round round = begin_round(batch);
	MemoryContext caller = MemoryContextSwitchTo(batch->call->slice_memory);
	size_t next = 0;

	while (next < batch->group_count)
	{
		next = bulk_run_slice(&round, next);
		MemoryContextReset(batch->call->slice_memory);
	}
	MemoryContextSwitchTo(caller);
	store_end_fetched(&round.contacts);
	drop_finished_groups(batch);
}

size_t
bulk_run_batch(BulkCall *call, size_t first)
{
	Batch batch = begin_batch(call, first);

	while (batch.group_count > 0)
	{
		statement_connect();
		definitions_begin_call();
		run_round(&batch);
		SPI_finish();
	}
	return batch.count;
}
