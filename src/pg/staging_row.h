/*
 * staging_row.h - a row of a staging table as one jsonb, without its nulls.
 */
#ifndef CU_STAGING_ROW_H
#define CU_STAGING_ROW_H

#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* A StagingColumn is a column of the query that reads the rows: a text, or a jsonb. */
typedef struct StagingColumn
{
	JsonbValue name;
	int number; /* from 1 */
	bool is_text;
} StagingColumn;

/* StagingColumns are in the order of jsonb's keys, so that those of a row need not be sorted. */
typedef struct StagingColumns
{
	StagingColumn *items;
	int count;
} StagingColumns;

/* staging_row_select() appends a SELECT's list of a table's columns, of the alias staged, and returns the columns. */
extern StagingColumns staging_row_select(StringInfo sql, TupleDesc descriptor);

/* staging_row_as_jsonb() returns a row of that query, in the current memory. */
extern Jsonb *staging_row_as_jsonb(const StagingColumns *columns, TupleTableSlot *slot);

#endif
