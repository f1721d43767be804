/*
 * serve.c - what a partition does for its proxy (docs/scale-out.md, "PL/Proxy"): it calls one function for it.
 *
 * An error that left the call as an error would reach the proxy without the names of its objects, in words that PL/Proxy puts around
 * them, and would cost the proxy its connection. So a call answers rows of text: '=' and the value, null for null, or one row '!' and
 * the error, as error_text_write() writes it.
 *
 * contacts_serve() runs any function of ours in a subtransaction, so that every error can be a row; answer.c has the call that counts.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

#include "call_header.h"
#include "error_text.h"
#include "pg_compat.h"
#include "serve.h"
#include "served_plan.h"
#include "statement.h"

/* A Call is what the proxy wants. */
typedef struct Call
{
	const char *header;
	WantedFunction function;
	Datum *arguments; /* texts */
	bool *nulls;
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

text *
serve_row(char mark, const char *value)
{
	size_t length = strlen(value);
	text *row = palloc(VARHDRSZ + 1 + length);

	SET_VARSIZE(row, VARHDRSZ + 1 + length);
	*VARDATA(row) = mark;
	memcpy(VARDATA(row) + 1, value, length);
	return row;
}

/* Runs the call and adds its rows. */
static void
run_call(const Call *call, ReturnSetInfo *info)
{
	char *nulls = palloc((Size)call->function.argument_count + 1);
	MemoryContext caller = CurrentMemoryContext;
	const char *rest;
	int nest_level;
	int result;

	if (!Array_nulls)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("A partition cannot be called where array_nulls is off: null would become the text NULL."),
				 errhint("ALTER ROLE or ALTER DATABASE ... RESET array_nulls in the partition.")));
	(void)call_header_accept(call->header, &rest);
	for (int i = 0; i < call->function.argument_count; i++)
		nulls[i] = call->nulls[i] ? 'n' : ' ';
	nest_level = serve_begin_text();
	statement_connect();
	result = SPI_execute_plan(served_plan(&call->function), call->arguments, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "could not execute a statement: %s", SPI_result_code_string(result));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool is_null;
		Datum value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null);
		Datum row = is_null ? (Datum)0 : PointerGetDatum(serve_row('=', TextDatumGetCString(value)));

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(info->setResult, info->setDesc, &row, &is_null);
		if (!is_null)
			pfree(DatumGetPointer(row));
	}
	SPI_finish();
	AtEOXact_GUC(true, nest_level);
	MemoryContextSwitchTo(caller);
}

void
serve_raise(ErrorData *error)
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
		serve_raise(error);
	return error;
}

/* What contacts_serve() takes, in order. */
enum ServeArgument
{
	SERVE_HEADER,
	SERVE_FUNCTION,
	SERVE_ARGUMENTS,
};

PG_FUNCTION_INFO_V1(contacts_serve);
Datum
contacts_serve(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = (ReturnSetInfo *)fcinfo->resultinfo;
	ErrorData *error;
	Call call;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	call.header = text_to_cstring(PG_GETARG_TEXT_PP(SERVE_HEADER));
	call.function.proxy_version = pnstrdup(call.header, strcspn(call.header, " "));
	call.function.name = text_to_cstring(PG_GETARG_TEXT_PP(SERVE_FUNCTION));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(SERVE_ARGUMENTS),
					  TEXTOID,
					  -1,
					  false,
					  TYPALIGN_INT,
					  &call.arguments,
					  &call.nulls,
					  &call.function.argument_count);
	error = try_call(&call, info);
	if (error)
	{
		Datum row = PointerGetDatum(serve_row('!', error_text_write(error)));
		bool is_null = false;

		tuplestore_clear(info->setResult);
		tuplestore_putvalues(info->setResult, info->setDesc, &row, &is_null);
	}
	return (Datum)0;
}
