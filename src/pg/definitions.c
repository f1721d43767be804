/*
 * definitions.c - a cache by workspace, valid as long as workspace.definitions_version says so.
 *
 * The version comes with the statement that finds the contact, so the cache is right under every isolation level and
 * after every rollback: triggers give each change of a definition a number that is never used again.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "definitions.h"
#include "host.h"
#include "json_reader.h"
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

/* Reads the definitions into memory of their own; NULL if there is no such workspace. Raises without a trace. */
static MemoryContext
load(int64 workspace_id, int64 *version, const cu_definitions **definitions)
{
	Jsonb *stored = store_load_definitions(workspace_id, version);
	MemoryContext memory;
	MemoryContext caller;
	Jsonb *copy;
	cu_json *source;
	cu_host host;

	if (stored == NULL)
		return NULL;

	/* A child of this call's memory until it is complete, so that an error frees it. */
	memory = AllocSetContextCreate(CurrentMemoryContext, "contact_upsert definitions", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(memory);
	copy = palloc(VARSIZE(stored));
	memcpy(copy, stored, VARSIZE(stored));
	source = palloc(sizeof(cu_json));
	*source = json_read(copy);
	host = host_in(memory);
	host_check(cu_load_definitions(&host, source, definitions));
	MemoryContextSwitchTo(caller);
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
