/*
 * row_error.h - errors of PostgreSQL's that reject one contact of many: what a constraint, a unique index, a trigger or a policy
 * of the user's own raises when it is written.
 */
#ifndef CU_ROW_ERROR_H
#define CU_ROW_ERROR_H

#include "utils/jsonb.h"

#include "pg_compat.h"

/*
 * row_error_is_own() says whether an error says something of the contact that was being written: its data, a
 * constraint on it, a trigger that rejects it, a policy. All else, such as a cancel, a deadlock, a full disk or a
 * trigger that is broken, would come with the next contact again.
 */
extern bool row_error_is_own(const ErrorData *error);

/* row_error_not_written() returns the error of a contact that stays as it was although nothing raised. */
extern ErrorData *row_error_not_written(void);

/* row_error_copy() returns a copy, in the current memory, of what row_error_as_jsonb and row_error_raise_at read. */
extern ErrorData *row_error_copy(const ErrorData *error);

/* row_error_as_jsonb() returns the object in contacts.upsert_result.error: its code is the SQLSTATE, its detail PostgreSQL's. */
extern Jsonb *row_error_as_jsonb(const ErrorData *error);

/* row_error_raise_at() raises it again, with such an object and the position of the request in DETAIL. */
pg_noreturn extern void row_error_raise_at(const ErrorData *error, int64 position);

#endif
