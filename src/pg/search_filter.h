/*
 * search_filter.h - what contacts.search() is asked for, read.
 */
#ifndef CU_SEARCH_FILTER_H
#define CU_SEARCH_FILTER_H

#include "store_reading.h"

/*
 * search_filter_read() reads a filter, a jsonb datum or 0 for an SQL NULL, in the current memory context; after and max are for the
 * caller to set. Raises the error of what is wrong with it.
 */
extern ContactFilter search_filter_read(Datum filter, const cu_definitions *definitions);

/* search_filter_reject() raises INVALID_REQUEST; field: the key or parameter that is at fault, or NULL. */
pg_noreturn extern void search_filter_reject(const char *field, const char *message, const char *hint);

#endif
