/*
 * store.h - the SQL statements that read and write the contact tables.
 *
 * All functions need an SPI connection. What they return lives in SPI's memory, until SPI_finish. Each statement sees the
 * effects of the one before it and, in READ COMMITTED, what others have committed meanwhile.
 */
#ifndef CU_STORE_H
#define CU_STORE_H

#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "contact.h"
#include "statement.h"

/*
 * CONTACT_COLUMNS is what store_read_row() reads behind the definitions' version, of the contact c of the workspace $1. Every
 * column is cast to the type that it is read as: the tables belong to the user, who may have changed one. A sub-select for the
 * statistics, because its plan is the index look-up even while the table is empty; a join's may be a scan.
 */
#define CONTACT_COLUMNS                                                                                         \
	" c.id::pg_catalog.text, c.version::pg_catalog.int8, c.status::contacts.status, c.tags::pg_catalog.int8[]," \
	" c.data::pg_catalog.jsonb, c.created_at::pg_catalog.timestamptz, c.updated_at::pg_catalog.timestamptz,"    \
	" (SELECT ARRAY[s.total_opens, s.total_clicks, s.total_bounces, s.total_delivered]::pg_catalog.int8[]"      \
	" FROM contacts.statistics s WHERE s.workspace_id" EQ "$1 AND s.contact_id" EQ "c.id)"

/* The columns of a row in which a contact was found. */
enum FoundColumn
{
	DEFINITIONS_VERSION = 1,
	CONTACT_ID,
	CONTACT_VERSION,
	CONTACT_STATUS,
	CONTACT_TAGS,
	CONTACT_DATA,
	CONTACT_CREATED_AT,
	CONTACT_UPDATED_AT,
	CONTACT_STATISTICS,
};

#define STORED_TOTALS 4

/* A StoredContact is a contact as it was found in the tables, not read yet: values may be compressed, or pointers to a TOAST table. */
typedef struct StoredContact
{
	bool exists; /* else what follows is empty */
	ItemPointerData place;
	Datum id;
	int64 version;
	Oid status; /* a value of contacts.status */
	Datum tags;
	Datum data;
	TimestampTz created_at;
	TimestampTz updated_at;
	int64 totals[STORED_TOTALS]; /* opens, clicks, bounces, delivered */
} StoredContact;

/* store_read_contact() reads a contact with the address email. */
extern ContactRow store_read_contact(const StoredContact *stored, Datum email);

/*
 * store_take_row() takes a contact from a row, from 0, of what the last statement found: the definitions' version, then
 * CONTACT_COLUMNS. It lives as long as that.
 */
extern StoredContact store_take_row(uint64 row);

/* store_read_row() does the same, and reads it. */
extern ContactRow store_read_row(uint64 row, Datum email);

/* store_tag_ids() returns the ids of a decision's tags, as a bigint[]. */
extern Datum store_tag_ids(const cu_decision *decision);

/* store_is_installed() says whether contacts.install() has run. The other functions assume it. */
extern bool store_is_installed(void);

/*
 * store_find_contact() reads the contact with the address contact->email; takes no lock. Returns the version of the
 * workspace's definitions, or 0 if there is no such workspace.
 */
extern int64 store_find_contact(int64 workspace_id, ContactRow *contact);

/* store_lock_contact() locks the contact against other writers, if there is one. */
extern void store_lock_contact(int64 workspace_id, Datum email);

/*
 * store_insert_contact() inserts a contact with what was decided; false if one with its address came first.
 * contact->id is, in: the id of the new contact, out: the id that was stored, which a trigger of the user's may have
 * chosen.
 */
extern bool store_insert_contact(int64 workspace_id, ContactRow *contact, const cu_decision *decision);

/*
 * store_update_contact() updates a contact with what was decided; false if the one in the table is not, or no longer,
 * of the version before.
 */
extern bool store_update_contact(int64 workspace_id, ContactRow *contact, const cu_decision *decision);

/*
 * store_lock_unchanged() locks a contact that is to stay as it was found, against its deletion and the undo of an import, and in no
 * upsert's way. False if it is no longer so, or a row level security policy keeps the caller from changing it.
 */
extern bool store_lock_unchanged(int64 workspace_id, const ContactRow *contact);

/* store_delete_contact() takes back a contact that this transaction has created, by its id, a text. Raises if that is prevented. */
extern void store_delete_contact(int64 workspace_id, Datum id);

/* store_definitions_version() reads the definitions' version; 0 if there is no such workspace. */
extern int64 store_definitions_version(int64 workspace_id);

/* store_read_definitions_version() does the same as the query sees it that calls, without a change. */
extern int64 store_read_definitions_version(int64 workspace_id);

/* store_require_workspace() raises WORKSPACE_NOT_FOUND unless there is such a workspace. */
extern void store_require_workspace(int64 workspace_id);

/*
 * store_create_tags() makes tags of names, a list of texts as Datum, in their order, except of one that exists by now
 * or that differs from an earlier one only by case. Other sessions that call this wait until the transaction ends.
 */
extern void store_create_tags(int64 workspace_id, const List *names);

/* FieldColumn numbers what StoredDefinitions has of each field. */
enum FieldColumn
{
	FIELD_MERGE_TAG,
	FIELD_LABEL,
	FIELD_TYPE,
	FIELD_OPTIONS,
	FIELD_DEFAULT_VALUE,
	FIELD_REQUIRED,
	FIELD_TRACKED,
	FIELD_COLUMN_COUNT,
};

/* StoredDefinitions are those of a workspace, as arrays of their columns. */
typedef struct StoredDefinitions
{
	int64 version;
	char *status_policy;
	char *history;
	ArrayType *fields[FIELD_COLUMN_COUNT]; /* of text, jsonb or boolean, by position; NULL if there are no fields */
	ArrayType *tag_ids;					   /* bigint[] and text[], by id; NULL if there are no tags */
	ArrayType *tag_names;
} StoredDefinitions;

/* store_load_definitions() reads the definitions; false if there is no such workspace. */
extern bool store_load_definitions(int64 workspace_id, StoredDefinitions *stored);

#endif
