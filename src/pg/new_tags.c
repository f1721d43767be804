/*
 * new_tags.c - see new_tags.h.
 *
 * All are created before the first contact is locked, for that is the order of locks: definitions, then contacts. Their
 * ids ascend with the positions of the requests, so what a request finds is told by the highest id that exists for it.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "definitions.h"
#include "encoding.h"
#include "host.h"
#include "new_tags.h"
#include "text_order.h"

/* Adds the names of a request. Runs in memory that is reset behind it. */
static void
collect_names(NewTags *new_tags, size_t *capacity, const cu_definitions *definitions, const Request *request)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_error error;
	Upsert upsert = {.error = &error};
	const cu_text *names;
	size_t count;
	MemoryContext caller;

	(void)request_load(request, &upsert);
	host_check(cu_new_tags(&host, definitions, upsert.request, &names, &count));
	caller = MemoryContextSwitchTo(new_tags->memory);
	for (size_t i = 0; i < count; i++)
	{
		if (new_tags->count == *capacity)
		{
			*capacity = Max(16, *capacity * 2);
			new_tags->tags = new_tags->tags ? repalloc_huge(new_tags->tags, sizeof(NewTag) * *capacity)
											: palloc(sizeof(NewTag) * *capacity);
		}
		new_tags->tags[new_tags->count++] = (NewTag){.position = request->position, .name = encoding_to_text(names[i])};
	}
	MemoryContextSwitchTo(caller);
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
	size_t capacity = 0;

	*new_tags = (NewTags){.memory = caller};
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	definitions_begin_call();
	definitions = definitions_get(workspace_id, store_definitions_version(workspace_id));
	scratch = AllocSetContextCreate(CurrentMemoryContext, "contact_upsert request", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scratch);
	for (size_t i = 0; definitions && i < requests->count; i++)
	{
		const Request *request = &requests->items[i];

		CHECK_FOR_INTERRUPTS();
		if (request->creates_tags && !is_excluded[request->position])
			collect_names(new_tags, &capacity, definitions, request);
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

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
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
	host_check(cu_definitions_as_of(&host, definitions, new_tags->tags[low].tag_id - 1, &earlier));
	return earlier;
}
