/*
 * history.c - writes contacts.history in the transaction of the change, as the owner of the tables: beside the outbox, and by the
 * same shape of statements, one for a call and one for a batch.
 *
 * A request that changes nothing leaves a row only if it carries evidence. Its contact is locked before, as the caller
 * (store_lock_unchanged): that shows that the caller may write it, and that it is still as the evidence says.
 *
 * A history_id may be in use already, as identity.h says.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "encoding.h"
#include "history.h"
#include "identity.h"
#include "jsonb_writer.h"
#include "owner.h"
#include "pg_compat.h"
#include "statement.h"

#define HISTORY_COLUMNS "(workspace_id, changed_by, import_id, contact_id, contact_version, source, changes, evidence)"
#define KEEP_FIRST " ON CONFLICT (workspace_id, history_id) DO NOTHING RETURNING history_id::pg_catalog.int8"
/* Parameters are not null: 0, an empty text and a JSON null stand for it. */
#define IMPORT_ID "CASE WHEN $3 OPERATOR(pg_catalog.<>) 0::pg_catalog.int8 THEN $3 END"
#define SOURCE(text) "CASE WHEN " text " OPERATOR(pg_catalog.<>) ''::pg_catalog.text THEN " text " END"
#define EVIDENCE(object) "CASE WHEN " object " OPERATOR(pg_catalog.<>) 'null'::pg_catalog.jsonb THEN " object " END"

static Statement insert_row = {
	.sql = "INSERT INTO contacts.history " HISTORY_COLUMNS " VALUES ($1, $2, " IMPORT_ID
		   ", $4, $5, " SOURCE("$6") ", $7, " EVIDENCE("$8") ")" KEEP_FIRST,
	.parameter_count = 8,
	.parameter_types = {INT8OID, NAMEOID, INT8OID, TEXTOID, INT8OID, TEXTOID, JSONBOID, JSONBOID},
};

/* insert_rows does what insert_row does, for arrays of rows. */
static Statement insert_rows = {
	.sql = "INSERT INTO contacts.history " HISTORY_COLUMNS " SELECT $1, $2, " IMPORT_ID
		   ", r.contact_id, r.contact_version, " SOURCE("r.source") ", r.changes, " EVIDENCE(
			   "r.evidence") " FROM ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6),"
							 " pg_catalog.unnest($7), pg_catalog.unnest($8))"
							 " AS r (contact_id, contact_version, source, changes, evidence)" KEEP_FIRST,
	.parameter_count = 8,
	.parameter_types =
		{INT8OID, NAMEOID, INT8OID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, JSONBARRAYOID, JSONBARRAYOID},
};

/* delete_rows takes back rows of this very statement's transaction, which no other session has seen. */
static Statement delete_rows = {
	.sql = "DELETE FROM contacts.history h WHERE h.workspace_id" EQ "$1 AND h.history_id" EQ "ANY ($2)",
	.parameter_count = 2,
	.parameter_types = {INT8OID, INT8ARRAYOID},
};

static Statement find_level = {
	.sql = "SELECT w.history::pg_catalog.text FROM contacts.workspace w WHERE w.workspace_id" EQ "$1",
	.parameter_count = 1,
	.parameter_types = {INT8OID},
};

static IdentityColumn history_ids = IDENTITY_COLUMN("history", "history_id");

void
history_begin(History *history, HistoryLevel level, int64 import_id)
{
	*history = (History){.level = level, .import_id = import_id, .parent = CurrentMemoryContext};
}

static Jsonb *
no_evidence(void)
{
	cu_json none = {.kind = CU_JSON_NULL};

	return jsonb_write_any(&none);
}

bool
history_keeps_evidence(HistoryLevel level, const Upsert *upsert)
{
	return level != HISTORY_NONE && upsert->decision.outcome == CU_UNCHANGED &&
		   cu_request_evidence(upsert->parsed_request) != NULL;
}

/* Whether what a request did is kept. */
static bool
is_kept(HistoryLevel level, const Upsert *upsert)
{
	const cu_decision *decision = &upsert->decision;

	if (level == HISTORY_NONE || !upsert_writes(decision))
		return history_keeps_evidence(level, upsert);
	return level == HISTORY_ALL || (decision->outcome == CU_UPDATED && decision->status != decision->old_status) ||
		   cu_request_source(upsert->parsed_request).size > 0 || cu_request_evidence(upsert->parsed_request) != NULL;
}

static HistoryRow *
next_row(History *history)
{
	if (history->count == history->capacity)
	{
		history->capacity = Max(8, history->capacity * 2);
		history->rows = history->rows ? repalloc_huge(history->rows, history->capacity * sizeof(HistoryRow))
									  : palloc(history->capacity * sizeof(HistoryRow));
	}
	return &history->rows[history->count++];
}

void
history_add(History *history, int64 position, const Upsert *upsert)
{
	MemoryContext caller = CurrentMemoryContext;
	const cu_json *evidence = cu_request_evidence(upsert->parsed_request);
	HistoryRow *row;

	if (!is_kept(history->level, upsert))
		return;
	if (history->memory == NULL)
		history->memory = AllocSetContextCreate(history->parent, "contact_upsert history", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(history->memory);
	row = next_row(history);
	*row = (HistoryRow){.position = position,
						.contact_version = upsert->after.version,
						.source = DatumGetTextPP(encoding_to_text(cu_request_source(upsert->parsed_request))),
						.changes = upsert->decision.outcome == CU_CREATED
									   ? jsonb_write_creation(&upsert->after, &upsert->decision)
									   : jsonb_write_changes(&upsert->decision),
						.evidence = evidence ? jsonb_write_any(evidence) : no_evidence()};
	strlcpy(row->contact_id, upsert->after.id, sizeof(row->contact_id));
	MemoryContextSwitchTo(caller);
}

static void
raise_not_stored(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("The history of the contact could not be stored."),
			 errhint("Look for a trigger on contacts.history that returns NULL.")));
}

/* The parameters that all rows of a statement have in common are the first three. */
static void
insert_one(const HistoryRow *row, int64 workspace_id, const Datum *common)
{
	Datum parameters[] = {common[0],
						  common[1],
						  common[2],
						  CStringGetTextDatum(row->contact_id),
						  Int64GetDatum(row->contact_version),
						  PointerGetDatum(row->source),
						  JsonbPGetDatum(row->changes),
						  JsonbPGetDatum(row->evidence)};

	for (int try = 0; statement_execute(&insert_row, parameters) == 0; try++)
	{
		CHECK_FOR_INTERRUPTS();
		if (try == IDENTITY_MAX_TRIES || !identity_drew_used_id(&history_ids, workspace_id))
			raise_not_stored();
		identity_move_past_used(&history_ids);
	}
}

/* Takes back what the last statement stored. */
static void
take_back(int64 workspace_id, uint64 stored)
{
	Datum *ids = palloc(sizeof(Datum) * Max(stored, 1));

	for (uint64 row = 0; row < stored; row++)
		ids[row] = statement_column(row, 1);
	(void)statement_execute(&delete_rows,
							(Datum[]){Int64GetDatum(workspace_id), statement_array(ids, stored, INT8OID)});
}

static void
insert_many(const History *history, int64 workspace_id, const Datum *common)
{
	static const Oid types[] = {TEXTOID, INT8OID, TEXTOID, JSONBOID, JSONBOID};
	Datum *columns[lengthof(types)];
	Datum parameters[3 + lengthof(types)] = {common[0], common[1], common[2]};
	uint64 stored;

	for (size_t c = 0; c < lengthof(types); c++)
		columns[c] = palloc(sizeof(Datum) * history->count);
	for (size_t i = 0; i < history->count; i++)
	{
		const HistoryRow *row = &history->rows[i];

		columns[0][i] = CStringGetTextDatum(row->contact_id);
		columns[1][i] = Int64GetDatum(row->contact_version);
		columns[2][i] = PointerGetDatum(row->source);
		columns[3][i] = JsonbPGetDatum(row->changes);
		columns[4][i] = JsonbPGetDatum(row->evidence);
	}
	for (size_t c = 0; c < lengthof(types); c++)
		parameters[3 + c] = statement_array(columns[c], history->count, types[c]);
	stored = statement_execute(&insert_rows, parameters);
	if (stored == history->count)
		return;
	/* Which rows are missing is not to be seen where two of them are alike. */
	take_back(workspace_id, stored);
	identity_move_past_used(&history_ids);
	for (size_t i = 0; i < history->count; i++)
		insert_one(&history->rows[i], workspace_id, common);
}

static int
compare_rows(const void *left, const void *right)
{
	const HistoryRow *a = left;
	const HistoryRow *b = right;

	return pg_cmp_s64(a->position, b->position);
}

static void
store_as_owner(const History *history, int64 workspace_id)
{
	OwnerScope scope;
	NameData caller;
	Datum common[] = {Int64GetDatum(workspace_id), NameGetDatum(&caller), Int64GetDatum(history->import_id)};

	namestrcpy(&caller, GetUserNameFromId(GetUserId(), false));
	owner_begin(&scope);
	if (history->count == 1)
		insert_one(&history->rows[0], workspace_id, common);
	else
		insert_many(history, workspace_id, common);
	owner_end(&scope);
}

void
history_store(History *history, int64 workspace_id)
{
	if (history->count == 0)
		return;
	qsort(history->rows, history->count, sizeof(HistoryRow), compare_rows);
	store_as_owner(history, workspace_id);
	MemoryContextDelete(history->memory);
	*history = (History){.level = history->level, .import_id = history->import_id, .parent = history->parent};
}

void
history_note(int64 workspace_id, const char *contact_id, int64 contact_version, Jsonb *changes)
{
	HistoryRow row = {.contact_version = contact_version,
					  .source = cstring_to_text(""),
					  .changes = changes,
					  .evidence = no_evidence()};
	History history = {.rows = &row, .count = 1};

	if (statement_execute(&find_level, (Datum[]){Int64GetDatum(workspace_id)}) == 0 ||
		strcmp(TextDatumGetCString(statement_column(0, 1)), "all") != 0)
		return;
	strlcpy(row.contact_id, contact_id, sizeof(row.contact_id));
	store_as_owner(&history, workspace_id);
}
