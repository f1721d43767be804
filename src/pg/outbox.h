/*
 * outbox.h - the durable half of automation events: rows that exist if and only if the change commits.
 */
#ifndef CU_OUTBOX_H
#define CU_OUTBOX_H

#include "utils/jsonb.h"

#include "contact.h"

/* An event that is to be stored. */
typedef struct OutboxEvent
{
	int64 position; /* of the request that raised it */
	char contact_id[OBJECT_ID_SIZE];
	int64 contact_version;
	int ordinal; /* from 1, among the events of one change */
	cu_event_type type;
	Jsonb *detail;
	int64 tag_id;	 /* TAG_ADDED, TAG_REMOVED, else 0 */
	char *merge_tag; /* FIELD_UPDATED, else NULL */
} OutboxEvent;

/* The events of some requests. */
typedef struct Outbox
{
	MemoryContext parent;
	MemoryContext memory; /* for what it holds; NULL while it is empty */
	OutboxEvent *events;
	size_t count;
	size_t capacity;
} Outbox;

extern void outbox_begin(Outbox *outbox);

/* outbox_add() adds the events of a decision, with the contact as it is after the change. */
extern void outbox_add(Outbox *outbox, int64 position, const ContactRow *contact, const cu_decision *decision);

/*
 * outbox_store() stores the events by the position of their requests, with a delivery for each consumer that wants
 * them, queues their notifications, and empties the outbox. Needs an SPI connection.
 */
extern void outbox_store(Outbox *outbox, int64 workspace_id);

/*
 * outbox_move() gives the events of a contact that is gone, and their deliveries, to another one, as the owner of the tables: behind
 * all that this one has, and before all that it gets later. version is the other contact's, which the caller has locked. Needs
 * an SPI connection.
 */
extern void outbox_move(int64 workspace_id, Datum from_id, Datum to_id, int64 version);

#endif
