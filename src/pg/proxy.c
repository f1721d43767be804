/*
 * proxy.c - the functions of the extension contact_upsert_proxy: each has the name and signature of one of contact_upsert, and has a
 * partition call that one.
 *
 * contacts_proxy_write() and contacts_proxy_read() are all of them that name a workspace: they find out what they are called, where
 * workspace_id is among their arguments, and what they return, make texts of the arguments, and values of the texts that come back.
 * contacts_proxy_upsert() and contacts_proxy_contact_upsert() are the call that counts, by a shorter way. What is about several
 * partitions is PL/pgSQL in sql/proxy, on functions of contacts_proxy_at(), whose first argument is the partition.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "pg_compat.h"
#include "proxy_call.h"
#include "serve.h"
#include "settings.h"
#include "statement.h"

/* A ProxyFunction is what is known of the function that was called. */
typedef struct ProxyFunction
{
	char *name;				/* of the function that the partition calls, schema.name */
	int workspace_argument; /* its place, -1 if there is none */
	FmgrInfo *outputs;		/* of the arguments */
	bool is_set;
	TupleDesc descriptor; /* of a row, or NULL */
	Oid result_type;
	Oid result_parameter; /* of the result's input function */
	int32 result_modifier;
	FmgrInfo input;
} ProxyFunction;

/* Notes the place of workspace_id among the arguments, and how they become text. */
static void
describe_arguments(ProxyFunction *function, HeapTuple row)
{
	Oid *types;
	char **names;
	char *modes;
	int count = get_func_arg_info(row, &types, &names, &modes);
	int inputs = 0;

	function->workspace_argument = -1;
	function->outputs = palloc0(sizeof(FmgrInfo) * (Size)Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		Oid output;
		bool is_varlena;

		if (modes && modes[i] != PROARGMODE_IN)
			continue;
		if (names && strcmp(names[i], "workspace_id") == 0)
			function->workspace_argument = inputs;
		getTypeOutputInfo(types[i], &output, &is_varlena);
		fmgr_info(output, &function->outputs[inputs++]);
	}
}

static void
describe_result(ProxyFunction *function, FunctionCallInfo fcinfo)
{
	TypeFuncClass class = get_call_result_type(fcinfo, &function->result_type, &function->descriptor);
	Oid input;

	function->result_modifier = -1;
	if (class == TYPEFUNC_COMPOSITE)
	{
		function->descriptor = BlessTupleDesc(CreateTupleDescCopy(function->descriptor));
		if (function->result_type == RECORDOID)
			function->result_modifier = function->descriptor->tdtypmod;
	}
	else
		function->descriptor = NULL;
	getTypeInputInfo(function->result_type, &input, &function->result_parameter);
	if (function->result_type == RECORDOID)
		function->result_parameter = RECORDOID;
	fmgr_info(input, &function->input);
}

/* Returns what is known of the function, which is found out once a query. */
static ProxyFunction *
describe(FunctionCallInfo fcinfo, const char *schema)
{
	ProxyFunction *function = fcinfo->flinfo->fn_extra;
	MemoryContext caller;
	HeapTuple row;

	if (function)
		return function;
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	function = palloc0(sizeof(ProxyFunction));
	row = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	if (!HeapTupleIsValid(row))
		elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
	function->name = psprintf("%s.%s", schema, NameStr(((Form_pg_proc)GETSTRUCT(row))->proname));
	function->is_set = fcinfo->flinfo->fn_retset;
	describe_arguments(function, row);
	ReleaseSysCache(row);
	describe_result(function, fcinfo);
	MemoryContextSwitchTo(caller);
	fcinfo->flinfo->fn_extra = function;
	return function;
}

/* Makes texts of the arguments from the first one on. */
static void
write_arguments(ProxyFunction *function, FunctionCallInfo fcinfo, int first, Datum *texts, bool *nulls)
{
	for (int i = first; i < PG_NARGS(); i++)
	{
		nulls[i] = PG_ARGISNULL(i);
		texts[i] =
			nulls[i] ? (Datum)0 : CStringGetTextDatum(OutputFunctionCall(&function->outputs[i], PG_GETARG_DATUM(i)));
	}
}

static Datum
read_value(ProxyFunction *function, char *text)
{
	return InputFunctionCall(&function->input, text, function->result_parameter, function->result_modifier);
}

/* Returns the rows as a set. */
static void
return_set(ProxyFunction *function, FunctionCallInfo fcinfo, uint64 count)
{
	ReturnSetInfo *info = (ReturnSetInfo *)fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, function->descriptor ? 0 : MAT_SRF_USE_EXPECTED_DESC);
	for (uint64 i = 0; i < count; i++)
	{
		char *text = proxy_row(i);
		Datum value = text ? read_value(function, text) : (Datum)0;
		bool is_null = text == NULL;

		CHECK_FOR_INTERRUPTS();
		if (function->descriptor && value)
		{
			HeapTupleHeader header = DatumGetHeapTupleHeader(value);
			HeapTupleData row = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};

			tuplestore_puttuple(info->setResult, &row);
		}
		else if (!function->descriptor)
			tuplestore_putvalues(info->setResult, info->setDesc, &value, &is_null);
		if (text)
			pfree(text - 1);
	}
}

/* Returns the one row as a value. */
static Datum
return_value(ProxyFunction *function, FunctionCallInfo fcinfo, uint64 count, MemoryContext caller)
{
	char *text = count > 0 ? proxy_row(0) : NULL;

	MemoryContextSwitchTo(caller);
	if (text == NULL)
		PG_RETURN_NULL();
	return function->result_type == VOIDOID ? (Datum)0 : read_value(function, text);
}

/* Has a partition call the function; with number -1 that of the workspace, else the first argument is the partition and not the function's. */
static Datum
call_partition(FunctionCallInfo fcinfo, ProxyFunction *function, int number)
{
	MemoryContext caller = CurrentMemoryContext;
	int first = number < 0 ? 0 : 1;
	int workspace = function->workspace_argument;
	Datum texts[FUNC_MAX_ARGS];
	bool nulls[FUNC_MAX_ARGS];
	Datum value = (Datum)0;
	int nest_level;
	uint64 count;

	statement_connect();
	nest_level = serve_begin_text();
	write_arguments(function, fcinfo, first, texts, nulls);
	if (number < 0)
	{
		/* The partition does not know which workspace is the session's. */
		int64 workspace_id = settings_workspace_argument(fcinfo, workspace);

		number = proxy_partition_of(workspace_id);
		texts[workspace] = CStringGetTextDatum(psprintf(INT64_FORMAT, workspace_id));
		nulls[workspace] = false;
	}
	count = proxy_call(number, function->name, texts + first, nulls + first, PG_NARGS() - first);
	if (function->is_set)
		return_set(function, fcinfo, count);
	else
		value = return_value(function, fcinfo, count, caller);
	AtEOXact_GUC(true, nest_level);
	SPI_finish();
	return value;
}

PG_FUNCTION_INFO_V1(contacts_proxy_read);
Datum
contacts_proxy_read(PG_FUNCTION_ARGS)
{
	return call_partition(fcinfo, describe(fcinfo, "contacts"), -1);
}

PG_FUNCTION_INFO_V1(contacts_proxy_write);
Datum
contacts_proxy_write(PG_FUNCTION_ARGS)
{
	ProxyFunction *function = describe(fcinfo, "contacts");

	proxy_refuse_in_transaction(psprintf("%s()", function->name));
	return call_partition(fcinfo, function, -1);
}

/* Returns the partition that is the first argument. */
static int
partition_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0) || PG_GETARG_INT32(0) < 0 || PG_GETARG_INT32(0) >= proxy_partition_count())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("There is no such partition."),
				 errhint("They are numbered from 0 to %d.", proxy_partition_count() - 1)));
	return PG_GETARG_INT32(0);
}

PG_FUNCTION_INFO_V1(contacts_proxy_at);
Datum
contacts_proxy_at(PG_FUNCTION_ARGS)
{
	return call_partition(fcinfo, describe(fcinfo, "contacts"), partition_argument(fcinfo));
}

PG_FUNCTION_INFO_V1(contacts_proxy_internal_at);
Datum
contacts_proxy_internal_at(PG_FUNCTION_ARGS)
{
	return call_partition(fcinfo, describe(fcinfo, "contacts_internal"), partition_argument(fcinfo));
}

/* Has a partition upsert a contact. */
static Datum
upsert_at_partition(FunctionCallInfo fcinfo, int64 workspace_id)
{
	proxy_refuse_in_transaction("contact_upsert()");
	return DirectFunctionCall1(
		jsonb_in, CStringGetDatum(proxy_answer(workspace_id, PG_ARGISNULL(0) ? (Datum)0 : PG_GETARG_DATUM(0))));
}

PG_FUNCTION_INFO_V1(contacts_proxy_contact_upsert);
Datum
contacts_proxy_contact_upsert(PG_FUNCTION_ARGS)
{
	return upsert_at_partition(fcinfo, settings_workspace_id());
}

PG_FUNCTION_INFO_V1(contacts_proxy_upsert);
Datum
contacts_proxy_upsert(PG_FUNCTION_ARGS)
{
	return upsert_at_partition(fcinfo, settings_workspace_argument(fcinfo, 1));
}

PG_FUNCTION_INFO_V1(contacts_partition_count);
Datum
contacts_partition_count(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(proxy_partition_count());
}

PG_FUNCTION_INFO_V1(contacts_partition_of);
Datum
contacts_partition_of(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(proxy_partition_of(settings_workspace_argument(fcinfo, 0)));
}

PG_FUNCTION_INFO_V1(contacts_refuse_in_transaction);
Datum
contacts_refuse_in_transaction(PG_FUNCTION_ARGS)
{
	proxy_refuse_in_transaction(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/* Each claim of all workspaces begins with the partition behind the one where the session's last one ended. */
PG_FUNCTION_INFO_V1(contacts_next_partition);
Datum
contacts_next_partition(PG_FUNCTION_ARGS)
{
	static uint32 next;
	static bool begun = false;

	if (!begun)
		next = (uint32)MyProcPid; /* workers that start together do not all begin with the first */
	begun = true;
	PG_RETURN_INT32((int32)(next++ % (uint32)proxy_partition_count()));
}
