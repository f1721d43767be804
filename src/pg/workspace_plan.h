/*
 * workspace_plan.h - plans of a statement for one workspace each, where the tables are partitioned by workspace.
 *
 * The plan of a statement has to do for all workspaces, so its executor locks and opens every partition, to leave all but one of them
 * alone: the cost of a call grows with their number. With the workspace's id in place of the parameter the planner leaves them out, and
 * the statement costs what it costs on a plain table, for each workspace that a session comes back to.
 */
#ifndef CU_WORKSPACE_PLAN_H
#define CU_WORKSPACE_PLAN_H

#include "statement.h"

/*
 * workspace_plan_of() returns the statement to be executed for a workspace: the same, with the id in place of $1; or the one that was given,
 * where there is no such plan yet, or no room.
 */
extern Statement *workspace_plan_of(Statement *statement, int64 workspace_id);

#endif
