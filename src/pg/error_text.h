/*
 * error_text.h - an error as a text that another database raises again: what a partition sends to its proxy in place of an error.
 */
#ifndef CU_ERROR_TEXT_H
#define CU_ERROR_TEXT_H

/*
 * error_text_write() returns an error as columns with tabs between them: sqlstate, message, detail, hint, and the names of schema, table, column,
 * datatype and constraint.
 */
extern char *error_text_write(const ErrorData *error);

/* error_text_read() returns the error that error_text_write() made a text of, to be raised by ThrowErrorData() or ReThrowError(); NULL if the text
   is no such one. */
extern ErrorData *error_text_read(const char *text);

#endif
