/*
 * identity.c - looks whether a drawn id is in use, and moves a sequence.
 */
#include "postgres.h"

#include "storage/lmgr.h"

#include "identity.h"

static Oid
find_sequence(IdentityColumn *column)
{
	(void)statement_execute(&column->find_sequence, NULL);
	return DatumGetObjectId(statement_column(0, 1));
}

bool
identity_drew_used_id(IdentityColumn *column, int64 workspace_id)
{
	Datum parameters[] = {Int64GetDatum(workspace_id), ObjectIdGetDatum(find_sequence(column))};

	return statement_execute(&column->find_drawn_id, parameters) > 0;
}

void
identity_move_past_used(IdentityColumn *column)
{
	Oid sequence = find_sequence(column);

	/*
	 * Under a lock, because two sessions at once would set it back for each other. It is held for a moment, not until the
	 * end: it keeps no session from drawing an id, and setval is not undone.
	 */
	LockRelationOid(sequence, ShareUpdateExclusiveLock);
	(void)statement_execute(&column->move_sequence, (Datum[]){ObjectIdGetDatum(sequence)});
	UnlockRelationOid(sequence, ShareUpdateExclusiveLock);
}
