/*
 * new_tags.c - see new_tags.h.
 *
 * All are created before the first contact is locked, for that is the order of locks: definitions, then contacts. Those
 * that later requests create are then hidden from a request.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "definitions.h"
#include "encoding.h"
#include "host.h"
#include "new_tags.h"
#include "statement.h"
#include "text_order.h"

void
new_tags_begin(NewTags *new_tags)
{
	*new_tags = (NewTags){.memory = CurrentMemoryContext};
}

void
new_tags_add(NewTags *new_tags, int64 position, Datum name)
{
	MemoryContext caller = MemoryContextSwitchTo(new_tags->memory);

	if (new_tags->count == new_tags->capacity)
	{
		new_tags->capacity = Max(16, new_tags->capacity * 2);
		new_tags->tags = new_tags->tags ? repalloc_huge(new_tags->tags, sizeof(NewTag) * new_tags->capacity)
										: palloc(sizeof(NewTag) * new_tags->capacity);
	}
	new_tags->tags[new_tags->count++] = (NewTag){.position = position, .name = datumCopy(name, false, -1)};
	MemoryContextSwitchTo(caller);
}

/* Adds the names of a request. Runs in memory that is reset behind it. */
static void
collect_names(NewTags *new_tags, const cu_definitions *definitions, const Request *request)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_error error;
	Upsert upsert = {.error = &error};
	const cu_text *names;
	size_t count;

	if (!request_load(request, &upsert))
		return;
	host_check(cu_new_tags(&host, definitions, upsert.request, &names, &count));
	for (size_t i = 0; i < count; i++)
		new_tags_add(new_tags, request->position, encoding_to_text(names[i]));
}

static int
compare_by_name(const void *left, const void *right)
{
	const NewTag *a = left;
	const NewTag *b = right;
	int order = compare_texts(a->name, b->name);

	return order != 0 ? order : compare_positions(a->position, b->position);
}

static int
compare_by_position(const void *left, const void *right)
{
	const NewTag *a = left;
	const NewTag *b = right;

	return a->position != b->position ? compare_positions(a->position, b->position) : compare_texts(a->name, b->name);
}

/* Keeps each name where it comes first. */
static void
keep_first(NewTags *new_tags)
{
	size_t kept = 0;

	qsort(new_tags->tags, new_tags->count, sizeof(NewTag), compare_by_name);
	for (size_t i = 0; i < new_tags->count; i++)
		if (kept == 0 || compare_texts(new_tags->tags[kept - 1].name, new_tags->tags[i].name) != 0)
			new_tags->tags[kept++] = new_tags->tags[i];
	new_tags->count = kept;
	qsort(new_tags->tags, new_tags->count, sizeof(NewTag), compare_by_position);
}

void
new_tags_collect(NewTags *new_tags, int64 workspace_id, const Requests *requests, const bool *is_excluded)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch;
	const cu_definitions *definitions;

	statement_connect();
	definitions_begin_call();
	definitions = definitions_get(workspace_id, store_definitions_version(workspace_id));
	scratch = AllocSetContextCreate(CurrentMemoryContext, "contact_upsert request", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scratch);
	for (size_t i = 0; definitions && i < requests->count; i++)
	{
		const Request *request = &requests->items[i];

		CHECK_FOR_INTERRUPTS();
		if (request->creates_tags && !is_excluded[request->position])
			collect_names(new_tags, definitions, request);
		MemoryContextReset(scratch);
	}
	SPI_finish();
	MemoryContextSwitchTo(caller);
	keep_first(new_tags);
}

void
new_tags_create(NewTags *new_tags, int64 workspace_id)
{
	size_t kept = 0;
	Datum *names;
	int64 *ids;

	statement_connect();
	names = palloc(sizeof(Datum) * Max(new_tags->count, 1));
	ids = palloc(sizeof(int64) * Max(new_tags->count, 1));
	for (size_t i = 0; i < new_tags->count; i++)
		names[i] = new_tags->tags[i].name;
	store_create_tags(workspace_id, names, new_tags->count, ids);
	for (size_t i = 0; i < new_tags->count; i++)
		if (ids[i] > 0)
		{
			new_tags->tags[kept] = new_tags->tags[i];
			new_tags->tags[kept++].tag_id = ids[i];
		}
	new_tags->count = kept;
	SPI_finish();

	new_tags->ids = MemoryContextAllocHuge(new_tags->memory, sizeof(int64) * Max(kept, 1));
	for (size_t i = 0; i < kept; i++)
		new_tags->ids[i] = new_tags->tags[i].tag_id;
}

const cu_definitions *
new_tags_definitions(const NewTags *new_tags, const cu_definitions *definitions, int64 position)
{
	cu_host host = host_in(CurrentMemoryContext);
	const cu_definitions *earlier;
	size_t low = 0;
	size_t high = new_tags->count;

	if (new_tags->count == 0)
		return definitions;
	/* The first tag that a later request creates. */
	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (new_tags->tags[middle].position <= position)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == new_tags->count)
		return definitions;
	host_check(cu_definitions_before(&host, definitions, new_tags->ids + low, new_tags->count - low, &earlier));
	return earlier;
}
