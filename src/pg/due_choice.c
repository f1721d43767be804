/*
 * due_choice.c - decides whether deliveries have places: only where contacts.delivery is one plain table.
 *
 * Of partitions, or of the shards of a distributed table, each has a row at a place. And ctid is a column that the owner must be
 * allowed to read. What is done by place is done by statements, so triggers, policies and constraints have no part in the choice.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/rel.h"

#include "due_choice.h"
#include "table_choice.h"

static const char *look(void);
static const char *look_at_table(Relation table, int which);

static TableChoice table_choice = {
	.in_c = "finds deliveries by place",
	.by_statements = "finds deliveries by key",
	.expected = {{"delivery", RowShareLock, {{"event_id", .type = INT8OID}}}},
	.look = look,
	.look_at_table = look_at_table,
};

void
due_choice_init(void)
{
	table_choice_register(&table_choice);
}

static const char *
look_at_table(Relation table, int which)
{
	return pg_class_aclcheck(RelationGetRelid(table), GetUserId(), ACL_SELECT) == ACLCHECK_OK
			   ? NULL
			   : "its owner may not read it";
}

static const char *
look(void)
{
	return table_choice_look(&table_choice);
}

bool
due_choice_gives_places(void)
{
	return table_choice_is_open() && table_choice_lock(&table_choice);
}
