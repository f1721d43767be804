/*
 * bulk_tried.c - what a dry run remembers in place of writing: the contact as a request would have left it, for the next request.
 *
 * Within a batch that is the group's own contact. Of the last contact of a batch a copy is kept for the next batch, which may have more
 * requests for it; of no other contact, so the memory is that of one.
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/memutils.h"

#include "bulk.h"
#include "encoding.h"
#include "jsonb_reader.h"
#include "jsonb_writer.h"

void
bulk_take_tried(BulkCall *call, int64 position, Upsert *upsert)
{
	const cu_decision *decision = &upsert->decision;
	int64 *ids;

	call->sink->take(call->sink, position, upsert);
	if (!upsert_writes(decision))
		return;
	ids = palloc(sizeof(int64) * Max(decision->tag_count, 1));
	for (size_t i = 0; i < decision->tag_count; i++)
		ids[i] = decision->tags[i].id;
	upsert->found = upsert->after;
	upsert->found.exists = true;
	upsert->found.stored = (cu_contact){.version = upsert->after.version,
										.status = decision->status,
										.tag_ids = ids,
										.tag_count = decision->tag_count,
										.data = decision->data};
	upsert->suppressed = false;
}

void
bulk_keep_tried(BulkCall *call, const Upsert *upsert)
{
	const cu_contact *stored = &upsert->found.stored;
	MemoryContext caller;

	/* tried_memory is another for each: what is kept may be what was kept before. */
	caller =
		MemoryContextSwitchTo(AllocSetContextCreate(call->memory, "contact_upsert dry run", ALLOCSET_DEFAULT_SIZES));
	call->tried = (TriedContact){.contact = upsert->found};
	call->tried.contact.email = datumCopy(upsert->found.email, false, -1);
	if (upsert->found.exists)
	{
		size_t size = sizeof(int64) * stored->tag_count;

		call->tried.data = jsonb_write(&stored->data);
		call->tried.contact.stored.tag_ids = memcpy(palloc(Max(size, 1)), stored->tag_ids, size);
	}
	if (call->tried_memory)
		MemoryContextDelete(call->tried_memory);
	call->tried_memory = CurrentMemoryContext;
	MemoryContextSwitchTo(caller);
}

void
bulk_find_tried(const BulkCall *call, Upsert *upsert)
{
	const TriedContact *tried = &call->tried;

	if (tried->data == NULL || encoding_compare_texts(tried->contact.email, upsert->found.email) != 0)
		return;
	upsert->found = tried->contact;
	upsert->found.stored.data = jsonb_read(tried->data);
	upsert->suppressed = false;
}
