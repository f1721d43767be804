/*
 * json_object.h - builds a jsonb object, one key after the other, in the current memory context. Raises as jsonb does where a value is
 * too large.
 */
#ifndef CU_JSON_OBJECT_H
#define CU_JSON_OBJECT_H

#include "utils/jsonb.h"

#include "pg_compat.h"

/* JsonObject is private to these functions; json_object_begin() makes it. */
typedef struct JsonObject
{
	JsonObjectState state;
} JsonObject;

extern void json_object_begin(JsonObject *object);

/* json_object_add() adds a pair, whose texts must live as long as the object is built. */
extern void json_object_add(JsonObject *object, JsonbValue key, JsonbValue value);

/* These copy what they are given; a text that is NULL becomes null. */
extern void json_object_add_text(JsonObject *object, const char *key, const char *text);
extern void json_object_add_integer(JsonObject *object, const char *key, int64 integer);

/* json_object_end() returns the object, palloc'd. */
extern Jsonb *json_object_end(JsonObject *object);

#endif
