/*
 * text_order.c - see text_order.h.
 */
#include "postgres.h"

#include "fmgr.h"

#include "pg_compat.h"
#include "text_order.h"

int
compare_texts(Datum left, Datum right)
{
	text *a = DatumGetTextPP(left);
	text *b = DatumGetTextPP(right);
	size_t a_size = VARSIZE_ANY_EXHDR(a);
	size_t b_size = VARSIZE_ANY_EXHDR(b);
	int order = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(a_size, b_size));

	return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}
