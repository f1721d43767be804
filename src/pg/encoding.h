/*
 * encoding.h - text between the database's encoding and the core's UTF-8.
 *
 * In UTF-8 and SQL_ASCII databases nothing is converted or copied. Elsewhere the result is palloc'd, and a character
 * that the database's encoding lacks is PostgreSQL's own error 22P05.
 */
#ifndef CU_ENCODING_H
#define CU_ENCODING_H

#include "core/contact_core.h"

/* encoding_converts() says whether texts are converted, and so may change their size and order. */
extern bool encoding_converts(void);

/* encoding_to_core() returns text of the database as the core reads it. */
extern cu_text encoding_to_core(const char *data, size_t size);

/* encoding_from_core() returns text of the core as the database stores it, not terminated when nothing had to be converted. */
extern cu_text encoding_from_core(cu_text text);

/* encoding_to_text() returns text of the core as a datum of the database's type text. */
extern Datum encoding_to_text(cu_text text);

/* encoding_to_cstring() returns text of the core as a palloc'd, terminated string of the database. */
extern char *encoding_to_cstring(cu_text text);

/*
 * encoding_compare_texts() compares two texts of the database by their bytes, as memcmp does: the order of collation
 * "C", in which no locale takes part.
 */
extern int encoding_compare_texts(Datum left, Datum right);

#endif
