/*
 * identity.h - identity columns whose sequence is behind the data: after a restore, a failover by logical replication, ids
 * written by hand. An INSERT into their table then has ON CONFLICT DO NOTHING, and stores fewer rows than it should.
 *
 * All functions need an SPI connection, and are called as the owner of the tables.
 */
#ifndef CU_IDENTITY_H
#define CU_IDENTITY_H

#include "catalog/pg_type.h"

#include "statement.h"

/* IDENTITY_MAX_TRIES: a sequence with a cache may give out this many ids that are in use even after it has been moved. */
#define IDENTITY_MAX_TRIES 100000

/* An IdentityColumn is one of a table whose key is (workspace_id, the column). */
typedef struct IdentityColumn
{
	Statement find_sequence; /* its oid */
	Statement find_drawn_id; /* a row if the id that this session has drawn last is in use */
	Statement move_sequence; /* looks by the key of each workspace: there is no index of the column alone */
} IdentityColumn;

/*
 * IN_PARTITION is the first id from m.highest on that a sequence s gives out, of which every seqincrement-th does (numbering.h).
 */
#define IN_PARTITION                                                                                              \
	"m.highest OPERATOR(pg_catalog.+) pg_catalog.mod(pg_catalog.mod(s.seqstart OPERATOR(pg_catalog.-) m.highest," \
	" s.seqincrement) OPERATOR(pg_catalog.+) s.seqincrement, s.seqincrement)"

#define IDENTITY_COLUMN(table, column)                                                                            \
	{                                                                                                             \
		.find_sequence = {.sql = "SELECT pg_catalog.pg_get_serial_sequence('contacts." table "', '" column        \
								 "')::pg_catalog.regclass::pg_catalog.oid"},                                      \
		.find_drawn_id = {.sql = "SELECT FROM contacts." table " e WHERE e.workspace_id" EQ "$1 AND e." column EQ \
								 "pg_catalog.currval($2::pg_catalog.regclass)",                                   \
						  .parameter_count = 2,                                                                   \
						  .parameter_types = {INT8OID, OIDOID}},                                                  \
		.move_sequence = {.sql = "SELECT pg_catalog.setval($1::pg_catalog.regclass, " IN_PARTITION ") FROM ("     \
								 "SELECT pg_catalog.max(l.id) AS highest FROM contacts.workspace w, LATERAL ("    \
								 "SELECT e." column " AS id FROM contacts." table " e WHERE e.workspace_id" EQ    \
								 "w.workspace_id ORDER BY e." column " DESC LIMIT 1) l) m,"                       \
								 " pg_catalog.pg_sequence s WHERE s.seqrelid" EQ                                  \
								 "$1 AND m.highest OPERATOR(pg_catalog.>) coalesce("                              \
								 "pg_catalog.pg_sequence_last_value($1::pg_catalog.regclass),"                    \
								 " 0::pg_catalog.int8)",                                                          \
						  .parameter_count = 1,                                                                   \
						  .parameter_types = {OIDOID}},                                                           \
	}

/* identity_drew_used_id() says whether the id that was drawn last is in use in the workspace. */
extern bool identity_drew_used_id(IdentityColumn *column, int64 workspace_id);

/* identity_move_past_used() moves the sequence past all ids in use, unless it is there. */
extern void identity_move_past_used(IdentityColumn *column);

#endif
