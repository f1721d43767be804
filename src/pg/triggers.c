/*
 * triggers.c - what the triggers in C have in common, and the trigger that gives tags their ids: it must not depend on the
 * privileges of the session. Those on contacts are in contact_rules.c and suppression.c, the others in sql/definitions.sql and
 * events.sql.
 */
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pg_compat.h"
#include "statement.h"
#include "triggers.h"

TriggerData *
triggers_data(FunctionCallInfo fcinfo, TriggerEvent timing, TriggerEvent event)
{
	TriggerData *trigger = (TriggerData *)fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || (trigger->tg_event & TRIGGER_EVENT_TIMINGMASK) != timing ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || (trigger->tg_event & TRIGGER_EVENT_OPMASK) != event)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("%s() is a trigger of contact_upsert's tables.", get_func_name(fcinfo->flinfo->fn_oid)),
				 errhint("SELECT contacts.install(); makes the tables and their triggers.")));
	return trigger;
}

bool
triggers_is_enabled(const Trigger *trigger)
{
	if (trigger->tgenabled == TRIGGER_DISABLED)
		return false;
	return SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA ? trigger->tgenabled != TRIGGER_FIRES_ON_ORIGIN
																	  : trigger->tgenabled != TRIGGER_FIRES_ON_REPLICA;
}

/* The sequence that belongs to contacts.tag, also where the trigger is a partition's. */
static Oid
tag_sequence(void)
{
	Oid table = get_relname_relid("tag", get_namespace_oid("contacts", false));
	List *sequences = getOwnedSequences(table);

	if (sequences == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("contacts.tag has no sequence."),
				 errhint("CREATE SEQUENCE contacts.tag_tag_id_seq OWNED BY contacts.tag.tag_id;")));
	return linitial_oid(sequences);
}

/* Whether a tag has the id, or a contact, from a tag that is gone. */
static bool
is_tag_id_used(int64 workspace_id, int64 tag_id)
{
	static SPIPlanPtr plan;
	Datum parameters[] = {Int64GetDatum(workspace_id), Int64GetDatum(tag_id)};
	bool is_used;
	bool is_null;

	if (plan == NULL)
	{
		Oid types[] = {INT8OID, INT8OID};
		SPIPlanPtr prepared =
			SPI_prepare("SELECT EXISTS (SELECT FROM contacts.tag t WHERE t.workspace_id" EQ "$1 AND t.tag_id" EQ "$2)"
						" OR EXISTS (SELECT FROM contacts.contact c"
						" WHERE c.workspace_id" EQ "$1 AND c.tags OPERATOR(pg_catalog.@>) ARRAY[$2])",
						2,
						types);

		if (prepared == NULL || SPI_keepplan(prepared) != 0)
			elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
		plan = prepared;
	}
	if (SPI_execute_plan(plan, parameters, NULL, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not look for the tag %lld", (long long)tag_id);
	is_used = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
	SPI_freetuptable(SPI_tuptable); /* a sequence may be behind many rows */
	return is_used;
}

/*
 * plan_settings are what plan_by_index_on_tags() sets. A free id is in no row, and the planner, which looks for the
 * first row, would read all contacts; the index on contact.tags has bitmap scans only. Whether there are many contacts
 * is the workspace's to say.
 */
static const char *const plan_settings[][2] = {
	{"enable_seqscan", "off"},
	{"enable_indexscan", "off"},
	{"enable_indexonlyscan", "off"},
	{"plan_cache_mode", "force_custom_plan"},
};

/* Returns the level of settings to end. */
static int
plan_by_index_on_tags(void)
{
	int nest_level = NewGUCNestLevel();

	for (size_t i = 0; i < lengthof(plan_settings); i++)
		(void)set_config_option(
			plan_settings[i][0], plan_settings[i][1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

/*
 * Draws from the sequence until the id is free: after a failover or a restore of rows alone, the sequence is behind
 * the rows. Looks as the owner of the tables, for which there is no row level security: a member could neither see
 * what another member's tags were nor use the index on contact.tags.
 */
static int64
draw_tag_id(int64 workspace_id, Oid owner)
{
	Oid sequence = tag_sequence();
	Oid caller;
	int context;
	int nest_level;
	int64 id;

	statement_connect();
	nest_level = plan_by_index_on_tags();
	GetUserIdAndSecContext(&caller, &context);
	SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	do
	{
		CHECK_FOR_INTERRUPTS();
		id = nextval_internal(sequence, false);
	} while (is_tag_id_used(workspace_id, id));
	SetUserIdAndSecContext(caller, context);
	AtEOXact_GUC(true, nest_level);
	SPI_finish();
	return id;
}

PG_FUNCTION_INFO_V1(contacts_before_tag_insert);
Datum
contacts_before_tag_insert(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = triggers_data(fcinfo, TRIGGER_EVENT_BEFORE, TRIGGER_EVENT_INSERT);
	TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
	HeapTuple row = trigger->tg_trigtuple;
	int workspace_column = SPI_fnumber(descriptor, "workspace_id");
	int id_column = SPI_fnumber(descriptor, "tag_id");
	bool is_null;
	int64 workspace_id;
	Datum id;

	if (!heap_attisnull(row, id_column, descriptor))
		return PointerGetDatum(row);
	workspace_id = DatumGetInt64(heap_getattr(row, workspace_column, descriptor, &is_null));
	if (is_null)
		return PointerGetDatum(row); /* its column's own error */
	id = Int64GetDatum(draw_tag_id(workspace_id, trigger->tg_relation->rd_rel->relowner));
	is_null = false;
	return PointerGetDatum(heap_modify_tuple_by_cols(row, descriptor, 1, &id_column, &id, &is_null));
}
