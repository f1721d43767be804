/*
 * bulk_slice.h - what a batch, its rounds and their slices share (bulk_batch.c, bulk_slice.c).
 */
#ifndef CU_BULK_SLICE_H
#define CU_BULK_SLICE_H

#include "bulk.h"
#include "store.h"

typedef struct ContactGroup
{
	size_t next; /* of its requests, which are neighbours in the batch: the one to decide on */
	size_t end;
	int tries;
	Upsert upsert;
} ContactGroup;

typedef struct Batch
{
	BulkCall *call;
	const BulkRequest *requests;
	const cu_parsed_request **parsed_requests; /* NULL for one that is rejected */
	size_t count;
	ContactGroup **groups; /* that have requests left, in the order of their addresses */
	size_t group_count;
} Batch;

typedef struct Round
{
	Batch *batch;
	FetchedContacts contacts; /* by group */
	const cu_definitions *definitions;
} Round;

/* bulk_reject() takes the result of a request that is rejected. */
extern void bulk_reject(BulkCall *call, int64 position, const Upsert *upsert);

/*
 * bulk_run_slice() runs as many groups as fit into memory, beginning with the given one; returns the group behind them. Where a contact
 * that is not locked waits for the next round, all groups are behind them: those that follow the contact in the order
 * of locks must not be locked before it.
 */
extern size_t bulk_run_slice(const Round *round, size_t first);

#endif
