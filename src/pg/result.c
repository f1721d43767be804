/*
 * result.c - see result.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_operator.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "encoding.h"
#include "json_writer.h"
#include "report.h"
#include "result.h"

#define COLUMNS 8
#define FAILED (CU_UNCHANGED + 1)

static const char *const outcome_names[] = {
	[CU_CREATED] = "created", [CU_UPDATED] = "updated", [CU_UNCHANGED] = "unchanged", [FAILED] = "failed"};

static int
outcome_of(const Upsert *upsert)
{
	return upsert->rejected ? FAILED : (int)upsert->decision.outcome;
}

/* Returns the value of contacts.outcome. */
static Oid
outcome_oid(TupleDesc descriptor, int outcome)
{
	return GetSysCacheOid2(ENUMTYPOIDNAME,
						   Anum_pg_enum_oid,
						   ObjectIdGetDatum(TupleDescAttr(descriptor, 1)->atttypid),
						   CStringGetDatum(outcome_names[outcome]));
}

static void
fill(Datum values[COLUMNS], bool nulls[COLUMNS], int64 position, Oid outcome, const Upsert *upsert)
{
	memset(nulls, true, COLUMNS);
#define SET_COLUMN(number, datum) (values[number] = (datum), nulls[number] = false)
	SET_COLUMN(0, Int64GetDatum(position));
	SET_COLUMN(1, ObjectIdGetDatum(outcome));
	if (upsert->facts.email.size > 0)
		SET_COLUMN(3, encoding_to_text(upsert->facts.email));
	if (upsert->rejected)
	{
		SET_COLUMN(7, JsonbPGetDatum(report_as_json(upsert->error)));
		return;
	}
	if (upsert->facts.id)
		SET_COLUMN(2, CStringGetTextDatum(upsert->facts.id));
	if (upsert->decision.outcome == CU_UPDATED)
		SET_COLUMN(4, JsonbPGetDatum(json_write_changes(&upsert->decision)));
	SET_COLUMN(5, JsonbPGetDatum(json_write_events(&upsert->decision)));
	SET_COLUMN(6, JsonbPGetDatum(json_write_contact(&upsert->facts, &upsert->decision)));
#undef SET_COLUMN
}

Datum
result_as_row(FunctionCallInfo fcinfo, int64 position, const Upsert *upsert)
{
	TupleDesc descriptor;
	Datum values[COLUMNS];
	bool nulls[COLUMNS];

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	descriptor = BlessTupleDesc(descriptor);
	fill(values, nulls, position, outcome_oid(descriptor, outcome_of(upsert)), upsert);
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

static void
begin_rows(Results *results)
{
	AttrNumber position = 1;
	Oid less_than = Int8LessOperator;
	Oid collation = InvalidOid;
	bool nulls_first = false;

	results->rows = tuplesort_begin_heap(
		results->descriptor, 1, &position, &less_than, &collation, &nulls_first, work_mem, NULL, false);
}

void
results_begin(Results *results, FunctionCallInfo fcinfo)
{
	ReturnSetInfo *info = (ReturnSetInfo *)fcinfo->resultinfo;
	MemoryContext caller;

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("A set of results cannot be returned here."),
				 errhint("Call contacts.upsert_many in FROM, or in the select list of a SELECT.")));

	caller = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	*results = (Results){.info = info, .owner = CurrentResourceOwner};
	if (get_call_result_type(fcinfo, NULL, &results->descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (size_t i = 0; i < lengthof(results->outcomes); i++)
		results->outcomes[i] = outcome_oid(results->descriptor, (int)i);
	results->scratch = AllocSetContextCreate(CurrentMemoryContext, "contact_upsert result", ALLOCSET_DEFAULT_SIZES);
	results->slot = MakeSingleTupleTableSlot(results->descriptor, &TTSOpsVirtual);
	begin_rows(results);
	MemoryContextSwitchTo(caller);
}

void
results_add(Results *results, int64 position, const Upsert *upsert)
{
	TupleTableSlot *slot = ExecClearTuple(results->slot);
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext caller = MemoryContextSwitchTo(results->scratch);

	fill(slot->tts_values, slot->tts_isnull, position, results->outcomes[outcome_of(upsert)], upsert);
	ExecStoreVirtualTuple(slot);
	CurrentResourceOwner = results->owner;
	tuplesort_puttupleslot(results->rows, slot);
	CurrentResourceOwner = owner;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(results->scratch);
}

void
results_clear(Results *results)
{
	MemoryContext caller = MemoryContextSwitchTo(results->info->econtext->ecxt_per_query_memory);

	tuplesort_end(results->rows);
	begin_rows(results);
	MemoryContextSwitchTo(caller);
}

void
results_return(Results *results)
{
	ReturnSetInfo *info = results->info;
	MemoryContext caller = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	Tuplestorestate *set = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	TupleTableSlot *sorted = MakeSingleTupleTableSlot(results->descriptor, &TTSOpsMinimalTuple);

	ExecDropSingleTupleTableSlot(results->slot);
	tuplesort_performsort(results->rows);
	while (tuplesort_gettupleslot(results->rows, true, false, sorted, NULL))
		tuplestore_puttupleslot(set, sorted);
	ExecDropSingleTupleTableSlot(sorted);
	tuplesort_end(results->rows);

	info->returnMode = SFRM_Materialize;
	info->setResult = set;
	info->setDesc = results->descriptor;
	MemoryContextSwitchTo(caller);
}
