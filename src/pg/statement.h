/*
 * statement.h - SQL statements that are prepared once per backend.
 *
 * A statement's text qualifies every name and operator, so that a search_path or a user's own operators change nothing,
 * and asks every table for one workspace, so that the tables can be distributed by it.
 */
#ifndef CU_STATEMENT_H
#define CU_STATEMENT_H

#include "executor/spi.h"

#define STATEMENT_MAX_PARAMETERS 11
#define EQ " OPERATOR(pg_catalog.=) "

typedef struct WorkspacePlans WorkspacePlans;

typedef struct Statement
{
	const char *sql;
	int parameter_count;
	Oid parameter_types[STATEMENT_MAX_PARAMETERS]; /* InvalidOid: see statement_set_type() */
	bool
		plan_each_time; /* by the parameters and the size of the tables as they are; else once, for tables of any size */
	bool
		plan_freely; /* each time, by the parameters, and with any plan. statement_open() only reads with one, and sees what the query
						 sees that calls; statement_execute() executes it as any other, and may write */
	bool
		by_place; /* planned once, and finds rows of a table by nothing but their ctid, in the order in which those are given */
	bool by_order; /* planned once, and finds rows by the indexes that give the order which it asks for */
	bool
		by_workspace; /* planned once, and for a workspace of its own, $1, where a table is partitioned: see workspace_plan.h */
	bool by_citus; /* planned by Citus, each time: it needs the parameters. Set by statement.c */
	/* The rest is empty until the first use. */
	SPIPlanPtr plan;
	Oid planned_role; /* the role and the search_path for which it was planned */
	char *planned_search_path;
	bool is_partitioned; /* one of the tables that it was planned for is */
	WorkspacePlans *workspace_plans;
} Statement;

/*
 * statement_set_type() sets the type of a parameter, from 1, that is the extension's own; with another one than before, as after the
 * extension was dropped and created, the statement is prepared anew.
 */
extern void statement_set_type(Statement *statement, int number, Oid type);

/* statement_connect() begins an SPI connection; SPI_finish() ends it, and frees what was allocated meanwhile. */
extern void statement_connect(void);

/*
 * statement_execute() executes a statement and returns how many rows it found or wrote; rows are in SPI_tuptable. It
 * sees the effects of the one before it. Parameters are not null. Needs an SPI connection.
 */
extern uint64 statement_execute(Statement *statement, Datum *parameters);

/*
 * statement_read() executes a statement that only reads, for a function that is STABLE: with the snapshot of the query that
 * calls it. Works in a parallel query. Not for a statement that is planned each time.
 */
extern uint64 statement_read(Statement *statement, Datum *parameters);

/* statement_open() opens a portal on a statement, of which statement_fetch() fetches the next rows as SPI_cursor_fetch() does. */
extern Portal statement_open(Statement *statement, Datum *parameters);
extern void statement_fetch(Portal portal, long count);

/*
 * statement_execute_latest() executes as statement_execute() does, but the statement sees all that is committed by now, even
 * where the transaction's snapshot is older.
 */
extern uint64 statement_execute_latest(Statement *statement, Datum *parameters);

/*
 * statement_execute_under() executes as statement_execute() does, but the statement sees of other sessions what the snapshot does; NULL:
 * the latest, taken when the plan is ready.
 */
extern uint64 statement_execute_under(Statement *statement, Datum *parameters, Snapshot snapshot);

/*
 * statement_read_latest() does the same for a statement that only reads; it works in a parallel query, too, with the snapshot
 * of that.
 */
extern uint64 statement_read_latest(Statement *statement, Datum *parameters);

/* statement_array() makes an array parameter. element_type: bigint, integer, text, jsonb, timestamptz, tid or record. */
extern Datum statement_array(Datum *elements, size_t count, Oid element_type);

/*
 * statement_is_ready() says whether the statement is prepared, and no change of the tables has made its plan invalid.
 */
extern bool statement_is_ready(const Statement *statement);

/*
 * statement_column() returns a column, from 1, of a row, from 0, of what the last statement found. Raises if it is
 * null.
 */
extern Datum statement_column(uint64 row, int number);

/* statement_nullable_column() returns a column that may be null. */
extern Datum statement_nullable_column(uint64 row, int number, bool *is_null);

#endif
