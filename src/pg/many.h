/*
 * many.h - an array of requests on its way: what upsert_many.c runs and many.c works through, a batch at a time.
 */
#ifndef CU_MANY_H
#define CU_MANY_H

#include "new_tags.h"
#include "outbox.h"
#include "result.h"

/* One call. */
typedef struct Many
{
	int64 workspace_id;
	Requests requests;
	bool stops;
	Results *results;
	NewTags new_tags;
	bool *is_rejected;		/* by position */
	int64 misjudged;		/* position of a request that creates tags, though none were collected from it, or 0 */
	NewTags misjudged_tags; /* what such requests create */
	int64 first_rejected;	/* position, or 0 */
	cu_error first_error;
	cu_error error; /* of the request under way */
	Outbox outbox;
} Many;

/* Takes the result of a request that is rejected. */
extern void many_reject(Many *many, int64 position, const Upsert *upsert);

/*
 * Runs some requests, in the order of their addresses, all of which have one, and adds their results and events. Needs no
 * SPI connection.
 */
extern void many_run_batch(Many *many, const Request *requests, size_t count);

#endif
