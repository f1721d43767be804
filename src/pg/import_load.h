/*
 * import_load.h - the rows of a chunk of an import on their way, between import.c, which runs them, and import_rejected.c, which keeps the
 * errors of those that could not be loaded.
 */
#ifndef CU_IMPORT_LOAD_H
#define CU_IMPORT_LOAD_H

#include "bulk.h"
#include "import_columns.h"
#include "import_errors.h"

/* ImportCounts are what a chunk did, in the order of the columns that contacts_internal.load_rows() returns. */
enum ImportCount
{
	COUNT_CREATED,
	COUNT_UPDATED,
	COUNT_UNCHANGED,
	COUNT_SKIPPED,
	COUNT_FAILED,
	COUNT_VALUES_CLEARED,
	COUNT_TAGS_REMOVED,
	COUNT_STATUSES_CHANGED,
	COUNT_COUNT,
};

/* A Load is the rows of a chunk on their way. */
typedef struct Load
{
	BulkSink sink; /* the bulk engine's own part, and so the first */
	int64 workspace_id;
	const Datum *rows; /* jsonb */
	const int64 *row_numbers;
	int count;
	const cu_definitions *definitions;
	ImportColumns columns;
	const cu_row_reader *reader;
	BulkRow *bulk_rows;
	int *deferred; /* the rows that were rejected without a look at their contacts */
	int deferred_count;
	cu_error *found; /* room for the errors of a row */
	ImportErrors errors;
	int64 counts[COUNT_COUNT];
	MemoryContext scratch; /* of one row */
} Load;

/* import_read_row() reads a row as a request. */
extern cu_row import_read_row(const Load *load, int number, cu_json **cells);

/* import_add_rejected() takes note of a row that was rejected: adds all its errors, or leaves them to import_add_deferred(). */
extern void import_add_rejected(Load *load, int number, const Upsert *upsert);

/* import_add_deferred() adds the errors of the rows that were rejected without a look at their contacts. Needs no SPI connection. */
extern void import_add_deferred(Load *load);

#endif
