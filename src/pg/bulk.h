/*
 * bulk.h - an array of requests, by the rules of one request.
 */
#ifndef CU_BULK_H
#define CU_BULK_H

#include "upsert_result.h"

#define MAX_REQUESTS 100000

/*
 * Runs an array of requests in a workspace, with a result for each. When stops is set, the first that is rejected is
 * raised, with its position. Raises also what is not a request's fault.
 */
extern void bulk_upsert(int64 workspace_id, Jsonb *requests, bool stops, UpsertResults *results);

#endif
