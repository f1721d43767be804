/*
 * guard.h - the part of suppressions in an upsert: under the status policy "guarded" a suppressed address becomes one that is
 * mailed only with "resubscribe": true (docs/api.md, "Suppressions").
 *
 * Nothing is looked up for a contact that is there, nor where the policy is "api".
 */
#ifndef CU_GUARD_H
#define CU_GUARD_H

#include "upsert.h"

/*
 * guard_look_up() sets suppressed of some requests, before they are decided on, if asks says that they have to know. Needs an SPI
 * connection.
 */
extern void guard_look_up(int64 workspace_id, Upsert *const *upserts, size_t count);

/*
 * guard_check_written() looks again at contacts that have been written, once their rows keep other sessions away: removes one whose
 * address has been suppressed since it was decided on, and sets refused. Where there was consent it lifts the suppression.
 * Returns whether it has removed any. Needs an SPI connection.
 */
extern bool guard_check_written(int64 workspace_id, Upsert *const *upserts, size_t count, bool *refused);

#endif
