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

#include "definitions.h"
#include "encoding.h"
#include "errors.h"
#include "host.h"
#include "jsonb_reader.h"
#include "outbox.h"
#include "settings.h"
#include "upsert.h"
#include "versions.h"

#define TRIES_WITHOUT_LOCK 3
#define MAX_TRIES 20
/* Only who deletes a tag at the same time can be in the way. */
#define MAX_TAG_TRIES 5

/* Whether the call under way has already said that it ignores keys. */
static bool has_noted_unknown_keys;

void
upsert_begin_call(void)
{
	has_noted_unknown_keys = false;
}

static void
note_unknown_keys(const cu_request *request)
{
	char names[256];

	if (has_noted_unknown_keys || settings_unknown_keys() != UNKNOWN_KEYS_NOTICE || !cu_unknown_keys(request, &names))
		return;
	has_noted_unknown_keys = true;
	ereport(
		NOTICE,
		(errmsg("Unknown keys of the request are ignored: %s", encoding_to_cstring((cu_text){names, strlen(names)})),
		 errhint("With contact_upsert.unknown_keys = 'refuse' they are an error, with 'ignore' there is no notice.")));
}

bool
upsert_read(Upsert *upsert, const cu_document *document)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_result result = cu_read_request(&host,
									   document,
									   settings_unknown_keys() == UNKNOWN_KEYS_REFUSE,
									   &upsert->request,
									   &upsert->facts.email,
									   upsert->error);

	host_check(result);
	upsert->rejected = result == CU_REJECTED;
	if (!upsert->rejected)
		note_unknown_keys(upsert->request);
	return !upsert->rejected;
}

/* What the contact has beside the decision. */
static void
take_facts(Upsert *upsert)
{
	const StoredContact *found = &upsert->found;
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

bool
upsert_decide(Upsert *upsert, const cu_definitions *definitions)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_result result = cu_decide(&host,
								 definitions,
								 upsert->request,
								 upsert->found.exists ? &upsert->found.contact : NULL,
								 &upsert->decision,
								 upsert->error);

	host_check(result);
	upsert->rejected = result == CU_REJECTED;
	if (!upsert->rejected)
		take_facts(upsert);
	return !upsert->rejected;
}

void
upsert_make_id(Upsert *upsert)
{
	host_make_object_id(upsert->id);
	upsert->facts.id = upsert->id;
}

void
upsert_raise_not_written(void)
{
	/* With the row locked only a trigger or a policy of the user's own can still keep it from being written. */
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg(UPSERT_NOT_WRITTEN),
			 errhint(UPSERT_NOT_WRITTEN_HINT)));
}

void
upsert_raise_no_tag(const cu_decision *decision)
{
	/* Those that do not exist come last. */
	cu_text name = decision->tags[decision->tag_count - decision->new_tag_count].name;

	ereport(
		ERROR,
		(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
		 errmsg("The tag '%s' could not be created.", encoding_to_cstring(name)),
		 errhint(
			 "Look for a trigger on contacts.tag that changes or drops a new tag, for a row level security policy, and "
			 "for session_replication_role = replica, where nobody learns of a new tag.")));
}

/* Makes the tags that a decision asks for and that do not exist yet. */
static void
create_tags(int64 workspace_id, const cu_decision *decision)
{
	Datum *names = palloc(sizeof(Datum) * decision->new_tag_count);
	size_t count = 0;

	for (size_t i = 0; i < decision->tag_count; i++)
		if (decision->tags[i].id == 0)
			names[count++] = encoding_to_text(decision->tags[i].name);
	store_create_tags(workspace_id, names, count);
}

/* Looks at what is there and decides. */
static bool
look_and_decide(int64 workspace_id, Datum email, Upsert *upsert)
{
	const cu_definitions *definitions = NULL;

	if (store_find_contact(workspace_id, email, &upsert->found))
		definitions = definitions_get(workspace_id, upsert->found.definitions_version);
	if (definitions == NULL)
	{
		errors_workspace_not_found(upsert->error, workspace_id);
		return false;
	}
	return upsert_decide(upsert, definitions);
}

/* Looks and decides until all tags are there that the decision names; creates them unless they are not to be written. */
static bool
decide(int64 workspace_id, Datum email, bool write, Upsert *upsert)
{
	for (int try = 0; try < MAX_TAG_TRIES; try++)
	{
		if (!look_and_decide(workspace_id, email, upsert))
			return false;
		if (!write || upsert->decision.new_tag_count == 0)
			return true;
		create_tags(workspace_id, &upsert->decision);
	}
	upsert_raise_no_tag(&upsert->decision);
}

/* Updates or inserts the contact; false if it is no longer as it was found. */
static bool
write_contact(int64 workspace_id, Datum email, Upsert *upsert)
{
	if (upsert->found.exists)
		return store_update_contact(workspace_id, email, &upsert->found, &upsert->decision, upsert->facts.updated_at);

	upsert_make_id(upsert);
	return store_insert_contact(workspace_id, email, upsert->id, &upsert->decision, upsert->facts.created_at);
}

/* Writes the decision and its events; false if it was made on what is no longer there. */
static bool
write_decision(int64 workspace_id, Datum email, Upsert *upsert)
{
	Outbox outbox;

	if (upsert->decision.outcome == CU_UNCHANGED)
		return true;
	if (!write_contact(workspace_id, email, upsert))
		return false;
	outbox_begin(&outbox);
	outbox_add(&outbox, 1, upsert->id, upsert->found.version + 1, &upsert->decision);
	outbox_store(&outbox, workspace_id);
	return true;
}

static bool
try_request(int64 workspace_id, const cu_document *document, bool write, Upsert *upsert)
{
	Datum email;

	if (!upsert_read(upsert, document))
		return false;
	if (!store_is_installed())
	{
		errors_not_installed(upsert->error);
		return false;
	}
	versions_check();
	email = encoding_to_text(upsert->facts.email);
	for (int try = 1; try <= MAX_TRIES; try++)
	{
		CHECK_FOR_INTERRUPTS();
		if (try > TRIES_WITHOUT_LOCK)
			store_lock_contact(workspace_id, email);
		if (!decide(workspace_id, email, write, upsert))
			return false;
		if (!write || write_decision(workspace_id, email, upsert))
			return true;
	}
	upsert_raise_not_written();
}

void
upsert_run(int64 workspace_id, Datum request, bool write, Upsert *upsert)
{
	cu_document document = {.bytes = 0};

	*upsert = (Upsert){.error = palloc(sizeof(cu_error))};
	upsert_begin_call();
	definitions_begin_call();
	if (DatumGetPointer(request) != NULL)
		document = jsonb_read_request(request);
	upsert->rejected = !try_request(workspace_id, &document, write, upsert);
}
