/*
 * import_columns.h - the columns of files, and what they are matched to.
 */
#ifndef CU_IMPORT_COLUMNS_H
#define CU_IMPORT_COLUMNS_H

#include "utils/jsonb.h"

#include "core/contact_rows.h"

/* ImportColumns are the columns of a file, in the order in which jsonb has their names as keys, or that of a view. */
typedef struct ImportColumns
{
	size_t count;
	char **names; /* as the database has them */
	cu_column *columns;
	cu_column_match *matches;
	cu_matching matching;
	bool *lists;
} ImportColumns;

/*
 * import_columns_match() matches the columns of those names, texts of the database. targets is the object "columns", or NULL. What it
 * returns is palloc'd, and points into the definitions.
 */
extern ImportColumns import_columns_match(const cu_definitions *definitions, char **names, size_t count,
										  Jsonb *targets);

/*
 * import_columns_of() returns the columns of an import: matched has the name of each, with the name of its target or null. separators
 * has those of lists. Raises if a target is gone.
 */
extern ImportColumns import_columns_of(const cu_definitions *definitions, Jsonb *matched, Jsonb *separators);

/* import_columns_read() reads the cells of a row of a staging table. */
extern cu_json *import_columns_read(const ImportColumns *columns, Jsonb *row);

#endif
