/*
 * call_header.h - the words before each call of a proxy: which version it has, which partition it takes the database for, and what of its
 * session goes with the call. One text, since PL/Proxy prepares nothing: each parameter more is parsed, analyzed and copied in each call.
 *
 *   1.0.0 1 2 17 notify=off
 *   version, number of the partition, their count, workspace_id or 0, settings
 */
#ifndef CU_CALL_HEADER_H
#define CU_CALL_HEADER_H

#include "lib/stringinfo.h"

/* call_header_append() writes the header of a call to a partition of this proxy. */
extern void call_header_append(StringInfo text, int number, int count, int64 workspace_id);

/*
 * call_header_accept() reads a header and returns the workspace. Raises unless a proxy of that version may call this database as that partition.
 * The settings become those of the transaction. *rest is what follows the header's line, or NULL.
 */
extern int64 call_header_accept(const char *text, const char **rest);

#endif
