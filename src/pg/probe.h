/*
 * probe.h - looks contacts up by the indexes of the tables' keys, without a statement, where that finds the same.
 */
#ifndef CU_PROBE_H
#define CU_PROBE_H

#include "utils/snapshot.h"

#include "store.h"

/*
 * probe_find_contacts() reads the version of a workspace's definitions, 0 if there is no such workspace, and the contacts with
 * the given addresses, in the current memory; their statistics only if with_totals is set. False if a statement has to do it; then what
 * was read counts for nothing. If snapshot is not NULL, and the contacts have places, it is set to the one under which they were read,
 * registered, for the caller to unregister.
 */
extern bool probe_find_contacts(int64 workspace_id, const Datum *emails, size_t count, bool with_totals,
								int64 *definitions_version, StoredContact *contacts, Snapshot *snapshot);

#endif
