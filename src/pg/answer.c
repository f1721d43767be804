/*
 * answer.c - the call that counts, contact_upsert(), as a partition answers it to its proxy.
 *
 * contacts_answer() does what contacts_serve() would do, without a subtransaction, which would cost a change one more transaction id: so only
 * what rejects a request before anything is written is a row; another error leaves as one, with all that it says in its DETAIL. It takes one
 * text, the header of the call and behind it, on lines of its own, the request.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "call_header.h"
#include "error_text.h"
#include "errors.h"
#include "jsonb_writer.h"
#include "pg_compat.h"
#include "serve.h"
#include "statement.h"
#include "upsert.h"

/* Runs a request; what rejects it is a row as long as nothing is written, and then the transaction has no id. */
static text *
answer_call(const char *call)
{
	MemoryContext caller = CurrentMemoryContext;
	const char *request;
	int64 workspace_id = call_header_accept(call, &request);
	Upsert upsert;
	text *row;

	statement_connect();
	if (!upsert_run_for_answer(
			workspace_id, request ? DirectFunctionCall1(jsonb_in, CStringGetDatum(request)) : (Datum)0, &upsert))
	{
		if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
			errors_raise(upsert.error);
		MemoryContextSwitchTo(caller);
		row = serve_row('!', error_text_write(errors_as_data(upsert.error)));
	}
	else
	{
		Jsonb *answer;

		MemoryContextSwitchTo(caller);
		answer = jsonb_write_answer(&upsert.after, &upsert.decision);
		row = serve_row('=', JsonbToCString(NULL, &answer->root, VARSIZE(answer)));
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
		row = answer_call(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		serve_raise(error);
	}
	PG_END_TRY();
	PG_RETURN_TEXT_P(row);
}
