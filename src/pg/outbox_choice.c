/*
 * outbox_choice.c - decides whether events may be written without statements: only where statements would write exactly the same.
 *
 * table_choice.c compares contacts.event, contacts.delivery and contacts.consumer with what contacts.install() made. Here is whatever
 * the executor would do beyond storing a row and its index entries, and has the statements chosen: triggers, foreign keys, CHECK
 * constraints, generated columns, defaults that are not constant, code of a user's in an index, privileges that the owner has given
 * away. The choice is made as the tables' owner, as which the statements run and in whose way row level security does not stand. No code
 * of a user's runs here.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "outbox_choice.h"
#include "owner.h"
#include "pg_compat.h"

static const char *look(void);
static const char *look_at_table(Relation table, int which);

static TableChoice table_choice = {
	.in_c = "writes events itself",
	.by_statements = "writes events by statements",
	.expected =
		{
			[OUTBOX_EVENT] = {"event",
							  RowExclusiveLock,
							  {
								  [OUTBOX_EVENT_WORKSPACE] = {"workspace_id", .type = INT8OID},
								  [OUTBOX_EVENT_ID] = {"event_id", .type = INT8OID},
								  [OUTBOX_EVENT_CONTACT] = {"contact_id", .type = TEXTOID},
								  [OUTBOX_EVENT_VERSION] = {"contact_version", .type = INT8OID},
								  [OUTBOX_EVENT_ORDINAL] = {"ordinal", .type = INT4OID},
								  [OUTBOX_EVENT_TYPE] = {"type", .own_type = "event_type"},
								  [OUTBOX_EVENT_DETAIL] = {"detail", .type = JSONBOID},
								  [OUTBOX_EVENT_CREATED_AT] = {"created_at", .type = TIMESTAMPTZOID},
							  }},
			[OUTBOX_DELIVERY] = {"delivery",
								 RowExclusiveLock,
								 {
									 [OUTBOX_DELIVERY_WORKSPACE] = {"workspace_id", .type = INT8OID},
									 [OUTBOX_DELIVERY_CONSUMER] = {"consumer_id", .type = INT8OID},
									 [OUTBOX_DELIVERY_EVENT] = {"event_id", .type = INT8OID},
									 [OUTBOX_DELIVERY_CONTACT] = {"contact_id", .type = TEXTOID},
									 [OUTBOX_DELIVERY_VERSION] = {"contact_version", .type = INT8OID},
									 [OUTBOX_DELIVERY_ORDINAL] = {"ordinal", .type = INT4OID},
									 [OUTBOX_DELIVERY_QUEUED_XID] = {"queued_xid", .type = INT8OID},
								 }},
			[OUTBOX_CONSUMER] = {"consumer",
								 AccessShareLock,
								 {
									 [OUTBOX_CONSUMER_WORKSPACE] = {"workspace_id", .type = INT8OID},
									 [OUTBOX_CONSUMER_ID] = {"consumer_id", .type = INT8OID},
									 [OUTBOX_CONSUMER_TYPES] = {"types", .own_type = "_event_type"},
									 [OUTBOX_CONSUMER_ACTIVE] = {"active", .type = BOOLOID},
								 }},
		},
	.functions = {F_NOW, F_INT8EQ, F_ENUM_EQ},
	.look = look,
	.look_at_table = look_at_table,
};

/* The privileges that the statements need. */
static const AclMode privileges[CHOICE_TABLES] = {
	[OUTBOX_EVENT] = ACL_INSERT | ACL_SELECT, [OUTBOX_DELIVERY] = ACL_INSERT, [OUTBOX_CONSUMER] = ACL_SELECT};

static OutboxChoice choice;

void
outbox_choice_init(void)
{
	table_choice_register(&table_choice);
}

/*
 * The functions below whose names begin with look_at return why statements are to be executed, for the log; NULL if there is no reason.
 */

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

static bool
is_ours(int which, AttrNumber number)
{
	for (int c = 0; table_choice.expected[which].columns[c].name; c++)
		if (table_choice.tables[which].columns[c] == number)
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
make_row(Relation table, int which, OutboxTarget *target)
{
	target->row = MakeSingleTupleTableSlot(CreateTupleDescCopy(RelationGetDescr(table)), &TTSOpsVirtual);
	target->defaults = palloc0(sizeof(Datum) * RelationGetDescr(table)->natts);
	for (AttrNumber number = 1; number <= RelationGetDescr(table)->natts; number++)
	{
		if (is_ours(which, number))
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
is_key_of_event(const IndexInfo *info)
{
	const AttrNumber *numbers = info->ii_IndexAttrNumbers;
	AttrNumber workspace = table_choice.tables[OUTBOX_EVENT].columns[OUTBOX_EVENT_WORKSPACE];
	AttrNumber id = table_choice.tables[OUTBOX_EVENT].columns[OUTBOX_EVENT_ID];

	return info->ii_Unique && info->ii_Predicate == NIL && info->ii_NumIndexKeyAttrs == 2 &&
		   ((numbers[0] == workspace && numbers[1] == id) || (numbers[0] == id && numbers[1] == workspace));
}

/* Adds an index that is kept up to date. */
static bool
take_index(Relation index, int which, OutboxTarget *target)
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
					  .is_key = which == OUTBOX_EVENT && index->rd_index->indisvalid && is_key_of_event(info)};
	return true;
}

static const char *
look_at_written_indexes(int which, OutboxTarget *target)
{
	const List *oids = table_choice.tables[which].indexes;
	bool is_plain = true;
	bool has_key = which != OUTBOX_EVENT;
	ListCell *cell;

	target->indexes = palloc0(sizeof(OutboxIndex) * Max(list_length(oids), 1));
	foreach (cell, oids)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		is_plain = is_plain && take_index(index, which, target);
		index_close(index, AccessShareLock);
	}
	if (!is_plain)
		return "it has an index of another kind";
	for (int i = 0; i < target->index_count; i++)
		has_key |= target->indexes[i].is_key;
	return has_key ? NULL : "its key has no index";
}

/* Finds an index for the look-up of a workspace's consumers. */
static const char *
look_at_consumer_indexes(void)
{
	ChosenTable *table = &table_choice.tables[OUTBOX_CONSUMER];
	ListCell *cell;

	foreach (cell, table->indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		const FormData_pg_index *form = index->rd_index;

		if (index->rd_rel->relam == BTREE_AM_OID && form->indisvalid && form->indisready && form->indislive &&
			!form->indcheckxmin && form->indkey.values[0] == table->columns[OUTBOX_CONSUMER_WORKSPACE] &&
			index->rd_opcintype[0] == INT8OID && index->rd_opfamily[0] == INTEGER_BTREE_FAM_OID &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
			table->index = lfirst_oid(cell);
		index_close(index, AccessShareLock);
	}
	return OidIsValid(table->index) ? NULL : "its key has no index, or another";
}

/* An event's id is drawn, and its time is that of the transaction. */
static const char *
look_at_event(Relation table)
{
	const AttrNumber *columns = table_choice.tables[OUTBOX_EVENT].columns;
	TupleDesc descriptor = RelationGetDescr(table);
	Node *created_at = build_column_default(table, columns[OUTBOX_EVENT_CREATED_AT]);

	if (created_at == NULL || !IsA(created_at, FuncExpr) || ((FuncExpr *)created_at)->funcid != F_NOW)
		return "its created_at has another default";
	if (TupleDescAttr(descriptor, columns[OUTBOX_EVENT_ID] - 1)->attidentity == '\0')
		return "its event_id is no identity column";
	choice.event_ids = identity_sequence(table, columns[OUTBOX_EVENT_ID]);
	choice.event_type = TupleDescAttr(descriptor, columns[OUTBOX_EVENT_TYPE] - 1)->atttypid;
	return OidIsValid(choice.event_ids) ? NULL : "its event_id has no sequence";
}

static const char *
look_at_written_table(Relation table, int which, OutboxTarget *target)
{
	const char *why = look_at_actions(table);

	target->chosen = &table_choice.tables[which];
	if (why == NULL)
		why = make_row(table, which, target);
	if (why == NULL)
		why = look_at_written_indexes(which, target);
	if (why == NULL && which == OUTBOX_EVENT)
		why = look_at_event(table);
	return why;
}

static const char *
look_at_table(Relation table, int which)
{
	if (pg_class_aclmask(RelationGetRelid(table), GetUserId(), privileges[which], ACLMASK_ALL) != privileges[which])
		return "its owner may not use it";
	if (which == OUTBOX_CONSUMER)
		return look_at_consumer_indexes();
	return look_at_written_table(table, which, which == OUTBOX_EVENT ? &choice.event : &choice.delivery);
}

static const char *
look(void)
{
	OwnerScope scope;
	const char *why;

	choice = (OutboxChoice){.consumer = &table_choice.tables[OUTBOX_CONSUMER]};
	/* What the planner or an index's predicate calls is called as in the statements. */
	owner_begin(&scope);
	why = table_choice_look(&table_choice);
	owner_end(&scope);
	choice.evaluate = CreateStandaloneExprContext();
	return why;
}

const OutboxChoice *
outbox_choice_lock(void)
{
	if (!table_choice_is_open())
		return NULL;
	CommandCounterIncrement(); /* may run the callbacks of table_choice.c */
	return table_choice_lock(&table_choice) ? &choice : NULL;
}
