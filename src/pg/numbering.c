/*
 * numbering.c - reads from the catalogue which partition this database is.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_sequence.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "numbering.h"

/* SEQUENCE is the one that every installation has from the start: that of the ids by which partitions are told apart. */
#define SEQUENCE "workspace_workspace_id_seq"

Partition
partition_self(void)
{
	Partition self = {.number = 0, .count = 1};
	Oid schema = get_namespace_oid("contacts", true);
	Oid sequence = OidIsValid(schema) ? get_relname_relid(SEQUENCE, schema) : InvalidOid;
	HeapTuple row = OidIsValid(sequence) ? SearchSysCache1(SEQRELID, ObjectIdGetDatum(sequence)) : NULL;

	if (HeapTupleIsValid(row))
	{
		Form_pg_sequence form = (Form_pg_sequence)GETSTRUCT(row);

		if (form->seqincrement > 1)
			self = (Partition){.number = form->seqstart % form->seqincrement, .count = form->seqincrement};
		ReleaseSysCache(row);
	}
	return self;
}

PG_FUNCTION_INFO_V1(contacts_partition);
Datum
contacts_partition(PG_FUNCTION_ARGS)
{
	Partition self = partition_self();
	Datum values[] = {Int64GetDatum(self.number), Int64GetDatum(self.count)};
	bool nulls[] = {false, false};
	TupleDesc descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}
