/*
 * call_here.c - takes a call that delegate.c has handed over, on the server that has the rows of its workspace.
 *
 * It may be one of the functions listed here. It is called in the scope of the workspace's shards (shard_scope.h), with the settings of the
 * session that has handed it over.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "delegate.h"
#include "handed_over.h"
#include "notify.h"
#include "pg_compat.h"
#include "shard_scope.h"
#include "statement.h"

typedef struct Call
{
	const char *name;
	bool is_about_all; /* workspaces in the shards, and has no argument for one; the others have it last */
} Call;

/* The functions that may be called so. */
static const Call calls[] = {{"upsert", false},
							 {"apply", false},
							 {"upsert_many", false},
							 {"preview", false},
							 {"get", false},
							 {"search", false},
							 {"erase", false},
							 {"lift_suppression", false},
							 {"merge", false},
							 {"claim", false},
							 {"ack", false},
							 {"fail", false},
							 {"release", false},
							 {"extend", false},
							 {"retry_dead", false},
							 {"relay", false},
							 {"subscribe", false},
							 {"unsubscribe", false},
							 {"match_columns", false},
							 {"list_columns", false},
							 {"note_import", false},
							 {"put_back_bad_rows", false},
							 {"load_chunk", false},
							 {"undo_chunk", false},
							 {"undo_counts", false},
							 {"record", false},
							 {"record_many", false},
							 {"change_address", false},
							 {"define_field", false},
							 {"define_tag", false},
							 {"define_workspace", false},
							 {"request_schema", false},
							 {"export", false},
							 {"purge_events", true},
							 {"purge_history", true},
							 {"count_deliveries", true},
							 {"count_imports", true}};

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

static const Call *
find_call(const char *name)
{
	for (size_t i = 0; i < lengthof(calls); i++)
		if (strcmp(calls[i].name, name) == 0)
			return &calls[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("There is no call %s for one workspace.", quote_literal_cstr(name)),
			 errhint("contacts_internal.call_here() is called by the functions in schema contacts.")));
	return NULL;
}

/* Returns the function of a call, which the current role may execute. */
static Oid
find_function(const char *name)
{
	Oid function = LookupFuncName(list_make2(makeString("contacts"), makeString(pstrdup(name))), -1, NULL, true);

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
		add_row(info, HANDED_ROW, TextDatumGetCString(statement_column(i, 1)));
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
	bool is_null = false;
	Datum value = (Datum)0;

	deconstruct_array(DatumGetArrayTypeP(arguments), TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, &count);
	fmgr_info(function, &flinfo);
	InitFunctionCallInfoData(*call, &flinfo, (short)type_count, InvalidOid, NULL, NULL);
	for (int i = 0; i < count; i++)
	{
		Oid input;
		Oid parameter;

		getTypeInputInfo(types[i], &input, &parameter);
		is_null |= nulls[i];
		call->args[i].isnull = nulls[i];
		call->args[i].value =
			nulls[i] ? (Datum)0 : OidInputFunctionCall(input, TextDatumGetCString(texts[i]), parameter, -1);
	}
	if (count < type_count)
	{
		call->args[count].isnull = false;
		call->args[count].value = Int64GetDatum(workspace_id);
	}
	/* Nobody else sees to it that a strict function is given no null. */
	is_null = is_null && flinfo.fn_strict;
	if (!is_null)
	{
		value = FunctionCallInvoke(call);
		is_null = call->isnull;
	}
	add_row(info,
			is_null ? HANDED_NULL_ROW : HANDED_ROW,
			is_null ? NULL : handed_over_output(value, get_func_rettype(function)));
}

/* Raises unless the arguments are those of the function but its workspace, which is the one that Citus has gone by. */
static void
check_arguments(const Call *call, const ArrayType *arguments, int count)
{
	int given = ArrayGetNItems(ARR_NDIM(arguments), ARR_DIMS(arguments));
	int expected = call->is_about_all ? count : count - 1;

	if (given == expected && ARR_NDIM(arguments) <= 1 && (given == 0 || ARR_LBOUND(arguments)[0] == 1))
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg(
			 "The call %s has a list of %d arguments, and not of %d.", quote_literal_cstr(call->name), expected, given),
		 errhint("contacts_internal.call_here() is called by the functions in schema contacts: its first argument "
				 "is the workspace, and there is no other.")));
}

/* Calls a function, and adds what it returns. */
static void
call_here(ReturnSetInfo *info, int64 workspace_id, const Call *call, Datum arguments)
{
	Oid function = find_function(call->name);
	Oid *types;
	int count;

	(void)get_func_signature(function, &types, &count);
	check_arguments(call, DatumGetArrayTypeP(arguments), count);
	if (get_func_retset(function))
		call_for_rows(info, function, types, count, arguments, workspace_id);
	else
		call_for_value(info, function, types, count, arguments, workspace_id);
}

/* Returns the group of a workspace, which must be here. */
static const ShardGroup *
require_here(int64 workspace_id, bool is_handed_over)
{
	const ShardGroup *group;

	handed_over_require(workspace_id);
	/*
	 * Where the shards are about to move, the server that hands over holds them, and who moves them may wait for it: waiting for him here
	 * would be for ever. Who calls by hand holds them here alone, and waits until they have moved.
	 */
	group = is_handed_over ? shard_try_hold(workspace_id) : shard_hold(workspace_id);
	if (!group->is_here)
		raise_not_here(workspace_id);
	if (!group->is_alike)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("The shards of the contact tables have other columns than the tables."),
				 errhint("Columns can be added to distributed tables, and not dropped.")));
	return group;
}

/* Makes the call in the scope of the workspace's shards, with the settings of the session that has handed it over. */
static void
call_in_scope(ReturnSetInfo *info, int64 workspace_id, const Call *call, Datum arguments, Datum settings)
{
	const ShardGroup *group = require_here(workspace_id, handed_over_is_from_session(settings));
	int nest_level = handed_over_begin_texts();
	int outer = handed_over_begin_session(settings);
	ShardScope scope;

	shard_scope_begin(&scope, group);
	PG_TRY();
	{
		call_here(info, workspace_id, call, arguments);
	}
	PG_FINALLY();
	{
		shard_scope_end(&scope);
		handed_over_end_session(outer);
	}
	PG_END_TRY();
	AtEOXact_GUC(false, nest_level);
}

PG_FUNCTION_INFO_V1(contacts_call_here);
Datum
contacts_call_here(PG_FUNCTION_ARGS)
{
	/* Before anything else, for a trigger of what is called here may hand over a call of its own. */
	bool tells_unsent = delegate_take_tells_unsent();
	ReturnSetInfo *info = (ReturnSetInfo *)fcinfo->resultinfo;
	int64 workspace_id = PG_GETARG_INT64(0);
	const Call *call = find_call(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	ListCell *cell;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	handed_over_require(workspace_id);
	if (tells_unsent && !shard_group_of_workspace(workspace_id)->is_here)
	{
		add_row(info, HANDED_UNSENT, NULL);
		return (Datum)0;
	}
	call_in_scope(info, workspace_id, call, PG_GETARG_DATUM(2), PG_GETARG_DATUM(3));
	foreach (cell, notify_take_queue())
		add_row(info, HANDED_NOTIFICATION, lfirst(cell));
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
