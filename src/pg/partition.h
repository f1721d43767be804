/*
 * partition.h - what a table is called to users where it is a partition of one of theirs.
 */
#ifndef CU_PARTITION_H
#define CU_PARTITION_H

#include "pg_compat.h"

/* partition_table() returns the table that a partition belongs to at last; of any other table, the table itself. */
extern Oid partition_table(Oid table);

/*
 * partition_name_error() makes an error about a row name the table and its constraint, in its message too, where PostgreSQL has named the
 * partition and the partition's part of that constraint. What is the partition's alone keeps its name. It looks into the catalogue, and
 * so waits until the subtransaction of the error has ended.
 */
extern void partition_name_error(ErrorData *error);

#endif
