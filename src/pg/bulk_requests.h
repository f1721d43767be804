/*
 * bulk_requests.h - an array of requests, in its own order or in that in which their contacts are locked.
 */
#ifndef CU_BULK_REQUESTS_H
#define CU_BULK_REQUESTS_H

#include "upsert.h"

typedef struct Request
{
	int64 position;		/* in the array, from 1 */
	JsonbValue element; /* points into the array */
	bool rejected;		/* its address, or a shape that no address can be found in */
	bool creates_tags;
	Datum email; /* as text of the database, unless it is rejected */
} Request;

typedef struct Requests
{
	Request *items;
	size_t count;
	size_t rejected_count;
	bool create_tags; /* some of them do */
} Requests;

/* Reads an array, in its order; it must outlive the result. The array's own size is for the caller to limit. */
extern Requests requests_read(Jsonb *array);

/* Puts first the rejected ones, the others behind them by address as bytes, then by position. */
extern void requests_sort(Requests *requests);

/* Reads a request in full, as upsert_read does. */
extern bool request_load(const Request *request, Upsert *upsert);

/* The size of a request in the array, in bytes. */
extern size_t request_size(const Request *request);

/* Whether two requests, neither of them rejected, are for one contact. */
extern bool request_is_for_same(const Request *left, const Request *right);

#endif
