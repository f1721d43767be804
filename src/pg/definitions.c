/*
 * definitions.c - a cache by workspace, valid as long as workspace.definitions_version says so.
 *
 * The version comes with the statement that finds the contact, so the cache is right under every isolation level and
 * after every rollback: triggers give each change of a definition a number that is never used again.
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "utils/array.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "definitions.h"
#include "encoding.h"
#include "host.h"
#include "jsonb_reader.h"
#include "store.h"

/* A backend that serves more workspaces than this starts over, so that its memory stays bounded. */
#define MAX_WORKSPACES 128

typedef struct Entry
{
	int64 workspace_id; /* the key */
	int64 version;
	MemoryContext memory; /* NULL until the first load has succeeded */
	const cu_definitions *definitions;
} Entry;

static HTAB *cache;

/* Calls under way in this backend: more than one when a user's trigger calls back. */
static int calls;

static void
end_call(void *arg)
{
	calls--;
}

void
definitions_begin_call(void)
{
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	/* Also when the call ends by an error. */
	callback->func = end_call;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	calls++;
}

/* Lets go of an entry. What a call further up may still use goes with the transaction. */
static void
release(Entry *entry)
{
	if (entry->memory && calls > 1)
		MemoryContextSetParent(entry->memory, TopTransactionContext);
	else if (entry->memory)
		MemoryContextDelete(entry->memory);
	entry->memory = NULL;
}

static void
release_all(void)
{
	HASH_SEQ_STATUS scan;
	Entry *entry;

	hash_seq_init(&scan, cache);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		release(entry);
		(void)hash_search(cache, &entry->workspace_id, HASH_REMOVE, NULL);
	}
}

static Entry *
find_entry(int64 workspace_id)
{
	Entry *entry;
	bool found;

	if (cache == NULL)
	{
		HASHCTL control = {.keysize = sizeof(int64), .entrysize = sizeof(Entry), .hcxt = TopMemoryContext};

		cache =
			hash_create("contact_upsert definitions", MAX_WORKSPACES, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(cache, &workspace_id, HASH_FIND, NULL);
	if (entry)
		return entry;
	if (hash_get_num_entries(cache) >= MAX_WORKSPACES)
		release_all();
	entry = hash_search(cache, &workspace_id, HASH_ENTER, &found);
	entry->memory = NULL;
	return entry;
}

/* The tags as the core reads them, pointing into a copy of their names: both in the current memory. */
static cu_tag *
read_tags(const StoredDefinitions *stored, size_t *count)
{
	const int64 *ids;
	ArrayType *names;
	cu_tag *tags;
	char *name;

	*count = 0;
	if (stored->tag_ids == NULL)
		return NULL;
	if (array_contains_nulls(stored->tag_ids) || array_contains_nulls(stored->tag_names))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a tag in the contact tables must not be null")));
	*count = (size_t)ArrayGetNItems(ARR_NDIM(stored->tag_ids), ARR_DIMS(stored->tag_ids));
	ids = (const int64 *)ARR_DATA_PTR(stored->tag_ids);
	tags = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(cu_tag) * *count);
	names = palloc(VARSIZE(stored->tag_names));
	memcpy(names, stored->tag_names, VARSIZE(stored->tag_names));

	/* The elements of a text[] stand one behind the other, each aligned. */
	name = ARR_DATA_PTR(names);
	for (size_t i = 0; i < *count; i++)
	{
		name = (char *)att_align_pointer(name, TYPALIGN_INT, -1, name);
		tags[i] = (cu_tag){ids[i], encoding_to_core(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name))};
		name += VARSIZE_ANY(name);
	}
	return tags;
}

/*
 * Reads the definitions into memory of their own; NULL if there is no such workspace. A workspace can have 100,000s of tags,
 * so what is kept of one is its name, its id and a few bytes. Raises without a trace.
 */
static MemoryContext
load(int64 workspace_id, int64 *version, const cu_definitions **definitions)
{
	StoredDefinitions stored;
	MemoryContext memory;
	MemoryContext scratch;
	MemoryContext caller;
	Jsonb *copy;
	cu_json *source;
	cu_tag *tags;
	size_t tag_count;
	cu_host host;
	cu_host scratch_host;

	if (!store_load_definitions(workspace_id, &stored))
		return NULL;

	/* A child of this call's memory until it is complete, so that an error frees it. */
	memory = AllocSetContextCreate(CurrentMemoryContext, "contact_upsert definitions", ALLOCSET_SMALL_SIZES);
	scratch = AllocSetContextCreate(CurrentMemoryContext, "contact_upsert definitions scratch", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(memory);
	copy = palloc(VARSIZE(stored.fields));
	memcpy(copy, stored.fields, VARSIZE(stored.fields));
	source = palloc(sizeof(cu_json));
	*source = jsonb_read(copy);
	tags = read_tags(&stored, &tag_count);
	host = host_in(memory);
	scratch_host = host_in(scratch);
	host_check(cu_load_definitions(&host, &scratch_host, source, tags, tag_count, definitions));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	*version = stored.version;
	return memory;
}

const cu_definitions *
definitions_get(int64 workspace_id, int64 version)
{
	Entry *entry = find_entry(workspace_id);
	MemoryContext memory;
	const cu_definitions *definitions;

	if (entry->memory && entry->version == version)
		return entry->definitions;

	memory = load(workspace_id, &version, &definitions);
	if (memory == NULL)
		return NULL;
	entry = find_entry(workspace_id); /* the load runs SQL, which may have called back and cleared the cache */
	release(entry);
	MemoryContextSetParent(memory, TopMemoryContext);
	entry->memory = memory;
	entry->version = version;
	entry->definitions = definitions;
	return definitions;
}
