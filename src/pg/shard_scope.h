/*
 * shard_scope.h - statements on the tables that are planned for the shards of one group, where the tables are distributed.
 *
 * Between shard_scope_begin() and shard_scope_end() each statement on contacts.contact and the other tables is planned as the same
 * statement on the shards of the group, which are plain tables of this server: no part of Citus sees it, and what holds on a server of
 * one's own (triggers, foreign keys, plans, the order of locks) holds there. What runs below a statement on a shard is in its group, too.
 */
#ifndef CU_SHARD_SCOPE_H
#define CU_SHARD_SCOPE_H

#include "shard.h"

typedef struct ShardScope
{
	ShardGroup outer;
	bool had_outer;
} ShardScope;

/* PLANNED_FOR_SHARDS marks a plan that is good for one group alone: a hash of the syscache PROCOID that no function has. */
#define PLANNED_FOR_SHARDS 0x5AD5C0DE

/* shard_scope_init() hooks in where Citus is loaded; called once, from _PG_init. */
extern void shard_scope_init(void);

/* shard_scope_is_hooked() says whether that was at the server's start, so that no statement can have been missed. */
extern bool shard_scope_is_hooked(void);

extern void shard_scope_begin(ShardScope *scope, const ShardGroup *group);
/* shard_scope_end() is for PG_FINALLY, too. */
extern void shard_scope_end(const ShardScope *scope);

/* shard_scope_group() returns the group of the scope; NULL: there is none. */
extern const ShardGroup *shard_scope_group(void);

/* shard_scope_keep_plans() says that a plan which is made until it is called with false is kept apart for each group. */
extern void shard_scope_keep_plans(bool keep);

#endif
