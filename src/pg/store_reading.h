/*
 * store_reading.h - the SQL statements that only read contacts: one by its id or address, or a page of those that a filter wants.
 *
 * All need an SPI connection, and see what the query sees that calls them.
 */
#ifndef CU_STORE_READING_H
#define CU_STORE_READING_H

#include "executor/spi.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "contact_key.h"
#include "store.h"

/* store_get_contact() reads the contact with a key. Returns the version of the workspace's definitions, or 0 if there is no such workspace. */
extern int64 store_get_contact(int64 workspace_id, const ContactKey *key, ContactRow *contact);

/* A ContactFilter is what contacts are asked for. Arrays and objects that are empty ask nothing. */
typedef struct ContactFilter
{
	Datum statuses;		 /* text[]: one of them */
	Datum all_tags;		 /* bigint[] */
	Datum any_tags;		 /* bigint[] */
	Datum none_tags;	 /* bigint[] */
	Jsonb *values;		 /* by merge tag, as they are stored */
	Jsonb *value_sets;	 /* those of values that are arrays: equal whatever their order */
	Datum without_value; /* text[]: merge tags */
	TimestampTz updated_since;
	Datum after; /* text: an id, or empty */
	int max;
} ContactFilter;

/* store_open_search() opens a portal on the contacts that a filter wants, by id; store_fetch_found() fetches the next of them, and returns how many. */
extern Portal store_open_search(int64 workspace_id, const ContactFilter *filter);
extern uint64 store_fetch_found(Portal portal);

/* store_read_found() reads a contact of those that were fetched, from 0. */
extern ContactRow store_read_found(uint64 row);

#endif
