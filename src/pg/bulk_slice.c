/*
 * bulk_slice.c - a slice of a round: reads contacts, decides on the next request of each, and writes what changes.
 *
 * Takes the results of the requests that are done with; a group whose contact was not as it was found, or that lacks a tag, is for the next
 * round.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "bulk_slice.h"
#include "errors.h"
#include "guard.h"
#include "jsonb_reader.h"
#include "row_error.h"

/* SLICE_MEMORY is what a slice may take, give or take the last contact. */
#define SLICE_MEMORY (16 * 1024 * 1024)
/* SLICE_BYTES is the size of a slice's contacts together, as they are stored. */
#define SLICE_BYTES (1024 * 1024)
/* MAX_TRIES is how often a request is decided on before it is given up. */
#define MAX_TRIES 5
/* WAITING_ROWS of the history, or of events, are stored together, in the order of their requests. */
#define WAITING_ROWS 1000
#define WAITING_BYTES (4 * 1024 * 1024)

typedef struct Slice
{
	const Round *round;
	ContactGroup **changed; /* the groups whose contact changes, or whose evidence is kept */
	ContactWrite *writes;	/* theirs */
	size_t change_count;
	List *missing_tags; /* names that are to be created, as Datum */
} Slice;

void
bulk_reject(BulkCall *call, int64 position, const Upsert *upsert)
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

/* Whether an earlier request has already decided that all fail. */
static bool
is_pointless(const BulkCall *call, int64 position)
{
	return call->options.stops && call->first_rejected > 0 && position > call->first_rejected;
}

/*
 * Takes note of tags that another session has deleted since bulk_create_tags(), or that did not become visible.
 * bulk_run_slice() creates them, and the request is for the next round.
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
			bulk_reject(call, position, upsert);
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
		bulk_reject(call, position, upsert);
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

size_t
bulk_run_slice(const Round *round, size_t first)
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
