/*
 * jsonb_value.h - the parts of which jsonb is put together. Everything is palloc'd in the current memory context, or points into what is
 * given.
 *
 * The trees are put together here, not pushed piece by piece: that takes twice the time, for it sorts the keys of every
 * object, which we know in jsonb's order, by size and then by bytes.
 */
#ifndef CU_JSONB_VALUE_H
#define CU_JSONB_VALUE_H

#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "core/contact_core.h"

/* Room for the keys and values of an object, or for the elements of an array. */
#define JSONB_ROOM(type, count) ((type *)palloc(sizeof(type) * Max((count), 1)))

/* Texts of the core, and terminated ones in UTF-8. */
extern JsonbValue jsonb_text_value(cu_text text);
extern JsonbValue jsonb_cstring_value(const char *terminated);

/* jsonb_database_text_value() is a text in the encoding of the database. */
extern JsonbValue jsonb_database_text_value(const text *stored);

extern JsonbValue jsonb_integer_value(int64 number);

/* jsonb_number_value() is a decimal number; zeros: at its end, behind the point, that digits leaves out. */
extern JsonbValue jsonb_number_value(cu_text digits, size_t zeros);

/* jsonb_time_value() is a time as the API writes it: UTC, whole seconds. */
extern JsonbValue jsonb_time_value(TimestampTz time);

/* Values of the core: a scalar; a stored value, which is a scalar or a list of options; one of any shape, at most CU_MAX_DEPTH levels deep. */
extern JsonbValue jsonb_scalar_value(const cu_json *value);
extern JsonbValue jsonb_stored_value(const cu_json *value);
extern JsonbValue jsonb_any_value(const cu_json *value);

/* jsonb_pair() has a key of ours, which is ASCII in every encoding; inline, for the compiler knows the size of a literal. */
static inline JsonbPair
jsonb_pair(const char *key, JsonbValue value)
{
	JsonbValue name = {.type = jbvString, .val.string = {.val = unconstify(char *, key), .len = (int)strlen(key)}};

	return (JsonbPair){.key = name, .value = value};
}

/* jsonb_compare_pairs() compares the keys of two pairs in jsonb's order, for qsort(). */
extern int jsonb_compare_pairs(const void *left, const void *right);

/* An object of pairs in jsonb's order, and one of pairs in any order. */
extern JsonbValue jsonb_object_value(JsonbPair *pairs, size_t count);
extern JsonbValue jsonb_unsorted_object_value(JsonbPair *pairs, size_t count);

extern JsonbValue jsonb_array_value(JsonbValue *elements, size_t count);

#endif
