/*
 * import_errors.h - contacts.import_error: why rows of an import could not be loaded, an error each.
 */
#ifndef CU_IMPORT_ERRORS_H
#define CU_IMPORT_ERRORS_H

#include "utils/jsonb.h"

#include "core/contact_core.h"

/* IMPORT_MAX_ERRORS is how many errors of a row are kept. */
#define IMPORT_MAX_ERRORS 100

/* ImportErrors are errors that wait to be stored. */
typedef struct ImportErrors
{
	int64 workspace_id;
	int64 import_id;
	MemoryContext parent;
	MemoryContext memory; /* for what waits; NULL while that is nothing */
	Datum *columns[5];	  /* row number, error number, row, error, cell */
	size_t count;
	size_t capacity;
} ImportErrors;

/* An ImportCell is the cell that an error is about. */
typedef struct ImportCell
{
	const char *column; /* NULL if there is none */
	const char *value;	/* likewise */
} ImportCell;

extern void import_errors_begin(ImportErrors *errors, int64 workspace_id, int64 import_id);

/* import_errors_add() adds an error of a row, which it counts from 1; error is as in contacts.upsert_result. */
extern void import_errors_add(ImportErrors *errors, int64 row_number, int error_number, Jsonb *row, Jsonb *error,
							  ImportCell cell);

/* import_errors_store() stores what waits, as the caller. */
extern void import_errors_store(ImportErrors *errors);

#endif
