/*
 * undo.c - what contacts.undo_import (sql/undo.sql) needs in C: contacts get back what they had before an import, by the way of an
 * array of requests.
 */
#include "postgres.h"

#include "fmgr.h"

#include "bulk.h"
#include "errors.h"

PG_FUNCTION_INFO_V1(contacts_restore_contacts);
Datum
contacts_restore_contacts(PG_FUNCTION_ARGS)
{
	BulkOptions options = {.restores = true};
	UpsertResults results;

	errors_raise_unless_writable("contacts.undo_import()");
	upsert_results_begin(&results, RESULTS_FAILED, fcinfo);
	bulk_upsert(PG_GETARG_INT64(1), PG_GETARG_JSONB_P(0), options, &results);
	upsert_results_return(&results);
	return (Datum)0;
}
