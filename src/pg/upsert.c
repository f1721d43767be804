/*
 * upsert.c - the way of one request: parse it, look for its contact, have the core decide, write what it decides.
 *
 * The look-up takes no lock. An UPDATE finds its row only if the version is still the one that was found, an INSERT
 * does nothing if the address exists by now; either way the request is then decided on anew, with what is there. After
 * a few lost races the row is locked before the look-up. A request that changes nothing ends after the look-up: it
 * locks nothing, writes no WAL and needs no transaction id.
 *
 * bulk_batch.c takes the steps that both ways share, upsert_parse() and upsert_decide(), from here.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "definitions.h"
#include "encoding.h"
#include "errors.h"
#include "guard.h"
#include "history.h"
#include "host.h"
#include "jsonb_reader.h"
#include "outbox.h"
#include "owner.h"
#include "settings.h"
#include "store.h"
#include "suppression.h"
#include "upsert.h"
#include "versions.h"

#define TRIES_WITHOUT_LOCK 3
#define MAX_TRIES 20
/* MAX_TAG_TRIES: only a session that deletes a tag at the same time can be in the way. */
#define MAX_TAG_TRIES 5

/* Whether the call under way has already said that it ignores keys. */
static bool has_noted_unknown_keys;

bool
upsert_writes(const cu_decision *decision)
{
	return decision->outcome == CU_CREATED || decision->outcome == CU_UPDATED;
}

void
upsert_begin_call(void)
{
	has_noted_unknown_keys = false;
}

static void
note_unknown_keys(const cu_parsed_request *request)
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
upsert_parse(Upsert *upsert, const cu_document *document, cu_text *email)
{
	cu_host host = host_in(CurrentMemoryContext);
	bool rejects_unknown_keys = settings_unknown_keys() == UNKNOWN_KEYS_REFUSE;
	cu_result result =
		cu_parse_request(&host, document, rejects_unknown_keys, &upsert->parsed_request, email, upsert->error);

	host_check(result);
	upsert->rejected = result == CU_REJECTED;
	if (!upsert->rejected)
		note_unknown_keys(upsert->parsed_request);
	return !upsert->rejected;
}

/* Returns a contact as it is after a decision: as it was found but for its version and times, or a new one without an id. */
static ContactRow
contact_after(const ContactRow *found, const cu_decision *decision, const TimestampTz *created_at)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	ContactRow after = *found;

	if (!upsert_writes(decision))
		return after;
	after.version = found->version + 1;
	if (decision->outcome == CU_CREATED)
		after.created_at = created_at ? *created_at : now;
	/* A transaction that began earlier may write later: updated_at never goes back. */
	after.updated_at = decision->outcome == CU_CREATED ? now : Max(found->updated_at, now);
	return after;
}

/* Whether it counts that the address is suppressed. What is restored was mailed before. */
static bool
asks_for_suppression(const Upsert *upsert, const cu_definitions *definitions)
{
	return !upsert->restores && !upsert->found.exists && cu_asks_for_suppression(definitions, upsert->parsed_request);
}

bool
upsert_decide(Upsert *upsert, const cu_definitions *definitions)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_decide_options options = {
		.suppressed = upsert->suppressed, .restores = upsert->restores, .cells = upsert->cells};
	cu_result result = cu_decide(&host,
								 definitions,
								 upsert->parsed_request,
								 upsert->found.exists ? &upsert->found.stored : NULL,
								 &options,
								 &upsert->decision,
								 upsert->error);

	host_check(result);
	upsert->definitions = definitions;
	upsert->rejected = result == CU_REJECTED;
	upsert->asks = asks_for_suppression(upsert, definitions);
	if (upsert->rejected)
		return false;
	upsert->after = contact_after(&upsert->found, &upsert->decision, upsert->created_at);
	/* Nobody but the owner can keep the consumers of events from hearing of a change. */
	if ((upsert->quiet || !settings_events()) && owner_includes(GetUserId()))
		upsert->decision.event_count = 0;
	return true;
}

/* Looks for the contact and decides; false if the request is rejected. */
static bool
find_and_decide(int64 workspace_id, Upsert *upsert)
{
	int64 version = store_find_contact(workspace_id, &upsert->found);
	const cu_definitions *definitions = version > 0 ? definitions_get(workspace_id, version) : NULL;

	if (definitions == NULL)
	{
		errors_workspace_not_found(upsert->error, workspace_id);
		return false;
	}
	upsert->suppressed =
		asks_for_suppression(upsert, definitions) && suppression_covers(workspace_id, upsert->found.email);
	return upsert_decide(upsert, definitions);
}

List *
upsert_add_missing_tags(List *names, const cu_decision *decision)
{
	for (size_t i = 0; i < decision->tag_count; i++)
		if (decision->tags[i].id == 0)
			names = lappend(names, DatumGetPointer(encoding_to_text(decision->tags[i].name)));
	return names;
}

void
upsert_raise_no_tag(const cu_decision *decision)
{
	/* Tags that do not exist come last. */
	cu_text name = decision->tags[decision->tag_count - decision->new_tag_count].name;

	ereport(
		ERROR,
		(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
		 errmsg("The tag '%s' could not be created.", encoding_to_cstring(name)),
		 errhint(
			 "Look for a trigger on contacts.tag that changes or drops a new tag, for a row level security policy, and "
			 "for session_replication_role = replica, under which no session learns of a new tag.")));
}

/* Decides until all tags are there that the decision names; creates them, unless nothing is to be written. */
static bool
decide_with_tags(int64 workspace_id, bool write, Upsert *upsert)
{
	for (int try = 0; try < MAX_TAG_TRIES; try++)
	{
		if (!find_and_decide(workspace_id, upsert))
			return false;
		if (!write || upsert->decision.new_tag_count == 0)
			return true;
		store_create_tags(workspace_id, upsert_add_missing_tags(NIL, &upsert->decision));
	}
	upsert_raise_no_tag(&upsert->decision);
}

/* Updates or inserts the contact; false if the table has another than was found. */
static bool
write_contact(int64 workspace_id, Upsert *upsert)
{
	if (upsert->found.exists)
		return store_update_contact(workspace_id, &upsert->after, &upsert->decision);
	host_make_object_id(upsert->after.id);
	return store_insert_contact(workspace_id, &upsert->after, &upsert->decision);
}

/* Writes the decision, its history and its events; false if it was made on what is no longer there. */
static bool
write_decision(int64 workspace_id, Upsert *upsert)
{
	HistoryLevel level = definitions_history_level(workspace_id);
	bool changes = upsert_writes(&upsert->decision);
	bool refused;
	History history;
	Outbox outbox;

	if (!changes && !history_keeps_evidence(level, upsert))
		return true;
	if (!changes && !store_lock_unchanged(workspace_id, &upsert->found))
		return false;
	if (changes && (!write_contact(workspace_id, upsert) || guard_check_written(workspace_id, &upsert, 1, &refused)))
		return false;
	history_begin(&history, level, 0);
	outbox_begin(&outbox);
	history_add(&history, 1, upsert);
	history_store(&history, workspace_id);
	outbox_add(&outbox, 1, &upsert->after, &upsert->decision);
	outbox_store(&outbox, workspace_id);
	return true;
}

/* Raises that the contact could not be written, although no other session was in the way. */
pg_noreturn static void
raise_not_written(void)
{
	/* With the row locked only a trigger or a policy of the user's own can still keep it from being written. */
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg(UPSERT_NOT_WRITTEN),
			 errhint(UPSERT_NOT_WRITTEN_HINT)));
}

/* Runs a request; false if it is rejected. */
static bool
try_request(int64 workspace_id, const cu_document *document, bool write, Upsert *upsert)
{
	cu_text email;

	if (!upsert_parse(upsert, document, &email))
		return false;
	upsert->found.email = encoding_to_text(email);
	if (!store_is_installed())
	{
		errors_not_installed(upsert->error);
		return false;
	}
	versions_check();
	for (int try = 1; try <= MAX_TRIES; try++)
	{
		CHECK_FOR_INTERRUPTS();
		if (try > TRIES_WITHOUT_LOCK)
			store_lock_contact(workspace_id, upsert->found.email);
		if (!decide_with_tags(workspace_id, write, upsert))
			return false;
		if (!write || write_decision(workspace_id, upsert))
			return true;
	}
	raise_not_written();
}

void
upsert_run(int64 workspace_id, Datum request, bool write, Upsert *upsert)
{
	cu_document document = {.bytes = 0};

	if (DatumGetPointer(request) != NULL)
		document = jsonb_read_request(request);
	*upsert = (Upsert){.rejected = false};
	upsert_run_document(workspace_id, &document, write, upsert);
}

void
upsert_run_document(int64 workspace_id, const cu_document *document, bool write, Upsert *upsert)
{
	upsert->error = palloc(sizeof(cu_error));
	upsert_begin_call();
	definitions_begin_call();
	upsert->rejected = !try_request(workspace_id, document, write, upsert);
}

bool
upsert_run_for_answer(int64 workspace_id, Datum request, Upsert *upsert)
{
	errors_raise_unless_writable("contact_upsert()");
	upsert_run(workspace_id, request, true, upsert);
	if (!upsert->rejected && upsert->decision.outcome == CU_SKIPPED && !upsert->found.exists)
	{
		errors_contact_not_found(upsert->error, "Mode update creates no contact: leave mode out to create it.");
		upsert->rejected = true;
	}
	return !upsert->rejected;
}
