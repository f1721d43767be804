/*
 * suppression.h - addresses that have opted out and whose contact is gone: contacts.suppression (docs/api.md, "Suppressions").
 *
 * No role but the tables' owner writes the table. The functions act as the owner; that the caller may act for the workspace
 * has been checked before. All of them need an SPI connection. Addresses are texts of the database, as they are stored.
 */
#ifndef CU_SUPPRESSION_H
#define CU_SUPPRESSION_H

/* suppression_is_opt_out() says whether contacts with a status, by its name, have opted out. */
extern bool suppression_is_opt_out(const char *status);

/* suppression_covers() says whether an address is suppressed, as all that is committed by now says. */
extern bool suppression_covers(int64 workspace_id, Datum email);

/* suppression_find() says the same of many addresses at once: sets those of suppressed that are. */
extern void suppression_find(int64 workspace_id, const Datum *emails, size_t count, bool *suppressed);

/* suppression_leave() suppresses an address, for a status by its name; of two statuses the stricter one stays. */
extern void suppression_leave(int64 workspace_id, Datum email, const char *status, const char *reason);

/* suppression_lift() takes the suppressions of addresses back; returns how many there were. */
extern uint64 suppression_lift(int64 workspace_id, const Datum *emails, size_t count);

#endif
