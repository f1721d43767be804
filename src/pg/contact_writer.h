/*
 * contact_writer.h - writes many contacts, where each may be rejected by itself.
 */
#ifndef CU_CONTACT_WRITER_H
#define CU_CONTACT_WRITER_H

#include "own_rules.h"
#include "store_bulk.h"

/* A ContactWriter writes for one call. */
typedef struct ContactWriter
{
	int64 workspace_id;
	Snapshot
		snapshot; /* under which the contacts were found, as in FetchedContacts; set anew for each look-up, and NULL where that has none */
	bool knows_rules;
	OwnRules rules;
	bool has_failed; /* as if no other session wrote the same contacts: it is not tried again */
} ContactWriter;

/*
 * contact_writer_write() inserts the contacts that are new and updates those that were found, if they are still as
 * they were; locks them all, in the given order. Sets written, or error where a rule of the user's own rejects the
 * contact. Needs an SPI connection.
 *
 * A contact that was rejected is not locked. If it has more requests, they come before everything behind it in the order: then
 * the rest is postponed, and the result is false.
 */
extern bool contact_writer_write(ContactWriter *writer, ContactWrite *writes, size_t count);

#endif
