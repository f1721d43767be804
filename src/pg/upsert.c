/*
 * upsert.c - see upsert.h.
 */
#include "postgres.h"

#include "access/xact.h"

#include "encoding.h"
#include "host.h"
#include "object_id.h"
#include "settings.h"
#include "upsert.h"

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
	object_id_make(upsert->id);
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
