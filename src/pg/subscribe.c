/*
 * subscribe.c - contacts.subscribe and contacts.unsubscribe, which register and remove consumers.
 *
 * Both hold up all writers until they commit, so grant_access() does not grant them: the owner of the tables may call them, and
 * members to which EXECUTE is granted. Their bodies are in SQL (events.sql), under the same names in contacts_internal, where
 * no other role than the owner may call them. The bodies run here as the owner, once it is clear that the caller may act for
 * the workspace.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/syscache.h"

#include "delegate.h"
#include "errors.h"
#include "member.h"
#include "owner.h"
#include "settings.h"

/* Finds the function of the same name and parameters in contacts_internal, whatever the caller may see of that schema. */
static Oid
find_body(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc entry;
	Oid body;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "there is no function %u", function);
	entry = (Form_pg_proc)GETSTRUCT(tuple);
	body = GetSysCacheOid3(PROCNAMEARGSNSP,
						   Anum_pg_proc_oid,
						   CStringGetDatum(NameStr(entry->proname)),
						   PointerGetDatum(&entry->proargtypes),
						   ObjectIdGetDatum(get_namespace_oid("contacts_internal", false)));
	if (!OidIsValid(body))
		elog(ERROR, "there is no function contacts_internal.%s", NameStr(entry->proname));
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
	int64 workspace = settings_workspace_argument(fcinfo, last);

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
	Datum there;

	if (delegate_call(fcinfo, 4, "contacts.subscribe()", &there))
		return there;
	errors_raise_unless_writing("contacts.subscribe()");
	return call_body(fcinfo);
}

PG_FUNCTION_INFO_V1(contacts_unsubscribe);
Datum
contacts_unsubscribe(PG_FUNCTION_ARGS)
{
	Datum there;

	if (delegate_call(fcinfo, 1, "contacts.unsubscribe()", &there))
		return there;
	errors_raise_unless_writing("contacts.unsubscribe()");
	return call_body(fcinfo);
}
