/*
 * json_reader.c - walks a jsonb with PostgreSQL's iterator and builds the plain structs that the core reads. jsonb
 * keeps an object's keys unique and sorted by size, then bytes; the core relies on that order, in UTF-8.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "encoding.h"
#include "json_reader.h"

/* An array or object that is being filled. */
typedef struct Level
{
	cu_json *value;
	cu_json *items;
	cu_text *keys;
	size_t filled;
} Level;

static cu_json
read_scalar(const JsonbValue *scalar)
{
	switch (scalar->type)
	{
		case jbvBool:
			return (cu_json){.kind = CU_JSON_BOOLEAN, .boolean = scalar->val.boolean};
		case jbvString:
			return (cu_json){.kind = CU_JSON_STRING,
							 .text = encoding_to_core(scalar->val.string.val, scalar->val.string.len)};
		case jbvNumeric:
		{
			char *digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(scalar->val.numeric)));

			return (cu_json){.kind = CU_JSON_NUMBER, .text = {digits, strlen(digits)}};
		}
		default:
			return (cu_json){.kind = CU_JSON_NULL};
	}
}

static Level
open_level(cu_json *value, cu_json_kind kind, size_t count)
{
	Level level = {.value = value, .items = palloc(sizeof(cu_json) * Max(count, 1))};

	if (kind == CU_JSON_OBJECT)
		level.keys = palloc(sizeof(cu_text) * Max(count, 1));
	*value = (cu_json){.kind = kind, .count = count, .items = level.items, .keys = level.keys};
	return level;
}

/* A key with its value. */
typedef struct Member
{
	cu_text key;
	cu_json value;
} Member;

static int
compare_members(const void *left, const void *right)
{
	const cu_text *a = &((const Member *)left)->key;
	const cu_text *b = &((const Member *)right)->key;

	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return memcmp(a->data, b->data, a->size);
}

/* Restores the order of an object's keys, which the conversion to UTF-8 has changed. */
static void
sort_object(Level *level)
{
	size_t count = level->value->count;
	Member *members = palloc(sizeof(Member) * Max(count, 1));

	for (size_t i = 0; i < count; i++)
		members[i] = (Member){level->keys[i], level->items[i]};
	qsort(members, count, sizeof(Member), compare_members);
	for (size_t i = 0; i < count; i++)
	{
		level->keys[i] = members[i].key;
		level->items[i] = members[i].value;
	}
}

static void
read_document(JsonbContainer *container, cu_document *document)
{
	Level levels[CU_MAX_DEPTH];
	int depth = 0;
	JsonbIterator *iterator = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		Level *level = depth > 0 ? &levels[depth - 1] : NULL;
		cu_json *place = level ? &level->items[level->filled] : &document->root;

		switch (token)
		{
			case WJB_BEGIN_ARRAY:
				if (value.val.array.rawScalar)
					break;
				/* FALLTHROUGH */
			case WJB_BEGIN_OBJECT:
				document->depth = Max(document->depth, (size_t)depth + 1);
				if (depth == CU_MAX_DEPTH)
					return; /* too deep: the core refuses it unread */
				levels[depth++] = token == WJB_BEGIN_ARRAY ? open_level(place, CU_JSON_ARRAY, value.val.array.nElems)
														   : open_level(place, CU_JSON_OBJECT, value.val.object.nPairs);
				break;
			case WJB_KEY:
				level->keys[level->filled] = encoding_to_core(value.val.string.val, value.val.string.len);
				break;
			case WJB_ELEM:
			case WJB_VALUE:
				*place = read_scalar(&value);
				if (level)
					level->filled++;
				break;
			case WJB_END_OBJECT:
				if (encoding_converts())
					sort_object(level);
				/* FALLTHROUGH */
			case WJB_END_ARRAY:
				if (depth > 0 && --depth > 0)
					levels[depth - 1].filled++;
				break;
			default:
				elog(ERROR, "unexpected jsonb token %d", (int)token);
		}
	}
}

cu_document
json_read_document(Jsonb *jsonb)
{
	cu_document document = {.bytes = VARSIZE(jsonb) - VARHDRSZ};

	read_document(&jsonb->root, &document);
	return document;
}

cu_document
json_read_request(Datum jsonb)
{
	cu_document document = {.bytes = toast_raw_datum_size(jsonb) - VARHDRSZ};

	if (document.bytes <= CU_MAX_REQUEST_BYTES)
		read_document(&DatumGetJsonbP(jsonb)->root, &document);
	return document;
}

cu_document
json_read_element(const JsonbValue *element)
{
	cu_document document = {.bytes = 0};

	if (element->type != jbvBinary)
	{
		/* A scalar of its own has a header of two words. */
		document.bytes = 2 * sizeof(uint32) + (element->type == jbvString ? (size_t)element->val.string.len : 0);
		document.root = read_scalar(element);
	}
	else
	{
		document.bytes = (size_t)element->val.binary.len;
		if (document.bytes <= CU_MAX_REQUEST_BYTES)
			read_document(element->val.binary.data, &document);
	}
	return document;
}

cu_json
json_read(Jsonb *jsonb)
{
	cu_document document = json_read_document(jsonb);

	if (document.depth > CU_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a value in the contact tables is nested deeper than %d levels", CU_MAX_DEPTH)));
	return document.root;
}
