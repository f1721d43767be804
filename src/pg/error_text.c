/*
 * error_text.c - ErrorData to JSON and back.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "error_text.h"

/* A Part is a text of ErrorData, and its key. */
typedef struct Part
{
	const char *key;
	size_t offset;
} Part;

static const Part parts[] = {
	{"message", offsetof(ErrorData, message)},
	{"detail", offsetof(ErrorData, detail)},
	{"hint", offsetof(ErrorData, hint)},
	{"schema", offsetof(ErrorData, schema_name)},
	{"table", offsetof(ErrorData, table_name)},
	{"column", offsetof(ErrorData, column_name)},
	{"datatype", offsetof(ErrorData, datatype_name)},
	{"constraint", offsetof(ErrorData, constraint_name)},
};

static char **
part_of(const ErrorData *error, const Part *part)
{
	return (char **)((const char *)error + part->offset);
}

static JsonbValue
string_value(const char *text)
{
	return (JsonbValue){.type = jbvString, .val.string = {.val = pstrdup(text), .len = (int)strlen(text)}};
}

static void
push_text(JsonbParseState **state, const char *key, const char *text)
{
	JsonbValue name = string_value(key);
	JsonbValue value = string_value(text);

	pushJsonbValue(state, WJB_KEY, &name);
	pushJsonbValue(state, WJB_VALUE, &value);
}

char *
error_text_write(const ErrorData *error)
{
	JsonbParseState *state = NULL;
	Jsonb *json;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_text(&state, "sqlstate", unpack_sql_state(error->sqlerrcode));
	for (size_t i = 0; i < lengthof(parts); i++)
	{
		const char *text = *part_of(error, &parts[i]);

		if (text)
			push_text(&state, parts[i].key, text);
	}
	json = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	return JsonbToCString(NULL, &json->root, VARSIZE(json));
}

/* Returns a string of the object, or NULL. */
static char *
find_text(Jsonb *json, const char *key)
{
	JsonbValue found;

	if (!getKeyJsonValueFromContainer(&json->root, key, (int)strlen(key), &found) || found.type != jbvString)
		return NULL;
	return pnstrdup(found.val.string.val, (Size)found.val.string.len);
}

ErrorData *
error_text_read(const char *text)
{
	Jsonb *json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	ErrorData *error = palloc0(sizeof(ErrorData));
	const char *state = JB_ROOT_IS_OBJECT(json) ? find_text(json, "sqlstate") : NULL;

	if (state == NULL || strlen(state) != 5 || strncmp(state, "00", 2) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("The partition sent an error that this proxy does not understand: %s", text)));
	error->elevel = ERROR;
	error->output_to_server = true;
	error->output_to_client = true;
	error->sqlerrcode = MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
	for (size_t i = 0; i < lengthof(parts); i++)
		*part_of(error, &parts[i]) = find_text(json, parts[i].key);
	if (error->message == NULL)
		error->message = pstrdup("");
	error->assoc_context = CurrentMemoryContext;
	return error;
}
