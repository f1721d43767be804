/*
 * upsert_one.h - the course of one request: read, decide, write, and again when somebody else was faster.
 */
#ifndef CU_UPSERT_ONE_H
#define CU_UPSERT_ONE_H

#include "upsert.h"

/*
 * Runs a request, a jsonb datum or 0 for an SQL NULL, in a workspace; with write false it changes nothing. Needs an SPI
 * connection, in whose memory the result lives. Raises only what is not the request's fault.
 */
extern void upsert_one(int64 workspace_id, Datum request, bool write, Upsert *upsert);

#endif
