/*
 * notify.c - queues notifications with the upsert and hands them to PostgreSQL when the transaction is about to commit.
 *
 * Notifications are dropped with the subtransaction that queued them, and left out of PREPARE TRANSACTION, which rejects
 * transactions with a NOTIFY in them: the rows in the outbox are the promise, this is only the bell. Every role of the
 * database may listen, so a payload has ids in it and never an address or a value.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/async.h"
#include "lib/stringinfo.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "notify.h"
#include "settings.h"
#include "shard_scope.h"

#define CHANNEL "contact_automation"
#define WAKEUP "{\"type\":\"WAKEUP\"}"

/* NOTIFY holds a lock of the whole server: beyond this many in a transaction, the rest is one wake-up. */
#define MAX_NOTIFICATIONS 1000

typedef struct Notification
{
	SubTransactionId subtransaction; /* which must not be rolled back for it to be sent */
	const char *channel;
	const char *payload;
} Notification;

/* queue is what the current transaction has queued, in order, in TopTransactionContext. */
static List *queue;

/*
 * last_wakeup is when this backend last sent a wake-up under contact_upsert.notify = wakeup, pending_wakeup the time
 * of the one that is about to commit.
 */
static TimestampTz last_wakeup;
static TimestampTz pending_wakeup;

char *
notify_payload(const char *type, int64 workspace_id, const char *contact_id, int64 contact_version, int64 event_id,
			   const char *tag_id, const char *merge_tag)
{
	StringInfoData payload;

	initStringInfo(&payload);
	appendStringInfoString(&payload, "{\"type\":");
	escape_json(&payload, type);
	appendStringInfo(&payload, ",\"workspace_id\":\"" INT64_FORMAT "\",\"contact_id\":", workspace_id);
	escape_json(&payload, contact_id);
	appendStringInfo(&payload,
					 ",\"contact_version\":\"" INT64_FORMAT "\",\"event_id\":\"" INT64_FORMAT "\"",
					 contact_version,
					 event_id);
	if (tag_id)
	{
		appendStringInfoString(&payload, ",\"tag_id\":");
		escape_json(&payload, tag_id);
	}
	else if (merge_tag)
	{
		appendStringInfoString(&payload, ",\"merge_tag\":");
		escape_json(&payload, merge_tag);
	}
	appendStringInfoChar(&payload, '}');
	return payload.data;
}

/* Returns the payload of an event, which is always short enough: an id has 24 characters and a merge tag 63. */
static const char *
event_payload(int64 workspace_id, const OutboxEvent *event, int64 event_id)
{
	return notify_payload(cu_event_type_name(event->type),
						  workspace_id,
						  event->contact_id,
						  event->contact_version,
						  event_id,
						  event->tag_id ? psprintf(INT64_FORMAT, event->tag_id) : NULL,
						  event->merge_tag);
}

/* Queues a payload; both texts are in TopTransactionContext, or last. */
static void
add_to_queue(const char *channel, const char *payload)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	Notification *notification = palloc(sizeof(Notification));

	notification->subtransaction = GetCurrentSubTransactionId();
	notification->channel = channel;
	notification->payload = payload;
	queue = lappend(queue, notification);
	MemoryContextSwitchTo(caller);
}

/* How many notifications are sent one by one; the one behind the limit stands for the rest. */
static int
queue_limit(void)
{
	return settings_notify() == NOTIFY_EVENTS ? MAX_NOTIFICATIONS : 0;
}

void
notify_queue(int64 workspace_id, const OutboxEvent *event, int64 event_id)
{
	MemoryContext caller;

	if (settings_notify() == NOTIFY_OFF || list_length(queue) > queue_limit())
		return;
	caller = MemoryContextSwitchTo(TopTransactionContext);
	add_to_queue(CHANNEL, list_length(queue) == queue_limit() ? WAKEUP : event_payload(workspace_id, event, event_id));
	MemoryContextSwitchTo(caller);
}

void
notify_relay(const char *channel, const char *payload)
{
	/* Below a call that has been handed over, the session that it came from is to send it. */
	if (shard_scope_group())
		add_to_queue(MemoryContextStrdup(TopTransactionContext, channel),
					 MemoryContextStrdup(TopTransactionContext, payload));
	else
		Async_Notify(channel, payload);
}

List *
notify_take_queue(void)
{
	List *notifications = NIL;
	ListCell *cell;

	foreach (cell, queue)
	{
		const Notification *notification = lfirst(cell);

		notifications = lappend(notifications, psprintf("%s\n%s", notification->channel, notification->payload));
	}
	queue = NIL;
	return notifications;
}

void
notify_pass_on(const char *notification)
{
	const char *end = strchr(notification, '\n');
	char *channel;

	if (end == NULL)
		elog(ERROR, "a notification without a channel");
	channel = pnstrdup(notification, end - notification);
	if (strcmp(channel, CHANNEL) != 0)
		notify_relay(channel, end + 1);
	else if (settings_notify() != NOTIFY_OFF && list_length(queue) <= queue_limit())
		add_to_queue(CHANNEL,
					 list_length(queue) == queue_limit() ? WAKEUP
														 : MemoryContextStrdup(TopTransactionContext, end + 1));
}

/* Whether a wake-up may be sent: under contact_upsert.notify = wakeup not more often than notify_interval. */
static bool
wakeup_is_due(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (settings_notify() != NOTIFY_WAKEUP)
		return true;
	if (!TimestampDifferenceExceeds(last_wakeup, now, settings_notify_interval()))
		return false;
	pending_wakeup = now;
	return true;
}

/* Hands the queue over before PreCommit_Notify, which sends what it finds. */
static void
send_queue(void)
{
	ListCell *cell;

	foreach (cell, queue)
	{
		const Notification *notification = lfirst(cell);

		if (strcmp(notification->payload, WAKEUP) != 0 || wakeup_is_due())
			Async_Notify(notification->channel, notification->payload);
	}
	queue = NIL;
}

static void
at_transaction_event(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT)
		send_queue();
	else
	{
		if (event == XACT_EVENT_COMMIT && pending_wakeup)
			last_wakeup = pending_wakeup;
		pending_wakeup = 0;
		queue = NIL; /* its memory goes with the transaction */
	}
}

static void
at_subtransaction_event(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	ListCell *cell;

	if (event == SUBXACT_EVENT_COMMIT_SUB)
		foreach (cell, queue)
		{
			Notification *notification = lfirst(cell);

			if (notification->subtransaction == mine)
				notification->subtransaction = parent;
		}
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		foreach (cell, queue)
		{
			if (((Notification *)lfirst(cell))->subtransaction == mine)
				queue = foreach_delete_current(queue, cell);
		}
}

void
notify_init(void)
{
	RegisterXactCallback(at_transaction_event, NULL);
	RegisterSubXactCallback(at_subtransaction_event, NULL);
}
