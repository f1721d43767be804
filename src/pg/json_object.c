/*
 * json_object.c - pushes the pairs of an object.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "json_object.h"

void
json_object_begin(JsonObject *object)
{
	*object = (JsonObject){0};
	pushJsonbValue(&object->state, WJB_BEGIN_OBJECT, NULL);
}

void
json_object_add(JsonObject *object, JsonbValue key, JsonbValue value)
{
	pushJsonbValue(&object->state, WJB_KEY, &key);
	pushJsonbValue(&object->state, WJB_VALUE, &value);
}

static JsonbValue
copied_text(const char *text)
{
	return (JsonbValue){.type = jbvString, .val.string = {.val = pstrdup(text), .len = (int)strlen(text)}};
}

void
json_object_add_text(JsonObject *object, const char *key, const char *text)
{
	json_object_add(object, copied_text(key), text != NULL ? copied_text(text) : (JsonbValue){.type = jbvNull});
}

void
json_object_add_integer(JsonObject *object, const char *key, int64 integer)
{
	JsonbValue value = {.type = jbvNumeric};

	value.val.numeric = int64_to_numeric(integer);
	json_object_add(object, copied_text(key), value);
}

Jsonb *
json_object_end(JsonObject *object)
{
	return JsonbValueToJsonb(end_json_object(&object->state));
}
