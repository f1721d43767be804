/*
 * encoding.c - converts by PostgreSQL's own conversions; compares by its collation "C".
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "encoding.h"
#include "pg_compat.h"

bool
encoding_converts(void)
{
	return GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII;
}

static cu_text
convert(const char *data, size_t size, int from, int to)
{
	char *converted;

	if (!encoding_converts())
		return (cu_text){data, size};
	/* The one encoding of databases that PostgreSQL cannot convert to UTF-8. */
	if (GetDatabaseEncoding() == PG_MULE_INTERNAL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("contact_upsert does not work in a database with the encoding MULE_INTERNAL."),
				 errhint("PostgreSQL cannot convert it to UTF-8. Use a database with the encoding UTF8.")));

	converted = (char *)pg_do_encoding_conversion((unsigned char *)unconstify(char *, data), (int)size, from, to);
	return (cu_text){converted, converted == data ? size : strlen(converted)};
}

cu_text
encoding_to_core(const char *data, size_t size)
{
	return convert(data, size, GetDatabaseEncoding(), PG_UTF8);
}

cu_text
encoding_from_core(cu_text text)
{
	return convert(text.data, text.size, PG_UTF8, GetDatabaseEncoding());
}

Datum
encoding_to_text(cu_text text)
{
	cu_text converted = encoding_from_core(text);

	return PointerGetDatum(cstring_to_text_with_len(converted.data, (int)converted.size));
}

char *
encoding_to_cstring(cu_text text)
{
	cu_text converted = encoding_from_core(text);

	return pnstrdup(converted.data, converted.size);
}

int
encoding_compare_texts(Datum left, Datum right)
{
	text *a = DatumGetTextPP(left);
	text *b = DatumGetTextPP(right);

	return varstr_cmp(VARDATA_ANY(a), VARSIZE_ANY_EXHDR(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(b), C_COLLATION_OID);
}
