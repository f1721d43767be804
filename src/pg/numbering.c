/*
 * numbering.c - reads from the catalogue which partition this database is, and refuses calls that are for another.
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
#include "settings.h"
#include "versions.h"

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

void
partition_check_call(const char *version, Partition called)
{
	const char *settings = strchr(version, ' ');
	Partition self;

	versions_check_proxy(settings ? pnstrdup(version, (Size)(settings - version)) : version);
	self = partition_self();
	if (self.number == called.number && self.count == called.count)
	{
		if (settings)
			settings_of_proxy(pstrdup(settings));
		return;
	}
	ereport(ERROR,
			/* Not one that contact-worker takes for lasting: it passes while partitions are split. */
			(errcode(ERRCODE_SQLSERVER_REJECTED_ESTABLISHMENT_OF_SQLCONNECTION),
			 errmsg("This database was called as partition %lld of %lld, and is partition %lld of %lld.",
					(long long)called.number,
					(long long)called.count,
					(long long)self.number,
					(long long)self.count),
			 errdetail("Nothing was read or written."),
			 errhint("The options p0, p1 ... of the proxy's server contacts must name the partitions in the order of "
					 "their numbers; "
					 "contacts.set_partition() gives a partition its number.")));
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
