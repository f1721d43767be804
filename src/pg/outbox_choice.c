/*
 * outbox_choice.c - decides whether events may be written without statements: only where statements would write exactly the same.
 *
 * outbox_choice_lock() compares contacts.event, contacts.delivery and contacts.consumer with what contacts.install() made. Whatever
 * the executor would do beyond storing a row and its index entries has it choose the statements: triggers, foreign keys, CHECK
 * constraints, generated columns, rules, partitions, defaults that are not constant, code of a user's in an index, privileges that
 * the owner has given away. So do modules that watch what is written. Row level security does not stand in the tables' owner's way, as
 * which the statements run, and the choice is made. What is in doubt is the statements', with their answer or their error; so nothing here
 * raises but what opening a table can raise, and no code of a user's runs.
 *
 * A choice holds until PostgreSQL says that something has changed which it was made of, and is checked behind the locks, as
 * probe_choice.c says of its own.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_am.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "outbox_choice.h"
#include "owner.h"
#include "pg_compat.h"
#include "settings.h"

/* MAX_CHOICES is how often one call chooses: where tables change all the time, statements are taken. */
#define MAX_CHOICES 3

/* The types of columns whose oid is not known before. */
#define EVENT_TYPE InvalidOid
#define EVENT_TYPES ANYARRAYOID

typedef struct ExpectedColumn
{
	const char *name;
	Oid type;
} ExpectedColumn;

typedef struct ExpectedTable
{
	const char *name;
	AclMode privileges; /* that the statements need */
	ExpectedColumn columns[OUTBOX_COLUMNS_MAX + 1];
} ExpectedTable;

static const ExpectedTable expected_tables[OUTBOX_TABLE_COUNT] = {
	[OUTBOX_EVENT] = {"event",
					  ACL_INSERT | ACL_SELECT,
					  {[OUTBOX_EVENT_WORKSPACE] = {"workspace_id", INT8OID},
					   [OUTBOX_EVENT_ID] = {"event_id", INT8OID},
					   [OUTBOX_EVENT_CONTACT] = {"contact_id", TEXTOID},
					   [OUTBOX_EVENT_VERSION] = {"contact_version", INT8OID},
					   [OUTBOX_EVENT_ORDINAL] = {"ordinal", INT4OID},
					   [OUTBOX_EVENT_TYPE] = {"type", EVENT_TYPE},
					   [OUTBOX_EVENT_DETAIL] = {"detail", JSONBOID},
					   [OUTBOX_EVENT_CREATED_AT] = {"created_at", TIMESTAMPTZOID}}},
	[OUTBOX_DELIVERY] = {"delivery",
						 ACL_INSERT,
						 {[OUTBOX_DELIVERY_WORKSPACE] = {"workspace_id", INT8OID},
						  [OUTBOX_DELIVERY_CONSUMER] = {"consumer_id", INT8OID},
						  [OUTBOX_DELIVERY_EVENT] = {"event_id", INT8OID},
						  [OUTBOX_DELIVERY_CONTACT] = {"contact_id", TEXTOID},
						  [OUTBOX_DELIVERY_VERSION] = {"contact_version", INT8OID},
						  [OUTBOX_DELIVERY_ORDINAL] = {"ordinal", INT4OID},
						  [OUTBOX_DELIVERY_QUEUED_XID] = {"queued_xid", INT8OID}}},
	[OUTBOX_CONSUMER] = {"consumer",
						 ACL_SELECT,
						 {[OUTBOX_CONSUMER_WORKSPACE] = {"workspace_id", INT8OID},
						  [OUTBOX_CONSUMER_ID] = {"consumer_id", INT8OID},
						  [OUTBOX_CONSUMER_TYPES] = {"types", EVENT_TYPES},
						  [OUTBOX_CONSUMER_ACTIVE] = {"active", BOOLOID}}},
};

static const LOCKMODE locks[OUTBOX_TABLE_COUNT] = {RowExclusiveLock, RowExclusiveLock, AccessShareLock};

/* choice, if is_made, has what it points to in memory. */
static OutboxChoice choice;
static MemoryContext memory;
static bool is_made;
static bool is_refused; /* the choice is the statements */

/* changes is how often something changed: a choice that was made meanwhile may be old. */
static uint64 changes;

static void
forget(void)
{
	is_made = false;
	changes++;
}

static bool
is_of_target(const OutboxTarget *target, Oid relation)
{
	/* A table that was not found, or not yet, may be any. */
	if (!OidIsValid(target->table) || target->table == relation || target->index == relation)
		return true;
	for (int i = 0; i < target->index_count; i++)
		if (target->indexes[i].oid == relation)
			return true;
	return false;
}

static void
at_relation_change(Datum arg, Oid relation)
{
	bool is_ours = !OidIsValid(relation);

	for (int i = 0; i < OUTBOX_TABLE_COUNT && !is_ours; i++)
		is_ours = is_of_target(&choice.targets[i], relation);
	if (is_ours)
		forget();
}

static void
at_catalog_change(Datum arg, int cache, uint32 hash)
{
	forget();
}

void
outbox_choice_init(void)
{
	/* Names of schemas and their privileges; roles and what they are members of; privileges of functions; types. */
	static const int caches[] = {NAMESPACEOID, AUTHOID, AUTHMEMROLEMEM, DATABASEOID, PROCOID, TYPEOID};

	CacheRegisterRelcacheCallback(at_relation_change, (Datum)0);
	for (size_t i = 0; i < lengthof(caches); i++)
		CacheRegisterSyscacheCallback(caches[i], at_catalog_change, (Datum)0);
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
	return NULL;
}

/* What an INSERT does beside storing the row; foreign keys are triggers, too. */
static const char *
look_at_actions(Relation table)
{
	const TriggerDesc *triggers = table->trigdesc;
	const TupleConstr *constraints = RelationGetDescr(table)->constr;

	if (triggers &&
		(triggers->trig_insert_before_row || triggers->trig_insert_after_row || triggers->trig_insert_instead_row ||
		 triggers->trig_insert_before_statement || triggers->trig_insert_after_statement))
		return "it has a trigger";
	if (constraints && constraints->num_check > 0)
		return "it has a CHECK constraint";
	return NULL;
}

static const char *
look_at_columns(Relation table, const ExpectedTable *expected, OutboxTarget *target)
{
	TupleDesc descriptor = RelationGetDescr(table);

	for (int c = 0; expected->columns[c].name; c++)
	{
		AttrNumber number = get_attnum(RelationGetRelid(table), expected->columns[c].name);
		Oid type = expected->columns[c].type == EVENT_TYPE	  ? choice.event_type
				   : expected->columns[c].type == EVENT_TYPES ? get_array_type(choice.event_type)
															  : expected->columns[c].type;
		const FormData_pg_attribute *attribute = number > 0 ? TupleDescAttr(descriptor, number - 1) : NULL;

		if (attribute == NULL || attribute->atttypid != type || attribute->atttypmod != -1 ||
			attribute->attgenerated != '\0')
			return psprintf("its column %s is another", expected->columns[c].name);
		target->columns[c] = number;
	}
	return NULL;
}

static bool
is_ours(const ExpectedTable *expected, const OutboxTarget *target, AttrNumber number)
{
	for (int c = 0; expected->columns[c].name; c++)
		if (target->columns[c] == number)
			return true;
	return false;
}

/* Whether an expression has anything but columns, constants, and operators and functions of PostgreSQL's own. */
static bool
has_foreign_code(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_List:
		case T_Var:
		case T_Const:
		case T_BoolExpr:
		case T_NullTest:
		case T_RelabelType:
			break;
		case T_OpExpr:
			if (((OpExpr *)node)->opno >= FirstNormalObjectId)
				return true;
			break;
		case T_FuncExpr:
			if (((FuncExpr *)node)->funcid >= FirstNormalObjectId)
				return true;
			break;
		default:
			return true;
	}
	return expression_tree_walker(node, has_foreign_code, context);
}

/* Takes what an INSERT gives a column that is not ours; false if that is no constant, or an error. */
static bool
take_default(Relation table, OutboxTarget *target, AttrNumber number)
{
	const FormData_pg_attribute *attribute = TupleDescAttr(RelationGetDescr(table), number - 1);
	Node *expression;
	const Const *constant;

	target->row->tts_isnull[number - 1] = true;
	if (attribute->attisdropped)
		return true;
	if (attribute->attgenerated != '\0' || attribute->attidentity != '\0' ||
		get_typtype(attribute->atttypid) == TYPTYPE_DOMAIN)
		return false;
	expression = build_column_default(table, number);
	/* To plan is to call functions that are immutable: not a user's, which may do anything. */
	if (has_foreign_code(expression, NULL))
		return false;
	if (expression)
		expression = (Node *)expression_planner((Expr *)expression);
	if (expression == NULL)
		return !attribute->attnotnull;
	if (!IsA(expression, Const))
		return false;
	constant = (const Const *)expression;
	target->row->tts_isnull[number - 1] = constant->constisnull;
	if (!constant->constisnull)
		target->defaults[number - 1] = datumCopy(constant->constvalue, constant->constbyval, constant->constlen);
	return !(constant->constisnull && attribute->attnotnull);
}

/* Makes the row that is written again and again. */
static const char *
make_row(Relation table, const ExpectedTable *expected, OutboxTarget *target)
{
	target->row = MakeSingleTupleTableSlot(CreateTupleDescCopy(RelationGetDescr(table)), &TTSOpsVirtual);
	target->defaults = palloc0(sizeof(Datum) * RelationGetDescr(table)->natts);
	for (AttrNumber number = 1; number <= RelationGetDescr(table)->natts; number++)
	{
		if (is_ours(expected, target, number))
			target->row->tts_isnull[number - 1] = false;
		else if (!take_default(table, target, number))
			return psprintf("its column %s has no constant default",
							NameStr(TupleDescAttr(RelationGetDescr(table), number - 1)->attname));
	}
	return NULL;
}

static bool
is_plain_index(Relation index, const IndexInfo *info)
{
	if (index->rd_rel->relam != BTREE_AM_OID || info->ii_Expressions != NIL || index->rd_index->indisexclusion ||
		!index->rd_index->indimmediate || has_foreign_code((Node *)info->ii_Predicate, NULL))
		return false;
	for (int i = 0; i < info->ii_NumIndexKeyAttrs; i++)
		if (index->rd_opfamily[i] >= FirstNormalObjectId)
			return false;
	return true;
}

static bool
is_key_of_event(const IndexInfo *info, const OutboxTarget *target)
{
	const AttrNumber *numbers = info->ii_IndexAttrNumbers;
	AttrNumber workspace = target->columns[OUTBOX_EVENT_WORKSPACE];
	AttrNumber id = target->columns[OUTBOX_EVENT_ID];

	return info->ii_Unique && info->ii_Predicate == NIL && info->ii_NumIndexKeyAttrs == 2 &&
		   ((numbers[0] == workspace && numbers[1] == id) || (numbers[0] == id && numbers[1] == workspace));
}

/* Adds an index that is kept up to date. */
static bool
take_index(Relation index, OutboxTarget *target, bool is_of_events)
{
	IndexInfo *info = BuildIndexInfo(index);

	if (!index->rd_index->indislive || !info->ii_ReadyForInserts)
		return true;
	if (!is_plain_index(index, info))
		return false;
	/* As ExecPrepareQual() does it; and FormIndexDatum() needs no more. */
	info->ii_PredicateState = ExecInitQual((List *)expression_planner((Expr *)info->ii_Predicate), NULL);
	target->indexes[target->index_count++] =
		(OutboxIndex){.oid = RelationGetRelid(index),
					  .info = info,
					  .is_key = is_of_events && index->rd_index->indisvalid && is_key_of_event(info, target)};
	return true;
}

static const char *
look_at_written_indexes(Relation table, OutboxTarget *target, bool is_of_events)
{
	List *oids = RelationGetIndexList(table);
	bool is_plain = true;
	bool has_key = false;
	ListCell *cell;

	target->indexes = palloc0(sizeof(OutboxIndex) * (Max(list_length(oids), 1)));
	foreach (cell, oids)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		is_plain = is_plain && take_index(index, target, is_of_events);
		index_close(index, AccessShareLock);
	}
	if (!is_plain)
		return "it has an index of another kind";
	for (int i = 0; i < target->index_count; i++)
		has_key |= target->indexes[i].is_key;
	return is_of_events && !has_key ? "its key has no index" : NULL;
}

/* Finds an index for the look-up of a workspace's rows. */
static const char *
look_at_read_indexes(Relation table, OutboxTarget *target)
{
	List *oids = RelationGetIndexList(table);
	ListCell *cell;

	foreach (cell, oids)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		const FormData_pg_index *form = index->rd_index;

		if (index->rd_rel->relam == BTREE_AM_OID && form->indisvalid && form->indisready && form->indislive &&
			!form->indcheckxmin && form->indkey.values[0] == target->columns[OUTBOX_CONSUMER_WORKSPACE] &&
			index->rd_opcintype[0] == INT8OID && index->rd_opfamily[0] == INTEGER_BTREE_FAM_OID &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
			target->index = lfirst_oid(cell);
		index_close(index, AccessShareLock);
	}
	return OidIsValid(target->index) ? NULL : "its key has no index, or another";
}

/* An event's id is drawn, and its time is that of the transaction. */
static const char *
look_at_event_defaults(Relation table, const OutboxTarget *target)
{
	AttrNumber id = target->columns[OUTBOX_EVENT_ID];
	Node *created_at = build_column_default(table, target->columns[OUTBOX_EVENT_CREATED_AT]);

	if (created_at == NULL || !IsA(created_at, FuncExpr) || ((FuncExpr *)created_at)->funcid != F_NOW)
		return "its created_at has another default";
	if (TupleDescAttr(RelationGetDescr(table), id - 1)->attidentity == '\0')
		return "its event_id is no identity column";
	choice.event_ids = identity_sequence(table, id);
	return OidIsValid(choice.event_ids) ? NULL : "its event_id has no sequence";
}

static const char *
look_at_table(Relation table, OutboxTable which, OutboxTarget *target, Oid owner)
{
	const ExpectedTable *expected = &expected_tables[which];
	const char *why = look_at_kind(table);

	if (why == NULL &&
		pg_class_aclmask(target->table, owner, expected->privileges, ACLMASK_ALL) != expected->privileges)
		why = "its owner may not use it";
	if (why == NULL)
		why = look_at_columns(table, expected, target);
	if (which == OUTBOX_CONSUMER)
		return why ? why : look_at_read_indexes(table, target);
	if (why == NULL)
		why = look_at_actions(table);
	if (why == NULL)
		why = make_row(table, expected, target);
	if (why == NULL)
		why = look_at_written_indexes(table, target, which == OUTBOX_EVENT);
	if (why == NULL && which == OUTBOX_EVENT)
		why = look_at_event_defaults(table, target);
	return why;
}

/* Finds a table, whatever it is: its oid is kept, so that a change of it is noticed. */
static const char *
find_table(Oid schema, OutboxTable which, Oid owner)
{
	const char *name = expected_tables[which].name;
	Oid oid = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
	Relation table = OidIsValid(oid) ? try_relation_open(oid, AccessShareLock) : NULL;
	const char *why;

	if (table == NULL)
		return psprintf("there is no table contacts.%s", name);
	choice.targets[which].table = oid;
	why = look_at_table(table, which, &choice.targets[which], owner);
	relation_close(table, AccessShareLock);
	return why ? psprintf("contacts.%s: %s", name, why) : NULL;
}

/* Beside the tables, the executor asks for the functions that it calls; a statement that is analyzed, for the schema. */
static const char *
look_at_names(Oid schema, Oid owner)
{
	static const Oid functions[] = {F_NOW, F_INT8EQ, F_ENUM_EQ};

	if (OidIsValid(schema) && namespace_aclcheck(schema, owner, ACL_USAGE) != ACLCHECK_OK)
		return "the tables' owner may not use the schema contacts";
	for (size_t i = 0; i < lengthof(functions); i++)
		if (!may_execute(functions[i], owner))
			return "the tables' owner may not execute what they need";
	if (OidIsValid(get_extension_oid("citus", true)))
		return "Citus may put the rows elsewhere";
	return NULL;
}

static const char *
find_reason(void)
{
	Oid schema = get_namespace_oid("contacts", true);
	Oid owner = owner_role();
	const char *why = look_at_names(schema, owner);

	choice.event_type =
		GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("event_type"), ObjectIdGetDatum(schema));
	/* All tables are found, whatever is wrong with one: a change of any may bring another choice. */
	for (int i = 0; i < OUTBOX_TABLE_COUNT; i++)
	{
		const char *why_table = find_table(schema, i, owner);

		if (why == NULL)
			why = why_table;
	}
	return why;
}

static void
make_choice(void)
{
	uint64 changes_before;
	MemoryContext caller;
	OwnerScope scope;
	const char *why;

	/* An error on the way leaves no choice. While no table is known, every change counts. */
	is_made = false;
	memset(&choice, 0, sizeof(choice));
	if (memory == NULL)
		memory = AllocSetContextCreate(TopMemoryContext, "contact_upsert outbox choice", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(memory);
	changes_before = changes;
	caller = MemoryContextSwitchTo(memory);
	/* What the planner or an index's predicate calls is called as in the statements. */
	owner_begin(&scope);
	why = find_reason();
	owner_end(&scope);
	choice.evaluate = CreateStandaloneExprContext();
	is_refused = why != NULL;
	is_made = changes == changes_before;
	if (why)
		ereport(DEBUG1, (errmsg_internal("contact_upsert writes events by statements: %s", why)));
	else
		ereport(DEBUG1, (errmsg_internal("contact_upsert writes events itself")));
	MemoryContextSwitchTo(caller);
}

/* Locks the tables; false if the choice has gone meanwhile, and then they are not locked. */
static bool
lock_tables(void)
{
	Oid tables[OUTBOX_TABLE_COUNT];

	for (int i = 0; i < OUTBOX_TABLE_COUNT; i++)
	{
		tables[i] = choice.targets[i].table;
		LockRelationOid(tables[i], locks[i]); /* may run our callbacks */
	}
	if (is_made)
		return true;
	for (int i = 0; i < OUTBOX_TABLE_COUNT; i++)
		UnlockRelationOid(tables[i], locks[i]);
	return false;
}

/* A module may want to see what is written, or to forbid it. */
static bool
is_open(void)
{
	return settings_fast_path() && !ExecutorCheckPerms_hook && !object_access_hook;
}

const OutboxChoice *
outbox_choice_lock(void)
{
	if (!is_open())
		return NULL;
	CommandCounterIncrement(); /* may run our callbacks */
	for (int i = 0; i < MAX_CHOICES; i++)
	{
		if (!is_made)
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
