/*
 * owner.c - looks the tables and their owner up, and keeps what it found until PostgreSQL says that one of them has changed.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "errors.h"
#include "owner.h"
#include "pg_compat.h"
#include "relation_changes.h"
#include "shard_scope.h"

/* The tables that we read or write as their owner. */
static const char *const table_names[] = {
	"member", "workspace", "contact", "event", "delivery", "consumer", "low_water_mark", "history", "suppression"};
#define MEMBER 0

typedef struct Tables
{
	Oid oids[lengthof(table_names)];
	Oid owner;
} Tables;

static Tables tables;
static bool is_known;

/* changes is how often something became unknown: what is looked up meanwhile may be old. */
static uint64 changes;

static void
at_relation_change(Datum arg, Oid relation)
{
	bool is_ours = !OidIsValid(relation);

	for (size_t i = 0; i < lengthof(table_names) && !is_ours; i++)
		is_ours = tables.oids[i] == relation;
	if (!is_ours)
		return;
	is_known = false;
	changes++;
}

void
owner_init(void)
{
	relation_changes_register(at_relation_change, (Datum)0);
}

static Oid
owner_of(Oid table)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class)GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

static void
raise_mixed_owners(const char *table, Oid owner, Oid first_owner)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("The contact tables have different owners."),
			 errdetail("contacts.%s belongs to %s, contacts.%s to %s.",
					   table,
					   GetUserNameFromId(owner, false),
					   table_names[MEMBER],
					   GetUserNameFromId(first_owner, false)),
			 errhint("Give all of them to one role: ALTER TABLE contacts.%s OWNER TO ...", table)));
}

/* Looks the tables up; raises if they are not as they should be. */
static void
look_up(void)
{
	Oid namespace = get_namespace_oid("contacts", true);
	uint64 changes_before = changes;

	for (size_t i = 0; i < lengthof(table_names); i++)
	{
		Oid table = OidIsValid(namespace) ? get_relname_relid(table_names[i], namespace) : InvalidOid;
		Oid owner = OidIsValid(table) ? owner_of(table) : InvalidOid;

		if (!OidIsValid(owner))
			errors_raise_not_installed();
		tables.oids[i] = table;
		if (i == MEMBER)
			tables.owner = owner;
		else if (owner != tables.owner)
			raise_mixed_owners(table_names[i], owner, tables.owner);
	}
	is_known = changes == changes_before;
}

static Oid
owner_role(void)
{
	if (!is_known)
		look_up();
	return tables.owner;
}

void
owner_begin(OwnerScope *scope)
{
	Oid owner = owner_role();

	/* Citus would write through a connection of the owner's, apart from what the caller has written. */
	if (shard_is_distributed() && !shard_scope_group())
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("This cannot be done on a server that has not the rows of the workspace."),
			 errhint("The functions in schema contacts are executed where the workspace is; an import view is not.")));
	GetUserIdAndSecContext(&scope->caller, &scope->security_context);
	scope->guc_level = NewGUCNestLevel();
	SetUserIdAndSecContext(owner, scope->security_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	/*
	 * search_path, because a trigger of the owner's that does not pin it must not find what the caller has put in its
	 * way.
	 */
	(void)set_config_option(
		"search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void
owner_end(const OwnerScope *scope)
{
	AtEOXact_GUC(false, scope->guc_level);
	SetUserIdAndSecContext(scope->caller, scope->security_context);
}

bool
owner_includes(Oid role)
{
	return has_privs_of_role(role, owner_role()) || has_bypassrls_privilege(role);
}

Oid
owner_member_table(void)
{
	return is_known ? tables.oids[MEMBER] : InvalidOid;
}
