/*
 * upsert.h - one request: read, decided on, and, unless it is one of an array, written.
 */
#ifndef CU_UPSERT_H
#define CU_UPSERT_H

#include "nodes/pg_list.h"

#include "contact.h"
#include "pg_compat.h"

#define UPSERT_NOT_WRITTEN "The contact could not be written."
#define UPSERT_NOT_WRITTEN_HINT \
	"Look for a trigger on contacts.contact that returns NULL, or a row level security policy."

/* A request on its way, and what became of it. */
typedef struct Upsert
{
	const cu_parsed_request *parsed_request;
	bool restores;				   /* what was: see cu_decide_options */
	bool quiet;					   /* raises no events */
	const TimestampTz *created_at; /* of the contact, should it be created; NULL: now */
	const cu_json *cells;		   /* see cu_decide_options */
	ContactRow found;			/* the contact before the request; as long as it was not looked for, only its email */
	bool asks;					/* nobody has the address, and whether it is suppressed counts */
	bool suppressed;			/* it is; see guard.h */
	bool rejected;				/* then error or row_error says why, and what follows them is not set */
	cu_error *error;			/* room for an error, which is large, from the caller */
	const ErrorData *row_error; /* if not NULL, PostgreSQL has rejected the contact, and error says nothing */
	const cu_definitions *definitions; /* by which it was decided; NULL for a request that was rejected before */
	cu_decision decision;
	ContactRow after; /* the contact after the request; its status, tags and data are the decision's */
} Upsert;

/* upsert_writes() says whether a decision is one to write: its contact is new, or changes. */
extern bool upsert_writes(const cu_decision *decision);

/* upsert_begin_call() begins a call, which notes the unknown keys of its requests once. */
extern void upsert_begin_call(void);

/*
 * upsert_parse() parses a request, with the note on its unknown keys that contact_upsert.unknown_keys asks for, and sets
 * email to the address as it is stored, in UTF-8; false if the request is rejected.
 */
extern bool upsert_parse(Upsert *upsert, const cu_document *document, cu_text *email);

/*
 * upsert_decide() decides on the contact that was found, and on suppressed where there is none, and sets after and asks; false if
 * the request is rejected.
 */
extern bool upsert_decide(Upsert *upsert, const cu_definitions *definitions);

/*
 * upsert_run() runs a request, a jsonb datum or 0 for an SQL NULL, in a workspace; with write false it changes
 * nothing. Needs an SPI connection, in whose memory the result lives. Raises only what is not the request's fault.
 */
extern void upsert_run(int64 workspace_id, Datum request, bool write, Upsert *upsert);

/* upsert_run_for_answer() runs a request of contact_upsert(), and writes; false if it is rejected. */
extern bool upsert_run_for_answer(int64 workspace_id, Datum request, Upsert *upsert);

/* upsert_run_document() does the same with a request that is read already; of upsert, restores, quiet, created_at and cells are given. */
extern void upsert_run_document(int64 workspace_id, const cu_document *document, bool write, Upsert *upsert);

/*
 * upsert_add_missing_tags() adds the names that a decision has to become tags to a list of texts as Datum, and returns
 * it.
 */
extern List *upsert_add_missing_tags(List *names, const cu_decision *decision);

/* upsert_raise_no_tag() raises that a tag was created, and is not there. */
pg_noreturn extern void upsert_raise_no_tag(const cu_decision *decision);

#endif
