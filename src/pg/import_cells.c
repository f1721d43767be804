/*
 * import_cells.c - makes cells of texts and of jsonb, for cu_read_row.
 *
 * A list may stand in a cell as a JSON array. PostgreSQL's own parser reads it, which raises for what it cannot hold; so a text is
 * handed over only if it is a flat array by its looks, valid by the parser's check, and without numbers that may be too long. All
 * else stays a text.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "encoding.h"
#include "import_cells.h"
#include "jsonb_reader.h"
#include "jsonb_writer.h"
#include "pg_compat.h"

/* MAX_JSON is a size that no list of a good request has. */
#define MAX_JSON CU_MAX_REQUEST_BYTES
/* MAX_SHOWN is how many bytes of a cell are shown. */
#define MAX_SHOWN 1000
/* MAX_DIGITS is how long a number in an array may be. */
#define MAX_DIGITS 20

/* Whether a text looks like an array with nothing in it but texts, short numbers without an exponent, true, false and null. */
static bool
is_flat_array(const char *data, size_t size)
{
	bool in_text = false;
	size_t bare = 0; /* bytes of what is neither text nor punctuation */

	if (size < 2 || size > MAX_JSON || data[0] != '[' || data[size - 1] != ']')
		return false;
	for (size_t i = 1; i < size - 1; i++)
	{
		char byte = data[i];

		if (in_text)
		{
			if (byte == '\\')
				i++;
			else if (byte == '"')
				in_text = false;
			continue;
		}
		if (byte == '[' || byte == ']' || byte == '{' || byte == '}')
			return false;
		in_text = byte == '"';
		bare = byte == ',' || in_text ? 0 : bare + 1;
		if (bare > MAX_DIGITS ||
			(bare > 0 && (byte == 'E' || (byte == 'e' && data[i - 1] >= '0' && data[i - 1] <= '9'))))
			return false;
	}
	return !in_text;
}

static cu_json
read_scalar(const JsonbValue *value)
{
	if (value->type == jbvString)
		return (cu_json){.kind = CU_JSON_STRING,
						 .text = encoding_to_core(value->val.string.val, (size_t)value->val.string.len)};
	if (value->type == jbvBool)
	{
		cu_text text = {value->val.boolean ? "true" : "false", value->val.boolean ? 4 : 5};

		return (cu_json){.kind = CU_JSON_STRING, .text = text};
	}
	return jsonb_read_value(value);
}

/* Reads an array; false if there are arrays or objects in it. */
static bool
read_array(JsonbContainer *container, cu_json *array)
{
	JsonbIterator *iterator = JsonbIteratorInit(container);
	cu_json *items = palloc(sizeof(cu_json) * Max(JsonContainerSize(container), 1));
	JsonbIteratorToken token;
	JsonbValue element;

	*array = (cu_json){.kind = CU_JSON_ARRAY, .items = items};
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (element.type == jbvBinary)
			return false;
		items[array->count++] = read_scalar(&element);
	}
	return true;
}

/* Reads a text that is a JSON array; false if it is none. */
static bool
read_json_array(const char *data, size_t size, cu_json *array)
{
	char *json;
	Jsonb *jsonb;

	if (!is_flat_array(data, size))
		return false;
	json = pnstrdup(data, size);
	/* Where a character that is written by its number is none of the database's, the parser raises. */
	if ((encoding_converts() && strstr(json, "\\u")) || !is_valid_json(json, size))
		return false;
	jsonb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
	return JB_ROOT_IS_ARRAY(jsonb) && !JB_ROOT_IS_SCALAR(jsonb) && read_array(&jsonb->root, array);
}

cu_json
import_cell_of_text(const char *data, size_t size, bool is_list)
{
	cu_text trimmed;
	cu_json array;

	if (is_list && memchr(data, '[', size))
	{
		trimmed = encoding_from_core(cu_trim(encoding_to_core(data, size)));
		if (read_json_array(trimmed.data, trimmed.size, &array))
			return array;
	}
	return (cu_json){.kind = CU_JSON_STRING, .text = encoding_to_core(data, size)};
}

cu_json
import_cell_of_value(const JsonbValue *value, bool is_list)
{
	cu_json array;
	char *text;

	if (value->type == jbvString)
		return import_cell_of_text(value->val.string.val, (size_t)value->val.string.len, is_list);
	if (value->type != jbvBinary)
		return jsonb_read_value(value);
	if (JsonContainerIsArray(value->val.binary.data) && read_array(value->val.binary.data, &array))
		return array;
	text = JsonbToCString(NULL, value->val.binary.data, value->val.binary.len);
	return (cu_json){.kind = CU_JSON_STRING, .text = encoding_to_core(text, strlen(text))};
}

const char *
import_cell_as_text(const cu_json *cell)
{
	char *text;
	size_t size;

	switch (cell->kind)
	{
		case CU_JSON_NULL:
			return NULL;
		case CU_JSON_BOOLEAN:
			return cell->boolean ? "true" : "false";
		case CU_JSON_STRING:
			text = encoding_to_cstring(cell->text);
			break;
		default:
		{
			Jsonb *jsonb = jsonb_write_any(cell);

			text = JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
		}
	}
	size = strlen(text);
	if (size > MAX_SHOWN)
		strcpy(text + pg_mbcliplen(text, (int)size, MAX_SHOWN), "...");
	return text;
}
