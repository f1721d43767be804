/*
 * probe_choice.c - decides whether contacts may be looked up by index: only where the statement would find exactly the same.
 *
 * table_choice.c compares the tables with what contacts.install() made. Here are the keys' indexes, and the privileges and policies of
 * the current user: so a choice holds for one role, one value of row_security and one of SECURITY_NOFORCE_RLS.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "rewrite/rowsecurity.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "own_policies.h"
#include "own_rules.h"
#include "probe_choice.h"

static const char *look(void);
static const char *look_at_table(Relation table, int which);

static TableChoice table_choice = {
	.in_c = "looks contacts up by index",
	.by_statements = "looks contacts up by a statement",
	.expected =
		{
			[PROBED_WORKSPACE] = {"workspace",
								  AccessShareLock,
								  {[PROBED_WORKSPACE_ID] = {"workspace_id", .type = INT8OID},
								   [PROBED_DEFINITIONS_VERSION] = {"definitions_version", .type = INT8OID}}},
			[PROBED_CONTACT] = {"contact",
								AccessShareLock,
								{[PROBED_CONTACT_WORKSPACE] = {"workspace_id", .type = INT8OID},
								 [PROBED_CONTACT_EMAIL] = {"email_address", .type = TEXTOID},
								 [PROBED_CONTACT_ID] = {"id", .type = TEXTOID},
								 [PROBED_CONTACT_VERSION] = {"version", .type = INT8OID},
								 [PROBED_CONTACT_STATUS] = {"status", .own_type = "status"},
								 [PROBED_CONTACT_TAGS] = {"tags", .type = INT8ARRAYOID},
								 [PROBED_CONTACT_DATA] = {"data", .type = JSONBOID},
								 [PROBED_CONTACT_CREATED_AT] = {"created_at", .type = TIMESTAMPTZOID},
								 [PROBED_CONTACT_UPDATED_AT] = {"updated_at", .type = TIMESTAMPTZOID}}},
			[PROBED_STATISTICS] = {"statistics",
								   AccessShareLock,
								   {[PROBED_STATISTICS_WORKSPACE] = {"workspace_id", .type = INT8OID},
									[PROBED_STATISTICS_CONTACT] = {"contact_id", .type = TEXTOID},
									[PROBED_TOTALS] = {"total_opens", .type = INT8OID},
									{"total_clicks", .type = INT8OID},
									{"total_bounces", .type = INT8OID},
									{"total_delivered", .type = INT8OID}}},
		},
	.functions = {F_INT8EQ, F_TEXTEQ},
	.look = look,
	.look_at_table = look_at_table,
};

/* The first columns of each table are its key. */
static const int key_sizes[CHOICE_TABLES] = {[PROBED_WORKSPACE] = 1, [PROBED_CONTACT] = 2, [PROBED_STATISTICS] = 2};

/* The choice, if it is made, holds for these: */
static ProbeChoice choice = {.tables = table_choice.tables};
static Oid made_for;
static bool made_with_row_security;
static bool made_without_force;

void
probe_choice_init(void)
{
	table_choice_register(&table_choice);
}

/* Whether the index finds any row by the key, and at most one, comparing as "=" does. */
static bool
is_key(Relation index, int which)
{
	const FormData_pg_index *form = index->rd_index;
	const ExpectedColumn *columns = table_choice.expected[which].columns;

	if (index->rd_rel->relam != BTREE_AM_OID || form->indnkeyatts != key_sizes[which] || !form->indisunique ||
		!form->indimmediate || !form->indisvalid || !form->indisready || !form->indislive || form->indcheckxmin ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, NULL))
		return false;
	for (int i = 0; i < key_sizes[which]; i++)
	{
		bool is_text = columns[i].type == TEXTOID;

		if (form->indkey.values[i] != table_choice.tables[which].columns[i] ||
			index->rd_opcintype[i] != columns[i].type ||
			index->rd_opfamily[i] != (is_text ? TEXT_BTREE_FAM_OID : INTEGER_BTREE_FAM_OID) ||
			(is_text && index->rd_indcollation[i] != C_COLLATION_OID))
			return false;
	}
	return true;
}

/*
 * The functions below return why the statement is to be executed, for the log; NULL if there is no reason.
 */

/* Sets the index of a table. */
static const char *
look_at_indexes(int which)
{
	ListCell *cell;

	foreach (cell, table_choice.tables[which].indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		bool found = is_key(index, which);

		index_close(index, AccessShareLock);
		if (found)
		{
			table_choice.tables[which].index = lfirst_oid(cell);
			return NULL;
		}
	}
	return "its key has no index, or another";
}

/* The executor is content with a privilege on the table, or on each column that is read. */
static bool
may_read(Oid table, AttrNumber column)
{
	return pg_class_aclcheck(table, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
		   pg_attribute_aclcheck(table, column, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

static const char *
look_at_privileges(int which)
{
	const ChosenTable *table = &table_choice.tables[which];

	if (which == PROBED_CONTACT)
		choice.gives_places = may_read(table->oid, SelfItemPointerAttributeNumber);
	for (int c = 0; table_choice.expected[which].columns[c].name; c++)
		if (!may_read(table->oid, table->columns[c]))
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
look_at_table(Relation table, int which)
{
	const char *why = look_at_indexes(which);

	if (why == NULL)
		why = look_at_privileges(which);
	if (why == NULL)
		why = look_at_policies(table);
	if (which == PROBED_CONTACT)
		choice.keeps_ids = !own_rules_may_change_new_rows(table);
	return why;
}

static const char *
look(void)
{
	choice.asks_for_membership = false;
	made_for = GetUserId();
	made_with_row_security = row_security;
	made_without_force = InNoForceRLSOperation();
	return table_choice_look(&table_choice);
}

bool
probe_choice_is_open(void)
{
	/* A module may want to hide rows; a parallel query has one snapshot, and lets no command begin. */
	return table_choice_is_open() && !row_security_policy_hook_permissive && !row_security_policy_hook_restrictive &&
		   !IsInParallelMode();
}

static bool
is_made_for_user(void)
{
	return made_for == GetUserId() && made_with_row_security == row_security &&
		   made_without_force == InNoForceRLSOperation();
}

const ProbeChoice *
probe_choice_lock(void)
{
	if (!is_made_for_user())
		table_choice.is_made = false;
	return table_choice_lock(&table_choice) ? &choice : NULL;
}

bool
probe_choice_keeps_ids(void)
{
	if (!probe_choice_is_open() || !probe_choice_is_made() || !is_made_for_user())
		return false;
	LockRelationOid(choice.tables[PROBED_CONTACT].oid, RowExclusiveLock); /* may run the callbacks of table_choice.c */
	return probe_choice_is_made() && choice.keeps_ids;
}

bool
probe_choice_is_made(void)
{
	return table_choice_is_in_c(&table_choice);
}
