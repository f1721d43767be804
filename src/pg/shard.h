/*
 * shard.h - where the rows of a workspace are, once contacts.distribute() has had Citus spread the tables over several servers.
 *
 * Every table is divided by workspace_id in the same way, so the rows of a workspace are in one shard of each: a shard group. A server
 * has the shards of some groups as tables of its own, such as contacts.contact_102008; contacts.contact is an empty shell there.
 */
#ifndef CU_SHARD_H
#define CU_SHARD_H

#define SHARD_MAX_TABLES 24

typedef struct ShardGroup
{
	int index;					  /* from 0, in the order of the hashes */
	int32 first_hash;			  /* the hashes of its workspaces are this one and those up to the next group's */
	bool is_here;				  /* on this server */
	bool is_alike;				  /* its tables have the columns of the shells, in the same places */
	Oid tables[SHARD_MAX_TABLES]; /* in the order of the shells */
} ShardGroup;

/* shard_init() registers the callback that notices a change; called once, from _PG_init. */
extern void shard_init(void);

/* shard_is_distributed() says whether the tables are spread over servers. Cheap where they are not. */
extern bool shard_is_distributed(void);

/*
 * shard_group_of_workspace() returns the group that a workspace belongs to; the tables must be distributed. What it points to is there
 * until the catalog is read anew.
 */
extern const ShardGroup *shard_group_of_workspace(int64 workspace_id);

/* shard_group_count() returns how many groups there are, whose indexes are lower. */
extern int shard_group_count(void);

/* shard_group_of_table() returns the group on this server that a table is a shard of; NULL: none. */
extern const ShardGroup *shard_group_of_table(Oid table);

/* shard_of() returns the table that stands for a shell in a group; InvalidOid if the relation is no shell. */
extern Oid shard_of(const ShardGroup *group, Oid relation);

/* shard_is_shell() says whether a relation is one of the distributed tables. */
extern bool shard_is_shell(Oid relation);

/*
 * shard_hold() keeps a group where it is until the transaction ends, as Citus does before it writes, and returns it as it is then.
 */
extern const ShardGroup *shard_hold(int64 workspace_id);

/* shard_try_hold() does so unless that would have to wait for whoever moves the group. */
extern const ShardGroup *shard_try_hold(int64 workspace_id);

#endif
