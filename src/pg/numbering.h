/*
 * numbering.h - a database as one of several partitions: it has the workspaces whose id is its number modulo their count.
 *
 * contacts.set_partition() writes that down in the sequences of the ids, and nowhere else: they start at a number of this residue, and
 * their increment is the count. So pg_dump carries it, and ids of different partitions never meet.
 */
#ifndef CU_NUMBERING_H
#define CU_NUMBERING_H

typedef struct Partition
{
	int64 number; /* from 0 */
	int64 count;  /* 1: this database is no partition of several */
} Partition;

/* partition_self() returns which partition this database is. */
extern Partition partition_self(void);

#endif
