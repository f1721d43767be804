/*
 * probe_choice.c - decides whether contacts may be looked up by index: only where the statement would find exactly the same.
 *
 * probe_choice_lock() compares the tables with what contacts.install() made, and the current user's privileges and policies with
 * what the executor would ask for. What is in doubt is the statement's, with its answer or its error; so nothing here raises but
 * what opening a table can raise.
 *
 * A choice holds for one role, one value of row_security and one of SECURITY_NOFORCE_RLS, until PostgreSQL says that something
 * has changed which it was made of: a callback then clears is_made, and does nothing else, for it may run wherever a lock is
 * taken. Whatever changes a table waits for locks on it, so what was true once a table is locked stays true: a choice counts
 * if it is still made when all tables are locked. PostgreSQL's plan cache does the same.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "rewrite/rowsecurity.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "own_policies.h"
#include "pg_compat.h"
#include "probe_choice.h"
#include "settings.h"

/* MAX_CHOICES is how often one look-up chooses: where tables change all the time, the statement is taken. */
#define MAX_CHOICES 3

typedef struct ExpectedColumn
{
	const char *name;
	Oid type; /* InvalidOid: contacts.status, whose oid is not known before */
} ExpectedColumn;

typedef struct ExpectedTable
{
	const char *name;
	int key_size; /* the first columns are the key */
	ExpectedColumn columns[PROBED_COLUMNS_MAX + 1];
} ExpectedTable;

static const ExpectedTable expected_tables[PROBED_TABLE_COUNT] = {
	[PROBED_WORKSPACE] = {"workspace",
						  1,
						  {[PROBED_WORKSPACE_ID] = {"workspace_id", INT8OID},
						   [PROBED_DEFINITIONS_VERSION] = {"definitions_version", INT8OID}}},
	[PROBED_CONTACT] = {"contact",
						2,
						{[PROBED_CONTACT_WORKSPACE] = {"workspace_id", INT8OID},
						 [PROBED_CONTACT_EMAIL] = {"email_address", TEXTOID},
						 [PROBED_CONTACT_ID] = {"id", TEXTOID},
						 [PROBED_CONTACT_VERSION] = {"version", INT8OID},
						 [PROBED_CONTACT_STATUS] = {"status", InvalidOid},
						 [PROBED_CONTACT_TAGS] = {"tags", INT8ARRAYOID},
						 [PROBED_CONTACT_DATA] = {"data", JSONBOID},
						 [PROBED_CONTACT_CREATED_AT] = {"created_at", TIMESTAMPTZOID},
						 [PROBED_CONTACT_UPDATED_AT] = {"updated_at", TIMESTAMPTZOID}}},
	[PROBED_STATISTICS] = {"statistics",
						   2,
						   {[PROBED_STATISTICS_WORKSPACE] = {"workspace_id", INT8OID},
							[PROBED_STATISTICS_CONTACT] = {"contact_id", TEXTOID},
							[PROBED_TOTALS] = {"total_opens", INT8OID},
							{"total_clicks", INT8OID},
							{"total_bounces", INT8OID},
							{"total_delivered", INT8OID}}},
};

/* choice, if is_made, holds for these: */
static ProbeChoice choice;
static bool is_made;
static bool is_refused; /* the choice is the statement */
static Oid made_for;
static bool made_with_row_security;
static bool made_without_force;

/* changes is how often something changed: a choice that was made meanwhile may be old. */
static uint64 changes;

static void
forget(void)
{
	is_made = false;
	changes++;
}

static void
at_relation_change(Datum arg, Oid relation)
{
	bool is_ours = !OidIsValid(relation);

	/* A table that was not found, or not yet, may be any. */
	for (int i = 0; i < PROBED_TABLE_COUNT && !is_ours; i++)
		is_ours = choice.targets[i].table == relation || choice.targets[i].index == relation ||
				  !OidIsValid(choice.targets[i].table);
	if (is_ours)
		forget();
}

static void
at_catalog_change(Datum arg, int cache, uint32 hash)
{
	forget();
}

void
probe_choice_init(void)
{
	/* Names of schemas and their privileges; roles and what they are members of; privileges of functions. */
	static const int caches[] = {NAMESPACEOID, AUTHOID, AUTHMEMROLEMEM, DATABASEOID, PROCOID};

	CacheRegisterRelcacheCallback(at_relation_change, (Datum)0);
	for (size_t i = 0; i < lengthof(caches); i++)
		CacheRegisterSyscacheCallback(caches[i], at_catalog_change, (Datum)0);
}

/*
 * The functions below return why the statement is to be taken, for the log; NULL if there is no reason.
 */

static const char *
look_at_kind(Relation table)
{
	Form_pg_class form = table->rd_rel;

	if (form->relkind != RELKIND_RELATION || form->relam != HEAP_TABLE_AM_OID)
		return "it is no plain table";
	if (form->relispartition || form->relhassubclass)
		return "it is part of others, or they of it";
	if (form->relhasrules)
		return "it has rules";
	if (!RelationIsPermanent(table) && RecoveryInProgress())
		return "it is not logged, and this is a standby";
	return NULL;
}

static bool
is_expected(Form_pg_attribute attribute, const ExpectedColumn *column, Oid status_type)
{
	Oid type = OidIsValid(column->type) ? column->type : status_type;

	/* A virtual column is not in the row at all. */
	return attribute->atttypid == type && attribute->atttypmod == -1 && attribute->attgenerated == '\0' &&
		   (type != TEXTOID || attribute->attcollation == C_COLLATION_OID);
}

/* Sets the numbers of the target's columns. */
static const char *
look_at_columns(Relation table, const ExpectedTable *expected, ProbeTarget *target)
{
	TupleDesc descriptor = RelationGetDescr(table);
	Oid status_type = GetSysCacheOid2(
		TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("status"), ObjectIdGetDatum(RelationGetNamespace(table)));

	for (int c = 0; expected->columns[c].name; c++)
	{
		AttrNumber number = get_attnum(RelationGetRelid(table), expected->columns[c].name);

		if (number <= 0 || !is_expected(TupleDescAttr(descriptor, number - 1), &expected->columns[c], status_type))
			return psprintf("its column %s is another", expected->columns[c].name);
		target->columns[c] = number;
	}
	return NULL;
}

/* Whether the index finds any row by the key, and at most one, comparing as "=" does. */
static bool
is_key(Relation index, const ExpectedTable *expected, const ProbeTarget *target)
{
	const FormData_pg_index *form = index->rd_index;

	if (index->rd_rel->relam != BTREE_AM_OID || form->indnkeyatts != expected->key_size || !form->indisunique ||
		!form->indimmediate || !form->indisvalid || !form->indisready || !form->indislive || form->indcheckxmin ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, NULL))
		return false;
	for (int i = 0; i < expected->key_size; i++)
	{
		bool is_text = expected->columns[i].type == TEXTOID;

		if (form->indkey.values[i] != target->columns[i] || index->rd_opcintype[i] != expected->columns[i].type ||
			index->rd_opfamily[i] != (is_text ? TEXT_BTREE_FAM_OID : INTEGER_BTREE_FAM_OID) ||
			(is_text && index->rd_indcollation[i] != C_COLLATION_OID))
			return false;
	}
	return true;
}

/* Sets the target's index. */
static const char *
look_at_indexes(Relation table, const ExpectedTable *expected, ProbeTarget *target)
{
	List *indexes = RelationGetIndexList(table);
	ListCell *cell;

	foreach (cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		bool found = is_key(index, expected, target);

		index_close(index, AccessShareLock);
		if (found)
		{
			target->index = lfirst_oid(cell);
			return NULL;
		}
	}
	return "its key has no index, or another";
}

/* The executor is content with a privilege on the table, or on each column that is read. */
static const char *
look_at_privileges(const ExpectedTable *expected, const ProbeTarget *target)
{
	if (pg_class_aclcheck(target->table, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return NULL;
	for (int c = 0; expected->columns[c].name; c++)
		if (pg_attribute_aclcheck(target->table, target->columns[c], GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			return "the role may not read it";
	return NULL;
}

static const char *
look_at_policies(Relation table)
{
	if (check_enable_rls(RelationGetRelid(table), InvalidOid, true) != RLS_ENABLED)
		return NULL;
	if (!row_security)
		return "row_security is off";
	if (!own_policies_are_alone(table))
		return "policies apply that contacts.install() did not make";
	choice.asks_for_membership = true;
	return NULL;
}

static const char *
look_at_table(Relation table, const ExpectedTable *expected, ProbeTarget *target)
{
	const char *why = look_at_kind(table);

	if (why == NULL)
		why = look_at_columns(table, expected, target);
	if (why == NULL)
		why = look_at_indexes(table, expected, target);
	if (why == NULL)
		why = look_at_privileges(expected, target);
	if (why == NULL)
		why = look_at_policies(table);
	return why;
}

/* Finds a table, whatever it is: its oid is kept, so that a change of it is noticed. */
static const char *
find_table(Oid schema, const ExpectedTable *expected, ProbeTarget *target)
{
	Oid oid = OidIsValid(schema) ? get_relname_relid(expected->name, schema) : InvalidOid;
	Relation table = OidIsValid(oid) ? try_relation_open(oid, AccessShareLock) : NULL;
	const char *why;

	if (table == NULL)
		return psprintf("there is no table contacts.%s", expected->name);
	target->table = oid;
	why = look_at_table(table, expected, target);
	relation_close(table, AccessShareLock);
	return why ? psprintf("contacts.%s: %s", expected->name, why) : NULL;
}

/* Beside the tables, the executor asks for the functions that compare; a statement that is analyzed, for the schema. */
static const char *
look_at_names(Oid schema)
{
	if (OidIsValid(schema) && namespace_aclcheck(schema, GetUserId(), ACL_USAGE) != ACLCHECK_OK)
		return "the role may not use the schema contacts";
	if (!may_execute(F_INT8EQ, GetUserId()) || !may_execute(F_TEXTEQ, GetUserId()))
		return "the role may not compare";
	if (OidIsValid(get_extension_oid("citus", true)))
		return "Citus may have put the rows elsewhere";
	return NULL;
}

static const char *
find_reason(void)
{
	Oid schema = get_namespace_oid("contacts", true);
	const char *why = look_at_names(schema);

	/* All tables are found, whatever is wrong with one: a change of any may bring another choice. */
	for (int i = 0; i < PROBED_TABLE_COUNT; i++)
	{
		const char *why_table = find_table(schema, &expected_tables[i], &choice.targets[i]);

		if (why == NULL)
			why = why_table;
	}
	return why;
}

static void
make_choice(void)
{
	uint64 changes_before = changes;
	const char *why;

	/* An error on the way leaves no choice. While no table is known, every change counts. */
	is_made = false;
	memset(&choice, 0, sizeof(choice));
	why = find_reason();
	is_refused = why != NULL;
	made_for = GetUserId();
	made_with_row_security = row_security;
	made_without_force = InNoForceRLSOperation();
	is_made = changes == changes_before;
	if (why)
		ereport(DEBUG1, (errmsg_internal("contact_upsert looks contacts up by a statement: %s", why)));
	else
		ereport(DEBUG1, (errmsg_internal("contact_upsert looks contacts up by index")));
}

/* Whether the choice is made, for what is current. */
static bool
holds(void)
{
	return is_made && made_for == GetUserId() && made_with_row_security == row_security &&
		   made_without_force == InNoForceRLSOperation();
}

/* Locks the tables; false if the choice has gone meanwhile, and then they are not locked. */
static bool
lock_tables(void)
{
	Oid tables[PROBED_TABLE_COUNT];

	for (int i = 0; i < PROBED_TABLE_COUNT; i++)
	{
		tables[i] = choice.targets[i].table;
		LockRelationOid(tables[i], AccessShareLock); /* may run our callbacks */
	}
	if (holds())
		return true;
	for (int i = 0; i < PROBED_TABLE_COUNT; i++)
		UnlockRelationOid(tables[i], AccessShareLock);
	return false;
}

bool
probe_choice_is_open(void)
{
	/* A module may want to see what is read, or to hide some; a parallel query has one snapshot, and lets no command begin. */
	return settings_fast_path() && !ExecutorCheckPerms_hook && !object_access_hook &&
		   !row_security_policy_hook_permissive && !row_security_policy_hook_restrictive && !IsInParallelMode();
}

const ProbeChoice *
probe_choice_lock(void)
{
	for (int i = 0; i < MAX_CHOICES; i++)
	{
		if (!holds())
			make_choice();
		if (!is_made)
			continue;
		if (is_refused)
			return NULL;
		if (lock_tables())
			return &choice;
	}
	return NULL;
}

bool
probe_choice_is_made(void)
{
	return settings_fast_path() && is_made && !is_refused;
}
