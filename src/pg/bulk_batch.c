/*
 * bulk_batch.c - the way of a batch of requests: parse them, group them by contact, and run the groups in rounds.
 *
 * A round looks the contacts of all groups up together, decides on the next request of each group, and writes what changes
 * with one statement. A group that has requests left goes into the next round: where another session has changed
 * the contact meanwhile, or where a request has just changed it and others for it follow. Usually there is one round.
 *
 * Contacts can be large, and take a multiple of their size while they are decided on. So a round goes through its groups in
 * slices: as many at a time as are a megabyte together. What a slice allocates goes before the next one; the parsed requests
 * stay for the batch.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "bulk.h"
#include "definitions.h"
#include "encoding.h"
#include "errors.h"
#include "guard.h"
#include "jsonb_reader.h"
#include "row_error.h"
#include "statement.h"
#include "store.h"

#define BATCH_BYTES (4 * 1024 * 1024)
/* BATCH_MEMORY is what the requests of a batch may take once they are parsed, SLICE_MEMORY what a slice may, give or take the last
   one: numbers of a few bytes can have as many digits as make a megabyte. */
#define BATCH_MEMORY (16 * 1024 * 1024)
#define SLICE_MEMORY (16 * 1024 * 1024)
/* SLICE_BYTES is the size of a slice's contacts together, as they are stored. */
#define SLICE_BYTES (1024 * 1024)
/* MAX_TRIES is how often a request is decided on before it is given up. */
#define MAX_TRIES 5
/* WAITING_ROWS of the history, or of events, are stored together, in the order of their requests. */
#define WAITING_ROWS 1000
#define WAITING_BYTES (4 * 1024 * 1024)

typedef struct ContactGroup
{
	size_t next; /* of its requests, which are neighbours in the batch: the one to decide on */
	size_t end;
	int tries;
	Upsert upsert;
} ContactGroup;

typedef struct Batch
{
	BulkCall *call;
	const BulkRequest *requests;
	const cu_parsed_request **parsed_requests; /* NULL for one that is rejected */
	size_t count;
	ContactGroup **groups; /* that have requests left, in the order of their addresses */
	size_t group_count;
} Batch;

typedef struct Round
{
	Batch *batch;
	FetchedContacts contacts; /* by group */
	const cu_definitions *definitions;
} Round;

typedef struct Slice
{
	const Round *round;
	ContactGroup **changed; /* the groups whose contact changes, or whose evidence is kept */
	ContactWrite *writes;	/* theirs */
	size_t change_count;
	List *missing_tags; /* names that are to be created, as Datum */
} Slice;

/* Takes the result of a request that is rejected. */
static void
reject(BulkCall *call, int64 position, const Upsert *upsert)
{
	if (call->first_rejected == 0 || position < call->first_rejected)
	{
		MemoryContext caller = MemoryContextSwitchTo(call->memory);

		call->first_rejected = position;
		errors_copy(call->memory, &call->first_error, upsert->error);
		call->first_row_error = upsert->row_error ? row_error_copy(upsert->row_error) : NULL;
		MemoryContextSwitchTo(caller);
	}
	call->sink->take(call->sink, position, upsert);
}

/* Parses a request into the batch; its result is taken if it is rejected. */
static void
parse_into(Batch *batch, size_t number)
{
	const BulkRequest *request = &batch->requests[number];
	Upsert upsert = {.error = &batch->call->error};

	if (!bulk_parse_request(request, &upsert))
		reject(batch->call, request->position, &upsert);
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

/* Whether an earlier request has already decided that all fail. */
static bool
is_pointless(const BulkCall *call, int64 position)
{
	return call->options.stops && call->first_rejected > 0 && position > call->first_rejected;
}

/*
 * Takes note of tags that another session has deleted since bulk_create_tags(), or that did not become visible.
 * run_slice() creates them, and the request is for the next round.
 */
static void
note_missing_tags(Slice *slice, ContactGroup *group)
{
	if (++group->tries == MAX_TRIES)
		upsert_raise_no_tag(&group->upsert.decision);
	slice->missing_tags = upsert_add_missing_tags(slice->missing_tags, &group->upsert.decision);
}

/* Sets what a row says beside its request. */
static void
read_row(const BulkRow *row, Upsert *upsert)
{
	upsert->created_at = row->has_created_at ? &row->created_at : NULL;
	upsert->cells = NULL;
	if (upsert->found.exists && row->cells)
	{
		cu_json *cells = palloc(sizeof(cu_json));

		*cells = jsonb_read(row->cells);
		upsert->cells = cells;
	}
}

/* Decides on the requests of a group up to the first one for which its contact is written or locked; false if there is none. */
static bool
decide(Slice *slice, ContactGroup *group)
{
	const Batch *batch = slice->round->batch;
	BulkCall *call = batch->call;
	Upsert *upsert = &group->upsert;

	for (; group->next < group->end; group->next++)
	{
		int64 position = batch->requests[group->next].position;

		CHECK_FOR_INTERRUPTS();
		upsert->parsed_request = batch->parsed_requests[group->next];
		if (call->options.rows)
			read_row(&call->options.rows[position - 1], upsert);
		if (upsert->parsed_request == NULL || is_pointless(call, position))
			continue;
		if (!upsert_decide(upsert, slice->round->definitions))
			reject(call, position, upsert);
		else if (call->options.dry_run)
			bulk_take_tried(call, position, upsert);
		else if (upsert->decision.new_tag_count > 0)
		{
			note_missing_tags(slice, group);
			return false;
		}
		else if (upsert_writes(&upsert->decision) || history_keeps_evidence(call->history.level, upsert))
			return true;
		else
			call->sink->take(call->sink, position, upsert);
	}
	if (call->options.dry_run && group->end == batch->count)
		bulk_keep_tried(call, upsert);
	return false;
}

/* Reads contacts of groups, beginning with the given one, and decides on them; returns the group behind the slice. */
static size_t
decide_slice(Slice *slice, size_t first)
{
	const Batch *batch = slice->round->batch;
	size_t bytes = 0;
	size_t next = first;

	while (next < batch->group_count && bytes < SLICE_BYTES && slice->missing_tags == NIL &&
		   MemoryContextMemAllocated(CurrentMemoryContext, true) < SLICE_MEMORY)
	{
		ContactGroup *group = batch->groups[next];
		Upsert *upsert = &group->upsert;

		bytes += store_read_fetched(&slice->round->contacts, next, &upsert->found);
		if (batch->call->options.dry_run)
			bulk_find_tried(batch->call, upsert);
		if (decide(slice, group))
		{
			slice->changed[slice->change_count] = group;
			slice->writes[slice->change_count++] = (ContactWrite){.contact = &upsert->after,
																  .decision = &upsert->decision,
																  .found_at = upsert->found.updated_at,
																  .place = upsert->found.place,
																  .has_more = group->next + 1 < group->end};
		}
		next++;
	}
	return next;
}

/* Returns the end of the contacts, from the given one on, that all are to be written, or all only to be locked. */
static size_t
end_of_run(const Slice *slice, size_t first)
{
	bool changes = upsert_writes(slice->writes[first].decision);
	size_t end = first + 1;

	while (end < slice->change_count && upsert_writes(slice->writes[end].decision) == changes)
		end++;
	return end;
}

/*
 * Writes the contacts that change, and locks those that stay as they are, for their evidence: in the order of the addresses, so run by
 * run. False if one was not locked: then the runs behind it are postponed, as contact_writer_write() does.
 */
static bool
write_slice(const Slice *slice)
{
	BulkCall *call = slice->round->batch->call;
	bool locks_all = true;
	size_t end;

	for (size_t i = 0; i < slice->change_count; i = end)
	{
		end = end_of_run(slice, i);
		if (!locks_all)
			for (size_t n = i; n < end; n++)
				slice->writes[n].postponed = true;
		else if (upsert_writes(slice->writes[i].decision))
			locks_all = contact_writer_write(&call->writer, &slice->writes[i], end - i);
		else
			locks_all = store_lock_together(call->workspace_id, &slice->writes[i], end - i);
	}
	return locks_all;
}

/* Takes back what has been written for addresses that were suppressed meanwhile: they are for the next round. */
static void
check_written(const Slice *slice)
{
	Upsert **upserts = palloc(sizeof(Upsert *) * Max(slice->change_count, 1));
	ContactWrite **writes = palloc(sizeof(ContactWrite *) * Max(slice->change_count, 1));
	bool *refused = palloc(sizeof(bool) * Max(slice->change_count, 1));
	size_t count = 0;

	for (size_t i = 0; i < slice->change_count; i++)
		if (slice->writes[i].written)
		{
			upserts[count] = &slice->changed[i]->upsert;
			writes[count++] = &slice->writes[i];
		}
	if (!guard_check_written(slice->round->batch->call->workspace_id, upserts, count, refused))
		return;
	for (size_t i = 0; i < count; i++)
		writes[i]->written = !refused[i];
}

/* Takes the result of a request whose contact was written or rejected, or takes note that the contact was not as it was found. */
static void
take_result(const Slice *slice, ContactGroup *group, const ContactWrite *write)
{
	BulkCall *call = slice->round->batch->call;
	Upsert *upsert = &group->upsert;
	int64 position = slice->round->batch->requests[group->next].position;

	if (write->postponed || (!write->written && !write->error && ++group->tries < MAX_TRIES))
		return;
	if (write->written)
	{
		history_add(&call->history, position, upsert);
		outbox_add(&call->outbox, position, &upsert->after, &upsert->decision);
		call->sink->take(call->sink, position, upsert);
	}
	else
	{
		upsert->rejected = true;
		upsert->row_error = write->error ? write->error : row_error_not_written();
		reject(call, position, upsert);
		upsert->row_error = NULL;
	}
	group->tries = 0;
	group->next++;
}

/* Whether so many rows, in such memory, are to be stored by now. */
static bool
is_much(size_t count, MemoryContext memory)
{
	return count >= WAITING_ROWS || (memory && MemoryContextMemAllocated(memory, true) >= WAITING_BYTES);
}

/* Stores the history and the events so far when they are much. */
static void
store_waiting(BulkCall *call)
{
	if (is_much(call->history.count, call->history.memory))
		history_store(&call->history, call->workspace_id);
	if (is_much(call->outbox.count, call->outbox.memory))
		outbox_store(&call->outbox, call->workspace_id);
}

/*
 * Runs as many groups as fit into memory, beginning with the given one; returns the group behind them. Where a contact
 * that is not locked waits for the next round, all groups are behind them: those that follow the contact in the order
 * of locks must not be locked before it.
 */
static size_t
run_slice(const Round *round, size_t first)
{
	Batch *batch = round->batch;
	BulkCall *call = batch->call;
	size_t room = batch->group_count - first;
	Slice slice = {.round = round,
				   .changed = palloc(sizeof(ContactGroup *) * room),
				   .writes = palloc(sizeof(ContactWrite) * room)};
	size_t next = decide_slice(&slice, first);

	if (slice.missing_tags)
	{
		store_create_tags(call->workspace_id, slice.missing_tags);
		next = batch->group_count;
	}
	if (!write_slice(&slice))
		next = batch->group_count;
	check_written(&slice);
	for (size_t i = 0; i < slice.change_count; i++)
		take_result(&slice, slice.changed[i], &slice.writes[i]);
	store_waiting(call);
	return next;
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
		next = run_slice(&round, next);
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
