/*
 * contact.h - a contact on its way between the tables, the core and the answer.
 */
#ifndef CU_CONTACT_H
#define CU_CONTACT_H

#include "datatype/timestamp.h"
#include "storage/itemptr.h"
#include "utils/jsonb.h"

#include "core/contact_core.h"
#include "host.h"

/* A ContactRow is a row of contacts.contact with its statistics. */
typedef struct ContactRow
{
	Datum email; /* a text of the database, as it is stored and matched; 0 where a request has no good one */
	bool exists; /* if the table has no such row, what follows is empty */
	char id[OBJECT_ID_SIZE];
	int64 version;
	ItemPointerData place; /* where a look-up by index found this version; invalid of one that a statement found */
	cu_contact stored;	   /* version, status, tags and data */
	JsonbValue data;	   /* of one that is written: see jsonb_write_data() */
	TimestampTz created_at;
	TimestampTz updated_at;
	int64 total_opens;
	int64 total_clicks;
	int64 total_bounces;
	int64 total_delivered;
} ContactRow;

#endif
