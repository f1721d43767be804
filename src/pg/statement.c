/*
 * statement.c - saved plans through SPI; where the tables are distributed, one for each group of shards.
 *
 * A plan is prepared once and never freed: a call further up, below a trigger, may be executing it. When a change of the
 * tables makes it invalid, PostgreSQL analyzes and plans the text again.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg_compat.h"
#include "shard_scope.h"
#include "statement.h"
#include "workspace_plan.h"

void
statement_connect(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
statement_set_type(Statement *statement, int number, Oid type)
{
	if (statement->parameter_types[number - 1] == type)
		return;
	statement->parameter_types[number - 1] = type;
	statement->plan = NULL;
	statement->planned_role = InvalidOid;
}

static bool
is_planned_once(const Statement *statement)
{
	return !statement->plan_each_time && !statement->plan_freely && !statement->by_citus;
}

static void
prepare(Statement *statement)
{
	SPIPlanPtr plan = SPI_prepare_cursor(statement->sql,
										 statement->parameter_count,
										 statement->parameter_types,
										 is_planned_once(statement) ? CURSOR_OPT_GENERIC_PLAN : CURSOR_OPT_CUSTOM_PLAN);

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
	statement->plan = plan;
}

/*
 * Whether PostgreSQL would execute the plan as it is. Beside a change of the tables, another role (for the sake of row level
 * security) or another search_path make it plan anew.
 */
static bool
is_planned(const Statement *statement)
{
	return statement_is_ready(statement) && statement->planned_role == GetUserId() && statement->planned_search_path &&
		   strcmp(statement->planned_search_path, namespace_search_path) == 0;
}

/* other_plans: on a table that is still small they would look cheap, and the plan would stay while the table grows. */
static const char *const other_plans[] = {"enable_seqscan", "enable_bitmapscan", "enable_material"};

/* sorted_plans: where the planner believes in a small table, to sort what another index finds looks as good as the order of the right one. */
static const char *const sorted_plans[] = {"enable_sort", "enable_incremental_sort"};

/* joined_plans: all joins that could begin with a table whose rows are to be found for those of another. */
static const char *const joined_plans[] = {"enable_hashjoin", "enable_mergejoin"};

/* indexed_plans: the ways to a row that are left beside its ctid. by_place_plans: what is left then. */
static const char *const indexed_plans[] = {"enable_indexscan", "enable_indexonlyscan"};
static const char *const by_place_plans[] = {"enable_tidscan", "enable_nestloop"};

static const char *const compiled_plans[] = {"jit"};

static void
turn(const char *const *settings, size_t count, const char *value)
{
	for (size_t i = 0; i < count; i++)
		(void)set_config_option(settings[i], value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

static bool
reads_partitioned_table(const CachedPlan *plan)
{
	ListCell *statement_cell;
	ListCell *cell;

	foreach (statement_cell, plan->stmt_list)
		foreach (cell, lfirst_node(PlannedStmt, statement_cell)->rtable)
			if (lfirst_node(RangeTblEntry, cell)->relkind == RELKIND_PARTITIONED_TABLE)
				return true;
	return false;
}

/* Plans the statement as it is good for tables of any size. */
static void
plan_for_growth(Statement *statement)
{
	int nest_level = NewGUCNestLevel();
	CachedPlan *plan;
	char *search_path;

	turn(other_plans, lengthof(other_plans), "off");
	turn(compiled_plans, lengthof(compiled_plans), "off");
	if (statement->by_place)
	{
		turn(indexed_plans, lengthof(indexed_plans), "off");
		turn(joined_plans, lengthof(joined_plans), "off");
		turn(by_place_plans, lengthof(by_place_plans), "on");
	}
	if (statement->by_order)
		turn(sorted_plans, lengthof(sorted_plans), "off");
	shard_scope_keep_plans(true);
	plan = SPI_plan_get_cached_plan(statement->plan);
	shard_scope_keep_plans(false);
	statement->is_partitioned = plan && reads_partitioned_table(plan);
	if (plan)
		ReleaseCachedPlan(plan, CurrentResourceOwner);
	AtEOXact_GUC(true, nest_level);

	/* MemoryContextStrdup may raise, so the old search path is freed afterwards. */
	search_path = MemoryContextStrdup(TopMemoryContext, namespace_search_path);
	if (statement->planned_search_path)
		pfree(statement->planned_search_path);
	statement->planned_search_path = search_path;
	statement->planned_role = GetUserId();
}

/* StatementOfGroup is a statement as it is planned for the shards of a group, or, with no table, for Citus to execute. */
typedef struct StatementOfGroup
{
	struct
	{
		Statement *statement;
		uint64 table; /* the group's first */
	} key;
	Statement planned;
} StatementOfGroup;

/* Returns the statement to execute: where the tables are distributed, the one of the scope's group. */
static Statement *
of_scope(Statement *statement)
{
	static HTAB *statements;
	const ShardGroup *group;
	StatementOfGroup *entry;
	StatementOfGroup wanted = {.key.statement = statement};
	bool is_found;

	if (!shard_is_distributed())
		return statement;
	group = shard_scope_group();
	wanted.key.table = group ? group->tables[0] : InvalidOid;
	if (statements == NULL)
	{
		HASHCTL control = {
			.keysize = sizeof(wanted.key), .entrysize = sizeof(StatementOfGroup), .hcxt = TopMemoryContext};

		statements = hash_create("contact_upsert statements", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(statements, &wanted.key, HASH_ENTER, &is_found);
	if (!is_found ||
		memcmp(entry->planned.parameter_types, statement->parameter_types, sizeof(statement->parameter_types)) != 0)
	{
		entry->planned = *statement;
		entry->planned.by_citus = group == NULL;
		entry->planned.plan = NULL;
		entry->planned.planned_search_path = NULL;
		entry->planned.workspace_plans = NULL;
	}
	return &entry->planned;
}

static Statement *
make_ready(Statement *statement)
{
	statement = of_scope(statement);
	if (statement->plan == NULL)
		prepare(statement);
	if (is_planned_once(statement) && !is_planned(statement))
		plan_for_growth(statement);
	return statement;
}

/* Returns the statement that is to be executed, with its plan made. */
static Statement *
choose_plan(Statement *statement, const Datum *parameters)
{
	statement = make_ready(statement);
	if (!statement->by_workspace || !statement->is_partitioned)
		return statement;
	return make_ready(workspace_plan_of(statement, DatumGetInt64(parameters[0])));
}

/* Begins what a statement that is planned each time is planned under. */
static int
begin_planning(const Statement *statement)
{
	int nest_level = NewGUCNestLevel();

	turn(compiled_plans, lengthof(compiled_plans), "off");
	/* Index scans in the order that it asks for. */
	if (statement->plan_each_time)
	{
		turn(other_plans, lengthof(other_plans), "off");
		turn(sorted_plans, lengthof(sorted_plans), "off");
		turn(joined_plans, lengthof(joined_plans), "off");
	}
	return nest_level;
}

/*
 * begin_execution makes times ISO in what a statement runs, as where another server gets its parameters as text: under the session's
 * DateStyle 2026-02-03 would be 3 February here and 2 March there. Returns what end_execution() needs.
 */
static int
begin_execution(void)
{
	int nest_level;

	if (DateStyle == USE_ISO_DATES)
		return 0;
	nest_level = NewGUCNestLevel();
	(void)set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

static void
end_execution(int nest_level)
{
	if (nest_level > 0)
		AtEOXact_GUC(true, nest_level);
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
	MemoryContext caller = CurrentMemoryContext; /* SPI leaves its own context behind */
	int iso_level = begin_execution();
	int nest_level = 0;
	uint64 count;

	statement = choose_plan(statement, parameters);
	if (statement->plan_each_time)
		nest_level = begin_planning(statement);
	/* A parallel query only reads, with its one snapshot. */
	count = check_result(SPI_execute_plan(statement->plan, parameters, NULL, IsInParallelMode(), 0));
	if (statement->plan_each_time)
		AtEOXact_GUC(true, nest_level);
	end_execution(iso_level);
	MemoryContextSwitchTo(caller);
	return count;
}

uint64
statement_read(Statement *statement, Datum *parameters)
{
	MemoryContext caller = CurrentMemoryContext;
	int nest_level = begin_execution();
	uint64 count;

	statement = choose_plan(statement, parameters);
	count = check_result(SPI_execute_plan(statement->plan, parameters, NULL, true, 0));
	end_execution(nest_level);
	MemoryContextSwitchTo(caller);
	return count;
}

Portal
statement_open(Statement *statement, Datum *parameters)
{
	Portal portal;
	int nest_level;

	statement = make_ready(statement);
	nest_level = begin_planning(statement);
	portal = SPI_cursor_open(NULL, statement->plan, parameters, NULL, statement->plan_freely);
	AtEOXact_GUC(true, nest_level);
	return portal;
}

void
statement_fetch(Portal portal, long count)
{
	int nest_level = begin_execution();

	SPI_cursor_fetch(portal, true, count);
	end_execution(nest_level);
}

uint64
statement_execute_under(Statement *statement, Datum *parameters, Snapshot snapshot)
{
	MemoryContext caller = CurrentMemoryContext;
	int nest_level = begin_execution();
	uint64 count;

	statement = choose_plan(statement, parameters);
	count = check_result(SPI_execute_snapshot(
		statement->plan, parameters, NULL, snapshot ? snapshot : GetLatestSnapshot(), InvalidSnapshot, false, true, 0));
	end_execution(nest_level);
	MemoryContextSwitchTo(caller);
	return count;
}

uint64
statement_execute_latest(Statement *statement, Datum *parameters)
{
	return statement_execute_under(statement, parameters, NULL);
}

uint64
statement_read_latest(Statement *statement, Datum *parameters)
{
	MemoryContext caller = CurrentMemoryContext;
	int nest_level = begin_execution();
	Snapshot snapshot;
	uint64 count;

	statement = choose_plan(statement, parameters);
	/* During a parallel query no newer snapshot can be taken. */
	snapshot = IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot();
	count = check_result(
		SPI_execute_snapshot(statement->plan, parameters, NULL, snapshot, InvalidSnapshot, true, false, 0));
	end_execution(nest_level);
	MemoryContextSwitchTo(caller);
	return count;
}

Datum
statement_array(Datum *elements, size_t count, Oid element_type)
{
	int16 size = sizeof(int64);
	bool by_value = FLOAT8PASSBYVAL;
	char alignment = TYPALIGN_DOUBLE;

	/* A bigint is so in every database, and nearly every call has an array of them. */
	if (element_type != INT8OID)
		get_typlenbyvalalign(element_type, &size, &by_value, &alignment);
	return PointerGetDatum(construct_array(elements, (int)count, element_type, size, by_value, alignment));
}

Datum
statement_nullable_column(uint64 row, int number, bool *is_null)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, is_null);
}

Datum
statement_column(uint64 row, int number)
{
	bool is_null;
	Datum value = statement_nullable_column(row, number, &is_null);

	if (is_null)
		ereport(
			ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("the column %s of the contact tables must not be null", SPI_fname(SPI_tuptable->tupdesc, number))));
	return value;
}
