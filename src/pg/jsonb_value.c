/*
 * jsonb_value.c - the parts of which jsonb is put together: numbers, texts, times, objects and arrays.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "pgtime.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "encoding.h"
#include "jsonb_value.h"
#include "pg_compat.h"

JsonbValue
jsonb_text_value(cu_text text)
{
	cu_text stored = encoding_from_core(text);

	return (JsonbValue){.type = jbvString,
						.val.string = {.val = unconstify(char *, stored.data), .len = (int)stored.size}};
}

JsonbValue
jsonb_cstring_value(const char *terminated)
{
	return jsonb_text_value((cu_text){terminated, strlen(terminated)});
}

JsonbValue
jsonb_database_text_value(const text *stored)
{
	return (JsonbValue){.type = jbvString,
						.val.string = {.val = VARDATA_ANY(stored), .len = VARSIZE_ANY_EXHDR(stored)}};
}

static Numeric
numeric_of(int64 number)
{
	return DatumGetNumeric(DirectFunctionCall1(int8_numeric, Int64GetDatum(number)));
}

JsonbValue
jsonb_integer_value(int64 number)
{
	static Numeric zero; /* the statistics of a contact are full of it */

	if (zero == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

		zero = numeric_of(0);
		MemoryContextSwitchTo(caller);
	}
	return (JsonbValue){.type = jbvNumeric, .val.numeric = number == 0 ? zero : numeric_of(number)};
}

/* A number with more zeros behind the point. */
static Datum
with_zeros(Datum number, size_t zeros)
{
	/* The form of numeric_send() has the scale apart from the digits, which leave out the zeros at the end anyway. */
	bytea *sent = DatumGetByteaP(DirectFunctionCall1(numeric_send, number));
	char *scale = VARDATA(sent) + 3 * sizeof(uint16);
	StringInfoData buffer = {.data = VARDATA(sent), .len = VARSIZE(sent) - VARHDRSZ};
	uint16 word;

	memcpy(&word, scale, sizeof(word));
	word = pg_hton16(pg_ntoh16(word) + (uint16)zeros);
	memcpy(scale, &word, sizeof(word));
	return DirectFunctionCall3(numeric_recv, PointerGetDatum(&buffer), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

JsonbValue
jsonb_number_value(cu_text digits, size_t zeros)
{
	Datum number = DirectFunctionCall3(numeric_in,
									   CStringGetDatum(pnstrdup(digits.data, digits.size)),
									   ObjectIdGetDatum(InvalidOid),
									   Int32GetDatum(-1));

	if (zeros > 0)
		number = with_zeros(number, zeros);
	return (JsonbValue){.type = jbvNumeric, .val.numeric = DatumGetNumeric(number)};
}

JsonbValue
jsonb_scalar_value(const cu_json *value)
{
	switch (value->kind)
	{
		case CU_JSON_BOOLEAN:
			return (JsonbValue){.type = jbvBool, .val.boolean = value->boolean};
		case CU_JSON_NUMBER:
			return jsonb_number_value(value->text, value->count);
		case CU_JSON_STRING:
			return jsonb_text_value(value->text);
		default:
			return (JsonbValue){.type = jbvNull};
	}
}

JsonbValue
jsonb_time_value(TimestampTz time)
{
	struct pg_tm tm;
	fsec_t fraction;
	char *text = palloc(sizeof("YYYY-MM-DDTHH:MM:SSZ"));

	if (timestamp2tm(time, NULL, &tm, &fraction, NULL, NULL) != 0 || tm.tm_year < 1 || tm.tm_year > 9999)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
	memcpy(text, "YYYY-MM-DDTHH:MM:SSZ", sizeof("YYYY-MM-DDTHH:MM:SSZ"));
	(void)pg_ultostr_zeropad(text, (uint32)tm.tm_year, 4);
	(void)pg_ultostr_zeropad(text + 5, (uint32)tm.tm_mon, 2);
	(void)pg_ultostr_zeropad(text + 8, (uint32)tm.tm_mday, 2);
	(void)pg_ultostr_zeropad(text + 11, (uint32)tm.tm_hour, 2);
	(void)pg_ultostr_zeropad(text + 14, (uint32)tm.tm_min, 2);
	(void)pg_ultostr_zeropad(text + 17, (uint32)tm.tm_sec, 2);
	return jsonb_cstring_value(text);
}

int
jsonb_compare_pairs(const void *left, const void *right)
{
	const JsonbValue *a = &((const JsonbPair *)left)->key;
	const JsonbValue *b = &((const JsonbPair *)right)->key;

	if (a->val.string.len != b->val.string.len)
		return a->val.string.len < b->val.string.len ? -1 : 1;
	return memcmp(a->val.string.val, b->val.string.val, (size_t)a->val.string.len);
}

JsonbValue
jsonb_object_value(JsonbPair *pairs, size_t count)
{
#ifdef USE_ASSERT_CHECKING
	for (size_t i = 1; i < count; i++)
		Assert(jsonb_compare_pairs(&pairs[i - 1], &pairs[i]) < 0);
#endif
	return (JsonbValue){.type = jbvObject, .val.object = {.nPairs = (int)count, .pairs = pairs}};
}

JsonbValue
jsonb_unsorted_object_value(JsonbPair *pairs, size_t count)
{
	qsort(pairs, count, sizeof(JsonbPair), jsonb_compare_pairs);
	return jsonb_object_value(pairs, count);
}

JsonbValue
jsonb_array_value(JsonbValue *elements, size_t count)
{
	return (JsonbValue){.type = jbvArray, .val.array = {.nElems = (int)count, .elems = elements}};
}

JsonbValue
jsonb_stored_value(const cu_json *value)
{
	JsonbValue *elements;

	if (value->kind != CU_JSON_ARRAY)
		return jsonb_scalar_value(value);
	elements = JSONB_ROOM(JsonbValue, value->count);
	for (size_t i = 0; i < value->count; i++)
		elements[i] = jsonb_scalar_value(&value->items[i]);
	return jsonb_array_value(elements, value->count);
}

JsonbValue
jsonb_any_value(const cu_json *value)
{
	JsonbPair *pairs;
	JsonbValue *elements;

	if (value->kind == CU_JSON_OBJECT)
	{
		pairs = JSONB_ROOM(JsonbPair, value->count);
		for (size_t i = 0; i < value->count; i++)
			pairs[i] = (JsonbPair){.key = jsonb_text_value(value->keys[i]), .value = jsonb_any_value(&value->items[i])};
		return jsonb_unsorted_object_value(pairs, value->count);
	}
	if (value->kind != CU_JSON_ARRAY)
		return jsonb_scalar_value(value);
	elements = JSONB_ROOM(JsonbValue, value->count);
	for (size_t i = 0; i < value->count; i++)
		elements[i] = jsonb_any_value(&value->items[i]);
	return jsonb_array_value(elements, value->count);
}
