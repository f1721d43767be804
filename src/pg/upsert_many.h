/*
 * upsert_many.h - an array of requests, by the rules of one request.
 */
#ifndef CU_UPSERT_MANY_H
#define CU_UPSERT_MANY_H

#include "result.h"

#define MAX_REQUESTS 100000

/*
 * Runs an array of requests in a workspace, with a result for each. When stops is set, the first that is rejected is
 * raised, with its position. Raises also what is not a request's fault.
 */
extern void upsert_many(int64 workspace_id, Jsonb *requests, bool stops, Results *results);

#endif
