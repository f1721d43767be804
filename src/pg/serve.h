/*
 * serve.h - what a partition and its proxy have in common.
 */
#ifndef CU_SERVE_H
#define CU_SERVE_H

/* SERVE_ERROR_MARK begins the DETAIL of an error that has all that it says in it, as error_text_write() writes it. */
#define SERVE_ERROR_MARK "contact_upsert "

/*
 * serve_begin_text() makes values become text, and be read again, in one way whatever the session's settings are, until AtEOXact_GUC() with
 * what it returns.
 */
extern int serve_begin_text(void);

#endif
