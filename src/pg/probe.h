/*
 * probe.h - looks contacts up by the indexes of the tables' keys, without a statement, where that finds the same.
 */
#ifndef CU_PROBE_H
#define CU_PROBE_H

#include "store.h"

/*
 * probe_find_contact() reads the version of a workspace's definitions, 0 if there is no such workspace, and the contact with
 * an address, in the current memory. False if a statement has to do it; then nothing has been read.
 */
extern bool probe_find_contact(int64 workspace_id, Datum email, int64 *definitions_version, StoredContact *contact);

#endif
