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
#include "host.h"
#include "statement.h"

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

/*
 * What store_row_read reads behind the definitions' version, of the contact c of the workspace $1. Every column is cast to
 * the type that we read it as: the tables belong to the user, who may have changed one. A sub-select for the statistics,
 * because its plan is the index look-up even while the table is empty; a join's may be a scan.
 */
#define CONTACT_COLUMNS                                                                                         \
	" c.id::pg_catalog.text, c.version::pg_catalog.int8, c.status::contacts.status, c.tags::pg_catalog.int8[]," \
	" c.data::pg_catalog.jsonb, c.created_at::pg_catalog.timestamptz, c.updated_at::pg_catalog.timestamptz,"    \
	" (SELECT ARRAY[s.total_opens, s.total_clicks, s.total_bounces, s.total_delivered]::pg_catalog.int8[]"      \
	" FROM contacts.statistics s WHERE s.workspace_id" EQ "$1 AND s.contact_id" EQ "c.id)"

/* Reads a row, from 0, of what the last statement found: the version, then CONTACT_COLUMNS. */
extern void store_row_read(uint64 row, StoredContact *found);

/* The size in bytes of the contact in such a row, as it is in memory. */
extern size_t store_row_size(uint64 row);

/* The ids of a decision's tags, as a bigint[]. */
extern Datum store_tag_ids(const cu_decision *decision);

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
