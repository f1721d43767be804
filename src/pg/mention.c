/*
 * mention.c - whether a text mentions an address: the address itself, or one inside another form, such as "Ann <ann@example.org>",
 * "mailto:ann@example.org" or a list. contacts.erase() and contacts.export() look through rows of imports with it.
 *
 * An address is found as a whole, never as a part of a longer one: a text that is an address is that one and no other, so
 * "joann@example.org" and "ann@example.org.uk" do not mention ann@example.org. In every other text, letters, digits and what
 * addresses have beside them must not go on before or behind it. ASCII letters are compared in whatever case, as addresses are.
 *
 * Raises what reading an address may raise. It reads no table.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "contact_key.h"
#include "encoding.h"

/* Addresses, each as a text of the database and in UTF-8. */
typedef struct Addresses
{
	Datum *texts;
	cu_text *utf8;
	int count;
} Addresses;

/* separators are code points beyond ASCII that are white space, punctuation or invisible. */
static const struct
{
	pg_wchar first;
	pg_wchar last;
} separators[] = {
	{0x80, 0xA9},
	{0xAB, 0xB4},
	{0xB6, 0xB9},
	{0xBB, 0xBF},
	{0x1680, 0x1680},
	{0x2000, 0x206F},
	{0x3000, 0x3004},
	{0x3008, 0x3020},
	{0xFEFF, 0xFEFF},
	{0xFF01, 0xFF0F},
	{0xFF1A, 0xFF20},
	{0xFF3B, 0xFF40},
	{0xFF5B, 0xFF65},
};

static bool
is_word(pg_wchar code_point)
{
	if (code_point < 0x80)
		return code_point == '_' || (code_point >= '0' && code_point <= '9') ||
			   (code_point >= 'a' && code_point <= 'z') || (code_point >= 'A' && code_point <= 'Z');
	for (size_t i = 0; i < lengthof(separators); i++)
		if (code_point >= separators[i].first && code_point <= separators[i].last)
			return false;
	return true;
}

/*
 * Whether a longer address may begin with it. Some that an address may have before its "@" are more often between two
 * addresses, or around one: / | = & ? * ` { }.
 */
static bool
is_local(pg_wchar code_point)
{
	return is_word(code_point) || (code_point != 0 && code_point < 0x80 && strchr("!#$%^~.+-", (int)code_point));
}

/* Returns the code point that begins at a place before end; of a broken encoding, one that counts as a letter. */
static pg_wchar
code_point_at(const char *place, const char *end)
{
	const unsigned char *bytes = (const unsigned char *)place;
	int size = pg_utf_mblen(bytes);

	if (size > end - place || !pg_utf8_islegal(bytes, size))
		return 0xFFFFF;
	return utf8_to_unicode(bytes);
}

/* Returns the code point that ends at a place, and moves the place before it. */
static pg_wchar
code_point_before(const char *begin, const char **place)
{
	const char *end = *place;

	do
		(*place)--;
	while (*place > begin && end - *place < 4 && (**place & 0xC0) == 0x80);
	return code_point_at(*place, end);
}

/* Whether no longer address ends with what stands at a place. An apostrophe is a part of one behind a letter alone. */
static bool
begins_at(const char *begin, const char *place)
{
	pg_wchar before;

	if (place == begin)
		return true;
	before = code_point_before(begin, &place);
	if (before != '\'')
		return !is_local(before);
	return place == begin || !is_local(code_point_before(begin, &place));
}

/* Whether no longer domain begins with what stands before a place. */
static bool
ends_at(const char *place, const char *end)
{
	while (place < end && (*place == '.' || *place == '-'))
		place++;
	return place == end || !is_word(code_point_at(place, end));
}

static const char *
find_in(const char *place, const char *end, cu_text address)
{
	for (; address.size > 0 && (size_t)(end - place) >= address.size; place++)
		if (memcmp(place, address.data, address.size) == 0)
			return place;
	return NULL;
}

/* Whether one of the addresses stands somewhere in the text, as a whole. utf8 is the text, its ASCII in lower case. */
static bool
contains_one(const Addresses *addresses, cu_text utf8)
{
	const char *end = utf8.data + utf8.size;

	for (int i = 0; i < addresses->count; i++)
		for (const char *place = utf8.data; (place = find_in(place, end, addresses->utf8[i])) != NULL; place++)
			if (begins_at(utf8.data, place) && ends_at(place + addresses->utf8[i].size, end))
				return true;
	return false;
}

static bool
is_one(const Addresses *addresses, Datum address)
{
	for (int i = 0; i < addresses->count; i++)
		if (encoding_compare_texts(addresses->texts[i], address) == 0)
			return true;
	return false;
}

static bool
string_mentions(const Addresses *addresses, const char *data, int size)
{
	ContactKey key;
	cu_text utf8;
	char *lower;

	if (memchr(data, '@', size) == NULL)
		return false;
	utf8 = encoding_to_core(data, size);
	lower = palloc(utf8.size);
	for (size_t i = 0; i < utf8.size; i++)
		lower[i] = (char)pg_ascii_tolower((unsigned char)utf8.data[i]);
	if (!contains_one(addresses, (cu_text){lower, utf8.size}))
	{
		pfree(lower);
		return false;
	}
	key = contact_key_read(cstring_to_text_with_len(data, size));
	return key.kind != CONTACT_KEY_ADDRESS || is_one(addresses, key.value);
}

static void
read_addresses(ArrayType *array, Addresses *addresses)
{
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &addresses->texts, NULL, &addresses->count);
	addresses->utf8 = palloc(sizeof(cu_text) * addresses->count);
	for (int i = 0; i < addresses->count; i++)
	{
		const text *address = DatumGetTextPP(addresses->texts[i]);

		addresses->utf8[i] = encoding_to_core(VARDATA_ANY(address), VARSIZE_ANY_EXHDR(address));
	}
}

PG_FUNCTION_INFO_V1(contacts_mentions_address);
Datum
contacts_mentions_address(PG_FUNCTION_ARGS)
{
	Jsonb *value = PG_GETARG_JSONB_P(0);
	JsonbIterator *iterator = JsonbIteratorInit(&value->root);
	JsonbIteratorToken token;
	JsonbValue part;
	Addresses addresses;

	read_addresses(PG_GETARG_ARRAYTYPE_P(1), &addresses);
	while ((token = JsonbIteratorNext(&iterator, &part, false)) != WJB_DONE)
		if ((token == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM) && part.type == jbvString &&
			string_mentions(&addresses, part.val.string.val, part.val.string.len))
			PG_RETURN_BOOL(true);
	PG_RETURN_BOOL(false);
}
