/*
 * history.h - contacts.history: what a change made of a contact, by whom, when and from where, with the evidence of consent.
 */
#ifndef CU_HISTORY_H
#define CU_HISTORY_H

#include "definitions.h"
#include "upsert.h"
#include "utils/jsonb.h"

/* A row that is to be stored. */
typedef struct HistoryRow
{
	int64 position; /* of the request that made it */
	char contact_id[OBJECT_ID_SIZE];
	int64 contact_version; /* after the change */
	text *source;		   /* empty if there is none */
	Jsonb *changes;
	Jsonb *evidence; /* a JSON null if there is none */
} HistoryRow;

/* The history of some requests. */
typedef struct History
{
	HistoryLevel level;
	int64 import_id; /* of the import that makes the changes, or 0 */
	MemoryContext parent;
	MemoryContext memory; /* for what it holds; NULL while it is empty */
	HistoryRow *rows;
	size_t count;
	size_t capacity;
} History;

/* history_begin() begins an empty history. */
extern void history_begin(History *history, HistoryLevel level, int64 import_id);

/* history_keeps_evidence() says whether a request that changes nothing is kept for its evidence. */
extern bool history_keeps_evidence(HistoryLevel level, const Upsert *upsert);

/*
 * history_add() adds what a request did that was decided on, if that is kept on the history's level. Its contact is written, or, where
 * only evidence is kept, locked.
 */
extern void history_add(History *history, int64 position, const Upsert *upsert);

/*
 * history_store() stores the rows by the position of their requests, as the owner of the tables, and empties the history. Needs an
 * SPI connection. The caller's own right to write the contacts is what allows it: it has written or locked them.
 */
extern void history_store(History *history, int64 workspace_id);

/*
 * history_note() stores a change that was made past the requests, on the level HISTORY_ALL, which it reads from the workspace. For
 * code that has checked what its caller may do. Needs an SPI connection.
 */
extern void history_note(int64 workspace_id, const char *contact_id, int64 contact_version, Jsonb *changes);

#endif
