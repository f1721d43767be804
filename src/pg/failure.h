/*
 * failure.h - notes that the delivery of an event has failed: it is due again later, or dead.
 */
#ifndef CU_FAILURE_H
#define CU_FAILURE_H

#include "due.h"

/* Notes the failure of an event of a lease. Returns false if the lease has the event no more. */
extern bool failure_of_leased(const Consumer *consumer, int64 lease, int64 event_id, Datum error);

/* Notes the failure of an event that due_find() has locked. */
extern void failure_of_locked(const Consumer *consumer, DueEvent *event, const char *error);

#endif
