/*
 * object_id.c - the state behind ObjectIds: 5 random bytes per backend and a counter that starts anywhere.
 */
#include "postgres.h"

#include <time.h>

#include "miscadmin.h"

#include "core/contact_core.h"
#include "object_id.h"

void
object_id_make(char id[OBJECT_ID_SIZE])
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
