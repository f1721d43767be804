/*
 * upsert.h - the course of one request: read, decide, write, and again when somebody else was faster.
 */
#ifndef CU_UPSERT_H
#define CU_UPSERT_H

#include "json_writer.h"
#include "store.h"

/* What became, or would become, of one request. */
typedef struct Upsert
{
	bool rejected; /* then error says why, and nothing else but facts.email may be set */
	cu_error error;
	cu_decision decision;
	ContactFacts facts;
	char id[OBJECT_ID_SIZE];
} Upsert;

/*
 * Runs a request, a jsonb datum or 0 for an SQL NULL, in a workspace; with write false it changes nothing. Needs an SPI
 * connection, in whose memory the result lives. Raises only what is not the request's fault.
 */
extern void upsert_run(int64 workspace_id, Datum request, bool write, Upsert *upsert);

#endif
