/*
 * monitoring.c - the counts behind the views contacts.event_lag and contacts.import_counts.
 *
 * A member sees the counts of the workspaces that it may act for; the owner of the tables, and roles with
 * contacts.grant_monitoring(), see those of all. The owner counts, for the others may not read the rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "delegate.h"
#include "member.h"
#include "owner.h"
#include "pg_compat.h"
#include "statement.h"

#define MAX_COLUMNS 16

/*
 * Counts the deliveries of each consumer c by the indexes of those that wait (w) and of those that have failed (f):
 *
 *   SELECT c.workspace_id, c.name, w.pending + f.pending, w.leased + f.leased, f.dead,
 *          clock_timestamp() - (SELECT min(e.created_at) -- of the oldest delivery that is not dead
 *                               FROM contacts.delivery d JOIN contacts.event e USING (workspace_id, event_id)
 *                               WHERE d.event_id = least(w.oldest, f.oldest) AND d.consumer_id = c.consumer_id ...)
 *   FROM contacts.consumer c,
 *        LATERAL (SELECT count(...) AS pending, count(...) AS leased, min(d.event_id) AS oldest
 *                 FROM contacts.delivery d WHERE d.consumer_id = c.consumer_id ... AND d.due_at IS NULL) w,
 *        LATERAL (SELECT count(...) AS pending, count(...) AS leased, count(...) AS dead, min(...) AS oldest
 *                 FROM contacts.delivery d WHERE d.consumer_id = c.consumer_id ... AND d.due_at IS NOT NULL) f
 *   WHERE $1 OR c.workspace_id = ANY ($2)
 */
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
	"SELECT i.workspace_id, i.import_id, i.state, i.total, i.done, i.created, i.updated, i.unchanged, i.skipped,"
	" i.failed, i.rate, i.started_at, i.updated_at, i.finished_at"
	" FROM contacts.import_progress i WHERE $1 OR i.workspace_id = ANY ($2)";

/* Whether the role may see the counts of all workspaces: the owner, or a role that may call contacts_internal.monitor(). */
static bool
is_monitor(Oid role)
{
	Oid monitor = GetSysCacheOid3(PROCNAMEARGSNSP,
								  Anum_pg_proc_oid,
								  CStringGetDatum("monitor"),
								  PointerGetDatum(buildoidvector(NULL, 0)),
								  ObjectIdGetDatum(get_namespace_oid("contacts_internal", false)));

	return owner_includes(role) || (OidIsValid(monitor) && may_execute(monitor, role));
}

/* Returns the workspaces that the caller may act for, as an array. */
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

/* Returns the rows of a query that the owner of the tables runs: $1 is whether it is about all workspaces, $2 about which. */
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
	return delegate_everywhere(fcinfo) ? (Datum)0 : return_counts(fcinfo, count_deliveries);
}

PG_FUNCTION_INFO_V1(contacts_count_imports);
Datum
contacts_count_imports(PG_FUNCTION_ARGS)
{
	return delegate_everywhere(fcinfo) ? (Datum)0 : return_counts(fcinfo, count_imports);
}
