/*
 * host.c - what PostgreSQL gives the core: host_alloc and host_interrupted, through which the core calls back, and the state
 * behind the ids of new contacts.
 *
 * Neither of the two may ereport: a longjmp would skip the destructors of the core's C++ objects.
 */
#include "postgres.h"

#include <time.h>

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

/* The state is 5 random bytes per backend and a counter that starts anywhere. */
void
host_make_object_id(char id[OBJECT_ID_SIZE])
{
	static int owner_pid; /* a library that the postmaster loaded is forked with its state */
	static uint8 backend_random[5];
	static uint32 counter;

	if (owner_pid != MyProcPid)
	{
		if (!pg_strong_random(backend_random, sizeof(backend_random)) || !pg_strong_random(&counter, sizeof(counter)))
			ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random contact id")));
		owner_pid = MyProcPid;
	}
	cu_format_object_id((uint32)time(NULL), backend_random, counter++, id);
}
