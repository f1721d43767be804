/*
 * proxy_call.c - calls through PL/Proxy: contacts_internal.send() and contacts_internal.send_request() of sql/proxy/partitions.sql are the two
 * functions in its language, and serve.c is at their other end.
 *
 * An error of the partition's comes back as a value, and is raised here as it was raised there. What PL/Proxy itself raises says which of
 * its functions has failed; proxy_error.c makes it say what has happened to the call.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "call_header.h"
#include "error_text.h"
#include "errors.h"
#include "pg_compat.h"
#include "proxy_call.h"
#include "proxy_error.h"
#include "settings.h"
#include "statement.h"
#include "versions.h"

static Statement send_call = {
	.sql = "SELECT s.r FROM contacts_internal.send($1, $2, $3, $4) s (r)",
	.parameter_count = 4,
	.parameter_types = {TEXTOID, INT4OID, TEXTOID, TEXTARRAYOID},
};

/* Whether an option of the server is a partition: p and its number. */
static bool
is_partition(const char *option)
{
	return option[0] == 'p' && option[1] != '\0' && strspn(option + 1, "0123456789") == strlen(option + 1);
}

/* partition_count is how many partitions the server names, 0 while that is not known. */
static int partition_count;

/* Takes note that a foreign server has been made, altered or dropped. */
static void
server_changed(Datum argument, int cache, uint32 hash)
{
	partition_count = 0;
}

/* checked_role is the role whose user mapping was last looked at. */
static Oid checked_role = InvalidOid;

static void
mapping_changed(Datum argument, int cache, uint32 hash)
{
	checked_role = InvalidOid;
}

void
proxy_call_init(void)
{
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, server_changed, (Datum)0);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, mapping_changed, (Datum)0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, mapping_changed, (Datum)0);
	CacheRegisterSyscacheCallback(AUTHOID, mapping_changed, (Datum)0);
}

static const char *
mapping_option(const UserMapping *mapping, const char *name)
{
	ListCell *cell;

	foreach (cell, mapping->options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0)
			return defGetString(option);
	}
	return NULL;
}

/*
 * Raises where the role would be another in the partitions that need not say a password for it. For a role with USAGE on the server may change its own user
 * mapping, and the partitions may trust the machine of the proxy. A password that nobody asks for is no protection: see docs/scale-out.md,
 * "Who may do what".
 */
static void
check_mapping(Oid server)
{
	Oid role = GetUserId();
	const UserMapping *mapping;
	const char *user;

	if (role == checked_role)
		return;
	mapping = GetUserMapping(role, server);
	user = mapping_option(mapping, "user");
	if (user && strcmp(user, GetUserNameFromId(role, false)) != 0 && !mapping_option(mapping, "password") &&
		!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("The user mapping of role %s names another role without its password.",
						GetUserNameFromId(role, false)),
				 errhint("CREATE or ALTER USER MAPPING ... OPTIONS (user ..., password ...), and have the partitions "
						 "ask for it.")));
	checked_role = role;
}

static int
count_partitions(void)
{
	ForeignServer *server = GetForeignServerByName(PROXY_SERVER, true);
	ListCell *cell;
	int count = 0;

	foreach (cell, server ? server->options : NIL)
		count += is_partition(lfirst_node(DefElem, cell)->defname) ? 1 : 0;
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("There is no server \"%s\" that names the partitions.", PROXY_SERVER),
				 errhint("CREATE SERVER %s FOREIGN DATA WRAPPER plproxy OPTIONS (p0 'host=... dbname=...', p1 "
						 "'host=... dbname=...'); "
						 "and a USER MAPPING for each role.",
						 PROXY_SERVER)));
	return count;
}

int
proxy_partition_count(void)
{
	if (partition_count == 0)
		partition_count = count_partitions();
	return partition_count;
}

int
proxy_partition_of(int64 workspace_id)
{
	int count = proxy_partition_count();

	/* No workspace has such an id: the partition that is asked says so. */
	return workspace_id < 0 ? 0 : (int)(workspace_id % count);
}

void
proxy_refuse_in_transaction(const char *call)
{
	errors_raise_unless_writing(call);
	/* In a pipeline, the first statement does not know that others follow. */
	if (settings_proxy_in_transaction() ||
		!(IsTransactionBlock() || IsSubTransaction() || (MyXactFlags & XACT_FLAGS_PIPELINING)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			 errmsg("%s cannot run inside a transaction block of a proxy", call),
			 errdetail("It commits in its partition at once, and a rollback here would not undo it."),
			 errhint("Call it outside of transaction blocks, savepoints and PL/pgSQL blocks with EXCEPTION; or connect "
					 "to the partition "
					 "(contacts.partition_of() names it); or SET contact_upsert_proxy.allow_in_transaction = on.")));
}

/* Tells the error again, which PL/Proxy has raised, in words of ours. */
pg_noreturn static void
raise_again(MemoryContext caller, int number)
{
	ErrorData *error;

	MemoryContextSwitchTo(caller);
	error = CopyErrorData();
	FlushErrorState();
	ReThrowError(proxy_error(error, number));
	pg_unreachable();
}

/* Executes contacts_internal.send(). */
static uint64
execute_send(Datum *parameters, int number)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile uint64 count = 0;

	check_mapping(get_foreign_server_oid(PROXY_SERVER, false));
	PG_TRY();
	{
		count = statement_execute(&send_call, parameters);
	}
	PG_CATCH();
	{
		raise_again(caller, number);
	}
	PG_END_TRY();
	return count;
}

/* Returns how contacts_internal.send_request() is called: without a statement, which would cost as much again as what it does. */
static FmgrInfo *
request_sender(void)
{
	static FmgrInfo sender;
	static uint64 known_changes = 0;
	uint64 changes = versions_function_changes();

	if (known_changes != changes)
	{
		Oid types[] = {TEXTOID, INT4OID};
		List *name = list_make2(makeString("contacts_internal"), makeString("send_request"));

		known_changes = 0;
		fmgr_info_cxt(LookupFuncName(name, lengthof(types), types, false), &sender, TopMemoryContext);
		known_changes = changes;
	}
	if (!may_execute(sender.fn_oid, GetUserId()))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(sender.fn_oid));
	InvokeFunctionExecuteHook(sender.fn_oid);
	return &sender;
}

/* Has a partition answer the call; returns NULL for null. */
static text *
send_request(const char *call, int number)
{
	MemoryContext caller = CurrentMemoryContext;
	FmgrInfo *sender = request_sender();
	text *volatile answer = NULL;

	check_mapping(get_foreign_server_oid(PROXY_SERVER, false));
	PG_TRY();
	{
		LOCAL_FCINFO(fcinfo, 2);
		Datum result;

		InitFunctionCallInfoData(*fcinfo, sender, 2, InvalidOid, NULL, NULL);
		fcinfo->args[0] = (NullableDatum){.value = CStringGetTextDatum(call), .isnull = false};
		fcinfo->args[1] = (NullableDatum){.value = Int32GetDatum(number), .isnull = false};
		result = FunctionCallInvoke(fcinfo);
		answer = fcinfo->isnull ? NULL : DatumGetTextPP(result);
	}
	PG_CATCH();
	{
		raise_again(caller, number);
	}
	PG_END_TRY();
	return answer;
}

/* Raises the error that is a row of what was sent back, if it is one. What serve.c does not send is refused. */
static void
check_row(const char *row)
{
	ErrorData *error = row[0] == '!' ? error_text_read(row + 1) : NULL;

	if (error)
		ThrowErrorData(error);
	if (row[0] != '=')
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("The partition sent an answer that this proxy does not understand: %s", row)));
}

char *
proxy_row(uint64 row)
{
	bool is_null;
	Datum value = statement_nullable_column(row, 1, &is_null);
	char *marked = is_null ? NULL : TextDatumGetCString(value);

	if (marked == NULL)
		return NULL;
	check_row(marked);
	return marked + 1;
}

static void
begin_call(StringInfo call, int number, int64 workspace_id)
{
	initStringInfo(call);
	call_header_append(call, number, proxy_partition_count(), workspace_id);
}

uint64
proxy_call(int number, const char *function, Datum *arguments, bool *nulls, int argument_count)
{
	int length = argument_count;
	int lower_bound = 1;
	ArrayType *array = construct_md_array(arguments, nulls, 1, &length, &lower_bound, TEXTOID, -1, false, TYPALIGN_INT);
	StringInfoData header;
	Datum parameters[] = {0, Int32GetDatum(number), CStringGetTextDatum(function), PointerGetDatum(array)};
	uint64 count;

	begin_call(&header, number, 0);
	parameters[0] = CStringGetTextDatum(header.data);
	count = execute_send(parameters, number);
	/* An error is the only row, and raised also where no row is wanted. */
	if (count > 0)
		(void)proxy_row(0);
	return count;
}

char *
proxy_answer(int64 workspace_id, Datum request)
{
	int number = proxy_partition_of(workspace_id);
	StringInfoData call;
	const text *answer;
	char *row;

	begin_call(&call, number, workspace_id);
	if (request)
	{
		Jsonb *json = DatumGetJsonbP(request);

		appendStringInfoChar(&call, '\n');
		(void)JsonbToCString(&call, &json->root, VARSIZE(json));
	}
	answer = send_request(call.data, number);
	if (answer == NULL)
		ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION), errmsg("The partition sent no answer.")));
	row = text_to_cstring(answer);
	check_row(row);
	return row + 1;
}
