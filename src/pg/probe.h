/*
 * probe.h - looks contacts up by the indexes of the tables' keys, without a statement, where that finds the same.
 */
#ifndef CU_PROBE_H
#define CU_PROBE_H

#include "store.h"

/*
 * probe_find_contacts() reads the version of a workspace's definitions, 0 if there is no such workspace, and the contacts with
 * the given addresses, in the current memory. False if a statement has to do it; then what was read counts for nothing.
 */
extern bool probe_find_contacts(int64 workspace_id, const Datum *emails, size_t count, int64 *definitions_version,
								StoredContact *contacts);

#endif
