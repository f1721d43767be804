/*
 * workspace_plan.c - keeps a statement's plans for the workspaces that a session comes back to, as many as there are slots.
 *
 * A workspace has one slot, by its id. It gets the slot when it comes twice without another one of that slot in between: a session that
 * goes through thousands of workspaces in no order keeps to the plan for all, rather than to plan at each call, which costs more.
 *
 * A plan that a call further up is executing, whose trigger has called us, is not freed: then the slot stays as it is.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

#include "pg_compat.h"
#include "workspace_plan.h"

/* SLOTS is how many plans a statement has at most: those of all statements for one workspace take some 125 kB of the session's memory. */
#define SLOTS 32

typedef struct Slot
{
	int64 workspace_id; /* 0: none */
	int64 last;			/* who asked for the slot last, and has it not */
	Statement statement;
} Slot;

struct WorkspacePlans
{
	Slot slots[SLOTS];
};

static bool
is_executing(const Statement *statement)
{
	CachedPlanSource *source;

	if (statement->plan == NULL)
		return false;
	source = linitial(SPI_plan_get_plan_sources(statement->plan));
	/* The source has one reference, and each execution another. */
	return source->gplan && source->gplan->refcount > 1;
}

static void
release(Slot *slot)
{
	Statement *statement = &slot->statement;
	SPIPlanPtr plan = statement->plan;

	/* Whatever raises leaves an empty slot. */
	slot->workspace_id = 0;
	statement->plan = NULL;
	if (plan)
		SPI_freeplan(plan);
	if (statement->planned_search_path)
		pfree(statement->planned_search_path);
	if (statement->sql)
		pfree(unconstify(char *, statement->sql));
	memset(statement, 0, sizeof(*statement));
}

/* The text with the id in place of $1, in the session's memory. */
static char *
text_for(const char *sql, int64 workspace_id)
{
	StringInfoData text;

	initStringInfo(&text);
	for (const char *c = sql; *c; c++)
	{
		if (c[0] != '$' || c[1] != '1' || (c[2] >= '0' && c[2] <= '9'))
		{
			appendStringInfoChar(&text, *c);
			continue;
		}
		appendStringInfo(&text, "'" INT64_FORMAT "'::pg_catalog.int8", workspace_id);
		c++;
	}
	return MemoryContextStrdup(TopMemoryContext, text.data);
}

static void
take(Slot *slot, const Statement *statement, int64 workspace_id)
{
	char *sql = text_for(statement->sql, workspace_id);

	slot->statement = *statement;
	slot->statement.sql = sql;
	slot->statement.plan = NULL;
	slot->statement.planned_role = InvalidOid;
	slot->statement.planned_search_path = NULL;
	slot->statement.by_workspace = false;
	slot->statement.workspace_plans = NULL;
	slot->workspace_id = workspace_id;
}

/* Whether the statement is the slot's still: a parameter has another type, where the extension was made anew. */
static bool
is_for(const Slot *slot, const Statement *statement)
{
	return memcmp(slot->statement.parameter_types, statement->parameter_types, sizeof(statement->parameter_types)) == 0;
}

Statement *
workspace_plan_of(Statement *statement, int64 workspace_id)
{
	Slot *slot;

	if (statement->workspace_plans == NULL)
		statement->workspace_plans = MemoryContextAllocZero(TopMemoryContext, sizeof(WorkspacePlans));
	slot = &statement->workspace_plans->slots[(uint64)workspace_id % SLOTS];
	if (slot->workspace_id == workspace_id && is_for(slot, statement))
		return &slot->statement;
	if (slot->last != workspace_id || is_executing(&slot->statement))
	{
		slot->last = workspace_id;
		return statement;
	}
	release(slot);
	take(slot, statement, workspace_id);
	return &slot->statement;
}
