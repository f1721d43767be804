/*
 * shard_scope.c - has statements planned for shards, by the server's hooks for the planner and the executor.
 *
 * The planner is given a query that PostgreSQL has analyzed and rewritten: policies are in it, names are not. Its tables are exchanged,
 * one oid for another. So a plan is for one group, and PostgreSQL may keep it, for a PL/pgSQL function, say. Each such plan carries an
 * invalidation of its own, which is called at the end of the scope it was made in: a function of the next scope is planned anew. Plans
 * of statement.c are kept for each group (shard_scope_keep_plans). A plan made outside of a scope is treated in the same way, so that it is
 * not executed inside of one.
 *
 * A trigger on a shard, and a foreign key, run below a statement on the shard, whoever sent it: the executor's hooks look at the tables
 * of each statement, and begin its scope; so does the hook for commands, for COPY and TRUNCATE have triggers, too. Nothing is hooked where
 * Citus is not loaded.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/plancache.h"
#include "utils/syscache.h"

#include "pg_compat.h"
#include "shard_scope.h"

static planner_hook_type outer_planner;
static ExecutorRun_hook_type outer_run;
static ExecutorFinish_hook_type outer_finish;
static ProcessUtility_hook_type outer_utility;
static bool hooked_at_start;

/* The scope's group, if there is a scope. */
static ShardGroup group;
static bool in_scope;

static bool keeps_plans;
/* Whether PostgreSQL may have kept a plan that is no good in another scope. */
static bool has_left_plans;

static void
forget_plans(void)
{
	if (!has_left_plans)
		return;
	has_left_plans = false;
	CallSyscacheCallbacks(PROCOID, PLANNED_FOR_SHARDS);
}

const ShardGroup *
shard_scope_group(void)
{
	return in_scope ? &group : NULL;
}

bool
shard_scope_is_hooked(void)
{
	return hooked_at_start;
}

void
shard_scope_keep_plans(bool keep)
{
	keeps_plans = keep;
}

void
shard_scope_begin(ShardScope *scope, const ShardGroup *wanted)
{
	scope->had_outer = in_scope;
	scope->outer = group;
	if (!in_scope || group.tables[0] != wanted->tables[0])
		forget_plans();
	group = *wanted;
	in_scope = true;
}

void
shard_scope_end(const ShardScope *scope)
{
	if (!scope->had_outer || group.tables[0] != scope->outer.tables[0])
		forget_plans();
	group = scope->outer;
	in_scope = scope->had_outer;
}

typedef struct Exchange
{
	bool finds_shell;
	bool exchanges;
} Exchange;

/* Finds the shells of a query, and exchanges them for the scope's shards: context is an Exchange. */
static bool
exchange_tables(Node *node, void *context)
{
	Exchange *exchange = context;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *entry = (RangeTblEntry *)node;
		Oid table = entry->rtekind == RTE_RELATION ? shard_of(&group, entry->relid) : InvalidOid;

		if (entry->rtekind == RTE_RELATION && shard_is_shell(entry->relid))
		{
			exchange->finds_shell = true;
			if (!exchange->exchanges)
				return true;
			if (!OidIsValid(table))
				elog(ERROR, "a shard of the contact tables is missing");
			/* Analyzed, the statement holds a lock on the shell alone. */
			LockRelationOid(table, entry->rellockmode);
			entry->relid = table;
		}
		return false;
	}
	if (IsA(node, Query))
	{
		Query *query = (Query *)node;

#if PG_VERSION_NUM >= 160000
		ListCell *cell;

		foreach (cell, query->rteperminfos)
		{
			RTEPermissionInfo *permission = lfirst(cell);

			/* The executor compares both; privileges on a table are those on its shards. */
			if (exchange->exchanges && shard_is_shell(permission->relid))
				permission->relid = shard_of(&group, permission->relid);
		}
#endif
		return query_tree_walker(query, exchange_tables, exchange, QTW_EXAMINE_RTES_BEFORE);
	}
	return expression_tree_walker(node, exchange_tables, exchange);
}

static void
mark_plan(PlannedStmt *plan)
{
	PlanInvalItem *item = makeNode(PlanInvalItem);

	item->cacheId = PROCOID;
	item->hashValue = PLANNED_FOR_SHARDS;
	plan->invalItems = lappend(plan->invalItems, item);
	has_left_plans = true;
}

static PlannedStmt *
plan_query(PLAN_ARGUMENTS)
{
	Exchange exchange = {.finds_shell = false};
	bool keeps = keeps_plans;
	PlannedStmt *plan;

	if (shard_is_distributed())
		(void)exchange_tables((Node *)query, &exchange);
	if (!exchange.finds_shell)
		return outer_planner(PLAN_VALUES);
	keeps_plans = false; /* the planner may execute a function */
	if (in_scope)
	{
		exchange.exchanges = true;
		(void)exchange_tables((Node *)query, &exchange);
	}
	/* Citus plans a statement on shards alone as PostgreSQL does; its other hooks want to be below its planner. */
	plan = outer_planner(PLAN_VALUES);
	keeps_plans = keeps;
	if (!keeps)
		mark_plan(plan);
	return plan;
}

static void
raise_several_groups(void)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		 errmsg("A statement that writes cannot be on shards of several groups of the contact tables."),
		 errhint("Rows of a shard are checked as those of its workspaces, in one shard group at a time: write by one "
				 "statement for each, or by the functions in schema contacts.")));
}

/*
 * Returns the group of those that are shards among some tables; NULL: there is none, or the scope is that group's already. A statement
 * that only reads may be on shards of several, and is in the scope of the first.
 */
static const ShardGroup *
group_of_tables(const List *oids, bool writes)
{
	const ShardGroup *first = NULL;
	ListCell *cell;

	if (!shard_is_distributed())
		return NULL;
	foreach (cell, oids)
	{
		const ShardGroup *found = shard_group_of_table(lfirst_oid(cell));

		if (first == NULL)
			first = found;
		else if (found && found != first)
			raise_several_groups();
		if (first && !writes)
			break;
	}
	return first && in_scope && first->tables[0] == group.tables[0] ? NULL : first;
}

static const ShardGroup *
group_of_query(const QueryDesc *query)
{
	const PlannedStmt *plan = query->plannedstmt;

	return group_of_tables(plan->relationOids, plan->commandType != CMD_SELECT || plan->hasModifyingCTE);
}

/* Returns the tables of a command that has triggers executed; a name that is none is the command's error. */
static List *
tables_of_command(const Node *command)
{
	List *names = NIL;
	List *oids = NIL;
	ListCell *cell;

	if (IsA(command, CopyStmt) && ((const CopyStmt *)command)->is_from)
		names = list_make1(((const CopyStmt *)command)->relation);
	else if (IsA(command, TruncateStmt))
		names = ((const TruncateStmt *)command)->relations;
	foreach (cell, names)
		oids = lappend_oid(oids, RangeVarGetRelid(lfirst(cell), NoLock, true));
	return oids;
}

static void
run_further(RUN_ARGUMENTS)
{
	if (outer_run)
		outer_run(RUN_VALUES);
	else
		standard_ExecutorRun(RUN_VALUES);
}

static void
run(RUN_ARGUMENTS)
{
	const ShardGroup *found = group_of_query(query);
	ShardScope scope;

	if (found == NULL)
	{
		run_further(RUN_VALUES);
		return;
	}
	shard_scope_begin(&scope, found);
	PG_TRY();
	{
		run_further(RUN_VALUES);
	}
	PG_FINALLY();
	{
		shard_scope_end(&scope);
	}
	PG_END_TRY();
}

static void
finish_further(QueryDesc *query)
{
	if (outer_finish)
		outer_finish(query);
	else
		standard_ExecutorFinish(query);
}

static void
finish(QueryDesc *query)
{
	const ShardGroup *found = group_of_query(query);
	ShardScope scope;

	if (found == NULL)
	{
		finish_further(query);
		return;
	}
	shard_scope_begin(&scope, found);
	PG_TRY();
	{
		finish_further(query);
	}
	PG_FINALLY();
	{
		shard_scope_end(&scope);
	}
	PG_END_TRY();
}

static void
utility_further(UTILITY_ARGUMENTS)
{
	if (outer_utility)
		outer_utility(UTILITY_VALUES);
	else
		standard_ProcessUtility(UTILITY_VALUES);
}

/* Citus 13 makes policies on the shards and on the tables of other servers that are all permissive: one that restricts would open rows. */
static void
refuse_restrictive_policy(const CreatePolicyStmt *policy)
{
	if (policy->permissive || !shard_is_distributed() || !shard_is_shell(RangeVarGetRelid(policy->table, NoLock, true)))
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		 errmsg("The policy %s cannot be restrictive where the tables are distributed.",
				quote_identifier(policy->policy_name)),
		 errhint(
			 "On its other servers Citus would make a permissive one of it, which lets roles see more, not less.")));
}

static void
utility(UTILITY_ARGUMENTS)
{
	List *tables = tables_of_command(statement->utilityStmt);
	const ShardGroup *found = tables == NIL ? NULL : group_of_tables(tables, true);
	ShardScope scope;

	if (IsA(statement->utilityStmt, CreatePolicyStmt))
		refuse_restrictive_policy((const CreatePolicyStmt *)statement->utilityStmt);
	if (found == NULL)
	{
		utility_further(UTILITY_VALUES);
		return;
	}
	shard_scope_begin(&scope, found);
	PG_TRY();
	{
		utility_further(UTILITY_VALUES);
	}
	PG_FINALLY();
	{
		shard_scope_end(&scope);
	}
	PG_END_TRY();
}

void
shard_scope_init(void)
{
	/* Citus wants to be the first that is loaded: whoever comes behind it sees a query before it. */
	if (GetConfigOption("citus.shard_count", true, false) == NULL)
		return;
	hooked_at_start = process_shared_preload_libraries_in_progress;
	outer_planner = planner_hook ? planner_hook : standard_planner;
	planner_hook = plan_query;
	outer_run = ExecutorRun_hook;
	ExecutorRun_hook = run;
	outer_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = finish;
	outer_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
}
