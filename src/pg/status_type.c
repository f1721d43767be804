/*
 * status_type.c - looks up the type contacts.status and its values, and keeps them until PostgreSQL says that a type, a value of an enum
 * or a schema has changed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "pg_compat.h"
#include "status_type.h"

/* What is known of the type; what there is not is InvalidOid. */
static bool is_known;
static Oid known_type;
static Oid known_values[CU_STATUS_COUNT];

/* changes is how often something became unknown: what is looked up meanwhile may be old. */
static uint64 changes;

static void
forget(Datum arg, int cache, uint32 hash)
{
	is_known = false;
	changes++;
}

void
status_type_init(void)
{
	CacheRegisterSyscacheCallback(TYPEOID, forget, (Datum)0);
	CacheRegisterSyscacheCallback(ENUMOID, forget, (Datum)0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget, (Datum)0);
}

static void
look_up(void)
{
	uint64 changes_before = changes;

	if (is_known)
		return;
	known_type = GetSysCacheOid2(TYPENAMENSP,
								 Anum_pg_type_oid,
								 CStringGetDatum("status"),
								 ObjectIdGetDatum(get_namespace_oid("contacts", true)));
	for (int status = 0; status < CU_STATUS_COUNT; status++)
		known_values[status] = GetSysCacheOid2(ENUMTYPOIDNAME,
											   Anum_pg_enum_oid,
											   ObjectIdGetDatum(known_type),
											   CStringGetDatum(cu_status_name((cu_status)status)));
	is_known = changes == changes_before;
}

Oid
status_type(void)
{
	look_up();
	if (!OidIsValid(known_type))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("type \"contacts.status\" does not exist")));
	return known_type;
}

Oid
status_type_value(cu_status status)
{
	Oid type = status_type();

	if (!OidIsValid(known_values[status]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input value for enum %s: \"%s\"", format_type_be(type), cu_status_name(status))));
	return known_values[status];
}

/* Raises that a value is none of those that the core has. */
pg_noreturn static void
raise_unknown(Oid value)
{
	HeapTuple tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	const char *label = HeapTupleIsValid(tuple) ? NameStr(((Form_pg_enum)GETSTRUCT(tuple))->enumlabel) : "";

	elog(ERROR, "unknown contact status %s", label);
}

cu_status
status_type_read(Oid value)
{
	look_up();
	for (int status = 0; status < CU_STATUS_COUNT; status++)
		if (known_values[status] == value)
			return (cu_status)status;
	raise_unknown(value);
}
