/*
 * serve.c - what a partition does for its proxy (docs/scale-out.md, "PL/Proxy"): it runs one function for it.
 *
 * An error that left the call as an error would reach the proxy without the names of its objects, in words that PL/Proxy puts around
 * them, and would cost the proxy its connection. So a call answers rows of text: '=' and the value, null for null, or one row '!' and
 * the error, as error_text_write() writes it.
 *
 * contacts_serve() runs any function of ours in a subtransaction, so that every error can be a row. contacts_answer() is for the call that
 * counts, contact_upsert(): a subtransaction would cost a change one more transaction id, so only what rejects a request before anything
 * is written is a row; another error leaves as one, with all that it says in its DETAIL.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
#include "utils/varlena.h"

#include "error_text.h"
#include "errors.h"
#include "jsonb_writer.h"
#include "numbering.h"
#include "pg_compat.h"
#include "serve.h"
#include "statement.h"
#include "upsert.h"
#include "versions.h"

#define MAX_PLANS 128

/* A ServedPlan is the statement that calls a function. */
typedef struct ServedPlan
{
	char function[2 * NAMEDATALEN + 1]; /* schema.name, the key */
	int argument_count;
	SPIPlanPtr plan;
} ServedPlan;

static HTAB *plans;

/* A Call is what the proxy wants. */
typedef struct Call
{
	const char *version;
	Partition partition;
	const char *function;
	Datum *arguments; /* texts */
	bool *nulls;
	int argument_count;
} Call;

/* text_settings are those that values depend on as they become text, and are read again. */
static const char *const text_settings[][2] = {
	{"datestyle", "ISO"}, {"intervalstyle", "postgres"}, {"extra_float_digits", "1"}};

int
serve_begin_text(void)
{
	int nest_level = NewGUCNestLevel();

	for (size_t i = 0; i < lengthof(text_settings); i++)
		(void)set_config_option(
			text_settings[i][0], text_settings[i][1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

/* Returns a text with a mark before it. */
static text *
marked(char mark, const char *value)
{
	size_t length = strlen(value);
	text *row = palloc(VARHDRSZ + 1 + length);

	SET_VARSIZE(row, VARHDRSZ + 1 + length);
	*VARDATA(row) = mark;
	memcpy(VARDATA(row) + 1, value, length);
	return row;
}

pg_noreturn static void
raise_no_function(const Call *call)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_UNDEFINED_FUNCTION),
		 errmsg("This partition has no function %s with %d arguments, which the proxy calls.",
				call->function,
				call->argument_count),
		 errdetail(
			 "The proxy is of version %s, the library of this partition of %s.", call->version, versions_library()),
		 errhint("ALTER EXTENSION contact_upsert UPDATE; in the partition, and contact_upsert_proxy at the proxy.")));
}

/* Returns the oid of the function that has the name and takes as many arguments. None of ours has two of one name and number. */
static Oid
find_function(const Call *call)
{
	List *names = textToQualifiedNameList(cstring_to_text(call->function));
	const char *schema;
	char *name;
	CatCList *candidates;
	Oid found = InvalidOid;

	if (list_length(names) != 2)
		raise_no_function(call);
	schema = strVal(linitial(names));
	name = strVal(lsecond(names));
	if (strcmp(schema, "contacts") != 0 && strcmp(schema, "contacts_internal") != 0)
		raise_no_function(call);
	candidates = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	for (int i = 0; i < candidates->n_members; i++)
	{
		Form_pg_proc form = (Form_pg_proc)GETSTRUCT(&candidates->members[i]->tuple);

		if (form->pronamespace == get_namespace_oid(schema, false) && form->pronargs == call->argument_count &&
			form->prokind == PROKIND_FUNCTION)
			found = form->oid;
	}
	ReleaseSysCacheList(candidates);
	if (!OidIsValid(found))
		raise_no_function(call);
	return found;
}

/* Returns the statement that calls the function, with parameters that are texts. */
static char *
statement_of(Oid function, int argument_count)
{
	StringInfoData sql;
	Oid *types;
	int count;

	(void)get_func_signature(function, &types, &count);
	initStringInfo(&sql);
	appendStringInfo(
		&sql,
		"SELECT CAST(f AS pg_catalog.text) FROM %s(",
		quote_qualified_identifier(get_namespace_name(get_func_namespace(function)), get_func_name(function)));
	for (int i = 0; i < argument_count; i++)
		appendStringInfo(&sql, "%sCAST($%d AS %s)", i == 0 ? "" : ", ", i + 1, format_type_be_qualified(types[i]));
	appendStringInfoString(&sql, ") AS f");
	return sql.data;
}

/* Returns the plan of a call, which stays: PostgreSQL analyzes it again when the function has changed. */
static SPIPlanPtr
plan_of(const Call *call)
{
	ServedPlan *known;
	bool found;

	if (strlen(call->function) >= sizeof(known->function))
		raise_no_function(call);
	if (plans == NULL)
	{
		HASHCTL control = {.keysize = sizeof(known->function), .entrysize = sizeof(ServedPlan)};

		plans = hash_create("contact_upsert served functions", MAX_PLANS, &control, HASH_ELEM | HASH_STRINGS);
	}
	known = hash_search(plans, call->function, HASH_FIND, NULL);
	if (known == NULL || known->argument_count != call->argument_count)
	{
		Oid function = find_function(call);
		Oid *types = palloc(sizeof(Oid) * Max(call->argument_count, 1));
		SPIPlanPtr plan;

		for (int i = 0; i < call->argument_count; i++)
			types[i] = TEXTOID;
		plan = SPI_prepare(statement_of(function, call->argument_count), call->argument_count, types);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
		known = hash_search(plans, call->function, HASH_ENTER, &found);
		known->argument_count = call->argument_count;
		known->plan = plan;
	}
	return known->plan;
}

/* Runs the call and adds its rows. */
static void
run_call(const Call *call, ReturnSetInfo *info)
{
	char *nulls = palloc((Size)call->argument_count + 1);
	MemoryContext caller = CurrentMemoryContext;
	int nest_level;
	int result;

	if (!Array_nulls)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("A partition cannot be called where array_nulls is off: null would become the text NULL."),
				 errhint("ALTER ROLE or ALTER DATABASE ... RESET array_nulls in the partition.")));
	partition_check_call(call->version, call->partition);
	for (int i = 0; i < call->argument_count; i++)
		nulls[i] = call->nulls[i] ? 'n' : ' ';
	nest_level = serve_begin_text();
	statement_connect();
	result = SPI_execute_plan(plan_of(call), call->arguments, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "could not execute a statement: %s", SPI_result_code_string(result));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool is_null;
		Datum value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null);
		Datum row = is_null ? (Datum)0 : PointerGetDatum(marked('=', TextDatumGetCString(value)));

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(info->setResult, info->setDesc, &row, &is_null);
		if (!is_null)
			pfree(DatumGetPointer(row));
	}
	SPI_finish();
	AtEOXact_GUC(true, nest_level);
	MemoryContextSwitchTo(caller);
}

/*
 * Raises an error again with all that it says in its DETAIL. PL/Proxy would take a cancel of the partition's for one of its own, and wait for
 * ever for the answer that it has read: so a cancel has another SQLSTATE on its way, but not where a block with EXCEPTION might catch that.
 */
pg_noreturn static void
raise_marked(ErrorData *error)
{
	error->detail = psprintf("%s%s", SERVE_ERROR_MARK, error_text_write(error));
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && !IsSubTransaction())
		error->sqlerrcode = ERRCODE_OPERATOR_INTERVENTION;
	ReThrowError(error);
	pg_unreachable();
}

/* Runs the call in a subtransaction; returns the error that it ended with, or NULL. A cancel ends all. */
static ErrorData *
try_call(const Call *call, ReturnSetInfo *info)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		run_call(call, info);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error && ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION))
		raise_marked(error);
	return error;
}

/* What contacts_serve() and contacts_answer() take, in order. */
enum ServeArgument
{
	SERVE_VERSION,
	SERVE_NUMBER,
	SERVE_COUNT,
	SERVE_FUNCTION,
	SERVE_ARGUMENTS,
	ANSWER_REQUEST = 3,
	ANSWER_WORKSPACE,
};

static Partition
called_partition(FunctionCallInfo fcinfo)
{
	return (Partition){.number = PG_GETARG_INT32(SERVE_NUMBER), .count = PG_GETARG_INT32(SERVE_COUNT)};
}

PG_FUNCTION_INFO_V1(contacts_serve);
Datum
contacts_serve(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = (ReturnSetInfo *)fcinfo->resultinfo;
	ErrorData *error;
	Call call;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	call.version = text_to_cstring(PG_GETARG_TEXT_PP(SERVE_VERSION));
	call.partition = called_partition(fcinfo);
	call.function = text_to_cstring(PG_GETARG_TEXT_PP(SERVE_FUNCTION));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(SERVE_ARGUMENTS),
					  TEXTOID,
					  -1,
					  false,
					  TYPALIGN_INT,
					  &call.arguments,
					  &call.nulls,
					  &call.argument_count);
	error = try_call(&call, info);
	if (error)
	{
		Datum row = PointerGetDatum(marked('!', error_text_write(error)));
		bool is_null = false;

		tuplestore_clear(info->setResult);
		tuplestore_putvalues(info->setResult, info->setDesc, &row, &is_null);
	}
	return (Datum)0;
}

/* Runs a request; what rejects it is a row as long as nothing is written, and then the transaction has no id. */
static text *
answer_request(FunctionCallInfo fcinfo, MemoryContext caller)
{
	Upsert upsert;
	text *row;

	for (int i = 0; i <= ANSWER_WORKSPACE; i++)
		if (i != ANSWER_REQUEST && PG_ARGISNULL(i))
			elog(ERROR, "contacts_internal.answer() needs all but the request");
	partition_check_call(text_to_cstring(PG_GETARG_TEXT_PP(SERVE_VERSION)), called_partition(fcinfo));
	statement_connect();
	if (!upsert_run_for_answer(PG_GETARG_INT64(ANSWER_WORKSPACE),
							   PG_ARGISNULL(ANSWER_REQUEST) ? (Datum)0 : PG_GETARG_DATUM(ANSWER_REQUEST),
							   &upsert))
	{
		if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
			errors_raise(upsert.error);
		MemoryContextSwitchTo(caller);
		row = marked('!', error_text_write(errors_as_data(upsert.error)));
	}
	else
	{
		Jsonb *answer;

		MemoryContextSwitchTo(caller);
		answer = jsonb_write_answer(&upsert.after, &upsert.decision);
		row = marked('=', JsonbToCString(NULL, &answer->root, VARSIZE(answer)));
	}
	SPI_finish();
	return row;
}

PG_FUNCTION_INFO_V1(contacts_answer);
Datum
contacts_answer(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	text *volatile row = NULL;

	PG_TRY();
	{
		row = answer_request(fcinfo, caller);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		raise_marked(error);
	}
	PG_END_TRY();
	PG_RETURN_TEXT_P(row);
}
