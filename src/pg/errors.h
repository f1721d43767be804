/*
 * errors.h - the core's rejections as PostgreSQL errors, or as the JSON of a failed request.
 */
#ifndef CU_ERRORS_H
#define CU_ERRORS_H

#include "utils/jsonb.h"

#include "core/contact_core.h"
#include "pg_compat.h"

/* What an error calls the rules of contacts.contact, and a CHECK constraint that holds them where there can be no trigger. */
#define CONTACT_CONSTRAINT "contact_is_valid"

/* errors_workspace_not_found() and the four below fill in errors that only this half can find. */
extern void errors_workspace_not_found(cu_error *error, int64 workspace_id);
extern void errors_contact_not_found(cu_error *error, const char *hint);
extern void errors_not_installed(cu_error *error);
extern void errors_no_array(cu_error *error, Jsonb *array); /* NULL for an SQL NULL */
extern void errors_array_too_long(cu_error *error, int max);

/* errors_raise_not_installed() raises what errors_not_installed() fills in. */
pg_noreturn extern void errors_raise_not_installed(void);

/* errors_raise_at() raises as errors_raise() does, for the request of an array at a position, from 1. */
pg_noreturn extern void errors_raise_at(const cu_error *error, int64 position);

/* errors_copy() copies an error to outlive the definitions that it points to, with what it points to in memory. */
extern void errors_copy(MemoryContext memory, cu_error *kept, const cu_error *error);

/*
 * errors_raise_unless_writable() raises 25006 for a call that writes where nothing can be written, and for one in a
 * parallel worker: its name, with parentheses.
 */
extern void errors_raise_unless_writable(const char *call);

/* errors_raise_unless_writing() does the same for a call that has no preview. */
extern void errors_raise_unless_writing(const char *call);

/*
 * errors_raise() raises the error: MESSAGE, DETAIL, HINT, SQLSTATE and the names of the objects (docs/api.md,
 * "Errors").
 */
pg_noreturn extern void errors_raise(const cu_error *error);

/* errors_as_data() returns what errors_raise() raises. */
extern ErrorData *errors_as_data(const cu_error *error);

/* errors_as_jsonb() returns an error as the object in contacts.upsert_result.error. */
extern Jsonb *errors_as_jsonb(const cu_error *error);

#endif
