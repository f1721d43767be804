/*
 * upsert.h - one request: what it asks, what it found, what became of it.
 */
#ifndef CU_UPSERT_H
#define CU_UPSERT_H

#include "jsonb_writer.h"
#include "pg_compat.h"
#include "store.h"

#define UPSERT_NOT_WRITTEN "The contact could not be written."
#define UPSERT_NOT_WRITTEN_HINT \
	"Look for a trigger on contacts.contact that returns NULL, or a row level security policy."

typedef struct Upsert
{
	const cu_request *request;
	StoredContact found; /* by who runs it, between read and decide */
	bool rejected;		 /* then error says why, and of the rest only facts.email may be set */
	cu_error *error;	 /* room for it, from who runs it: it is large */
	/* If it is not NULL, PostgreSQL has rejected the contact, and error says nothing. */
	const ErrorData *row_error;
	cu_decision decision;
	ContactFacts facts;
	char id[OBJECT_ID_SIZE];
} Upsert;

/* Begins a call: it notes the unknown keys of its requests once. */
extern void upsert_begin_call(void);

/* Reads a request and sets facts.email; false if it is rejected. Notes unknown keys, as contact_upsert.unknown_keys says. */
extern bool upsert_read(Upsert *upsert, const cu_document *document);

/* Decides on what was found, and fills in the facts as they are before a write; false if it is rejected. */
extern bool upsert_decide(Upsert *upsert, const cu_definitions *definitions);

/* Gives a contact that is to be created its id. */
extern void upsert_make_id(Upsert *upsert);

/* Raises that the contact could not be written, though nobody else was in the way. */
pg_noreturn extern void upsert_raise_not_written(void);

/* Raises that a tag was created, and is not there. */
pg_noreturn extern void upsert_raise_no_tag(const cu_decision *decision);

/*
 * Runs a request, a jsonb datum or 0 for an SQL NULL, in a workspace; with write false it changes nothing. Needs an SPI
 * connection, in whose memory the result lives. Raises only what is not the request's fault.
 */
extern void upsert_run(int64 workspace_id, Datum request, bool write, Upsert *upsert);

#endif
