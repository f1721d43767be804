/*
 * bulk.h - an array of requests, by the rules of one request.
 *
 * What the files of the family work with, from the whole to its parts:
 *
 *   BulkCall       one call, with all its requests and what it has written so far
 *   BulkRequest    one request: its place in the array, and its address. 100,000 requests in full would take as many
 *                  kilobytes, so no more is kept; they are parsed again a batch at a time
 *   Batch          the next requests in the order of their addresses, as many as fit into memory, parsed (bulk_batch.c)
 *   ContactGroup   the requests of a batch that are for one contact (bulk_batch.c)
 *   Round          one pass over the groups of a batch: it looks their contacts up together, decides on the next request of
 *                  each, and writes what changes with one statement (bulk_batch.c)
 *   Slice          the groups of a round whose contacts are in memory at a time (bulk_slice.c)
 *   ContactWrite   a contact that is to be written (store_bulk.h)
 *
 * The requests b1 a1 c1 a2 are one batch of the groups a (a1 a2), b (b1) and c (c1). If all of them change something, the
 * first round runs a1 b1 c1, and the second a2.
 */
#ifndef CU_BULK_H
#define CU_BULK_H

#include "contact_writer.h"
#include "definitions.h"
#include "history.h"
#include "outbox.h"
#include "upsert_result.h"

#define BULK_MAX_REQUESTS 100000
/* BULK_BATCH_REQUESTS: a batch is small enough to stay in the processor's cache, and large enough to make its statements cheap. */
#define BULK_BATCH_REQUESTS 250

typedef struct BulkRequest
{
	int64 position;		/* in the array, from 1 */
	JsonbValue element; /* points into the array */
	Datum email; /* a text of the database; 0 if the request has no good address, or a shape in which none is found */
	bool creates_tags;
	bool skips_existing; /* by its mode, it leaves a contact alone that exists, or one that does not */
	bool skips_missing;
} BulkRequest;

typedef struct BulkRequests
{
	BulkRequest *items;
	size_t count;
	bool create_tags; /* some of them do */
} BulkRequests;

/* A BulkRow is a row of a file. */
typedef struct BulkRow
{
	Jsonb *request; /* NULL if it is not to be run */
	Jsonb *cells;	/* cu_row.cells */
	bool has_created_at;
	TimestampTz created_at; /* of a contact that is created */
} BulkRow;

/* BulkOptions are what a call is to do otherwise than usual. */
typedef struct BulkOptions
{
	bool stops;			 /* at the first request that is rejected, and raises its error */
	bool restores;		 /* what was: cu_decide_options.restores */
	bool keeps_history;	 /* of each change, whatever the level of the workspace */
	bool quiet;			 /* raises no events */
	bool reads_totals;	 /* the sink wants the statistics of the contacts */
	int64 import_id;	 /* of the import whose rows the requests are, or 0 */
	const BulkRow *rows; /* by position, from 0, if the requests are rows of a file; else NULL */

	/*
	 * Whether nothing is written or locked: each request is decided on with what those before it in the array would have left. Beside
	 * the definitions that there are, the fields of new_definitions and the tags that the requests would create count as defined.
	 */
	bool dry_run;
	NewDefinitions new_definitions;
} BulkOptions;

/* A BulkSink takes what has become of each request, in any order. */
typedef struct BulkSink
{
	void (*take)(struct BulkSink *sink, int64 position, const Upsert *upsert);
} BulkSink;

/* A TriedContact is what a dry run would have made of a contact. */
typedef struct TriedContact
{
	ContactRow contact; /* without its data */
	Jsonb *data;		/* NULL if there is no such contact */
} TriedContact;

typedef struct BulkCall
{
	int64 workspace_id;
	BulkRequests requests;
	BulkOptions options;
	BulkSink *sink;
	const cu_definitions *definitions; /* if not NULL, those to decide by */
	ContactWriter writer;
	Outbox outbox;
	History history;
	cu_error error; /* of the request under way */
	/* The rejected request that comes first in the array, so far: */
	int64 first_rejected; /* its position, or 0 */
	cu_error first_error;
	ErrorData *first_row_error; /* as in Upsert */
	MemoryContext memory;		/* for its error */
	MemoryContext slice_memory; /* of one slice at a time */
	TriedContact tried;			/* the last one of the batch before, if the next batch may have more requests for it */
	MemoryContext tried_memory;
} BulkCall;

/*
 * bulk_upsert() runs an array of requests in a workspace, with a result for each; NULL stands for an SQL NULL. When
 * options.stops is set, the first that is rejected is raised, with its position. Raises also what is not a request's fault.
 * Needs no SPI connection.
 */
extern void bulk_upsert(int64 workspace_id, Jsonb *array, BulkOptions options, UpsertResults *results);

/* bulk_run() does the same with requests that were read, and hands the results to a sink, whose memory outlives the call. */
extern void bulk_run(int64 workspace_id, BulkRequests requests, BulkOptions options, BulkSink *sink);

/*
 * bulk_requests.c
 */

/*
 * bulk_read_requests() reads an array, in its order; it must outlive the result. The array's own size is for the
 * caller to limit.
 */
extern BulkRequests bulk_read_requests(Jsonb *array);

/* bulk_read_rows() reads the requests of rows. */
extern BulkRequests bulk_read_rows(const BulkRow *rows, size_t count);

/*
 * bulk_sort_requests() puts first the requests without an address, the others behind them by address as bytes, then by
 * position.
 */
extern void bulk_sort_requests(BulkRequests *requests);

/* bulk_parse_request() parses a request in full, as upsert_parse() does. */
extern bool bulk_parse_request(const BulkRequest *request, Upsert *upsert);

/*
 * bulk_tags.c
 */

/*
 * bulk_create_tags() creates the tags that requests of an array ask for and that do not exist yet: all names of the
 * requests whose address and whose tags are good, in the order of the array, but for those whose mode leaves their contact alone. Requests
 * are given in that order. Needs no SPI connection.
 */
extern void bulk_create_tags(int64 workspace_id, BulkRequests *requests);

/* bulk_new_tags() returns the names of those tags, as Datum. Needs an SPI connection. */
extern List *bulk_new_tags(int64 workspace_id, BulkRequests *requests);

/*
 * bulk_tried.c
 */

/* bulk_take_tried() takes the result of a request of a dry run, and what it would have left as the contact that the next request finds. */
extern void bulk_take_tried(BulkCall *call, int64 position, Upsert *upsert);

/* bulk_keep_tried() keeps what a dry run has made of the last contact of a batch, for requests of the next batch. */
extern void bulk_keep_tried(BulkCall *call, const Upsert *upsert);

/* bulk_find_tried() finds the contact that the batch before has left, if it is the one that was looked for. */
extern void bulk_find_tried(const BulkCall *call, Upsert *upsert);

/*
 * bulk_batch.c
 */

/*
 * bulk_run_batch() runs the next requests of a sorted array, beginning with the given one, and adds their results and
 * events. Returns how many they are. What it allocates is for the caller to free. Needs no SPI connection.
 */
extern size_t bulk_run_batch(BulkCall *call, size_t first);

#endif
