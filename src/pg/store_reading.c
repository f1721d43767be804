/*
 * store_reading.c - the statements that only read contacts.
 *
 * find_by_id asks for a range that holds one id, in the order of ids: for equality the planner takes the index on the address
 * as well, and goes through all contacts of the workspace, as long as it believes in a small table.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "statement.h"
#include "store_reading.h"

/* How many contacts are in memory at a time: each may be more than 1 MiB. */
#define FETCHED_TOGETHER 10

#define READ_COLUMNS CONTACT_COLUMNS ", c.email_address::pg_catalog.text"
#define READ_EMAIL (CONTACT_STATISTICS + 1)

static Statement find_by_id = {
	.sql = "SELECT w.definitions_version::pg_catalog.int8," READ_COLUMNS " FROM contacts.workspace w"
		   " LEFT JOIN LATERAL (SELECT s.* FROM contacts.contact s WHERE s.workspace_id" EQ "$1"
		   " AND s.id OPERATOR(pg_catalog.>=) $2 AND s.id OPERATOR(pg_catalog.<=) $2 ORDER BY s.id LIMIT 1) c ON true"
		   " WHERE w.workspace_id" EQ "$1",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
	.by_workspace = true,
};

static Statement find_by_address = {
	.sql = "SELECT w.definitions_version::pg_catalog.int8," READ_COLUMNS " FROM contacts.workspace w"
		   " LEFT JOIN contacts.contact c ON c.workspace_id" EQ "$1 AND c.email_address" EQ "$2"
		   " WHERE w.workspace_id" EQ "$1",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
	.by_workspace = true,
};

/*
 * search leaves out, when it is planned, each condition that asks nothing. $1: workspace_id, $2 and $3: after and max, then the filter.
 * A set of values is equal to another if both contain each other.
 */
#define ASKS_NOTHING(array) "(pg_catalog.cardinality(" array ")" EQ "0 OR "
static Statement search = {
	.sql = "SELECT 0::pg_catalog.int8," READ_COLUMNS " FROM contacts.contact c"
		   " WHERE c.workspace_id" EQ "$1 AND c.id OPERATOR(pg_catalog.>) $2"
		   " AND " ASKS_NOTHING(
			   "$4") "c.status OPERATOR(pg_catalog.=) ANY ($4::contacts.status[]))"
					 " AND " ASKS_NOTHING(
						 "$5") "c.tags OPERATOR(pg_catalog.@>) $5)"
							   " AND " ASKS_NOTHING(
								   "$6") "c.tags OPERATOR(pg_catalog.&&) $6)"
										 " AND " ASKS_NOTHING(
											 "$7") "NOT c.tags OPERATOR(pg_catalog.&&) $7)"
												   " AND ($8" EQ "'{}' OR c.data OPERATOR(pg_catalog.@>) $8)"
												   " AND ($9" EQ
												   "'{}' OR NOT EXISTS (SELECT FROM pg_catalog.jsonb_each($9) v"
												   " WHERE NOT v.value OPERATOR(pg_catalog.@>) (c.data "
												   "OPERATOR(pg_catalog.->) v.key)))"
												   " AND " ASKS_NOTHING(
													   "$10") "NOT c.data OPERATOR(pg_catalog.?|) $10)"
															  " AND ($11" EQ
															  "'-infinity' OR c.updated_at OPERATOR(pg_catalog.>=) $11)"
															  " ORDER BY c.id LIMIT $3",
	.parameter_count = 11,
	.parameter_types = {INT8OID,
						TEXTOID,
						INT8OID,
						TEXTARRAYOID,
						INT8ARRAYOID,
						INT8ARRAYOID,
						INT8ARRAYOID,
						JSONBOID,
						JSONBOID,
						TEXTARRAYOID,
						TIMESTAMPTZOID},
	.plan_freely = true,
};

int64
store_get_contact(int64 workspace_id, const ContactKey *key, ContactRow *contact)
{
	Statement *statement = key->kind == CONTACT_KEY_ID ? &find_by_id : &find_by_address;

	if (statement_read(statement, (Datum[]){Int64GetDatum(workspace_id), key->value}) == 0)
		return 0;
	*contact = store_read_row(0, (Datum)0);
	if (contact->exists)
		contact->email = statement_column(0, READ_EMAIL);
	return DatumGetInt64(statement_column(0, DEFINITIONS_VERSION));
}

Portal
store_open_search(int64 workspace_id, const ContactFilter *filter)
{
	return statement_open(&search,
						  (Datum[]){Int64GetDatum(workspace_id),
									filter->after,
									Int64GetDatum(filter->max),
									filter->statuses,
									filter->all_tags,
									filter->any_tags,
									filter->none_tags,
									JsonbPGetDatum(filter->values),
									JsonbPGetDatum(filter->value_sets),
									filter->without_value,
									TimestampTzGetDatum(filter->updated_since)});
}

uint64
store_fetch_found(Portal portal)
{
	MemoryContext caller = CurrentMemoryContext;

	if (SPI_tuptable)
		SPI_freetuptable(SPI_tuptable);
	statement_fetch(portal, FETCHED_TOGETHER);
	MemoryContextSwitchTo(caller);
	return SPI_processed;
}

ContactRow
store_read_found(uint64 row)
{
	return store_read_row(row, statement_column(row, READ_EMAIL));
}
