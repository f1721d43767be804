/*
 * contact_upsert.c - the module's start, and the functions that SQL calls to upsert a contact.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "bulk.h"
#include "delegate.h"
#include "due_choice.h"
#include "errors.h"
#include "jsonb_writer.h"
#include "member.h"
#include "notify.h"
#include "outbox_choice.h"
#include "owner.h"
#include "pg_compat.h"
#include "probe_choice.h"
#include "proxy_call.h"
#include "settings.h"
#include "shard_scope.h"
#include "statement.h"
#include "status_type.h"
#include "upsert.h"
#include "upsert_result.h"
#include "versions.h"

CU_MODULE_MAGIC;

/* _PG_init is declared by fmgr.h from PostgreSQL 16 on. */
extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	settings_define();
	notify_init();
	versions_init();
	shard_init();
	shard_scope_init();
	owner_init();
	member_init();
	probe_choice_init();
	status_type_init();
	outbox_choice_init();
	due_choice_init();
	proxy_call_init();
}

/* Runs a request and returns the API's answer, or raises why not. */
static Datum
upsert_answer(int64 workspace_id, Datum request)
{
	MemoryContext caller = CurrentMemoryContext;
	Upsert upsert;
	Jsonb *answer;

	statement_connect();
	if (!upsert_run_for_answer(workspace_id, request, &upsert))
		errors_raise(upsert.error);
	MemoryContextSwitchTo(caller);
	answer = jsonb_write_answer(&upsert.after, &upsert.decision);
	SPI_finish();
	return JsonbPGetDatum(answer);
}

/* Returns the request's datum, 0 for NULL, not detoasted yet: a request that is too large need not be. */
static Datum
request_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? (Datum)0 : PG_GETARG_DATUM(number);
}

/*
 * Runs a request and returns what it did, or, with write false, would do. What rejects it is raised; only of one that is not written a
 * fault of its own is a result, too.
 */
static Datum
upsert_result(FunctionCallInfo fcinfo, bool write)
{
	MemoryContext caller = CurrentMemoryContext;
	Upsert upsert;
	Datum result;

	statement_connect();
	upsert_run(settings_workspace_argument(fcinfo, 1), request_argument(fcinfo, 0), write, &upsert);
	if (upsert.rejected && (write || upsert.error->code >= CU_WORKSPACE_NOT_FOUND))
		errors_raise(upsert.error);
	MemoryContextSwitchTo(caller);
	result = upsert_result_as_row(fcinfo, 1, &upsert);
	SPI_finish();
	return result;
}

PG_FUNCTION_INFO_V1(contact_upsert);
Datum
contact_upsert(PG_FUNCTION_ARGS)
{
	Datum there;

	if (delegate_contact_upsert(fcinfo, &there))
		return there;
	return upsert_answer(settings_workspace_id(), request_argument(fcinfo, 0));
}

PG_FUNCTION_INFO_V1(contacts_upsert);
Datum
contacts_upsert(PG_FUNCTION_ARGS)
{
	Datum there;

	if (delegate_upsert(fcinfo, 1, "contact_upsert()", &there))
		return there;
	return upsert_answer(settings_workspace_argument(fcinfo, 1), request_argument(fcinfo, 0));
}

PG_FUNCTION_INFO_V1(contacts_apply);
Datum
contacts_apply(PG_FUNCTION_ARGS)
{
	Datum there;

	if (delegate_upsert(fcinfo, 1, "contacts.apply()", &there))
		return there;
	errors_raise_unless_writable("contacts.apply()");
	return upsert_result(fcinfo, true);
}

PG_FUNCTION_INFO_V1(contacts_preview);
Datum
contacts_preview(PG_FUNCTION_ARGS)
{
	Datum there;

	if (delegate_call(fcinfo, 1, NULL, &there))
		return there;
	return upsert_result(fcinfo, false);
}

/* Whether on_error is 'stop', and not 'continue'. */
static bool
stops_argument(FunctionCallInfo fcinfo, int number)
{
	const char *on_error = PG_ARGISNULL(number) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(number));

	if (strcmp(on_error, "stop") != 0 && strcmp(on_error, "continue") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("on_error must be 'continue' or 'stop'."),
				 errhint("'continue' writes the good requests, 'stop' raises the first bad one and writes nothing.")));
	return strcmp(on_error, "stop") == 0;
}

/* Returns which results the caller wants. */
static WantedResults
results_argument(FunctionCallInfo fcinfo, int number)
{
	const char *results = PG_ARGISNULL(number) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(number));

	if (strcmp(results, "all") == 0)
		return RESULTS_ALL;
	if (strcmp(results, "outcomes") == 0)
		return RESULTS_OUTCOMES;
	if (strcmp(results, "failed") == 0)
		return RESULTS_FAILED;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("results must be 'all', 'outcomes' or 'failed'."),
			 errhint("'outcomes' leaves out changes, events and contact, 'failed' all rows but those of failures.")));
}

PG_FUNCTION_INFO_V1(contacts_upsert_many);
Datum
contacts_upsert_many(PG_FUNCTION_ARGS)
{
	BulkOptions options = {.stops = stops_argument(fcinfo, 1)};
	WantedResults wanted = results_argument(fcinfo, 2);
	UpsertResults results;
	Datum there;

	if (delegate_upsert(fcinfo, 3, "contacts.upsert_many()", &there))
		return there;
	errors_raise_unless_writable("contacts.upsert_many()");
	upsert_results_begin(&results, wanted, fcinfo);
	bulk_upsert(
		settings_workspace_argument(fcinfo, 3), PG_ARGISNULL(0) ? NULL : PG_GETARG_JSONB_P(0), options, &results);
	upsert_results_return(&results);
	return (Datum)0;
}

PG_FUNCTION_INFO_V1(contacts_current_workspace);
Datum
contacts_current_workspace(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(settings_workspace_id());
}
