/*
 * outbox.h - the durable half of automation events: rows that exist if and only if the change commits.
 */
#ifndef CU_OUTBOX_H
#define CU_OUTBOX_H

#include "core/contact_core.h"

/*
 * Stores a decision's events, with a delivery for each consumer that wants them, and queues their notifications.
 * version is the contact's after the change. Needs an SPI connection.
 */
extern void outbox_store(int64 workspace_id, const char *contact_id, int64 version, const cu_decision *decision);

#endif
