/*
 * bulk_tags.c - see bulk_tags.h.
 *
 * They are created before the first contact is locked, for that is the order of locks: definitions, then contacts. So it is
 * not known yet which of the requests will fail; what a failed one has created stays.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "bulk_tags.h"
#include "definitions.h"
#include "encoding.h"
#include "host.h"
#include "statement.h"

/* A name that some request makes a tag. */
typedef struct NewName
{
	size_t place; /* in the order in which the array asks for them */
	Datum text;
	Datum folded; /* a text in UTF-8, whatever the database has: equal for names that are the same tag */
} NewName;

typedef struct NewNames
{
	MemoryContext memory;
	NewName *items;
	size_t count;
	size_t capacity;
} NewNames;

static void
add_name(NewNames *names, Datum text, cu_text folded)
{
	MemoryContext caller = MemoryContextSwitchTo(names->memory);

	if (names->count == names->capacity)
	{
		names->capacity = Max(16, names->capacity * 2);
		names->items = names->items ? repalloc_huge(names->items, sizeof(NewName) * names->capacity)
									: palloc(sizeof(NewName) * names->capacity);
	}
	names->items[names->count] = (NewName){
		.place = names->count,
		.text = datumCopy(text, false, -1),
		.folded = PointerGetDatum(cstring_to_text_with_len(folded.data, (int)folded.size)),
	};
	names->count++;
	MemoryContextSwitchTo(caller);
}

/* Adds the names of a request. Runs in memory that is reset behind it. */
static void
collect_names(NewNames *names, const cu_definitions *definitions, const Request *request)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_error error;
	Upsert upsert = {.error = &error};
	const cu_text *texts;
	size_t count;

	if (!request_load(request, &upsert))
		return;
	host_check(cu_new_tags(&host, definitions, upsert.request, &texts, &count));
	for (size_t i = 0; i < count; i++)
	{
		cu_text folded;

		host_check(cu_fold_case(&host, texts[i], &folded));
		add_name(names, encoding_to_text(texts[i]), folded);
	}
}

static int
compare_by_tag(const void *left, const void *right)
{
	const NewName *a = left;
	const NewName *b = right;
	int order = encoding_compare_texts(a->folded, b->folded);

	return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

static int
compare_by_place(const void *left, const void *right)
{
	const NewName *a = left;
	const NewName *b = right;

	return (a->place > b->place) - (a->place < b->place);
}

/* Keeps each tag where its name comes first. */
static void
keep_first(NewNames *names)
{
	size_t kept = 0;

	qsort(names->items, names->count, sizeof(NewName), compare_by_tag);
	for (size_t i = 0; i < names->count; i++)
		if (kept == 0 || encoding_compare_texts(names->items[kept - 1].folded, names->items[i].folded) != 0)
			names->items[kept++] = names->items[i];
	names->count = kept;
	qsort(names->items, names->count, sizeof(NewName), compare_by_place);
}

/* Collects the names that are no tags of the workspace yet. */
static NewNames
collect(int64 workspace_id, const Requests *requests)
{
	NewNames names = {.memory = CurrentMemoryContext};
	const cu_definitions *definitions = definitions_get(workspace_id, store_definitions_version(workspace_id));
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "contact_upsert request", ALLOCSET_DEFAULT_SIZES);

	MemoryContextSwitchTo(scratch);
	for (size_t i = 0; definitions && i < requests->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (requests->items[i].creates_tags)
			collect_names(&names, definitions, &requests->items[i]);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(names.memory);
	MemoryContextDelete(scratch);
	keep_first(&names);
	return names;
}

void
bulk_tags_create(int64 workspace_id, const Requests *requests)
{
	NewNames names;

	statement_connect();
	definitions_begin_call();
	names = collect(workspace_id, requests);
	if (names.count > 0)
	{
		Datum *texts = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum) * names.count);

		for (size_t i = 0; i < names.count; i++)
			texts[i] = names.items[i].text;
		store_create_tags(workspace_id, texts, names.count);
	}
	SPI_finish();
}
