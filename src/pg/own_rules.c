/*
 * own_rules.c - compares contacts.contact with what contacts.install() made: own_rules_read() for an array,
 * own_rules_may_change_new_rows() for a single call.
 *
 * PostgreSQL keeps columns, constraints, triggers, indexes and policies in its relation cache, so that reading them costs no query.
 * What is ours we know: our functions belong to the extension, our policy and columns have their names, and so has the constraint that
 * may stand in for our trigger (errors.h). What is not ours counts, whatever it is in truth: the price
 * of a needless doubt is time. Raises nothing but what opening a table can raise.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "rewrite/rowsecurity.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "errors.h"
#include "own_rules.h"
#include "triggers.h"

/* our_columns are those of contacts.contact, with their types; the oid of the enum's is not known before. */
typedef struct OurColumn
{
	const char *name;
	Oid type;
} OurColumn;

static const OurColumn our_columns[] = {{"workspace_id", INT8OID},
										{"id", TEXTOID},
										{"email_address", TEXTOID},
										{"status", InvalidOid},
										{"tags", INT8ARRAYOID},
										{"data", JSONBOID},
										{"version", INT8OID},
										{"created_at", TIMESTAMPTZOID},
										{"updated_at", TIMESTAMPTZOID}};

static const OurColumn *
find_our_column(const char *name)
{
	for (size_t i = 0; i < lengthof(our_columns); i++)
		if (strcmp(our_columns[i].name, name) == 0)
			return &our_columns[i];
	return NULL;
}

/* A column of the user's that an INSERT gives more than a null. */
static bool
fills_column(Form_pg_attribute attribute)
{
	return attribute->attnotnull || attribute->atthasdef || attribute->attidentity != '\0' ||
		   get_typtype(attribute->atttypid) == TYPTYPE_DOMAIN;
}

static void
look_at_columns(OwnRules *rules, TupleDesc descriptor)
{
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		const OurColumn *ours;

		if (attribute->attisdropped)
			continue;
		ours = find_our_column(NameStr(attribute->attname));
		if (ours == NULL && fills_column(attribute))
			rules->act_on_insert = true;
		/* Another type of one of our columns may be shorter, or a domain. */
		if (ours && (attribute->atttypmod != -1 || (OidIsValid(ours->type) && attribute->atttypid != ours->type)))
			rules->may_reject = true;
	}
}

static void
look_at_constraints(OwnRules *rules, TupleDesc descriptor)
{
	for (int i = 0; descriptor->constr && i < descriptor->constr->num_check; i++)
		if (strcmp(descriptor->constr->check[i].ccname, CONTACT_CONSTRAINT) != 0)
			rules->act_on_insert = true;
}

static bool
is_our_function(Oid function)
{
	Oid extension = getExtensionOfObject(ProcedureRelationId, function);

	return OidIsValid(extension) && extension == get_extension_oid("contact_upsert", true);
}

static void
look_at_trigger(OwnRules *rules, const Trigger *trigger)
{
	int16 type = trigger->tgtype;
	int foreign_key = RI_FKey_trigger_type(trigger->tgfoid);

	if (!triggers_is_enabled(trigger) || !(TRIGGER_FOR_INSERT(type) || TRIGGER_FOR_UPDATE(type)))
		return;
	/* Tables that refer to contacts: our statistics do, and no key changes. A deferred index is looked at as an index. */
	if (foreign_key == RI_TRIGGER_PK || trigger->tgfoid == F_UNIQUE_KEY_RECHECK)
		return;
	if (foreign_key == RI_TRIGGER_NONE && is_our_function(trigger->tgfoid))
		return;
	rules->may_reject = true;
	if (!TRIGGER_FOR_ROW(type) || (TRIGGER_FOR_BEFORE(type) && TRIGGER_FOR_INSERT(type)))
		rules->act_on_insert = true;
}

static void
look_at_triggers(OwnRules *rules, Relation table)
{
	/* A copy of trigdesc, because a look into the catalogue may have PostgreSQL build its own anew. */
	TriggerDesc *triggers = CopyTriggerDesc(table->trigdesc);

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
		look_at_trigger(rules, &triggers->triggers[i]);
	FreeTriggerDesc(triggers);
}

bool
own_rules_may_change_new_rows(Relation table)
{
	TriggerDesc *triggers = CopyTriggerDesc(table->trigdesc);
	bool may_change = false;

	for (int i = 0; triggers && i < triggers->numtriggers && !may_change; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		may_change = TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_BEFORE(trigger->tgtype) &&
					 TRIGGER_FOR_INSERT(trigger->tgtype) && !is_our_function(trigger->tgfoid);
	}
	FreeTriggerDesc(triggers);
	return may_change;
}

static bool
has_column(TupleDesc descriptor, const Form_pg_index index, const char *name)
{
	for (int i = 0; i < index->indnkeyatts; i++)
	{
		int number = index->indkey.values[i];

		if (number > 0 && strcmp(NameStr(TupleDescAttr(descriptor, number - 1)->attname), name) == 0)
			return true;
	}
	return false;
}

/* The keys on id and on email_address never reject a contact that we write. */
static bool
is_our_key(TupleDesc descriptor, const Form_pg_index index)
{
	return !index->indisexclusion && index->indnkeyatts == 2 && has_column(descriptor, index, "workspace_id") &&
		   (has_column(descriptor, index, "id") || has_column(descriptor, index, "email_address"));
}

static void
look_at_index(OwnRules *rules, TupleDesc descriptor, Oid oid)
{
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(oid));
	Form_pg_index index;

	if (!HeapTupleIsValid(tuple))
		return; /* dropped meanwhile */
	index = (Form_pg_index)GETSTRUCT(tuple);
	if ((index->indisunique || index->indisexclusion) && !is_our_key(descriptor, index))
		rules->may_reject = true;
	/* Expressions can fail. */
	if (!heap_attisnull(tuple, Anum_pg_index_indexprs, NULL) || !heap_attisnull(tuple, Anum_pg_index_indpred, NULL))
		rules->may_reject = true;
	ReleaseSysCache(tuple);
}

static void
look_at_indexes(OwnRules *rules, Relation table)
{
	List *indexes = RelationGetIndexList(table);
	ListCell *cell;

	foreach (cell, indexes)
		look_at_index(rules, RelationGetDescr(table), lfirst_oid(cell));
	list_free(indexes);
}

static void
look_at_policies(OwnRules *rules, Relation table)
{
	ListCell *cell;

	if (check_enable_rls(RelationGetRelid(table), InvalidOid, true) != RLS_ENABLED || table->rd_rsdesc == NULL)
		return;
	foreach (cell, table->rd_rsdesc->policies)
	{
		const RowSecurityPolicy *policy = lfirst(cell);

		if (policy->polcmd == ACL_DELETE_CHR)
			continue;
		if (strcmp(policy->policy_name, OWN_POLICY) != 0 || policy->with_check_qual)
			rules->act_on_insert = true;
	}
}

static void
look_at_table(OwnRules *rules, Relation table)
{
	look_at_columns(rules, RelationGetDescr(table));
	look_at_constraints(rules, RelationGetDescr(table));
	look_at_triggers(rules, table);
	look_at_indexes(rules, table);
}

/* Looks at all partitions: which one a contact is in is PostgreSQL's to say. */
static void
look_at_partitions(OwnRules *rules, Oid table)
{
	List *partitions = find_all_inheritors(table, AccessShareLock, NULL);
	ListCell *cell;

	foreach (cell, partitions)
	{
		Relation partition;

		if (lfirst_oid(cell) == table)
			continue;
		partition = table_open(lfirst_oid(cell), NoLock);
		look_at_table(rules, partition);
		table_close(partition, AccessShareLock);
	}
	list_free(partitions);
}

OwnRules
own_rules_read(void)
{
	OwnRules rules = {.act_on_insert = false};
	Oid oid = get_relname_relid("contact", get_namespace_oid("contacts", false));
	Relation table = table_open(oid, RowExclusiveLock);

	look_at_table(&rules, table);
	look_at_policies(&rules, table);
	if (table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		look_at_partitions(&rules, oid);
	table_close(table, NoLock);
	rules.may_reject |= rules.act_on_insert;
	return rules;
}
