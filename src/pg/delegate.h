/*
 * delegate.h - has a call executed on the server that has the rows of its workspace, where the tables are distributed.
 */
#ifndef CU_DELEGATE_H
#define CU_DELEGATE_H

#include "fmgr.h"

/*
 * delegate_call() has a call of a function with workspace_id as its argument workspace_argument, from 0, executed where the workspace is,
 * and returns its result; false: it is to be executed here. writes: the name of a call that writes, with parentheses, for the error where
 * nothing can be written; NULL: it only reads.
 */
extern bool delegate_call(FunctionCallInfo fcinfo, int workspace_argument, const char *writes, Datum *result);

/* delegate_upsert() does the same for a call that can be previewed, which the error says. */
extern bool delegate_upsert(FunctionCallInfo fcinfo, int workspace_argument, const char *writes, Datum *result);

/*
 * delegate_everywhere() has a function without a workspace executed for each group of shards, and returns the rows of all; false: it is to be
 * executed here.
 */
extern bool delegate_everywhere(FunctionCallInfo fcinfo);

/* delegate_contact_upsert() does the same for contact_upsert(), which is upsert() in the workspace of the setting. */
extern bool delegate_contact_upsert(FunctionCallInfo fcinfo, Datum *result);

/*
 * delegate_take_tells_unsent() says whether call_here(), where it is executed in the wrong place, returns HANDED_UNSENT rather than to
 * raise. It is so for the call that is handed over, and not for those below it: asked again, it says no.
 */
extern bool delegate_take_tells_unsent(void);

#endif
