/*
 * host.c - the two functions through which the core calls back. Neither may ereport: a longjmp would skip the
 * destructors of the core's C++ objects.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "host.h"

static void *
host_alloc(void *context, size_t size)
{
	/* MCXT_ALLOC_NO_OOM returns NULL for a lack of memory, but still raises for a size that is out of bounds. */
	if (!AllocSizeIsValid(size))
		return NULL;
	return MemoryContextAllocExtended(context, size, MCXT_ALLOC_NO_OOM);
}

static bool
host_interrupted(void *context)
{
	return QueryCancelPending || ProcDiePending;
}

cu_host
host_in(MemoryContext memory)
{
	return (cu_host){.context = memory, .alloc = host_alloc, .interrupted = host_interrupted};
}

void
host_check(cu_result result)
{
	if (result == CU_OK || result == CU_REJECTED)
		return;
	if (result == CU_OUT_OF_MEMORY)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (result == CU_INTERRUPTED)
	{
		CHECK_FOR_INTERRUPTS();
		ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED), errmsg("canceling statement due to user request")));
	}
	elog(ERROR, "contact_upsert: unexpected result %d of the core", (int)result);
}
