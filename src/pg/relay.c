/*
 * relay.c - contacts.relay: sends the events that are due with NOTIFY, and acknowledges them in the same transaction.
 *
 * What is sent is locked until the transaction ends, so it needs no lease. An event too long for a notification has failed.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "delegate.h"
#include "due.h"
#include "failure.h"
#include "notify.h"

static Statement delete_page[] = DUE_PAIR_OF_PAGES("DELETE FROM contacts.delivery d WHERE", "", 3);

static Statement delete_page_in_place = {
	.sql = "DELETE FROM contacts.delivery d USING " DUE_PLACES,
	.parameter_count = 2,
	.parameter_types = {INT8OID, TIDARRAYOID},
	.by_place = true,
};

static char *
nullable_text(SPITupleTable *rows, uint64 row, DueColumn column)
{
	return SPI_getvalue(rows->vals[row], rows->tupdesc, column);
}

/* Sends the events that due_find() left in SPI_tuptable; sets which ones no notification can hold. */
static void
send_page(const char *channel, SPITupleTable *events, const DuePage *page, bool *is_too_long)
{
	for (size_t i = 0; i < page->count; i++)
	{
		bool is_null;
		Datum value = SPI_getbinval(events->vals[i], events->tupdesc, DUE_CONTACT_VERSION, &is_null);
		int64 version = is_null ? 0 : DatumGetInt64(value); /* null where a user has dropped its NOT NULL */
		char *payload = notify_payload(nullable_text(events, i, DUE_TYPE_NAME),
									   page->events[i].workspace_id,
									   nullable_text(events, i, DUE_CONTACT_ID),
									   version,
									   page->events[i].event_id,
									   nullable_text(events, i, DUE_TAG_ID),
									   nullable_text(events, i, DUE_MERGE_TAG));

		is_too_long[i] = strlen(payload) >= NOTIFY_MAX_PAYLOAD;
		if (!is_too_long[i])
			notify_relay(channel, payload);
	}
}

/* Deletes the deliveries that have been sent, and notes that the others have failed. */
static void
settle_page(const Consumer *consumer, DuePage *page, const bool *is_too_long)
{
	size_t sent = 0;

	for (size_t i = 0; i < page->count; i++)
		if (is_too_long[i])
			failure_of_locked(consumer, &page->events[i], "The event is too long for a notification.");
		else
			page->events[sent++] = page->events[i];
	page->count = sent;
	if (sent == 0)
		return;
	if (page->has_places)
		(void)due_execute_in_place(&delete_page_in_place, consumer, page, NULL);
	else
		(void)due_execute(delete_page, consumer, page, NULL);
}

PG_FUNCTION_INFO_V1(contacts_relay);
Datum
contacts_relay(PG_FUNCTION_ARGS)
{
	ConsumerCall call;
	DuePage page;
	char *channel = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	size_t taken;
	Datum there;

	if (delegate_call(fcinfo, 3, "contacts.relay()", &there))
		return there;
	consumer_begin(fcinfo, 3, "contacts.relay()", &call);
	consumer_require_max(fcinfo, 2, "relay");
	if (channel == NULL || *channel == '\0' || strlen(channel) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("channel must have 1 to %d bytes.", NAMEDATALEN - 1),
				 errhint("It is what listeners name after LISTEN, such as contact_automation.")));
	due_find(&call.consumer, PG_GETARG_INT32(2), true, &page);
	taken = page.count;
	if (taken > 0)
	{
		bool *is_too_long = palloc(sizeof(bool) * taken);

		send_page(channel, SPI_tuptable, &page, is_too_long);
		settle_page(&call.consumer, &page, is_too_long);
	}
	consumer_end(&call);
	PG_RETURN_INT32((int32)taken);
}
