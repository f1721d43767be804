/*
 * upsert_result.c - fills rows of contacts.upsert_result, and sorts those of an array by position.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "errors.h"
#include "jsonb_writer.h"
#include "row_error.h"
#include "upsert_result.h"

#define FAILED (CU_SKIPPED + 1)

static const char *const outcome_names[] = {[CU_CREATED] = "created",
											[CU_UPDATED] = "updated",
											[CU_UNCHANGED] = "unchanged",
											[CU_SKIPPED] = "skipped",
											[FAILED] = "failed"};

/* no_decision is that of a rejected request. */
static const cu_decision no_decision;

static int
outcome_of(const Upsert *upsert)
{
	return upsert->rejected ? FAILED : (int)upsert->decision.outcome;
}

pg_noreturn static void
raise_other_type(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("The type contacts.upsert_result or contacts.outcome is not as contact_upsert made it."),
			 errhint("Undo what ALTER TYPE changed: the functions of contact_upsert return rows of just that type.")));
}

/* Returns the value of contacts.outcome. */
static Oid
outcome_oid(const RowType *type, int outcome)
{
	Oid value =
		GetSysCacheOid2(ENUMTYPOIDNAME,
						Anum_pg_enum_oid,
						ObjectIdGetDatum(TupleDescAttr(type->descriptor, type->places[RESULT_OUTCOME])->atttypid),
						CStringGetDatum(outcome_names[outcome]));

	if (!OidIsValid(value))
		raise_other_type();
	return value;
}

/* Returns the row type of a function's results, after a check that it has the columns that fill() fills. */
static RowType
row_type(FunctionCallInfo fcinfo)
{
	/* The outcome, an enum, is for outcome_oid() to check. */
	static const Oid types[RESULT_COLUMN_COUNT] = {
		INT8OID, InvalidOid, TEXTOID, TEXTOID, INT8OID, JSONBOID, JSONBOID, JSONBOID, JSONBOID};
	RowType type;
	int count = 0;

	if (get_call_result_type(fcinfo, NULL, &type.descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < type.descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(type.descriptor, i);

		if (attribute->attisdropped)
			continue;
		if (count == RESULT_COLUMN_COUNT || (types[count] != InvalidOid && attribute->atttypid != types[count]))
			raise_other_type();
		type.places[count++] = i;
	}
	if (count != RESULT_COLUMN_COUNT)
		raise_other_type();
	return type;
}

#define SET_COLUMN(column, datum) (values[type->places[column]] = (datum), nulls[type->places[column]] = false)

/* Fills the row of a request; without its changes, events and contact, which are most of the work, if in_full is false. */
static void
fill(const RowType *type, Datum *values, bool *nulls, int64 position, Oid outcome, const Upsert *upsert, bool in_full)
{
	/* A rejected request leaves the contact as it was. */
	const ContactRow *contact = upsert->rejected ? &upsert->found : &upsert->after;

	memset(nulls, true, sizeof(bool) * (size_t)type->descriptor->natts);
	SET_COLUMN(RESULT_POSITION, Int64GetDatum(position));
	SET_COLUMN(RESULT_OUTCOME, ObjectIdGetDatum(outcome));
	if (contact->id[0])
		SET_COLUMN(RESULT_ID, CStringGetTextDatum(contact->id));
	if (upsert->found.email)
		SET_COLUMN(RESULT_EMAIL, upsert->found.email);
	if (contact->version > 0)
		SET_COLUMN(RESULT_VERSION, Int64GetDatum(contact->version));
	if (upsert->rejected)
		SET_COLUMN(
			RESULT_ERROR,
			JsonbPGetDatum(upsert->row_error ? row_error_as_jsonb(upsert->row_error) : errors_as_jsonb(upsert->error)));
	if (!in_full)
		return;
	SET_COLUMN(RESULT_EVENTS, JsonbPGetDatum(jsonb_write_events(upsert->rejected ? &no_decision : &upsert->decision)));
	if (upsert->rejected)
		return;
	if (upsert->decision.outcome == CU_UPDATED)
		SET_COLUMN(RESULT_CHANGES, JsonbPGetDatum(jsonb_write_changes(&upsert->decision)));
	if (upsert->decision.outcome != CU_SKIPPED || contact->exists)
		SET_COLUMN(RESULT_CONTACT, JsonbPGetDatum(jsonb_write_contact(contact, &upsert->decision)));
}

/* Fills a row of a contact that was only read. */
static void
fill_read(const RowType *type, Datum *values, bool *nulls, int64 position, const ContactRow *contact,
		  const cu_decision *decision)
{
	memset(nulls, true, sizeof(bool) * (size_t)type->descriptor->natts);
	SET_COLUMN(RESULT_POSITION, Int64GetDatum(position));
	SET_COLUMN(RESULT_ID, CStringGetTextDatum(contact->id));
	SET_COLUMN(RESULT_EMAIL, contact->email);
	SET_COLUMN(RESULT_VERSION, Int64GetDatum(contact->version));
	SET_COLUMN(RESULT_CONTACT, JsonbPGetDatum(jsonb_write_contact(contact, decision)));
}
#undef SET_COLUMN

Datum
upsert_result_as_row(FunctionCallInfo fcinfo, int64 position, const Upsert *upsert)
{
	RowType type = row_type(fcinfo);
	Datum *values = palloc(sizeof(Datum) * (size_t)type.descriptor->natts);
	bool *nulls = palloc(sizeof(bool) * (size_t)type.descriptor->natts);

	type.descriptor = BlessTupleDesc(type.descriptor);
	fill(&type, values, nulls, position, outcome_oid(&type, outcome_of(upsert)), upsert, true);
	return HeapTupleGetDatum(heap_form_tuple(type.descriptor, values, nulls));
}

static void
begin_rows(UpsertResults *results)
{
	AttrNumber position = (AttrNumber)(results->type.places[RESULT_POSITION] + 1);
	Oid less_than = Int8LessOperator;
	Oid collation = InvalidOid;
	bool nulls_first = false;

	results->rows = tuplesort_begin_heap(
		results->type.descriptor, 1, &position, &less_than, &collation, &nulls_first, work_mem, NULL, false);
}

void
upsert_results_begin(UpsertResults *results, WantedResults wanted, FunctionCallInfo fcinfo)
{
	ReturnSetInfo *info = (ReturnSetInfo *)fcinfo->resultinfo;
	MemoryContext caller;

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("A set of results cannot be returned here."),
				 errhint("Call the function in FROM, or in the select list of a SELECT.")));

	caller = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	*results = (UpsertResults){.info = info, .type = row_type(fcinfo), .wanted = wanted};
	for (size_t i = 0; i < lengthof(results->outcomes); i++)
		results->outcomes[i] = outcome_oid(&results->type, (int)i);
	results->scratch = AllocSetContextCreate(CurrentMemoryContext, "contact_upsert result", ALLOCSET_DEFAULT_SIZES);
	results->slot = MakeSingleTupleTableSlot(results->type.descriptor, &TTSOpsVirtual);
	begin_rows(results);
	MemoryContextSwitchTo(caller);
}

void
upsert_results_add(UpsertResults *results, int64 position, const Upsert *upsert)
{
	TupleTableSlot *slot = results->slot;
	MemoryContext caller;

	if (results->wanted == RESULTS_FAILED && !upsert->rejected)
		return;
	ExecClearTuple(slot);
	caller = MemoryContextSwitchTo(results->scratch);
	fill(&results->type,
		 slot->tts_values,
		 slot->tts_isnull,
		 position,
		 results->outcomes[outcome_of(upsert)],
		 upsert,
		 results->wanted != RESULTS_OUTCOMES);
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(results->rows, slot);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(results->scratch);
}

void
upsert_results_add_read(UpsertResults *results, int64 position, const ContactRow *contact, const cu_decision *decision)
{
	TupleTableSlot *slot = ExecClearTuple(results->slot);
	MemoryContext caller = MemoryContextSwitchTo(results->scratch);

	fill_read(&results->type, slot->tts_values, slot->tts_isnull, position, contact, decision);
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(results->rows, slot);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(results->scratch);
}

void
upsert_results_return(UpsertResults *results)
{
	ReturnSetInfo *info = results->info;
	MemoryContext caller = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	Tuplestorestate *set = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	TupleTableSlot *sorted = MakeSingleTupleTableSlot(results->type.descriptor, &TTSOpsMinimalTuple);

	ExecDropSingleTupleTableSlot(results->slot);
	tuplesort_performsort(results->rows);
	while (tuplesort_gettupleslot(results->rows, true, false, sorted, NULL))
	{
		CHECK_FOR_INTERRUPTS();
		tuplestore_puttupleslot(set, sorted);
	}
	ExecDropSingleTupleTableSlot(sorted);
	tuplesort_end(results->rows);
	MemoryContextDelete(results->scratch);

	info->returnMode = SFRM_Materialize;
	info->setResult = set;
	info->setDesc = results->type.descriptor;
	MemoryContextSwitchTo(caller);
}
