/*
 * upsert.c - looks, asks the core, and writes what it decides.
 *
 * The look takes no lock. An UPDATE finds its row only if the version is still the one that was seen, an INSERT does
 * nothing if the address exists by now; either way the request is then decided anew on what is there. After a few
 * lost races the row is locked before the look. A request that changes nothing ends after the look: it locks nothing,
 * writes no WAL and needs no transaction id.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "definitions.h"
#include "encoding.h"
#include "host.h"
#include "json_reader.h"
#include "object_id.h"
#include "outbox.h"
#include "report.h"
#include "upsert.h"

#define TRIES_WITHOUT_LOCK 3
#define MAX_TRIES 20

/* One request under way. */
typedef struct Attempt
{
	int64 workspace_id;
	cu_host host;
	const cu_request *request;
	Datum email; /* as text of the database */
	StoredContact found;
} Attempt;

/* Checks the shape of the request and its address. */
static bool
read_request(Attempt *attempt, Datum request, Upsert *upsert)
{
	cu_document *document = palloc0(sizeof(cu_document));
	cu_result result;

	if (DatumGetPointer(request) != NULL)
		*document = json_read_request(request);
	result = cu_read_request(&attempt->host, document, &attempt->request, &upsert->facts.email, &upsert->error);
	host_check(result);
	if (result == CU_REJECTED)
		return false;
	attempt->email = PointerGetDatum(cstring_to_text(encoding_to_cstring(upsert->facts.email)));
	return true;
}

/* Looks at what is there and has the core decide. */
static bool
decide(Attempt *attempt, Upsert *upsert)
{
	const cu_definitions *definitions = NULL;
	cu_result result;

	if (store_find_contact(attempt->workspace_id, attempt->email, &attempt->found))
		definitions = definitions_get(attempt->workspace_id, attempt->found.definitions_version);
	if (definitions == NULL)
	{
		report_workspace_not_found(&upsert->error, attempt->workspace_id);
		return false;
	}
	result = cu_decide(&attempt->host,
					   definitions,
					   attempt->request,
					   attempt->found.exists ? &attempt->found.contact : NULL,
					   &upsert->decision,
					   &upsert->error);
	host_check(result);
	return result == CU_OK;
}

/* Fills in what the contact has beside the decision, as it is before a write. */
static void
take_facts(const Attempt *attempt, Upsert *upsert)
{
	const StoredContact *found = &attempt->found;
	cu_text email = upsert->facts.email;
	TimestampTz now = GetCurrentTransactionStartTimestamp();

	if (!found->exists)
	{
		upsert->facts = (ContactFacts){.email = email, .created_at = now, .updated_at = now};
		return;
	}
	memcpy(upsert->id, found->id, sizeof(upsert->id));
	upsert->facts = (ContactFacts){.id = upsert->id,
								   .email = email,
								   .created_at = found->created_at,
								   /* A transaction that began earlier may write later: updated_at never goes back. */
								   .updated_at = upsert->decision.outcome == CU_UNCHANGED ? found->updated_at
																						  : Max(found->updated_at, now),
								   .total_opens = found->total_opens,
								   .total_clicks = found->total_clicks,
								   .total_bounces = found->total_bounces,
								   .total_delivered = found->total_delivered};
}

/* Updates or inserts the contact; false if it is no longer as it was found. */
static bool
write_contact(const Attempt *attempt, Upsert *upsert)
{
	if (attempt->found.exists)
		return store_update_contact(
			attempt->workspace_id, &attempt->found, &upsert->decision, upsert->facts.updated_at);

	object_id_make(upsert->id);
	upsert->facts.id = upsert->id;
	return store_insert_contact(
		attempt->workspace_id, attempt->email, upsert->id, &upsert->decision, upsert->facts.created_at);
}

/* Writes the decision and its events; false if it was made on what is no longer there, or if tags had to be created first. */
static bool
write_decision(const Attempt *attempt, Upsert *upsert)
{
	if (upsert->decision.new_tag_count > 0)
	{
		store_create_tags(attempt->workspace_id, &upsert->decision);
		return false;
	}
	if (upsert->decision.outcome == CU_UNCHANGED)
		return true;
	if (!write_contact(attempt, upsert))
		return false;
	outbox_store(attempt->workspace_id, upsert->id, attempt->found.version + 1, &upsert->decision);
	return true;
}

static bool
try_request(Attempt *attempt, Datum request, bool write, Upsert *upsert)
{
	if (!read_request(attempt, request, upsert))
		return false;
	if (!store_is_installed())
	{
		report_not_installed(&upsert->error);
		return false;
	}
	for (int try = 1; try <= MAX_TRIES; try++)
	{
		CHECK_FOR_INTERRUPTS();
		if (try > TRIES_WITHOUT_LOCK)
			store_lock_contact(attempt->workspace_id, attempt->email);
		if (!decide(attempt, upsert))
			return false;
		take_facts(attempt, upsert);
		if (!write || write_decision(attempt, upsert))
			return true;
	}
	/* With the row locked only a trigger or a policy of the user's own can still keep it from being written. */
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("The contact could not be written."),
			 errhint("Look for a trigger on contacts.contact that returns NULL, or a row level security policy.")));
}

void
upsert_run(int64 workspace_id, Datum request, bool write, Upsert *upsert)
{
	Attempt attempt = {.workspace_id = workspace_id, .host = host_in(CurrentMemoryContext)};

	memset(upsert, 0, sizeof(*upsert));
	definitions_begin_call();
	upsert->rejected = !try_request(&attempt, request, write, upsert);
}
