/*
 * lease.c - remembers the pages of the last claims of this session.
 *
 * No index has the lease of a delivery: a claim would have to write to all indexes then. A worker extends a lease in the session
 * that claimed it, as a rule; where it does not, contacts.extend() looks at all deliveries that wait. A worker acknowledges there, too: by the
 * places of the deliveries, else by their key. What is remembered is only where to look: a statement checks event and lease of each
 * delivery again. So a rolled-back claim does no harm here.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "lease.h"

#define MAX_LEASES 4
#define MAX_EVENTS 10000

typedef struct Lease
{
	int64 consumer_id;
	int64 number; /* 0: none */
	DuePage page; /* in memory of its own */
} Lease;

static Lease leases[MAX_LEASES];
static int oldest;

static Lease *
find(const Consumer *consumer, int64 lease)
{
	for (int i = 0; i < MAX_LEASES; i++)
		if (leases[i].number != 0 && leases[i].number == lease && leases[i].consumer_id == consumer->id)
			return &leases[i];
	return NULL;
}

void
lease_remember(const Consumer *consumer, int64 lease, const DuePage *page)
{
	Lease *entry = &leases[oldest];
	Lease *earlier = find(consumer, lease);
	Size size = sizeof(DueEvent) * page->count;
	DueEvent *events;

	/* A restarted sequence gives a number again. */
	if (earlier)
		earlier->number = 0;
	if (page->count > MAX_EVENTS)
		return;
	events = MemoryContextAlloc(TopMemoryContext, size);
	memcpy(events, page->events, size);
	if (entry->page.events)
		pfree(entry->page.events);
	*entry = (Lease){consumer->id, lease, {events, page->count, page->has_places}};
	oldest = (oldest + 1) % MAX_LEASES;
}

const DuePage *
lease_recall(const Consumer *consumer, int64 lease)
{
	const Lease *entry = find(consumer, lease);

	return entry ? &entry->page : NULL;
}
