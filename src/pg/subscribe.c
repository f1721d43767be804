/*
 * subscribe.c - contacts.subscribe and unsubscribe, and the counts of contacts.event_lag.
 *
 * To register and change consumers is the tables' owner's, and of those whom he grants EXECUTE: not part of grant_access,
 * because it holds up all writers until it commits. Their bodies are in SQL (events.sql) under the same names in
 * contacts_internal, where nobody may call them; they run here as the owner, once it is clear that the caller may.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "member.h"
#include "owner.h"
#include "pg_compat.h"
#include "settings.h"
#include "statement.h"

#define MAX_COLUMNS 16

/* Finds a function of contacts_internal, whatever its caller may see of that schema. */
static Oid
find_internal(const char *name, oidvector *types)
{
	Oid function = GetSysCacheOid3(PROCNAMEARGSNSP,
								   Anum_pg_proc_oid,
								   CStringGetDatum(name),
								   PointerGetDatum(types),
								   ObjectIdGetDatum(get_namespace_oid("contacts_internal", false)));

	if (!OidIsValid(function))
		elog(ERROR, "there is no function contacts_internal.%s", name);
	return function;
}

/* Finds the function of the same name and parameters. */
static Oid
find_body(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc entry;
	Oid body;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "there is no function %u", function);
	entry = (Form_pg_proc)GETSTRUCT(tuple);
	body = find_internal(NameStr(entry->proname), &entry->proargtypes);
	ReleaseSysCache(tuple);
	return body;
}

/* Calls the body of a function as the owner of the tables. Its last argument is the workspace. */
static Datum
call_body(FunctionCallInfo fcinfo)
{
	LOCAL_FCINFO(body, FUNC_MAX_ARGS);
	FmgrInfo function;
	OwnerScope scope;
	Datum result;
	int last = PG_NARGS() - 1;
	int64 workspace = PG_ARGISNULL(last) ? settings_workspace_id() : PG_GETARG_INT64(last);

	member_require(workspace);
	fmgr_info(find_body(fcinfo->flinfo->fn_oid), &function);
	InitFunctionCallInfoData(*body, &function, PG_NARGS(), InvalidOid, NULL, NULL);
	for (int i = 0; i < last; i++)
		body->args[i] = fcinfo->args[i];
	body->args[last].value = Int64GetDatum(workspace);
	body->args[last].isnull = false;

	owner_begin(&scope);
	result = FunctionCallInvoke(body);
	owner_end(&scope);
	fcinfo->isnull = body->isnull;
	return result;
}

PG_FUNCTION_INFO_V1(contacts_subscribe);
Datum
contacts_subscribe(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("contacts.subscribe()");
	return call_body(fcinfo);
}

PG_FUNCTION_INFO_V1(contacts_unsubscribe);
Datum
contacts_unsubscribe(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("contacts.unsubscribe()");
	return call_body(fcinfo);
}

/* Per consumer, by the indexes of what waits and of what has failed. */
static const char count_deliveries[] =
	"SELECT c.workspace_id, c.name, w.pending + f.pending, w.leased + f.leased, f.dead, clock_timestamp() - ("
	"SELECT min(e.created_at) FROM contacts.delivery d"
	" JOIN contacts.event e ON e.workspace_id = d.workspace_id AND e.event_id = d.event_id"
	" WHERE d.event_id = least(w.oldest, f.oldest) AND d.consumer_id = c.consumer_id"
	" AND (c.workspace_id = 0 OR d.workspace_id = c.workspace_id))"
	" FROM contacts.consumer c, LATERAL (SELECT count(*) FILTER (WHERE d.leased_until <= clock_timestamp()) AS pending,"
	" count(*) FILTER (WHERE d.leased_until > clock_timestamp()) AS leased, min(d.event_id) AS oldest"
	" FROM contacts.delivery d WHERE d.consumer_id = c.consumer_id"
	" AND (c.workspace_id = 0 OR d.workspace_id = c.workspace_id) AND d.due_at IS NULL) w, LATERAL ("
	"SELECT count(*) FILTER (WHERE NOT d.dead AND d.leased_until <= clock_timestamp()) AS pending,"
	" count(*) FILTER (WHERE NOT d.dead AND d.leased_until > clock_timestamp()) AS leased,"
	" count(*) FILTER (WHERE d.dead) AS dead, min(d.event_id) FILTER (WHERE NOT d.dead) AS oldest"
	" FROM contacts.delivery d WHERE d.consumer_id = c.consumer_id"
	" AND (c.workspace_id = 0 OR d.workspace_id = c.workspace_id) AND d.due_at IS NOT NULL) f"
	" WHERE $1 OR c.workspace_id = ANY ($2)";

static const char count_imports[] =
	"SELECT i.workspace_id, i.import_id, i.state, i.total, i.done, i.created, i.updated, i.unchanged, i.failed, i.rate,"
	" i.started_at, i.updated_at, i.finished_at FROM contacts.import_progress i WHERE $1 OR i.workspace_id = ANY ($2)";

/* Whether the role may see the counts of all workspaces: who may call the function that contacts.grant_monitoring grants. */
static bool
is_monitor(Oid role)
{
	return owner_includes(role) || may_execute(find_internal("monitor", buildoidvector(NULL, 0)), role);
}

/* The workspaces that have something to count and that the caller may act for. */
static Datum
own_workspaces(Oid caller)
{
	Datum *ids;
	size_t count = 0;
	uint64 found;

	if (SPI_execute("SELECT w.workspace_id FROM contacts.workspace w", true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the workspaces");
	found = SPI_processed;
	ids = palloc(sizeof(Datum) * (found + 1));
	for (uint64 row = 0; row < found; row++)
	{
		Datum id = statement_column(row, 1);

		if (member_includes(caller, DatumGetInt64(id)))
			ids[count++] = id;
	}
	return statement_array(ids, count, INT8OID);
}

/* Returns the rows of a query that the tables' owner runs: $1 is whether it is about all workspaces, $2 about which. */
static Datum
return_counts(FunctionCallInfo fcinfo, const char *query)
{
	ReturnSetInfo *info = (ReturnSetInfo *)fcinfo->resultinfo;
	Oid caller = GetUserId();
	bool sees_all = is_monitor(caller);
	OwnerScope scope;
	TupleDesc descriptor;
	Tuplestorestate *store;
	MemoryContext context;
	Datum parameters[2];

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("A set of counts cannot be returned here.")));
	context = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	store = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	info->returnMode = SFRM_Materialize;
	info->setResult = store;
	info->setDesc = descriptor;
	MemoryContextSwitchTo(context);

	owner_begin(&scope);
	statement_connect();
	parameters[0] = BoolGetDatum(sees_all);
	parameters[1] = sees_all ? PointerGetDatum(construct_empty_array(INT8OID)) : own_workspaces(caller);
	if (SPI_execute_with_args(query, 2, (Oid[]){BOOLOID, INT8ARRAYOID}, parameters, NULL, true, 0) != SPI_OK_SELECT ||
		SPI_tuptable->tupdesc->natts != descriptor->natts || descriptor->natts > MAX_COLUMNS)
		elog(ERROR, "could not count");
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		Datum values[MAX_COLUMNS];
		bool nulls[MAX_COLUMNS];

		heap_deform_tuple(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, values, nulls);
		tuplestore_putvalues(store, descriptor, values, nulls);
	}
	SPI_finish();
	owner_end(&scope);
	return (Datum)0;
}

PG_FUNCTION_INFO_V1(contacts_count_deliveries);
Datum
contacts_count_deliveries(PG_FUNCTION_ARGS)
{
	return return_counts(fcinfo, count_deliveries);
}

PG_FUNCTION_INFO_V1(contacts_count_imports);
Datum
contacts_count_imports(PG_FUNCTION_ARGS)
{
	return return_counts(fcinfo, count_imports);
}
