/*
 * relation_changes.h - tells several modules of changes of relations by one callback: PostgreSQL has room for ten in a backend, of all
 * extensions together, and ends the session that wants more.
 */
#ifndef CU_RELATION_CHANGES_H
#define CU_RELATION_CHANGES_H

#include "utils/inval.h"

/* relation_changes_register() has a callback called as CacheRegisterRelcacheCallback() does; from _PG_init. */
extern void relation_changes_register(RelcacheCallbackFunction callback, Datum argument);

#endif
