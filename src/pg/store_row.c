/*
 * store_row.c - see store_row.h.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "json_reader.h"
#include "statement.h"
#include "store_row.h"

/* The label of a value of contacts.status. */
static cu_status
read_status(Oid value)
{
	HeapTuple tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	const char *label = HeapTupleIsValid(tuple) ? NameStr(((Form_pg_enum)GETSTRUCT(tuple))->enumlabel) : "";
	int status = 0;

	while (status < CU_STATUS_COUNT && strcmp(label, cu_status_name((cu_status)status)) != 0)
		status++;
	if (status == CU_STATUS_COUNT)
		elog(ERROR, "unknown contact status %s", label);
	ReleaseSysCache(tuple);
	return (cu_status)status;
}

/* Points to the elements of a bigint[]. */
static const int64 *
read_bigints(Datum stored, size_t *count)
{
	ArrayType *array = DatumGetArrayTypeP(stored);

	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a number in the contact tables must not be null")));
	*count = (size_t)ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	return (const int64 *)ARR_DATA_PTR(array);
}

static void
read_statistics(StoredContact *found, Datum stored)
{
	size_t count;
	const int64 *totals = read_bigints(stored, &count);

	found->total_opens = totals[0];
	found->total_clicks = totals[1];
	found->total_bounces = totals[2];
	found->total_delivered = totals[3];
}

static void
read_contact(uint64 row, StoredContact *found, Datum id)
{
	bool is_null;
	Datum statistics;

	text_to_cstring_buffer(DatumGetTextPP(id), found->id, sizeof(found->id));
	found->version = DatumGetInt64(statement_column(row, 3));
	found->contact.status = read_status(DatumGetObjectId(statement_column(row, 4)));
	found->contact.tag_ids = read_bigints(statement_column(row, 5), &found->contact.tag_count);
	found->contact.data = json_read(DatumGetJsonbP(statement_column(row, 6)));
	found->created_at = DatumGetTimestampTz(statement_column(row, 7));
	found->updated_at = DatumGetTimestampTz(statement_column(row, 8));
	statistics = statement_nullable_column(row, 9, &is_null);
	if (!is_null)
		read_statistics(found, statistics);
}

void
store_row_read(uint64 row, StoredContact *found)
{
	bool is_null;
	Datum id = statement_nullable_column(row, 2, &is_null);

	*found = (StoredContact){.definitions_version = DatumGetInt64(statement_column(row, 1)), .exists = !is_null};
	if (found->exists)
		read_contact(row, found, id);
}

size_t
store_row_size(uint64 row)
{
	return toast_raw_datum_size(statement_column(row, 5)) + toast_raw_datum_size(statement_column(row, 6));
}

Datum
store_tag_ids(const cu_decision *decision)
{
	Datum *ids = palloc(sizeof(Datum) * Max(decision->tag_count, 1));

	for (size_t i = 0; i < decision->tag_count; i++)
		ids[i] = Int64GetDatum(decision->tags[i].id);
	return statement_array(ids, decision->tag_count, INT8OID);
}
