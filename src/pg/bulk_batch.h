/*
 * bulk_batch.h - an array of requests on its way: what bulk.c runs and bulk_batch.c works through, a batch at a time.
 */
#ifndef CU_BULK_BATCH_H
#define CU_BULK_BATCH_H

#include "bulk_requests.h"
#include "contact_writer.h"
#include "outbox.h"
#include "upsert_result.h"

/* One call. */
typedef struct Many
{
	int64 workspace_id;
	Requests requests;
	bool stops;
	UpsertResults *results;
	ContactWriter writer;
	Outbox outbox;
	cu_error error;		  /* of the request under way */
	MemoryContext memory; /* for the first error */
	int64 first_rejected; /* position, or 0 */
	cu_error first_error;
	ErrorData *first_row_error; /* as in Upsert */
} Many;

/* Takes the result of a request that is rejected. */
extern void many_reject(Many *many, int64 position, const Upsert *upsert);

/*
 * Runs some requests, in the order of their addresses, all of which have one, and adds their results and events. Returns how
 * many: at least one, fewer than count if they are large once they are read. What it allocates is for the caller to free.
 * Needs no SPI connection.
 */
extern size_t many_run_batch(Many *many, const Request *requests, size_t count);

/* Raises the error of the first request that was rejected. */
pg_noreturn extern void many_raise_first(const Many *many);

#endif
