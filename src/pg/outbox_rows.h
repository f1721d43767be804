/*
 * outbox_rows.h - rows of contacts.event and contacts.delivery, stored without the executor where outbox_choice.h allows it.
 */
#ifndef CU_OUTBOX_ROWS_H
#define CU_OUTBOX_ROWS_H

#include "outbox.h"

/* OutboxRows is the writing of some events of one workspace, with the consumers that may want them. */
typedef struct OutboxRows OutboxRows;

/*
 * outbox_rows_begin() locks the tables, and finds the active consumers of the workspace; NULL if statements are to be executed.
 * outbox_rows_end() makes what was written visible to the next command.
 */
extern OutboxRows *outbox_rows_begin(int64 workspace_id);
extern void outbox_rows_end(OutboxRows *rows);

/* outbox_rows_add_event() stores an event and returns its id; 0, with nothing stored, if the id that was drawn may be in use. */
extern int64 outbox_rows_add_event(OutboxRows *rows, const OutboxEvent *event);

/* outbox_rows_add_deliveries() stores a delivery of an event for each consumer that wants its type. */
extern void outbox_rows_add_deliveries(OutboxRows *rows, const OutboxEvent *event, int64 event_id, int64 queued_xid);

#endif
