/*
 * delegate.c - hands a call over to the server of its workspace, and takes it there.
 *
 * A call of contacts.upsert(), say, on a server without the workspace's rows becomes the statement
 *
 *     SELECT h FROM contacts_internal.call_here(7, 'upsert', '{...}', '{...}') h
 *
 * contacts.distribute() has made call_here() a function that Citus sends to where workspace 7 is, with "force_delegation": inside a
 * transaction block too, as a part of this transaction. There it begins the scope of the workspace's shards (shard_scope.h) and calls
 * contacts.upsert(), with the rights of the same role. Arguments and results cross as texts, settings beside them. What the call would
 * have notified of comes back, too: who listens does so here.
 *
 * The lock of shard_hold() keeps the workspace where it is until the transaction ends. Whoever moves it takes that lock on every server, so
 * it is taken once, by the server that hands over; taken on both, it could wait for itself.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "delegate.h"
#include "errors.h"
#include "notify.h"
#include "pg_compat.h"
#include "settings.h"
#include "shard_scope.h"
#include "statement.h"

/* What call_here() returns: rows of the result, each behind one of these. */
#define ROW 'r'
#define NULL_ROW '0'
#define NOTIFICATION 'n'

/*
 * The functions that may be called so: each is about one workspace, which is its last argument, or without such an argument about all that are
 * in the shards.
 */
static const char *const calls[] = {"upsert",
									"apply",
									"upsert_many",
									"preview",
									"get",
									"search",
									"erase",
									"lift_suppression",
									"merge",
									"claim",
									"ack",
									"fail",
									"release",
									"extend",
									"retry_dead",
									"relay",
									"subscribe",
									"unsubscribe",
									"match_columns",
									"record",
									"record_many",
									"change_address",
									"define_field",
									"define_tag",
									"define_workspace",
									"request_schema",
									"export",
									"purge_events",
									"purge_history",
									"count_deliveries",
									"count_imports"};

/* The settings of the session that change what a call does. */
static const char *const passed_settings[] = {
	"contact_upsert.events", "contact_upsert.notify", "contact_upsert.unknown_keys", "contact_upsert.fast_path"};

/* Times and intervals as texts that read the same under every session's settings. */
static int
begin_texts(void)
{
	int nest_level = NewGUCNestLevel();

	(void)set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void)set_config_option("intervalstyle", "postgres", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

static char *
output(Datum value, Oid type)
{
	Oid function;
	bool is_varlena;

	getTypeOutputInfo(type, &function, &is_varlena);
	return OidOutputFunctionCall(function, value);
}

static Datum
text_array(Datum *texts, bool *nulls, int count)
{
	int lower_bound = 1;

	return PointerGetDatum(construct_md_array(texts, nulls, 1, &count, &lower_bound, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Returns the arguments before the workspace as a text[]. */
static Datum
arguments_of(FunctionCallInfo fcinfo, int count)
{
	Datum texts[FUNC_MAX_ARGS];
	bool nulls[FUNC_MAX_ARGS];
	Oid *types;
	int type_count;
	int nest_level;

	if (count == 0)
		return PointerGetDatum(construct_empty_array(TEXTOID));
	(void)get_func_signature(fcinfo->flinfo->fn_oid, &types, &type_count);
	nest_level = begin_texts();
	for (int i = 0; i < count; i++)
	{
		nulls[i] = PG_ARGISNULL(i);
		texts[i] = nulls[i] ? (Datum)0 : CStringGetTextDatum(output(PG_GETARG_DATUM(i), types[i]));
	}
	AtEOXact_GUC(true, nest_level);
	return text_array(texts, nulls, count);
}

static Datum
settings_to_pass(void)
{
	Datum values[lengthof(passed_settings)];
	bool nulls[lengthof(passed_settings)] = {false};

	for (size_t i = 0; i < lengthof(passed_settings); i++)
		values[i] = CStringGetTextDatum(GetConfigOption(passed_settings[i], false, false));
	return text_array(values, nulls, lengthof(passed_settings));
}

static void
require_distributed(void)
{
	if (!shard_is_distributed())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("The contact tables are not distributed."),
				 errhint("SELECT contacts.distribute(), where Citus is, distributes them.")));
}

/* Executes the call elsewhere; its rows are in SPI_tuptable. */
static uint64
hand_over(int64 workspace_id, const char *call, Datum arguments)
{
	Oid types[] = {INT8OID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID};
	Datum values[] = {Int64GetDatum(workspace_id), CStringGetTextDatum(call), arguments, settings_to_pass()};
	int result;

	require_distributed();
	(void)shard_hold(workspace_id);
	/* In FROM, for else Citus takes it for an expression of PL/pgSQL. */
	result = SPI_execute_with_args("SELECT h FROM contacts_internal.call_here($1, $2, $3, $4) AS h",
								   lengthof(types),
								   types,
								   values,
								   NULL,
								   false,
								   0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not hand a call over: %s", SPI_result_code_string(result));
	return SPI_processed;
}

/* Returns a row of the result, without its first character; NULL for a null. Queues a notification, of which there is no row. */
static char *
take_row(uint64 row, bool *is_row)
{
	char *line = TextDatumGetCString(statement_column(row, 1));

	*is_row = line[0] != NOTIFICATION;
	if (line[0] == NOTIFICATION)
		notify_pass_on(line + 1);
	return line[0] == ROW ? line + 1 : NULL;
}

/* Adds the rows of the statement before to the set that the function returns. */
static void
return_rows(FunctionCallInfo fcinfo, uint64 count)
{
	ReturnSetInfo *info = (ReturnSetInfo *)fcinfo->resultinfo;
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "contact_upsert delegated rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	bool is_row;

	for (uint64 i = 0; i < count; i++)
	{
		char *line = take_row(i, &is_row);

		if (is_row)
		{
			Datum value = OidInputFunctionCall(F_RECORD_IN, line, info->setDesc->tdtypeid, info->setDesc->tdtypmod);
			HeapTupleHeader header = DatumGetHeapTupleHeader(value);
			HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};

			tuplestore_puttuple(info->setResult, &tuple);
		}
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

/* Returns the one row that the function returns; sets fcinfo->isnull. */
static Datum
return_value(FunctionCallInfo fcinfo, uint64 count, MemoryContext caller)
{
	Oid type = get_func_rettype(fcinfo->flinfo->fn_oid);
	char *value = NULL;
	Oid function;
	Oid parameter;
	Datum result = (Datum)0;

	for (uint64 i = 0; i < count; i++)
	{
		bool is_row;
		char *text = take_row(i, &is_row);

		if (is_row)
			value = text;
	}
	getTypeInputInfo(type, &function, &parameter);
	MemoryContextSwitchTo(caller);
	fcinfo->isnull = value == NULL;
	if (value)
		result = OidInputFunctionCall(function, value, parameter, -1);
	return result;
}

/* Whether the rows of a workspace are on this server, and the statements of this call are planned for them. */
static bool
is_here(int64 workspace_id)
{
	const ShardGroup *group = shard_scope_group();

	return group && group->tables[0] == shard_group_of_workspace(workspace_id)->tables[0];
}

static Datum
call_there(FunctionCallInfo fcinfo, int64 workspace_id, const char *call, int argument_count)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum arguments = arguments_of(fcinfo, argument_count);
	Datum result = (Datum)0;
	uint64 count;

	statement_connect();
	count = hand_over(workspace_id, call, arguments);
	if (get_func_retset(fcinfo->flinfo->fn_oid))
	{
		InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
		return_rows(fcinfo, count);
	}
	else
		result = return_value(fcinfo, count, caller);
	SPI_finish();
	return result;
}

static void
raise_every_workspace(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("No call can be for every workspace where the tables are distributed."),
			 errhint("Make one call for each workspace; a consumer of every workspace is one in each of them.")));
}

bool
delegate_call(FunctionCallInfo fcinfo, int workspace_argument, const char *writes, Datum *result)
{
	int64 workspace_id;

	if (!shard_is_distributed())
		return false;
	workspace_id = settings_workspace_argument(fcinfo, workspace_argument);
	if (is_here(workspace_id))
		return false;
	if (workspace_id < 1)
		raise_every_workspace();
	if (writes)
		errors_raise_unless_writing(writes);
	*result = call_there(fcinfo, workspace_id, get_func_name(fcinfo->flinfo->fn_oid), workspace_argument);
	return true;
}

/* Returns the lowest number of a workspace, whether there is one or not, that would be in each group. */
static int64 *
workspace_of_each_group(void)
{
	int count = shard_group_count();
	int64 *workspaces = palloc0(sizeof(int64) * Max(count, 1));
	int found = 0;

	for (int64 workspace = 1; found < count; workspace++)
	{
		int index = shard_group_of_workspace(workspace)->index;

		if (workspaces[index] == 0)
		{
			workspaces[index] = workspace;
			found++;
		}
	}
	return workspaces;
}

bool
delegate_everywhere(FunctionCallInfo fcinfo)
{
	int64 *workspaces;
	int count;
	Datum arguments;

	if (!shard_is_distributed() || shard_scope_group())
		return false;
	workspaces = workspace_of_each_group();
	count = shard_group_count();
	arguments = arguments_of(fcinfo, PG_NARGS());
	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	statement_connect();
	for (int i = 0; i < count; i++)
		return_rows(fcinfo, hand_over(workspaces[i], get_func_name(fcinfo->flinfo->fn_oid), arguments));
	SPI_finish();
	return true;
}

bool
delegate_contact_upsert(FunctionCallInfo fcinfo, Datum *result)
{
	int64 workspace_id;

	if (!shard_is_distributed())
		return false;
	workspace_id = settings_workspace_id();
	if (is_here(workspace_id))
		return false;
	errors_raise_unless_writable("contact_upsert()");
	*result = call_there(fcinfo, workspace_id, "upsert", 1);
	return true;
}

PG_FUNCTION_INFO_V1(contacts_is_elsewhere);
Datum
contacts_is_elsewhere(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(shard_is_distributed() && !is_here(PG_GETARG_INT64(0)));
}

/* For functions in PL/pgSQL: contacts_internal.call_there(call, workspace_id, VARIADIC arguments). */
PG_FUNCTION_INFO_V1(contacts_call_there);
Datum
contacts_call_there(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum result;
	uint64 count;

	statement_connect();
	count = hand_over(PG_GETARG_INT64(1), text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_DATUM(2));
	result = return_value(fcinfo, count, caller);
	SPI_finish();
	if (fcinfo->isnull)
		PG_RETURN_NULL();
	return result;
}

/* Adds a row to what call_here() returns. */
static void
add_row(ReturnSetInfo *info, char kind, const char *text)
{
	bool is_null = false;
	Datum value = CStringGetTextDatum(psprintf("%c%s", kind, text ? text : ""));

	tuplestore_putvalues(info->setResult, info->setDesc, &value, &is_null);
}

static void
raise_not_here(int64 workspace_id)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		 errmsg("Workspace " INT64_FORMAT " is on another server, and Citus has not sent the call there.",
				workspace_id),
		 errhint(
			 "A call for a workspace cannot be made below one for a workspace of another server, and every server of "
			 "Citus needs its metadata: SELECT start_metadata_sync_to_all_nodes();")));
}

/* Returns a function that may be called, and the current role may. */
static Oid
find_function(const char *name)
{
	Oid function;
	bool is_known = false;

	for (size_t i = 0; i < lengthof(calls) && !is_known; i++)
		is_known = strcmp(calls[i], name) == 0;
	if (!is_known)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("There is no call %s for one workspace.", quote_literal_cstr(name)),
				 errhint("contacts_internal.call_here() is called by the functions in schema contacts.")));
	function = LookupFuncName(list_make2(makeString("contacts"), makeString(pstrdup(name))), -1, NULL, true);
	if (!OidIsValid(function))
		function =
			LookupFuncName(list_make2(makeString("contacts_internal"), makeString(pstrdup(name))), -1, NULL, false);
	if (!may_execute(function, GetUserId()))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, name);
	return function;
}

static void
call_for_rows(ReturnSetInfo *info, Oid function, Oid *types, int type_count, Datum arguments, int64 workspace_id)
{
	Oid parameter_types[] = {TEXTARRAYOID, INT8OID};
	Datum parameters[] = {arguments, Int64GetDatum(workspace_id)};
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT r::pg_catalog.text FROM %s.%s(",
					 quote_identifier(get_namespace_name(get_func_namespace(function))),
					 quote_identifier(get_func_name(function)));
	for (int i = 0; i < type_count - 1; i++)
		appendStringInfo(&sql, "($1)[%d]::%s, ", i + 1, format_type_extended(types[i], -1, FORMAT_TYPE_FORCE_QUALIFY));
	appendStringInfo(&sql, "%s) AS r", type_count > 0 ? "$2" : "");
	statement_connect();
	if (SPI_execute_with_args(sql.data, lengthof(parameters), parameter_types, parameters, NULL, false, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not execute a call");
	for (uint64 i = 0; i < SPI_processed; i++)
		add_row(info, ROW, TextDatumGetCString(statement_column(i, 1)));
	SPI_finish();
}

static void
call_for_value(ReturnSetInfo *info, Oid function, Oid *types, int type_count, Datum arguments, int64 workspace_id)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	FmgrInfo flinfo;
	Datum *texts;
	bool *nulls;
	int count;
	Datum value;

	deconstruct_array(DatumGetArrayTypeP(arguments), TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, &count);
	if (count != type_count && count != type_count - 1)
		elog(ERROR, "a call has %d arguments, and not %d", count, type_count - 1);
	fmgr_info(function, &flinfo);
	InitFunctionCallInfoData(*call, &flinfo, (short)type_count, InvalidOid, NULL, NULL);
	for (int i = 0; i < count; i++)
	{
		Oid input;
		Oid parameter;

		getTypeInputInfo(types[i], &input, &parameter);
		call->args[i].isnull = nulls[i];
		call->args[i].value =
			nulls[i] ? (Datum)0 : OidInputFunctionCall(input, TextDatumGetCString(texts[i]), parameter, -1);
	}
	if (count < type_count)
	{
		call->args[count].isnull = false;
		call->args[count].value = Int64GetDatum(workspace_id);
	}
	value = FunctionCallInvoke(call);
	add_row(info, call->isnull ? NULL_ROW : ROW, call->isnull ? NULL : output(value, get_func_rettype(function)));
}

/* Calls a function with the settings of the session that has handed the call over. */
static void
call_here(ReturnSetInfo *info, int64 workspace_id, Oid function, Datum arguments, Datum settings)
{
	int nest_level = begin_texts();
	Datum *values;
	Oid *types;
	int count;

	deconstruct_array(DatumGetArrayTypeP(settings), TEXTOID, -1, false, TYPALIGN_INT, &values, NULL, &count);
	for (int i = 0; i < Min(count, (int)lengthof(passed_settings)); i++)
		(void)set_config_option(passed_settings[i],
								TextDatumGetCString(values[i]),
								PGC_USERSET,
								PGC_S_SESSION,
								GUC_ACTION_SAVE,
								true,
								0,
								false);
	(void)get_func_signature(function, &types, &count);
	if (get_func_retset(function))
		call_for_rows(info, function, types, count, arguments, workspace_id);
	else
		call_for_value(info, function, types, count, arguments, workspace_id);
	AtEOXact_GUC(false, nest_level);
}

static void
call_in_scope(ReturnSetInfo *info, int64 workspace_id, Oid function, Datum arguments, Datum settings,
			  const ShardGroup *group)
{
	ShardScope scope;

	shard_scope_begin(&scope, group);
	PG_TRY();
	{
		call_here(info, workspace_id, function, arguments, settings);
	}
	PG_FINALLY();
	{
		shard_scope_end(&scope);
	}
	PG_END_TRY();
}

/* Returns the group of a workspace, which must be here. */
static const ShardGroup *
require_here(int64 workspace_id)
{
	const ShardGroup *group;

	require_distributed();
	group = shard_group_of_workspace(workspace_id);
	if (!group->is_here)
		raise_not_here(workspace_id);
	if (!group->is_alike)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("The shards of the contact tables have other columns than the tables."),
				 errhint("Columns can be added to distributed tables, and not dropped.")));
	return group;
}

PG_FUNCTION_INFO_V1(contacts_call_here);
Datum
contacts_call_here(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = (ReturnSetInfo *)fcinfo->resultinfo;
	int64 workspace_id = PG_GETARG_INT64(0);
	Oid function = find_function(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	ListCell *cell;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	call_in_scope(info, workspace_id, function, PG_GETARG_DATUM(2), PG_GETARG_DATUM(3), require_here(workspace_id));
	foreach (cell, notify_take_queue())
		add_row(info, NOTIFICATION, lfirst(cell));
	return (Datum)0;
}

/* Whether this server has seen every statement since it started, as shard_scope.c must where there are shards. */
PG_FUNCTION_INFO_V1(contacts_is_ready_for_shards);
Datum
contacts_is_ready_for_shards(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(shard_scope_is_hooked());
}

/* Returns what stands for a table: itself, or the shard of the call under way. */
PG_FUNCTION_INFO_V1(contacts_here);
Datum
contacts_here(PG_FUNCTION_ARGS)
{
	Oid table = PG_GETARG_OID(0);
	const ShardGroup *group = shard_scope_group();
	Oid shard = group ? shard_of(group, table) : InvalidOid;

	PG_RETURN_OID(OidIsValid(shard) ? shard : table);
}

/* Returns a workspace of each group, for calls about all of them; none where there are no groups, or below such a call. */
PG_FUNCTION_INFO_V1(contacts_workspaces_elsewhere);
Datum
contacts_workspaces_elsewhere(PG_FUNCTION_ARGS)
{
	int64 *workspaces;
	Datum *elements;
	int count;

	if (!shard_is_distributed() || shard_scope_group())
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(INT8OID));
	workspaces = workspace_of_each_group();
	count = shard_group_count();
	elements = palloc(sizeof(Datum) * count);
	for (int i = 0; i < count; i++)
		elements[i] = Int64GetDatum(workspaces[i]);
	PG_RETURN_DATUM(statement_array(elements, count, INT8OID));
}
