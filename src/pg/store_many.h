/*
 * store_many.h - the same as store.h for many contacts at once, in the order of their addresses.
 */
#ifndef CU_STORE_MANY_H
#define CU_STORE_MANY_H

#include "store.h"

/* A contact that is to be written. */
typedef struct ContactWrite
{
	Datum email; /* as text of the database */
	StoredContact *found;
	const cu_decision *decision;
	char *id; /* of OBJECT_ID_SIZE: the id of a new one, who may be given another */
	bool written;
} ContactWrite;

/*
 * Reads the definitions' version and the contacts with the given addresses; takes no lock. found has room for as many.
 * False if there is no such workspace.
 */
extern bool store_find_contacts(int64 workspace_id, Datum *emails, size_t count, StoredContact **found);

/*
 * Inserts those that are new and updates those that were found, if they are still as they were; locks them all, one by
 * one in the given order. Sets written.
 */
extern void store_write_contacts(int64 workspace_id, ContactWrite *writes, size_t count, TimestampTz now);

#endif
