/*
 * store.h - the SQL statements that read and write the contact tables.
 *
 * All of them need an SPI connection. What they return lives in SPI's memory, until SPI_finish. Each sees the effects
 * of the statement before it and, in READ COMMITTED, what others have committed meanwhile.
 */
#ifndef CU_STORE_H
#define CU_STORE_H

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "core/contact_core.h"

#define OBJECT_ID_SIZE 25 /* with its terminator */

/* What one look finds of a workspace and one of its contacts. */
typedef struct StoredContact
{
	int64 definitions_version;
	bool exists; /* and if it does: */
	char id[OBJECT_ID_SIZE];
	int64 version;
	cu_contact contact;
	TimestampTz created_at;
	TimestampTz updated_at;
	int64 total_opens;
	int64 total_clicks;
	int64 total_bounces;
	int64 total_delivered;
} StoredContact;

/* Whether contacts.install() has run. The other functions assume it. */
extern bool store_is_installed(void);

/* Reads the definitions' version, the contact and its statistics; takes no lock. False if there is no such workspace. */
extern bool store_find_contact(int64 workspace_id, Datum email, StoredContact *found);

/* Locks the contact against other writers, if there is one. */
extern void store_lock_contact(int64 workspace_id, Datum email);

/* Inserts a contact and sets id to the one that it has; false if one with the address came first. */
extern bool store_insert_contact(int64 workspace_id, Datum email, char id[OBJECT_ID_SIZE], const cu_decision *decision,
								 TimestampTz now);

/* Updates the contact that was found; false if it is no longer as it was found. */
extern bool store_update_contact(int64 workspace_id, Datum email, const StoredContact *found,
								 const cu_decision *decision, TimestampTz now);

/* Reads the definitions' version; 0 if there is no such workspace. */
extern int64 store_definitions_version(int64 workspace_id);

/*
 * Makes tags of names, in their order, except of one that exists by now or that differs from an earlier one only by case.
 * Others that call this wait until the transaction ends.
 */
extern void store_create_tags(int64 workspace_id, Datum *names, size_t count);

/* The definitions of a workspace. */
typedef struct StoredDefinitions
{
	int64 version;
	Jsonb *fields;		/* as cu_load_definitions wants them, with the policy */
	ArrayType *tag_ids; /* bigint[] and text[], by id; NULL if there are none */
	ArrayType *tag_names;
} StoredDefinitions;

/* Reads the definitions; false if there is no such workspace. */
extern bool store_load_definitions(int64 workspace_id, StoredDefinitions *stored);

#endif
