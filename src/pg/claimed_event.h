/*
 * claimed_event.h - the type contacts.claimed_event.
 */
#ifndef CU_CLAIMED_EVENT_H
#define CU_CLAIMED_EVENT_H

#include "access/tupdesc.h"

/* The attributes of contacts.claimed_event. */
typedef enum ClaimedColumn
{
	CLAIMED_EVENT_ID,
	CLAIMED_LEASE,
	CLAIMED_ATTEMPTS,
	CLAIMED_WORKSPACE_ID,
	CLAIMED_CONTACT_ID,
	CLAIMED_CONTACT_VERSION,
	CLAIMED_ORDINAL,
	CLAIMED_TYPE,
	CLAIMED_DETAIL,
	CLAIMED_CREATED_AT,
	CLAIMED_EMAIL_ADDRESS,
	CLAIMED_COLUMNS
} ClaimedColumn;

/* claimed_event_require() raises unless the type has these attributes, of the types that this version gives them, and others
 * only if they are dropped. NULL is none. */
extern void claimed_event_require(TupleDesc descriptor);

#endif
