/*
 * contact_upsert.c - the module's start, and the functions that SQL calls to upsert a contact.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "encoding.h"
#include "notify.h"
#include "pg_compat.h"
#include "report.h"
#include "settings.h"
#include "upsert.h"

PG_MODULE_MAGIC;

/* 15 declares it in fmgr.h. */
extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	settings_define();
	notify_init();
}

static void
connect_spi(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

/* Runs a request and returns the API's answer, or raises why not. */
static Datum
upsert_answer(int64 workspace_id, Datum request)
{
	MemoryContext caller = CurrentMemoryContext;
	Upsert upsert;
	Jsonb *answer;

	PreventCommandIfReadOnly("contact_upsert()");
	PreventCommandIfParallelMode("contact_upsert()");
	connect_spi();
	upsert_run(workspace_id, request, true, &upsert);
	if (upsert.rejected)
		report_raise(&upsert.error);
	MemoryContextSwitchTo(caller);
	answer = json_write_answer(&upsert.facts, &upsert.decision);
	SPI_finish();
	return JsonbPGetDatum(answer);
}

/* Returns the value of contacts.outcome for a result. */
static Datum
outcome_datum(Oid outcome_type, const Upsert *upsert)
{
	static const char *const names[] = {
		[CU_CREATED] = "created", [CU_UPDATED] = "updated", [CU_UNCHANGED] = "unchanged"};
	const char *name = upsert->rejected ? "failed" : names[upsert->decision.outcome];

	return ObjectIdGetDatum(
		GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid, ObjectIdGetDatum(outcome_type), CStringGetDatum(name)));
}

/* Returns a row of contacts.upsert_result. */
static HeapTuple
result_tuple(TupleDesc descriptor, int64 position, const Upsert *upsert)
{
	Datum values[8] = {Int64GetDatum(position), outcome_datum(TupleDescAttr(descriptor, 1)->atttypid, upsert)};
	bool nulls[8] = {false, false, true, true, true, true, true, true};

#define SET_COLUMN(number, datum) (values[number] = (datum), nulls[number] = false)
	if (upsert->facts.id)
		SET_COLUMN(2, CStringGetTextDatum(upsert->facts.id));
	if (upsert->facts.email.size > 0)
		SET_COLUMN(3, CStringGetTextDatum(encoding_to_cstring(upsert->facts.email)));
	if (upsert->rejected)
		SET_COLUMN(7, JsonbPGetDatum(report_as_json(&upsert->error)));
	else
	{
		if (upsert->decision.outcome == CU_UPDATED)
			SET_COLUMN(4, JsonbPGetDatum(json_write_changes(&upsert->decision)));
		SET_COLUMN(5, JsonbPGetDatum(json_write_events(&upsert->decision)));
		SET_COLUMN(6, JsonbPGetDatum(json_write_contact(&upsert->facts, &upsert->decision)));
	}
#undef SET_COLUMN
	return heap_form_tuple(descriptor, values, nulls);
}

/* Runs a request without writing and returns what it would do. */
static Datum
preview_result(FunctionCallInfo fcinfo, int64 workspace_id, Datum request)
{
	MemoryContext caller = CurrentMemoryContext;
	TupleDesc descriptor;
	Upsert upsert;
	Datum result;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	descriptor = BlessTupleDesc(descriptor);
	connect_spi();
	upsert_run(workspace_id, request, false, &upsert);
	if (upsert.rejected && upsert.error.code >= CU_WORKSPACE_NOT_FOUND)
		report_raise(&upsert.error); /* no fault of the request's */
	MemoryContextSwitchTo(caller);
	result = HeapTupleGetDatum(result_tuple(descriptor, 1, &upsert));
	SPI_finish();
	return result;
}

static int64
workspace_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("workspace_id must not be null."),
				 errhint("Name a workspace, or leave it to contact_upsert.workspace_id.")));
	return PG_GETARG_INT64(0);
}

/* The request's datum, 0 for NULL. It is not detoasted yet: a request that is too large need not be. */
static Datum
request_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? (Datum)0 : PG_GETARG_DATUM(number);
}

PG_FUNCTION_INFO_V1(contact_upsert);
Datum
contact_upsert(PG_FUNCTION_ARGS)
{
	return upsert_answer(settings_workspace_id(), request_argument(fcinfo, 0));
}

PG_FUNCTION_INFO_V1(contacts_upsert);
Datum
contacts_upsert(PG_FUNCTION_ARGS)
{
	return upsert_answer(workspace_argument(fcinfo), request_argument(fcinfo, 1));
}

PG_FUNCTION_INFO_V1(contacts_preview);
Datum
contacts_preview(PG_FUNCTION_ARGS)
{
	return preview_result(fcinfo, workspace_argument(fcinfo), request_argument(fcinfo, 1));
}

PG_FUNCTION_INFO_V1(contacts_preview_current);
Datum
contacts_preview_current(PG_FUNCTION_ARGS)
{
	return preview_result(fcinfo, settings_workspace_id(), request_argument(fcinfo, 0));
}

PG_FUNCTION_INFO_V1(contacts_current_workspace);
Datum
contacts_current_workspace(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(settings_workspace_id());
}
