/*
 * notify.h - the bell of automation events: NOTIFY on the channel contact_automation, as contact_upsert.notify says.
 */
#ifndef CU_NOTIFY_H
#define CU_NOTIFY_H

#include "outbox.h"

/* Registers the callbacks; called once, from _PG_init. */
extern void notify_init(void);

/* Queues the notification of a stored event until the transaction commits. */
extern void notify_queue(int64 workspace_id, const OutboxEvent *event, int64 event_id);

#endif
