/*
 * handed_over.h - what both sides of a call that is handed over (delegate.h) agree on: texts that read the same on every server, the kinds
 * of rows that come back, and what of the session goes with the call.
 */
#ifndef CU_HANDED_OVER_H
#define CU_HANDED_OVER_H

#include "fmgr.h"

/* What call_here() returns: rows of the result, each behind one of these. */
#define HANDED_ROW 'r'
#define HANDED_NULL_ROW '0'
#define HANDED_NOTIFICATION 'n'
#define HANDED_UNSENT 'u' /* nothing was done: this is not the server of the workspace */

/*
 * handed_over_begin_texts() has times, intervals and literals written and read in the same way whatever the session's settings are, until
 * AtEOXact_GUC() is called with what it returns.
 */
extern int handed_over_begin_texts(void);

extern char *handed_over_output(Datum value, Oid type);

/*
 * handed_over_session() returns what of the session goes with a call, a text[]. handed_over_begin_session() takes its settings, until
 * AtEOXact_GUC(), and its process, until handed_over_end_session(), also in PG_FINALLY, is given what was returned.
 */
extern Datum handed_over_session(void);
extern int handed_over_begin_session(Datum session);
extern void handed_over_end_session(int outer);

/* handed_over_is_from_session() says whether what goes with a call has a process: who calls by hand has no need to give one. */
extern bool handed_over_is_from_session(Datum session);

/* handed_over_session_pid() returns the process of the session that has made the call under way, on the server where it has made it. */
extern int handed_over_session_pid(void);

/* handed_over_require() raises unless the tables are distributed, and a call can be for that workspace. */
extern void handed_over_require(int64 workspace_id);

#endif
