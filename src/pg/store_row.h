/*
 * store_row.h - a contact as the look-ups of store.c and store_many.c return it.
 */
#ifndef CU_STORE_ROW_H
#define CU_STORE_ROW_H

#include "statement.h"
#include "store.h"

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

#endif
