/*
 * table_choice.c - chooses what is faster, C as a rule, or the statements: the former only where those would do nothing else.
 *
 * table_choice_look() compares tables with what contacts.install() made, and the current user's privileges with what the executor would
 * ask for; the rest is looked at by whose choice it is. What is in doubt is the statements', with their answer or their error; so
 * nothing here raises but what opening a table can raise.
 *
 * A choice holds until PostgreSQL says that something has changed which it was made of: a callback then clears is_made, and does
 * nothing else, for it may run wherever a lock is taken. Whatever changes a table waits for locks on it, so what was true once a
 * table is locked stays true: a choice counts if it is still made when all tables are locked. PostgreSQL's plan cache does the same.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg_compat.h"
#include "relation_changes.h"
#include "settings.h"
#include "shard_scope.h"
#include "table_choice.h"

/* MAX_CHOICES is how often one call chooses: where tables change all the time, statements are executed. */
#define MAX_CHOICES 3

static bool
has_table(const TableChoice *choice, int which)
{
	return which < CHOICE_TABLES && choice->expected[which].name;
}

static void
forget(TableChoice *choice)
{
	choice->is_made = false;
	choice->changes++;
}

static void
at_relation_change(Datum arg, Oid relation)
{
	TableChoice *choice = (TableChoice *)DatumGetPointer(arg);
	bool is_ours = !OidIsValid(relation);

	/* A table that was not found, or not yet, may be any. */
	for (int i = 0; has_table(choice, i) && !is_ours; i++)
		is_ours = choice->tables[i].oid == relation || !OidIsValid(choice->tables[i].oid) ||
				  list_member_oid(choice->tables[i].indexes, relation);
	if (is_ours)
		forget(choice);
}

static void
at_catalog_change(Datum arg, int cache, uint32 hash)
{
	if (cache != PROCOID || hash != PLANNED_FOR_SHARDS)
		forget((TableChoice *)DatumGetPointer(arg));
}

void
table_choice_register(TableChoice *choice)
{
	/* Names of schemas and their privileges; roles and what they are members of; privileges of functions; types. */
	static const int caches[] = {NAMESPACEOID, AUTHOID, AUTHMEMROLEMEM, DATABASEOID, PROCOID, TYPEOID};

	relation_changes_register(at_relation_change, PointerGetDatum(choice));
	for (size_t i = 0; i < lengthof(caches); i++)
		CacheRegisterSyscacheCallback(caches[i], at_catalog_change, PointerGetDatum(choice));
}

bool
table_choice_is_open(void)
{
	/* A module may want to see what is read or written, or to forbid it. */
	return settings_fast_path() && !ExecutorCheckPerms_hook && !object_access_hook;
}

/*
 * The functions below return why statements are to be executed, for the log; NULL if there is no reason.
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
is_expected(Form_pg_attribute attribute, const ExpectedColumn *column, Oid schema)
{
	Oid type = column->own_type
				   ? GetSysCacheOid2(
						 TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(column->own_type), ObjectIdGetDatum(schema))
				   : column->type;

	/* A virtual column is not in the row at all. */
	return attribute->atttypid == type && attribute->atttypmod == -1 && attribute->attgenerated == '\0' &&
		   (type != TEXTOID || attribute->attcollation == C_COLLATION_OID);
}

/* Sets the numbers of the table's columns. */
static const char *
look_at_columns(Relation table, const ExpectedTable *expected, ChosenTable *chosen)
{
	TupleDesc descriptor = RelationGetDescr(table);

	for (int c = 0; expected->columns[c].name; c++)
	{
		AttrNumber number = get_attnum(RelationGetRelid(table), expected->columns[c].name);

		if (number <= 0 ||
			!is_expected(TupleDescAttr(descriptor, number - 1), &expected->columns[c], RelationGetNamespace(table)))
			return psprintf("its column %s is another", expected->columns[c].name);
		chosen->columns[c] = number;
	}
	return NULL;
}

/* Finds a table, whatever it is: its oid and its indexes are kept, so that a change of them is noticed. */
static const char *
find_table(TableChoice *choice, int which, Oid schema)
{
	const ExpectedTable *expected = &choice->expected[which];
	ChosenTable *chosen = &choice->tables[which];
	Oid oid = OidIsValid(schema) ? get_relname_relid(expected->name, schema) : InvalidOid;
	Relation table = OidIsValid(oid) ? try_relation_open(oid, AccessShareLock) : NULL;
	const char *why;

	if (table == NULL)
		return psprintf("there is no table contacts.%s", expected->name);
	chosen->oid = oid;
	chosen->indexes = RelationGetIndexList(table);
	why = look_at_kind(table);
	if (why == NULL)
		why = look_at_columns(table, expected, chosen);
	if (why == NULL)
		why = choice->look_at_table(table, which);
	relation_close(table, AccessShareLock);
	return why ? psprintf("contacts.%s: %s", expected->name, why) : NULL;
}

/* Beside the tables, the executor asks for the functions that it calls; a statement that is analyzed, for the schema. */
static const char *
look_at_names(const TableChoice *choice, Oid schema)
{
	if (OidIsValid(schema) && namespace_aclcheck(schema, GetUserId(), ACL_USAGE) != ACLCHECK_OK)
		return "the role may not use the schema contacts";
	for (int i = 0; i < CHOICE_FUNCTIONS_MAX && OidIsValid(choice->functions[i]); i++)
		if (!may_execute(choice->functions[i], GetUserId()))
			return "the role may not execute what they call";
	if (OidIsValid(get_extension_oid("citus", true)))
		return "Citus may have put the rows elsewhere";
	return NULL;
}

const char *
table_choice_look(TableChoice *choice)
{
	Oid schema = get_namespace_oid("contacts", true);
	const char *why = look_at_names(choice, schema);

	/* All tables are found, whatever is wrong with one: a change of any may bring another choice. */
	for (int i = 0; has_table(choice, i); i++)
	{
		const char *why_table = find_table(choice, i, schema);

		if (why == NULL)
			why = why_table;
	}
	return why;
}

static void
choose(TableChoice *choice)
{
	uint64 changes_before = choice->changes;
	MemoryContext caller;
	const char *why;

	/* An error on the way leaves no choice. While no table is known, every change counts. */
	choice->is_made = false;
	memset(choice->tables, 0, sizeof(choice->tables));
	if (choice->memory == NULL)
		choice->memory = AllocSetContextCreate(TopMemoryContext, "contact_upsert choice", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(choice->memory);
	caller = MemoryContextSwitchTo(choice->memory);
	why = choice->look();
	MemoryContextSwitchTo(caller);
	choice->is_refused = why != NULL;
	choice->is_made = choice->changes == changes_before;
	if (why)
		ereport(DEBUG1, (errmsg_internal("contact_upsert %s: %s", choice->by_statements, why)));
	else
		ereport(DEBUG1, (errmsg_internal("contact_upsert %s", choice->in_c)));
}

/* Locks the tables; false if the choice has gone meanwhile, and then they are not locked. */
static bool
lock_tables(const TableChoice *choice)
{
	Oid tables[CHOICE_TABLES];

	for (int i = 0; has_table(choice, i); i++)
	{
		tables[i] = choice->tables[i].oid;
		LockRelationOid(tables[i], choice->expected[i].lock); /* may run our callbacks */
	}
	if (choice->is_made)
		return true;
	for (int i = 0; has_table(choice, i); i++)
		UnlockRelationOid(tables[i], choice->expected[i].lock);
	return false;
}

bool
table_choice_lock(TableChoice *choice)
{
	for (int i = 0; i < MAX_CHOICES; i++)
	{
		if (!choice->is_made)
			choose(choice);
		if (!choice->is_made)
			continue;
		if (choice->is_refused)
			return false;
		if (lock_tables(choice))
			return true;
	}
	return false;
}

bool
table_choice_is_in_c(const TableChoice *choice)
{
	return settings_fast_path() && choice->is_made && !choice->is_refused;
}
