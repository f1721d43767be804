/*
 * store_bulk.h - reads and writes many contacts at once, in the order of their addresses: one look-up, and one statement to
 * write, however many they are.
 */
#ifndef CU_STORE_BULK_H
#define CU_STORE_BULK_H

#include "utils/snapshot.h"

#include "store.h"

/* FetchedContacts are as they were found, not read yet: reading takes a multiple of their size on disk. */
typedef struct FetchedContacts
{
	const Datum *emails;
	const StoredContact *contacts; /* by email; live until SPI_finish */
	int64 definitions_version;
	/* The one under which they were looked up by index, registered; NULL if a statement has found them. Only under it are their places
	   those of the rows. */
	Snapshot snapshot;
} FetchedContacts;

/* A ContactWrite is a contact that is to be written. */
typedef struct ContactWrite
{
	/* The contact as it shall be. contact->id is, in: the found contact's id; out, for a new contact: the id that was stored. */
	ContactRow *contact;
	const cu_decision *
		decision; /* CU_CREATED or CU_UPDATED, with the contact's status, tags and data; CU_UNCHANGED to be locked alone */
	TimestampTz found_at;	/* the updated_at of a contact that was found */
	ItemPointerData place;	/* where it was found, by index */
	bool has_more;			/* another request for the contact waits behind this one */
	bool written;			/* or locked as it was found; else it was no longer so */
	bool postponed;			/* nothing was tried */
	const ErrorData *error; /* not NULL if it was rejected */
} ContactWrite;

/*
 * store_fetch_contacts() looks for the contacts with the given addresses; takes no lock. Their statistics may be left out unless
 * with_totals is set. False if there is no such workspace. store_end_fetched() lets go of the snapshot, in the same subtransaction.
 */
extern bool store_fetch_contacts(int64 workspace_id, Datum *emails, size_t count, bool with_totals,
								 FetchedContacts *fetched);
extern void store_end_fetched(FetchedContacts *fetched);

/* store_is_fetched() says whether a contact, from 0, was found. */
extern bool store_is_fetched(const FetchedContacts *fetched, size_t number);

/* store_look_for_contacts() sets exists to whether there are contacts with the given addresses; takes no lock. */
extern void store_look_for_contacts(int64 workspace_id, Datum *emails, size_t count, bool *exists);

/* store_read_fetched() reads a contact, from 0, into the current memory; returns its size in bytes. */
extern size_t store_read_fetched(const FetchedContacts *fetched, size_t number, ContactRow *contact);

/*
 * store_write_together() inserts contacts that are new and updates those that were found, if they are still as they
 * were; locks them all, one by one in the given order. Sets written.
 */
extern void store_write_together(int64 workspace_id, ContactWrite *writes, size_t count);

/*
 * store_insert_together() does the same for contacts that are all new, looked up by index, where no rule of the user's own is in the way;
 * store_update_together() for contacts that were all found by index, under the snapshot. They write all of them, or raise an error of
 * the contacts' own (row_error.h): it takes a subtransaction to go on. store_may_try_together() says whether there may be one more.
 */
extern void store_insert_together(int64 workspace_id, ContactWrite *writes, size_t count);
extern void store_update_together(int64 workspace_id, Snapshot snapshot, ContactWrite *writes, size_t count);
extern bool store_may_try_together(void);

/*
 * store_lock_together() does for contacts that are to stay as they were found what store_lock_unchanged() does for one, in the given
 * order. Sets written; false if it could not lock all.
 */
extern bool store_lock_together(int64 workspace_id, ContactWrite *writes, size_t count);

/* store_write_alone() writes a contact as a single request would do it, but locks it in any case. Sets written. */
extern void store_write_alone(int64 workspace_id, ContactWrite *write);

#endif
