/*
 * jsonb_reader.c - walks a jsonb with PostgreSQL's iterator and builds the plain structs that the core reads. jsonb
 * keeps an object's keys unique and sorted by size, then bytes; the core relies on that order, in UTF-8.
 *
 * What is built is bounded by the size of the jsonb, but for numbers: ten bytes of jsonb can stand for 131,072 digits. So
 * an exponent stands for many zeros, as in "1e60000", zeros at the end behind the point are counted alone, and all digits count
 * as bytes of the document.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "encoding.h"
#include "jsonb_reader.h"

/* A Level is an array or object that is being filled. */
typedef struct Level
{
	cu_json *value;
	cu_json *items;
	cu_text *keys;
	size_t filled;
} Level;

/* A Reader is a walk through a jsonb. */
typedef struct Reader
{
	cu_document *document;
	size_t max_bytes; /* the walk ends where the document has more */
	bool is_request;  /* of top-level keys that the core does not know, only the keys are read */
	int depth;		  /* arrays and objects that are open */
	bool skips;		  /* whether the value under way is left out */
	Level levels[CU_MAX_DEPTH];
} Reader;

/* FREE_DIGITS are digits of a number that are not worth counting. */
#define FREE_DIGITS 64

/*
 * Whether a number has the short of numeric's two forms on disk, which has at most 256 digits before the point and 63 behind
 * it. (numeric.c, NUMERIC_IS_SHORT: the highest bits of the first word are 10.)
 */
static bool
is_short(Numeric number)
{
	uint16 header;

	memcpy(&header, VARDATA_ANY(number), sizeof(header));
	return (header & 0xC000) == 0x8000;
}

/*
 * Digits are a number as numeric_send() shows it: digits to the base of 10,000, the first of them weighing 10,000 to
 * the weight.
 */
typedef struct Digits
{
	int count;
	int weight;
	bool negative;
	int scale; /* decimal digits behind the point */
	const char *digits;
} Digits;

static int16
word_at(const char *bytes, int index)
{
	uint16 word;

	memcpy(&word, bytes + sizeof(word) * (size_t)index, sizeof(word));
	return (int16)pg_ntoh16(word);
}

/* Takes apart what numeric_send() returns. */
static Digits
digits_of(const bytea *sent)
{
	const char *words = VARDATA(sent);

	return (Digits){.count = word_at(words, 0),
					.weight = word_at(words, 1),
					.negative = word_at(words, 2) != 0,
					.scale = word_at(words, 3),
					.digits = words + 4 * sizeof(int16)};
}

/* Returns how many digits a group has that is less than 10,000. */
static int
group_size(int group)
{
	return group >= 1000 ? 4 : group >= 100 ? 3 : group >= 10 ? 2 : 1;
}

/* Returns how many bytes a number takes that is written out; at least one group. */
static size_t
written_size(const Digits *number)
{
	size_t before_point = 1;

	if (number->count > 0 && number->weight >= 0)
		before_point = 4 * (size_t)number->weight + (size_t)group_size(word_at(number->digits, 0));
	return (number->negative ? 1 : 0) + before_point + (number->scale > 0 ? 1 + (size_t)number->scale : 0);
}

/* The power of ten that the last digit stands for that is not zero; 0 for zero. */
static int
last_exponent(const Digits *number)
{
	int exponent = 4 * (number->weight + 1 - number->count);

	if (number->count == 0)
		return 0;
	for (int group = word_at(number->digits, number->count - 1); group % 10 == 0; group /= 10)
		exponent++;
	return exponent;
}

/* Writes a number as the digits that are not zeros around it, with an exponent. */
static char *
write_with_exponent(const Digits *number, int exponent)
{
	char *text = palloc(4 * (size_t)number->count + 16);
	char *end = text;

	if (number->negative)
		*end++ = '-';
	for (int i = 0; i < number->count; i++)
		end += sprintf(end, i == 0 ? "%d" : "%04d", word_at(number->digits, i));
	if (number->count == 0)
		*end++ = '0';
	while (end - text > 1 && end[-1] == '0')
		end--;
	*end = '\0';
	if (exponent != 0)
		sprintf(end, "e%d", exponent);
	return text;
}

/* Reads a number with an exponent if it is much shorter so; returns false else. */
static bool
read_long_number(Reader *reader, Numeric number, cu_json *value)
{
	bytea *sent = DatumGetByteaP(DirectFunctionCall1(numeric_send, NumericGetDatum(number)));
	Digits digits = digits_of(sent);
	size_t written = written_size(&digits);
	bool is_shorter = written > 4 * (size_t)digits.count + FREE_DIGITS;

	if (is_shorter)
	{
		int exponent = last_exponent(&digits);
		char *text = write_with_exponent(&digits, exponent);
		size_t size = strlen(text);

		*value = (cu_json){
			.kind = CU_JSON_NUMBER, .text = {text, size}, .count = (size_t)(digits.scale - Max(0, -exponent))};
		/* A number too long for any field is an error for its own size, not for that of the request. */
		reader->document->bytes += written <= CU_MAX_NUMBER_BYTES ? written : size;
	}
	pfree(sent);
	return is_shorter;
}

static cu_json
read_number(Reader *reader, Numeric number)
{
	cu_json value;
	char *text;
	size_t size;

	if (!is_short(number) && read_long_number(reader, number, &value))
		return value;
	text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
	size = strlen(text);
	if (size > FREE_DIGITS)
		reader->document->bytes += size;
	return (cu_json){.kind = CU_JSON_NUMBER, .text = {text, size}};
}

static cu_json
read_scalar(Reader *reader, const JsonbValue *scalar)
{
	switch (scalar->type)
	{
		case jbvBool:
			return (cu_json){.kind = CU_JSON_BOOLEAN, .boolean = scalar->val.boolean};
		case jbvString:
			return (cu_json){.kind = CU_JSON_STRING,
							 .text = encoding_to_core(scalar->val.string.val, scalar->val.string.len)};
		case jbvNumeric:
			return read_number(reader, scalar->val.numeric);
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

/* A Member is a key with its value. */
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

/* Returns the place of the value that comes next. */
static cu_json *
next_place(const Reader *reader)
{
	const Level *level;

	if (reader->depth == 0)
		return &reader->document->root;
	level = &reader->levels[reader->depth - 1];
	return &level->items[level->filled];
}

/* Takes note that the value at next_place() is there. */
static void
end_value(Reader *reader)
{
	if (reader->depth > 0)
		reader->levels[reader->depth - 1].filled++;
	if (reader->depth <= 1)
		reader->skips = false;
}

static void
read_key(Reader *reader, const JsonbValue *key)
{
	Level *level = &reader->levels[reader->depth - 1];
	cu_text text = encoding_to_core(key->val.string.val, key->val.string.len);

	level->keys[level->filled] = text;
	if (reader->is_request && reader->depth == 1)
		reader->skips = !cu_is_request_key(text);
}

/* Begins an array or object; false if it is too deep. What is skipped is gone through for its depth alone. */
static bool
begin_level(Reader *reader, JsonbIteratorToken token, const JsonbValue *value)
{
	cu_json *place;

	reader->document->depth = Max(reader->document->depth, (size_t)reader->depth + 1);
	if (reader->depth == CU_MAX_DEPTH)
		return false;
	if (!reader->skips)
	{
		place = next_place(reader);
		reader->levels[reader->depth] = token == WJB_BEGIN_ARRAY
											? open_level(place, CU_JSON_ARRAY, (size_t)value->val.array.nElems)
											: open_level(place, CU_JSON_OBJECT, (size_t)value->val.object.nPairs);
	}
	reader->depth++;
	return true;
}

static void
end_level(Reader *reader, JsonbIteratorToken token)
{
	reader->depth--;
	if (reader->skips)
	{
		if (reader->depth == 1)
		{
			*next_place(reader) = (cu_json){.kind = CU_JSON_NULL};
			end_value(reader);
		}
		return;
	}
	if (token == WJB_END_OBJECT && encoding_converts())
		sort_object(&reader->levels[reader->depth]);
	end_value(reader);
}

/* Reads a container to its end, unless it is too deep or has too many bytes. */
static void
read_container(Reader *reader, JsonbContainer *container)
{
	JsonbIterator *iterator = JsonbIteratorInit(container);
	bool is_scalar = false;
	JsonbIteratorToken token;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE &&
		   reader->document->bytes <= reader->max_bytes)
	{
		CHECK_FOR_INTERRUPTS();
		switch (token)
		{
			case WJB_BEGIN_ARRAY:
			case WJB_BEGIN_OBJECT:
				is_scalar = token == WJB_BEGIN_ARRAY && value.val.array.rawScalar;
				if (!is_scalar && !begin_level(reader, token, &value))
					return; /* too deep: the core rejects it unread */
				break;
			case WJB_KEY:
				if (!reader->skips)
					read_key(reader, &value);
				break;
			case WJB_ELEM:
			case WJB_VALUE:
				if (reader->skips && reader->depth > 1)
					break;
				*next_place(reader) = reader->skips ? (cu_json){.kind = CU_JSON_NULL} : read_scalar(reader, &value);
				end_value(reader);
				break;
			case WJB_END_OBJECT:
			case WJB_END_ARRAY:
				if (!is_scalar)
					end_level(reader, token);
				break;
			default:
				elog(ERROR, "unexpected jsonb token %d", (int)token);
		}
	}
}

/* Reads a document whose own size is known. */
static void
read_document(cu_document *document, JsonbContainer *container, size_t max_bytes, bool is_request)
{
	Reader reader = {.document = document, .max_bytes = max_bytes, .is_request = is_request};

	read_container(&reader, container);
}

cu_document
jsonb_read_document(Datum jsonb)
{
	cu_document document = {.bytes = toast_raw_datum_size(jsonb) - VARHDRSZ};

	if (document.bytes <= CU_MAX_REQUEST_BYTES)
		read_document(&document, &DatumGetJsonbP(jsonb)->root, CU_MAX_REQUEST_BYTES, false);
	return document;
}

cu_document
jsonb_read_request(Datum jsonb)
{
	cu_document document = {.bytes = toast_raw_datum_size(jsonb) - VARHDRSZ};

	if (document.bytes <= CU_MAX_REQUEST_BYTES)
		read_document(&document, &DatumGetJsonbP(jsonb)->root, CU_MAX_REQUEST_BYTES, true);
	return document;
}

static cu_document
read_element(const JsonbValue *element, bool is_request)
{
	cu_document document = {.bytes = 0};

	if (element->type != jbvBinary)
	{
		Reader reader = {.document = &document};

		/* A scalar of its own has a header of two words. */
		document.bytes = 2 * sizeof(uint32) + (element->type == jbvString ? (size_t)element->val.string.len : 0);
		document.root = read_scalar(&reader, element);
	}
	else
	{
		document.bytes = (size_t)element->val.binary.len;
		if (document.bytes <= CU_MAX_REQUEST_BYTES)
			read_document(&document, element->val.binary.data, CU_MAX_REQUEST_BYTES, is_request);
	}
	return document;
}

cu_document
jsonb_read_element(const JsonbValue *element)
{
	return read_element(element, true);
}

cu_json
jsonb_read_value(const JsonbValue *value)
{
	cu_document document = read_element(value, false);

	if (document.bytes > CU_MAX_REQUEST_BYTES || document.depth >= CU_MAX_DEPTH)
		return (cu_json){.kind = CU_JSON_NULL};
	return document.root;
}

cu_json
jsonb_read(Jsonb *jsonb)
{
	cu_document document = {.bytes = VARSIZE(jsonb) - VARHDRSZ};

	read_document(&document, &jsonb->root, SIZE_MAX, false);
	if (document.depth > CU_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a value in the contact tables is nested deeper than %d levels", CU_MAX_DEPTH)));
	return document.root;
}
