/*
 * partition.c - finds the table of a partition, and its constraint, for errors: PostgreSQL names contact_3 and
 * contact_3_workspace_id_lower_idx, and a user has made an index on contacts.contact.
 */
#include "postgres.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "partition.h"

Oid
partition_table(Oid table)
{
	return get_rel_relispartition(table) ? llast_oid(get_partition_ancestors(table)) : table;
}

/* Returns the name of the constraint of the table that the partition's is a part of; NULL if it is the partition's alone. */
static const char *
constraint_of_table(Oid partition, Oid table, const char *name)
{
	Oid index = get_relname_relid(name, get_rel_namespace(partition));
	Oid constraint;

	/* A unique index need not be a constraint, and is named in its place. */
	if (OidIsValid(index))
		return get_rel_relispartition(index) ? get_rel_name(partition_table(index)) : NULL;
	/* A CHECK and a foreign key have one name on both. */
	constraint = get_relation_constraint_oid(table, name, true);
	return OidIsValid(constraint) ? name : NULL;
}

/* Whether the column must not be null in the table either. */
static bool
is_not_null(Oid table, const char *column)
{
	HeapTuple tuple = SearchSysCacheAttName(table, column);
	bool not_null = false;

	if (HeapTupleIsValid(tuple))
	{
		not_null = ((Form_pg_attribute)GETSTRUCT(tuple))->attnotnull;
		ReleaseSysCache(tuple);
	}
	return not_null;
}

static bool
is_of_name(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_' || byte == '$';
}

/* Returns the text with another name in place of one, wherever it stands by itself: messages quote names as their language does. */
static char *
rename_in(const char *text, const char *from, const char *to)
{
	size_t size = strlen(from);
	StringInfoData renamed;
	const char *rest = text;

	initStringInfo(&renamed);
	for (const char *found; (found = strstr(rest, from)) != NULL; rest = found + size)
	{
		bool stands_alone = (found == text || !is_of_name(found[-1])) && !is_of_name(found[size]);

		appendBinaryStringInfo(&renamed, rest, (int)(found - rest));
		appendStringInfoString(&renamed, stands_alone ? to : from);
	}
	appendStringInfoString(&renamed, rest);
	return renamed.data;
}

void
partition_name_error(ErrorData *error)
{
	Oid schema = error->schema_name ? get_namespace_oid(error->schema_name, true) : InvalidOid;
	Oid partition = OidIsValid(schema) && error->table_name ? get_relname_relid(error->table_name, schema) : InvalidOid;
	Oid table = OidIsValid(partition) ? partition_table(partition) : InvalidOid;
	const char *constraint = NULL;

	if (table == partition)
		return;
	if (error->constraint_name)
		constraint = constraint_of_table(partition, table, error->constraint_name);
	if (constraint == NULL && !(error->column_name && is_not_null(table, error->column_name)))
		return;
	if (error->message && constraint)
		error->message = rename_in(error->message, error->constraint_name, constraint);
	if (error->message)
		error->message = rename_in(error->message, error->table_name, get_rel_name(table));
	if (constraint)
		error->constraint_name = pstrdup(constraint);
	error->schema_name = get_namespace_name(get_rel_namespace(table));
	error->table_name = get_rel_name(table);
}
