/*
 * shard.c - reads from Citus's catalog which shards the tables have, and keeps it until Citus says that it has changed.
 *
 * Citus has no functions for other modules: its catalog (pg_dist_shard and its like), its hash of a bigint, which is PostgreSQL's, and
 * the advisory lock that holds a shard in its place are what its documentation and its upgrades keep. Nothing here raises but what a
 * statement can, and what is missing.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "relation_changes.h"
#include "shard.h"
#include "statement.h"

/* The class of Citus's advisory locks that hold the shards of a group where they are. */
#define LOCK_CLASS 8

typedef enum State
{
	UNKNOWN,
	PLAIN,
	DISTRIBUTED
} State;

/* What is known of the tables; memory has all of it, and goes when it is known anew. */
static State state = UNKNOWN;
static MemoryContext memory;
static Oid contact_table;
static uint32 colocation;
static Oid shells[SHARD_MAX_TABLES];
static int shell_count;
static ShardGroup *groups;
static int group_count;

/* changes is how often something became unknown: what is read meanwhile may be old. */
static uint64 changes;

typedef struct TableOfGroup
{
	Oid table; /* the key */
	const ShardGroup *group;
} TableOfGroup;

static HTAB *group_of_table;

/* find_shards lists the shards by table and hash: those of contacts.contact come with the first. */
static Statement find_shards = {
	.sql = "SELECT p.logicalrelid::pg_catalog.oid, s.shardminvalue::pg_catalog.int4,"
		   " pg_catalog.concat(c.relname, '_', s.shardid), p.colocationid::pg_catalog.int4,"
		   " EXISTS (SELECT FROM pg_catalog.pg_dist_placement l JOIN pg_catalog.pg_dist_local_group g"
		   " ON g.groupid" EQ "l.groupid WHERE l.shardid" EQ "s.shardid)"
		   " FROM pg_catalog.pg_dist_partition p JOIN pg_catalog.pg_dist_shard s ON s.logicalrelid" EQ "p.logicalrelid"
		   " JOIN pg_catalog.pg_class c ON c.oid" EQ "p.logicalrelid"
		   " JOIN pg_catalog.pg_namespace n ON n.oid" EQ "c.relnamespace"
		   " WHERE n.nspname" EQ "'contacts' AND p.partmethod" EQ "'h' AND p.colocationid" EQ
		   "(SELECT t.colocationid FROM pg_catalog.pg_dist_partition t WHERE t.logicalrelid" EQ "$1) ORDER BY 1, 2",
	.parameter_count = 1,
	.parameter_types = {OIDOID},
};

static void
at_relation_change(Datum arg, Oid relation)
{
	/* Citus reports a change of shards as one of the table. Nothing is freed: a caller may be reading it. */
	if (state == PLAIN && OidIsValid(relation) && relation != contact_table)
		return;
	if (state == DISTRIBUTED && OidIsValid(relation) && !shard_is_shell(relation))
		return;
	state = UNKNOWN;
	changes++;
}

void
shard_init(void)
{
	relation_changes_register(at_relation_change, (Datum)0);
}

/* Whether two tables have the same columns in the same places. */
static bool
is_alike(Oid shell, Oid table)
{
	Relation left = try_relation_open(shell, AccessShareLock);
	Relation right = try_relation_open(table, AccessShareLock);
	bool alike = left && right && RelationGetDescr(left)->natts == RelationGetDescr(right)->natts;

	for (int i = 0; alike && i < RelationGetDescr(left)->natts; i++)
	{
		Form_pg_attribute a = TupleDescAttr(RelationGetDescr(left), i);
		Form_pg_attribute b = TupleDescAttr(RelationGetDescr(right), i);

		alike = a->attisdropped == b->attisdropped &&
				(a->attisdropped || (a->atttypid == b->atttypid && a->atttypmod == b->atttypmod &&
									 strcmp(NameStr(a->attname), NameStr(b->attname)) == 0));
	}
	if (left)
		relation_close(left, AccessShareLock);
	if (right)
		relation_close(right, AccessShareLock);
	return alike;
}

static void
add_table(ShardGroup *group, int shell, const char *name)
{
	Oid table = get_relname_relid(name, get_namespace_oid("contacts", false));

	group->tables[shell] = table;
	group->is_alike = group->is_alike && OidIsValid(table) && is_alike(shells[shell], table);
	if (OidIsValid(table))
	{
		TableOfGroup *entry = hash_search(group_of_table, &table, HASH_ENTER, NULL);

		entry->group = group;
	}
}

/* Takes over one row of find_shards. */
static void
take_row(uint64 row)
{
	Oid shell = DatumGetObjectId(statement_column(row, 1));
	ShardGroup *group;
	int place = 0;

	if (shell_count == 0 || shells[shell_count - 1] != shell)
	{
		if (shell_count == SHARD_MAX_TABLES)
			elog(ERROR, "the schema contacts has more than %d distributed tables", SHARD_MAX_TABLES);
		shells[shell_count++] = shell;
	}
	while (place < group_count && groups[place].first_hash != DatumGetInt32(statement_column(row, 2)))
		place++;
	group = &groups[place];
	if (place == group_count)
	{
		*group = (ShardGroup){.index = place, .first_hash = DatumGetInt32(statement_column(row, 2)), .is_alike = true};
		group->is_here = DatumGetBool(statement_column(row, 5));
		group_count++;
	}
	if (group->is_here)
		add_table(group, shell_count - 1, TextDatumGetCString(statement_column(row, 3)));
}

static void
read_shards(void)
{
	HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(TableOfGroup)};
	MemoryContext old = memory;
	uint64 count;

	statement_connect();
	count = statement_read_latest(&find_shards, (Datum[]){ObjectIdGetDatum(contact_table)});
	memory = AllocSetContextCreate(TopMemoryContext, "contact_upsert shards", ALLOCSET_SMALL_SIZES);
	control.hcxt = memory;
	group_of_table = hash_create("contact_upsert shards", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	groups = MemoryContextAllocZero(memory, sizeof(ShardGroup) * Max(count, 1));
	group_count = shell_count = 0;
	for (uint64 row = 0; row < count; row++)
		take_row(row);
	if (count > 0)
		colocation = (uint32)DatumGetInt32(statement_column(0, 4));
	SPI_finish();
	/* Nobody keeps a pointer to a group: shard_scope.c has a copy. */
	if (old)
		MemoryContextDelete(old);
}

static void
look(void)
{
	static bool is_looking = false;
	uint64 changes_before = changes;
	Oid schema = get_namespace_oid("contacts", true);

	contact_table = OidIsValid(schema) ? get_relname_relid("contact", schema) : InvalidOid;
	if (!OidIsValid(contact_table) || !OidIsValid(get_extension_oid("citus", true)))
	{
		/* Without the table there is none whose change would tell. */
		state = OidIsValid(contact_table) ? PLAIN : UNKNOWN;
		shell_count = group_count = 0;
		return;
	}
	if (is_looking)
		return;
	is_looking = true;
	PG_TRY();
	{
		read_shards();
	}
	PG_FINALLY();
	{
		is_looking = false;
	}
	PG_END_TRY();
	state = changes != changes_before ? UNKNOWN : group_count > 0 ? DISTRIBUTED : PLAIN;
}

bool
shard_is_distributed(void)
{
	if (state == UNKNOWN && IsTransactionState())
		look();
	return state != PLAIN && group_count > 0;
}

const ShardGroup *
shard_group_of_workspace(int64 workspace_id)
{
	int32 hash = DatumGetInt32(DirectFunctionCall1(hashint8, Int64GetDatum(workspace_id)));
	int place = 0;

	while (place + 1 < group_count && groups[place + 1].first_hash <= hash)
		place++;
	return &groups[place];
}

int
shard_group_count(void)
{
	return group_count;
}

const ShardGroup *
shard_group_of_table(Oid table)
{
	const TableOfGroup *entry = group_count > 0 ? hash_search(group_of_table, &table, HASH_FIND, NULL) : NULL;

	return entry ? entry->group : NULL;
}

Oid
shard_of(const ShardGroup *group, Oid relation)
{
	for (int i = 0; i < shell_count; i++)
		if (shells[i] == relation)
			return group->tables[i];
	return InvalidOid;
}

bool
shard_is_shell(Oid relation)
{
	for (int i = 0; i < shell_count; i++)
		if (shells[i] == relation)
			return true;
	return false;
}

static const ShardGroup *
hold(int64 workspace_id, bool waits)
{
	LOCKTAG tag;

	(void)shard_is_distributed();
	SET_LOCKTAG_ADVISORY(
		tag, MyDatabaseId, (uint32)shard_group_of_workspace(workspace_id)->index, colocation, LOCK_CLASS);
	/* Whoever moves the group waits for this lock, or has moved it when it is granted; then Citus has told of the change: hear it. */
	(void)LockAcquire(&tag, ShareLock, false, !waits);
	AcceptInvalidationMessages();
	(void)shard_is_distributed();
	return shard_group_of_workspace(workspace_id);
}

const ShardGroup *
shard_hold(int64 workspace_id)
{
	return hold(workspace_id, true);
}

const ShardGroup *
shard_try_hold(int64 workspace_id)
{
	return hold(workspace_id, false);
}
