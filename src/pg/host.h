/*
 * host.h - what PostgreSQL gives the core: memory, whether to stop, and the ids of new contacts.
 */
#ifndef CU_HOST_H
#define CU_HOST_H

#include "core/contact_core.h"

#define OBJECT_ID_SIZE 25 /* with its terminator */

/* host_in() returns a host that allocates in the given memory context; the core's results live and go with it. */
extern cu_host host_in(MemoryContext memory);

/* host_check() raises what is wrong with a call of the core, unless it is CU_OK or CU_REJECTED. */
extern void host_check(cu_result result);

/*
 * host_make_object_id() writes an ObjectId that no other call of any backend has made: the time, the backend's random
 * number, a counter.
 */
extern void host_make_object_id(char id[OBJECT_ID_SIZE]);

#endif
