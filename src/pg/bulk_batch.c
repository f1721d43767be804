/*
 * bulk_batch.c - a batch of requests, in rounds.
 *
 * A round looks for the contacts of a batch with one statement, reads and decides on each, and writes what changes with
 * another. What somebody else was faster with, and the next request for a contact that has just changed, is for the next
 * round. Usually there is one.
 *
 * Contacts can be large, and take a multiple of their size while they are decided on. So a round goes through them in slices:
 * as many at a time as are a megabyte together. What a slice allocates goes before the next one; the parsed requests stay for
 * the batch.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "bulk_batch.h"
#include "definitions.h"
#include "encoding.h"
#include "errors.h"
#include "row_error.h"
#include "statement.h"

#define MAX_TRIES 5
#define SLICE_BYTES (1024 * 1024)
/* What the requests of a batch may take once they are read, and a slice, give or take the last one: numbers of a few bytes can
   have as many digits as make a megabyte. */
#define BATCH_MEMORY (16 * 1024 * 1024)
#define SLICE_MEMORY (16 * 1024 * 1024)
/* Events are stored in the order of their requests, as far as they wait for each other. */
#define WAITING_EVENTS 1000
#define WAITING_EVENT_BYTES (4 * 1024 * 1024)

/* A request as it was read. */
typedef struct Loaded
{
	const cu_request *request; /* NULL if it was rejected */
	cu_text email;
} Loaded;

/* The requests for one contact. */
typedef struct ContactGroup
{
	size_t next; /* in the batch: the one to decide on */
	size_t end;
	int tries;
	Upsert upsert;
} ContactGroup;

/* Some requests, in the order of their addresses, which is that of the groups too. */
typedef struct Batch
{
	Many *many;
	const Request *requests;
	const Loaded *loaded;
	ContactGroup **groups; /* with requests left */
	size_t count;
} Batch;

/* What a round has found. */
typedef struct Look
{
	const Datum *emails; /* by group, as are the contacts */
	FoundContacts contacts;
	const cu_definitions *definitions;
} Look;

/* The groups of a round whose contacts are in memory. */
typedef struct Slice
{
	Batch *batch;
	const Look *look;
	ContactGroup **changed;
	ContactWrite *writes; /* of the changed */
	size_t count;
	List *new_tags; /* names that are to be created, as Datum */
} Slice;

void
many_reject(Many *many, int64 position, const Upsert *upsert)
{
	if (many->first_rejected == 0 || position < many->first_rejected)
	{
		MemoryContext caller = MemoryContextSwitchTo(many->memory);

		many->first_rejected = position;
		errors_copy(many->memory, &many->first_error, upsert->error);
		many->first_row_error = upsert->row_error ? row_error_copy(upsert->row_error) : NULL;
		MemoryContextSwitchTo(caller);
	}
	upsert_results_add(many->results, position, upsert);
}

void
many_raise_first(const Many *many)
{
	if (many->first_row_error)
		row_error_raise_at(many->first_row_error, many->first_rejected);
	errors_raise_at(&many->first_error, many->first_rejected);
}

/* Whether an earlier request has already decided that all fail. */
static bool
is_pointless(const Many *many, int64 position)
{
	return many->stops && many->first_rejected > 0 && position > many->first_rejected;
}

/*
 * Takes note of tags that somebody has deleted since bulk_tags_create(), or that did not become visible. They are created, and
 * the request is for the next round.
 */
static void
want_tags(Slice *slice, ContactGroup *group)
{
	const cu_decision *decision = &group->upsert.decision;

	if (++group->tries == MAX_TRIES)
		upsert_raise_no_tag(decision);
	for (size_t i = 0; i < decision->tag_count; i++)
		if (decision->tags[i].id == 0)
			slice->new_tags = lappend(slice->new_tags, DatumGetPointer(encoding_to_text(decision->tags[i].name)));
}

/* Decides on the requests for a contact up to the first one that changes it; false if there is none. */
static bool
decide(Slice *slice, ContactGroup *group)
{
	Batch *batch = slice->batch;
	Many *many = batch->many;
	Upsert *upsert = &group->upsert;

	for (; group->next < group->end; group->next++)
	{
		int64 position = batch->requests[group->next].position;

		CHECK_FOR_INTERRUPTS();
		if (batch->loaded[group->next].request == NULL || is_pointless(many, position))
			continue;
		upsert->request = batch->loaded[group->next].request;
		upsert->facts.email = batch->loaded[group->next].email;
		if (!upsert_decide(upsert, slice->look->definitions))
			many_reject(many, position, upsert);
		else if (upsert->decision.new_tag_count > 0)
		{
			want_tags(slice, group);
			return false;
		}
		else if (upsert->decision.outcome == CU_UNCHANGED)
			upsert_results_add(many->results, position, upsert);
		else
			return true;
	}
	return false;
}

/* Takes the result of a request whose contact has been written or rejected, or takes note that it was not as it was found. */
static void
take_result(Slice *slice, ContactGroup *group, const ContactWrite *write)
{
	Many *many = slice->batch->many;
	Upsert *upsert = &group->upsert;
	int64 position = slice->batch->requests[group->next].position;

	if (write->postponed || (!write->written && !write->error && ++group->tries < MAX_TRIES))
		return;
	if (write->written)
	{
		upsert->facts.id = upsert->id;
		outbox_add(&many->outbox, position, upsert->id, upsert->found.version + 1, &upsert->decision);
		upsert_results_add(many->results, position, upsert);
	}
	else
	{
		upsert->rejected = true;
		upsert->row_error = write->error ? write->error : row_error_not_written();
		many_reject(many, position, upsert);
		upsert->row_error = NULL;
	}
	group->tries = 0;
	group->next++;
}

/* Reads groups, beginning with the given one, and decides on them; returns the one behind the slice. */
static size_t
read_slice(Slice *slice, size_t first)
{
	Batch *batch = slice->batch;
	size_t bytes = 0;
	size_t next = first;

	while (next < batch->count && bytes < SLICE_BYTES && slice->new_tags == NIL &&
		   MemoryContextMemAllocated(CurrentMemoryContext, true) < SLICE_MEMORY)
	{
		ContactGroup *group = batch->groups[next];
		Upsert *upsert = &group->upsert;

		bytes += store_found_contact(&slice->look->contacts, next, &upsert->found);
		if (decide(slice, group))
		{
			slice->changed[slice->count] = group;
			slice->writes[slice->count++] = (ContactWrite){.email = slice->look->emails[next],
														   .found = &upsert->found,
														   .decision = &upsert->decision,
														   .id = upsert->id,
														   .has_more = group->next + 1 < group->end};
		}
		next++;
	}
	return next;
}

static void
create_tags(const Slice *slice)
{
	int count = list_length(slice->new_tags);
	Datum *names = palloc(sizeof(Datum) * (size_t)count);

	for (int i = 0; i < count; i++)
		names[i] = PointerGetDatum(list_nth(slice->new_tags, i));
	store_create_tags(slice->batch->many->workspace_id, names, (size_t)count);
}

/* Stores the events so far when they are many. */
static void
store_events(Many *many)
{
	const Outbox *outbox = &many->outbox;

	if (outbox->count >= WAITING_EVENTS ||
		(outbox->memory && MemoryContextMemAllocated(outbox->memory, true) >= WAITING_EVENT_BYTES))
		outbox_store(&many->outbox, many->workspace_id);
}

/*
 * Runs as many groups as fit into memory, beginning with the given one; returns the one behind them. That is the last one where
 * a contact that is not locked waits for the next round: others behind it in the order of locks must not be locked before.
 */
static size_t
run_slice(Batch *batch, const Look *look, size_t first)
{
	size_t room = batch->count - first;
	Slice slice = {.batch = batch,
				   .look = look,
				   .changed = palloc(sizeof(ContactGroup *) * room),
				   .writes = palloc(sizeof(ContactWrite) * room)};
	size_t next = read_slice(&slice, first);

	if (slice.new_tags)
	{
		create_tags(&slice);
		next = batch->count;
	}
	if (slice.count > 0 && !contact_writer_write(&batch->many->writer, slice.writes, slice.count))
		next = batch->count;
	for (size_t i = 0; i < slice.count; i++)
		take_result(&slice, slice.changed[i], &slice.writes[i]);
	store_events(batch->many);
	return next;
}

/* Looks for the contacts of all groups. */
static Look
look_for_contacts(const Batch *batch)
{
	int64 workspace_id = batch->many->workspace_id;
	Datum *emails = palloc(sizeof(Datum) * batch->count);
	Look look = {.emails = emails};
	cu_error error;

	for (size_t i = 0; i < batch->count; i++)
		emails[i] = batch->requests[batch->groups[i]->next].email;
	if (store_find_contacts(workspace_id, emails, batch->count, &look.contacts))
		look.definitions = definitions_get(workspace_id, look.contacts.definitions_version);
	if (look.definitions == NULL)
	{
		errors_workspace_not_found(&error, workspace_id);
		errors_raise(&error);
	}
	return look;
}

/* Drops the groups that have no requests left. */
static void
keep_pending(Batch *batch)
{
	size_t kept = 0;

	for (size_t i = 0; i < batch->count; i++)
		if (batch->groups[i]->next < batch->groups[i]->end)
			batch->groups[kept++] = batch->groups[i];
	batch->count = kept;
}

static void
run_round(Batch *batch)
{
	Look look = look_for_contacts(batch);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext memory = AllocSetContextCreate(caller, "contact_upsert slice", ALLOCSET_DEFAULT_SIZES);
	size_t next = 0;

	MemoryContextSwitchTo(memory);
	while (next < batch->count)
	{
		next = run_slice(batch, &look, next);
		MemoryContextReset(memory);
	}
	MemoryContextSwitchTo(caller);
	keep_pending(batch);
}

/* Reads requests, as many as fit into memory, and gathers those for one contact. Sets count to how many they are. */
static Batch
begin_batch(Many *many, const Request *requests, size_t *count)
{
	Loaded *loaded = palloc(sizeof(Loaded) * *count);
	Batch batch = {
		.many = many, .requests = requests, .loaded = loaded, .groups = palloc(sizeof(ContactGroup *) * *count)};
	size_t i;

	for (i = 0; i < *count && MemoryContextMemAllocated(CurrentMemoryContext, true) < BATCH_MEMORY; i++)
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
			ContactGroup *group = palloc(sizeof(ContactGroup));

			*group = (ContactGroup){.next = i, .upsert.error = &many->error};
			batch.groups[batch.count++] = group;
		}
		batch.groups[batch.count - 1]->end = i + 1;
	}
	*count = i;
	return batch;
}

size_t
many_run_batch(Many *many, const Request *requests, size_t count)
{
	Batch batch = begin_batch(many, requests, &count);

	while (batch.count > 0)
	{
		statement_connect();
		definitions_begin_call();
		run_round(&batch);
		SPI_finish();
	}
	return count;
}
