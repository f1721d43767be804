/*
 * statement.c - saved plans through SPI. A plan that a change of the tables has made invalid is prepared again.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "pg_compat.h"
#include "statement.h"

/*
 * Prepares a statement and plans it at once, without sequential scans: on a table that is still small they would look
 * cheap, and the plan would stay while the table grows.
 */
static SPIPlanPtr
prepare(Statement *statement)
{
	int nest_level = NewGUCNestLevel();
	SPIPlanPtr plan;

	(void)set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	plan = SPI_prepare_cursor(
		statement->sql, statement->parameter_count, statement->parameter_types, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
	release_cached_plan(SPI_plan_get_cached_plan(plan));
	AtEOXact_GUC(true, nest_level);
	return plan;
}

static void
make_ready(Statement *statement)
{
	if (statement_is_ready(statement))
		return;
	if (statement->plan)
		SPI_freeplan(statement->plan);
	statement->plan = NULL;
	statement->plan = prepare(statement);
}

static uint64
check_result(int result)
{
	if (result < 0)
		elog(ERROR, "could not execute a statement: %s", SPI_result_code_string(result));
	return SPI_processed;
}

bool
statement_is_ready(const Statement *statement)
{
	return statement->plan && SPI_plan_is_valid(statement->plan);
}

uint64
statement_execute(Statement *statement, Datum *parameters)
{
	make_ready(statement);
	return check_result(SPI_execute_plan(statement->plan, parameters, NULL, false, 0));
}

uint64
statement_execute_latest(Statement *statement, Datum *parameters)
{
	make_ready(statement);
	return check_result(
		SPI_execute_snapshot(statement->plan, parameters, NULL, GetLatestSnapshot(), InvalidSnapshot, false, true, 0));
}

Datum
statement_column(uint64 row, int number, bool *is_null)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, is_null);
}
