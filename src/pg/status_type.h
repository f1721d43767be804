/*
 * status_type.h - the type contacts.status and its values, which have other oids in each database.
 */
#ifndef CU_STATUS_TYPE_H
#define CU_STATUS_TYPE_H

#include "core/contact_core.h"

/* status_type_init() registers the callbacks that notice changes; called once, from _PG_init. */
extern void status_type_init(void);

/* status_type() returns the oid of the type, status_type_value() that of a value. Each raises if there is none. */
extern Oid status_type(void);
extern Oid status_type_value(cu_status status);

/* status_type_read() returns the core's number of a value. */
extern cu_status status_type_read(Oid value);

#endif
