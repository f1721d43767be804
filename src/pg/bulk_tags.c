/*
 * bulk_tags.c - creates the tags of an array before the first contact is locked: collects the names that no tag has, each
 * once, and makes tags of them.
 *
 * It is not known yet which of the requests will be rejected; the tags of such a one stay. It is known, but for contacts that other sessions
 * create or delete meanwhile, which of them will leave their contact alone by their mode: those create none.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "bulk.h"
#include "definitions.h"
#include "encoding.h"
#include "host.h"
#include "statement.h"
#include "store.h"

/* No folded name of a tag is longer: a tag's name has at most 64 code points. */
#define FOLDED_NAME_SIZE (4 * 64 + 1)

typedef struct NewNames
{
	MemoryContext memory;
	HTAB *folded; /* the names, folded: equal for those of one tag */
	List *names;  /* in the order in which the array asks for them, as Datum */
} NewNames;

/* Whether a name is the first of its tag. */
static bool
is_first(NewNames *names, cu_text folded)
{
	char key[FOLDED_NAME_SIZE] = "";
	bool found;

	if (folded.size >= sizeof(key))
		return true;
	memcpy(key, folded.data, folded.size);
	(void)hash_search(names->folded, key, HASH_ENTER, &found);
	return !found;
}

/* Adds the names of a request. Runs in memory that is reset behind it. */
static void
collect_names(NewNames *names, const cu_definitions *definitions, const BulkRequest *request)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_error error;
	Upsert upsert = {.error = &error};
	const cu_text *texts;
	size_t count;

	if (!bulk_parse_request(request, &upsert))
		return;
	host_check(cu_new_tags(&host, definitions, upsert.parsed_request, &texts, &count));
	for (size_t i = 0; i < count; i++)
	{
		cu_text folded;

		host_check(cu_fold_case(&host, texts[i], &folded));
		if (is_first(names, folded))
		{
			Datum text = encoding_to_text(texts[i]);
			MemoryContext caller = MemoryContextSwitchTo(names->memory);

			names->names = lappend(names->names, DatumGetPointer(datumCopy(text, false, -1)));
			MemoryContextSwitchTo(caller);
		}
	}
}

/* Compares two requests, which have an address, by it. */
static int
compare_addresses(const void *left, const void *right)
{
	return encoding_compare_texts((*(BulkRequest *const *)left)->email, (*(BulkRequest *const *)right)->email);
}

/* Returns the requests that may create their contact, by address. */
static BulkRequest **
creators(const BulkRequests *requests, size_t *count)
{
	BulkRequest **found = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(BulkRequest *) * requests->count);

	*count = 0;
	for (size_t i = 0; i < requests->count; i++)
		if (requests->items[i].email != 0 && !requests->items[i].skips_missing)
			found[(*count)++] = &requests->items[i];
	qsort(found, *count, sizeof(BulkRequest *), compare_addresses);
	return found;
}

/* Of requests that leave their contact alone by their mode, takes note that they create no tags. */
static void
drop_left_alone(int64 workspace_id, BulkRequests *requests)
{
	BulkRequest **asked = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(BulkRequest *) * requests->count);
	Datum *emails = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum) * requests->count);
	BulkRequest **may_create;
	size_t creator_count;
	size_t count = 0;
	bool *exists;

	for (size_t i = 0; i < requests->count; i++)
	{
		BulkRequest *request = &requests->items[i];

		if (!request->creates_tags || !(request->skips_existing || request->skips_missing))
			continue;
		emails[count] = request->email;
		asked[count++] = request;
	}
	if (count == 0)
		return;
	exists = palloc(sizeof(bool) * count);
	store_look_for_contacts(workspace_id, emails, count, exists);
	may_create = creators(requests, &creator_count);
	for (size_t i = 0; i < count; i++)
		asked[i]->creates_tags =
			exists[i] ? !asked[i]->skips_existing
					  : !asked[i]->skips_missing ||
							bsearch(&asked[i], may_create, creator_count, sizeof(BulkRequest *), compare_addresses);
}

/* Returns the names that are no tags of the workspace yet. */
static List *
collect(int64 workspace_id, const BulkRequests *requests)
{
	HASHCTL control = {.keysize = FOLDED_NAME_SIZE, .entrysize = FOLDED_NAME_SIZE, .hcxt = CurrentMemoryContext};
	NewNames names = {
		.memory = CurrentMemoryContext,
		.folded = hash_create("contact_upsert new tags", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT)};
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
	return names.names;
}

List *
bulk_new_tags(int64 workspace_id, BulkRequests *requests)
{
	drop_left_alone(workspace_id, requests);
	return collect(workspace_id, requests);
}

void
bulk_create_tags(int64 workspace_id, BulkRequests *requests)
{
	List *names;

	statement_connect();
	definitions_begin_call();
	names = bulk_new_tags(workspace_id, requests);
	if (names)
		store_create_tags(workspace_id, names);
	SPI_finish();
}
