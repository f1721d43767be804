/*
 * contact_key.h - the contact that a parameter `contact text` names: by its id, or by its e-mail address.
 */
#ifndef CU_CONTACT_KEY_H
#define CU_CONTACT_KEY_H

#include "fmgr.h"

typedef enum ContactKeyKind
{
	CONTACT_KEY_NEITHER, /* no contact can have it */
	CONTACT_KEY_ID,
	CONTACT_KEY_ADDRESS,
} ContactKeyKind;

/* A ContactKey is a parameter, read. No text is both: an address has an "@". */
typedef struct ContactKey
{
	ContactKeyKind kind;
	Datum
		value; /* a text of the database: the id, or the address as it is stored and matched; empty of CONTACT_KEY_NEITHER */
} ContactKey;

/* contact_key_is_id() says whether a text is an id: 24 lower-case hex digits. */
extern bool contact_key_is_id(const text *text);

/* contact_key_read() reads a text; an address is normalised as a request's is. */
extern ContactKey contact_key_read(text *contact);

/*
 * contact_key_require_address() returns an address as it is stored and matched; raises what an upsert of it would raise. NULL
 * for an SQL NULL.
 */
extern Datum contact_key_require_address(const text *address);

#endif
