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

/* serve_row() returns a row for the proxy: '=' and a value, or '!' and an error that is a text. */
extern text *serve_row(char mark, const char *value);

/*
 * serve_raise() raises an error again with all that it says in its DETAIL. PL/Proxy would take a cancel of the partition's for one of its own,
 * and wait for ever for the answer that it has read: so a cancel has another SQLSTATE on its way, but not where a block with EXCEPTION might
 * catch that.
 */
pg_noreturn extern void serve_raise(ErrorData *error);

#endif
