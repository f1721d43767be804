/*
 * delegate.c - hands a call over to the server of its workspace; call_here.c takes it there.
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
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "delegate.h"
#include "errors.h"
#include "handed_over.h"
#include "notify.h"
#include "pg_compat.h"
#include "settings.h"
#include "shard_scope.h"
#include "statement.h"

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
	nest_level = handed_over_begin_texts();
	for (int i = 0; i < count; i++)
	{
		nulls[i] = PG_ARGISNULL(i);
		texts[i] = nulls[i] ? (Datum)0 : CStringGetTextDatum(handed_over_output(PG_GETARG_DATUM(i), types[i]));
	}
	AtEOXact_GUC(true, nest_level);
	return text_array(texts, nulls, count);
}

/*
 * Analyzed once, planned for each call: Citus sends it to where a workspace is only while it plans, and knows which one. In FROM, for else
 * Citus takes it for an expression of PL/pgSQL.
 */
static Statement call_elsewhere = {
	.sql = "SELECT h FROM contacts_internal.call_here($1, $2, $3, $4) AS h",
	.parameter_count = 4,
	.parameter_types = {INT8OID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID},
	.plan_freely = true,
};

/*
 * For a session in which Citus has raised an error while it planned a query of parts: Citus 13 sends no function any more until the session
 * ends, for it believes that it is planning such a part still. A query on a table it sends.
 */
static Statement call_beside_table = {
	.sql = "SELECT h FROM (SELECT COALESCE(pg_catalog.max(w.workspace_id), $1) AS id FROM contacts.workspace w"
		   " WHERE w.workspace_id" EQ "$1) AS c, contacts_internal.call_here(c.id, $2, $3, $4) AS h",
	.parameter_count = 4,
	.parameter_types = {INT8OID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID},
	.plan_freely = true,
};

/* Whether the next call_here() that is executed in this backend is to say that it is not where the workspace is, rather than raise. */
static bool tells_unsent;

bool
delegate_take_tells_unsent(void)
{
	bool tells = tells_unsent;

	tells_unsent = false;
	return tells;
}

/* Executes call_elsewhere; returns false if Citus has not sent it. */
static bool
try_elsewhere(Datum *values, uint64 *count)
{
	tells_unsent = true;
	PG_TRY();
	{
		*count = statement_execute(&call_elsewhere, values);
	}
	PG_FINALLY();
	{
		tells_unsent = false;
	}
	PG_END_TRY();
	return *count != 1 || TextDatumGetCString(statement_column(0, 1))[0] != HANDED_UNSENT;
}

/* Executes the call elsewhere; its rows are in SPI_tuptable. */
static uint64
hand_over(int64 workspace_id, const char *call, Datum arguments)
{
	Datum values[] = {Int64GetDatum(workspace_id), CStringGetTextDatum(call), arguments, handed_over_session()};
	uint64 count = 0;
	int nest_level;

	handed_over_require(workspace_id);
	(void)shard_hold(workspace_id);
	nest_level = handed_over_begin_texts();
	/* Below a call that has been handed over there is no other way. */
	if (shard_scope_group())
		count = statement_execute(&call_elsewhere, values);
	else if (!try_elsewhere(values, &count))
		count = statement_execute(&call_beside_table, values);
	AtEOXact_GUC(true, nest_level);
	return count;
}

/* Returns a row of the result, without its first character; NULL for a null. Queues a notification, of which there is no row. */
static char *
take_row(uint64 row, bool *is_row)
{
	char *line = TextDatumGetCString(statement_column(row, 1));

	*is_row = line[0] != HANDED_NOTIFICATION;
	switch (line[0])
	{
		case HANDED_ROW:
			return line + 1;
		case HANDED_NULL_ROW:
			return NULL;
		case HANDED_NOTIFICATION:
			notify_pass_on(line + 1);
			return NULL;
		default:
			/* HANDED_UNSENT is for try_elsewhere() alone. */
			elog(ERROR, "a call that was handed over returned a row of an unknown kind");
			return NULL;
	}
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

		if (is_row && line == NULL)
			elog(ERROR, "a call that was handed over returned a null in a set");
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

/* As delegate_call(); raise raises where nothing can be written. */
static bool
delegate(FunctionCallInfo fcinfo, int workspace_argument, const char *writes, void (*raise)(const char *call),
		 Datum *result)
{
	int64 workspace_id;

	if (!shard_is_distributed())
		return false;
	workspace_id = settings_workspace_argument(fcinfo, workspace_argument);
	if (is_here(workspace_id))
		return false;
	handed_over_require(workspace_id);
	if (writes)
		raise(writes);
	*result = call_there(fcinfo, workspace_id, get_func_name(fcinfo->flinfo->fn_oid), workspace_argument);
	return true;
}

bool
delegate_call(FunctionCallInfo fcinfo, int workspace_argument, const char *writes, Datum *result)
{
	return delegate(fcinfo, workspace_argument, writes, errors_raise_unless_writing, result);
}

bool
delegate_upsert(FunctionCallInfo fcinfo, int workspace_argument, const char *writes, Datum *result)
{
	return delegate(fcinfo, workspace_argument, writes, errors_raise_unless_writable, result);
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
