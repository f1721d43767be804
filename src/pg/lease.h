/*
 * lease.h - what the last claims of this session have handed out, so that contacts.extend() finds it by its key, and contacts.ack() by its place.
 */
#ifndef CU_LEASE_H
#define CU_LEASE_H

#include "due.h"

/* Remembers the page of a claim. */
extern void lease_remember(const Consumer *consumer, int64 lease, const DuePage *page);

/* Returns the page of a claim, or NULL where it is of another session, too long ago or too large. */
extern const DuePage *lease_recall(const Consumer *consumer, int64 lease);

#endif
