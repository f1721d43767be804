/*
 * host.h - what the core may ask of PostgreSQL: memory, and whether to stop.
 */
#ifndef CU_HOST_H
#define CU_HOST_H

#include "core/contact_core.h"

/* A host that allocates in the given memory context; the core's results live and go with it. */
extern cu_host host_in(MemoryContext memory);

/* Raises what is wrong with a call of the core, unless it is CU_OK or CU_REJECTED. */
extern void host_check(cu_result result);

#endif
