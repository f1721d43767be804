/*
 * notify.h - the bell of automation events: NOTIFY on the channel contact_automation, as contact_upsert.notify says.
 */
#ifndef CU_NOTIFY_H
#define CU_NOTIFY_H

#include "outbox.h"

/* notify_init() registers the callbacks; called once, from _PG_init. */
extern void notify_init(void);

/* A notification has fewer bytes than this. */
#define NOTIFY_MAX_PAYLOAD (BLCKSZ - NAMEDATALEN - 128)

/*
 * notify_payload() returns what is sent of an event: a JSON object of ids, for every role may listen. tag_id or
 * merge_tag or both are NULL.
 */
extern char *notify_payload(const char *type, int64 workspace_id, const char *contact_id, int64 contact_version,
							int64 event_id, const char *tag_id, const char *merge_tag);

/* notify_queue() queues the notification of a stored event until the transaction commits. */
extern void notify_queue(int64 workspace_id, const OutboxEvent *event, int64 event_id);

/* notify_relay() sends a notification on a channel of the caller's. */
extern void notify_relay(const char *channel, const char *payload);

/*
 * notify_take_queue() returns what the transaction has queued so far, as texts, and queues it no longer; notify_pass_on() queues one of the
 * texts, in the session that has handed the call over.
 */
extern List *notify_take_queue(void);
extern void notify_pass_on(const char *notification);

#endif
