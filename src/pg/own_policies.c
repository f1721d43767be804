/*
 * own_policies.c - compares the policies on the tables that are read with those that contacts.install() made.
 *
 * A policy of the user's, and one of ours that the user has altered, is the caller's business: it applies. So what is compared
 * is all that a policy has. Raises nothing but what opening a table can raise.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "rewrite/rowsecurity.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "member.h"
#include "own_policies.h"
#include "own_rules.h"
#include "pg_compat.h"

/* Whether a function is contacts_internal.is_member() as the extension makes it: an owner may have put another in its place. */
static bool
is_our_membership(Oid function)
{
	FmgrInfo info;

	fmgr_info(function, &info);
	return info.fn_addr == contacts_is_member;
}

/* Whether an expression is contacts_internal.is_member(workspace_id), which the current role may call. */
static bool
asks_for_membership(Relation table, const Expr *expression)
{
	const FuncExpr *call = (const FuncExpr *)expression;
	const Var *argument;

	if (expression == NULL || !IsA(expression, FuncExpr) || list_length(call->args) != 1 ||
		!IsA(linitial(call->args), Var))
		return false;
	argument = linitial(call->args);
	return is_our_membership(call->funcid) && may_execute(call->funcid, GetUserId()) &&
		   argument->varattno == get_attnum(RelationGetRelid(table), "workspace_id");
}

static bool
is_ours(Relation table, const RowSecurityPolicy *policy)
{
	return policy->permissive && policy->polcmd == '*' && strcmp(policy->policy_name, OWN_POLICY) == 0 &&
		   asks_for_membership(table, policy->qual);
}

/* Whether a policy takes part in what the current role reads. */
static bool
applies(const RowSecurityPolicy *policy)
{
	const Oid *roles = (const Oid *)ARR_DATA_PTR(policy->roles);
	int count = ArrayGetNItems(ARR_NDIM(policy->roles), ARR_DIMS(policy->roles));

	if (policy->polcmd != '*' && policy->polcmd != ACL_SELECT_CHR)
		return false;
	for (int i = 0; i < count; i++)
		if (roles[i] == ACL_ID_PUBLIC || has_privs_of_role(GetUserId(), roles[i]))
			return true;
	return false;
}

bool
own_policies_are_alone(Relation table)
{
	bool found = false;
	ListCell *cell;

	if (table->rd_rsdesc == NULL)
		return false;
	foreach (cell, table->rd_rsdesc->policies)
	{
		const RowSecurityPolicy *policy = lfirst(cell);

		if (!applies(policy))
			continue;
		if (!is_ours(table, policy))
			return false;
		found = true;
	}
	return found;
}

static bool
hides_workspaces_only(const char *name)
{
	Oid oid = get_relname_relid(name, get_namespace_oid("contacts", false));
	Relation table;
	bool result;

	if (!OidIsValid(oid) || pg_class_aclcheck(oid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return false;
	table = table_open(oid, AccessShareLock);
	result = (table->rd_rel->relkind == RELKIND_RELATION || table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE) &&
			 check_enable_rls(oid, InvalidOid, true) == RLS_ENABLED && own_policies_are_alone(table);
	table_close(table, NoLock);
	return result;
}

bool
own_policies_hide_workspaces_only(void)
{
	/* With row_security off the statement is an error, and shall be one. */
	return row_security && hides_workspaces_only("contact") && hides_workspaces_only("statistics");
}
