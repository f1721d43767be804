/*
 * upsert_result.h - rows of contacts.upsert_result.
 */
#ifndef CU_UPSERT_RESULT_H
#define CU_UPSERT_RESULT_H

#include "fmgr.h"
#include "nodes/execnodes.h"
#include "utils/tuplesort.h"

#include "upsert.h"

/*
 * upsert_result_as_row() returns what one request did, as a row. Raises if ALTER TYPE has changed the row's type, as
 * upsert_results_begin() does. position: of the request, from 1.
 */
extern Datum upsert_result_as_row(FunctionCallInfo fcinfo, int64 position, const Upsert *upsert);

enum ResultColumn
{
	RESULT_POSITION,
	RESULT_OUTCOME,
	RESULT_ID,
	RESULT_EMAIL,
	RESULT_VERSION,
	RESULT_CHANGES,
	RESULT_EVENTS,
	RESULT_CONTACT,
	RESULT_ERROR,
	RESULT_COLUMN_COUNT,
};

/* contacts.upsert_result, and where in it the columns are: ALTER TYPE leaves gaps. */
typedef struct RowType
{
	TupleDesc descriptor;
	int places[RESULT_COLUMN_COUNT];
} RowType;

/* WantedResults are the results that somebody reads: the others are not built, which takes much of the time of an array. */
typedef enum WantedResults
{
	RESULTS_ALL,
	RESULTS_OUTCOMES, /* of all requests, without changes, events and contact */
	RESULTS_FAILED,	  /* of those that failed */
} WantedResults;

/*
 * The rows that a set-returning function collects in any order and returns by position. Beyond work_mem they are on disk.
 */
typedef struct UpsertResults
{
	ReturnSetInfo *info;
	RowType type;
	WantedResults wanted;
	Oid outcomes[5]; /* the values of contacts.outcome, by cu_outcome; the last is failed */
	TupleTableSlot *slot;
	MemoryContext scratch; /* of one row */
	Tuplesortstate *rows;
} UpsertResults;

/* upsert_results_begin() begins an empty set; what it holds goes with the query. */
extern void upsert_results_begin(UpsertResults *results, WantedResults wanted, FunctionCallInfo fcinfo);

/* upsert_results_add() adds the row of a request, if it is wanted. */
extern void upsert_results_add(UpsertResults *results, int64 position, const Upsert *upsert);

/* upsert_results_add_read() adds a contact that was only read, with the decision that describes it: no outcome, changes, events, error. */
extern void upsert_results_add_read(UpsertResults *results, int64 position, const ContactRow *contact,
									const cu_decision *decision);

/* upsert_results_return() hands the rows to the caller of the function. */
extern void upsert_results_return(UpsertResults *results);

#endif
