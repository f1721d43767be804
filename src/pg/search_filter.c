/*
 * search_filter.c - reads a filter: {"status", "tags": {"all", "any", "none"}, "fields", "updated_since"}.
 *
 * Tags and values are read by the core as those of a request are: a request for nobody, who has neither, is put together of
 * them and decided on, and the decision has the ids of the tags, and the values as they are stored. Nothing is written.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "encoding.h"
#include "errors.h"
#include "host.h"
#include "jsonb_reader.h"
#include "jsonb_writer.h"
#include "search_filter.h"

#define FILTER_HINT "Pass an object such as {\"status\": \"SUBSCRIBED\", \"tags\": {\"any\": [\"vip\"]}}."
#define TEXT_OF(literal) ((cu_text){literal, sizeof(literal) - 1})

void
search_filter_reject(const char *field, const char *message, const char *hint)
{
	cu_error error = {.code = CU_INVALID_REQUEST, .has_field = field != NULL};

	strlcpy(error.field, field ? field : "", sizeof(error.field));
	strlcpy(error.message, message, sizeof(error.message));
	strlcpy(error.hint, hint, sizeof(error.hint));
	errors_raise(&error);
}

static bool
is_text(cu_text text, const char *terminated)
{
	return text.size == strlen(terminated) && memcmp(text.data, terminated, text.size) == 0;
}

/* Raises unless an object has no other keys than those that are named, up to a NULL. */
static void
check_keys(const cu_json *object, const char *field, const char *const *names, const char *hint)
{
	for (size_t i = 0; i < object->count; i++)
	{
		cu_text key = object->keys[i];
		size_t n = 0;

		while (names[n] && !is_text(key, names[n]))
			n++;
		if (names[n] == NULL)
			search_filter_reject(field,
								 psprintf("The filter has the unknown key '%.*s'.",
										  pg_encoding_mbcliplen(PG_UTF8, key.data, (int)key.size, 200),
										  key.data),
								 hint);
	}
}

/* Returns the value of a key, or NULL; a JSON null is a key that is left out. */
static const cu_json *
find(const cu_json *object, const char *name)
{
	for (size_t i = 0; i < object->count; i++)
		if (is_text(object->keys[i], name) && object->items[i].kind != CU_JSON_NULL)
			return &object->items[i];
	return NULL;
}

/* Decides on a request with the tags and fields, either of which may be NULL, for a contact that has none. */
static cu_decision
decide(const cu_definitions *definitions, const cu_json *tags, const cu_json *fields)
{
	/* in jsonb's order */
	static const cu_text keys[] = {
		TEXT_OF("tags"), TEXT_OF("fields"), TEXT_OF("email_address"), TEXT_OF("partial_update")};
	static const cu_json nothing = {.kind = CU_JSON_NULL};
	/* A filter asks for contacts without a value of a required field, too. */
	static const cu_decide_options options = {.restores = true};
	cu_host host = host_in(CurrentMemoryContext);
	cu_error *error = palloc(sizeof(cu_error));
	cu_contact *nobody = palloc0(sizeof(cu_contact));
	cu_json *values = palloc(sizeof(cu_json) * lengthof(keys));
	cu_document request = {.root = {.kind = CU_JSON_OBJECT, .count = lengthof(keys), .items = values, .keys = keys}};
	const cu_parsed_request *parsed;
	cu_decision decision;
	cu_text email;
	cu_result result;

	nobody->data.kind = CU_JSON_OBJECT;
	values[0] = tags ? *tags : nothing;
	values[1] = fields ? *fields : nothing;
	values[2] = (cu_json){.kind = CU_JSON_STRING, .text = TEXT_OF("nobody@example.com")};
	values[3] = (cu_json){.kind = CU_JSON_BOOLEAN, .boolean = true};
	result = cu_parse_request(&host, &request, false, &parsed, &email, error);
	if (result == CU_OK)
		result = cu_decide(&host, definitions, parsed, nobody, &options, &decision, error);
	host_check(result);
	if (result == CU_REJECTED)
	{
		/* The core speaks of a request, and a search creates no tag. */
		if (error->code == CU_TAG_NOT_FOUND)
			strlcpy(error->hint, "contacts.tag has the ids and names of tags. An id is a number.", sizeof(error->hint));
		errors_raise(error);
	}
	return decision;
}

/* Raises if a list or an object of the filter, which may be NULL, is too long. */
static void
check_length(const cu_json *given, size_t most, const char *field)
{
	if (given && (given->kind == CU_JSON_ARRAY || given->kind == CU_JSON_OBJECT) && given->count > most)
		search_filter_reject(field,
							 psprintf("The filter has more than %zu %s.", most, field),
							 "Search for fewer, and look through the contacts that are found.");
}

static Datum
text_array(Datum *texts, size_t count)
{
	return statement_array(texts, count, TEXTOID);
}

static bool
is_status(const cu_json *value)
{
	if (value->kind != CU_JSON_STRING)
		return false;
	for (int i = 0; i < CU_STATUS_COUNT; i++)
		if (is_text(value->text, cu_status_name((cu_status)i)))
			return true;
	return false;
}

/* Returns the statuses as a text[]: given is one, or an array of some. */
static Datum
read_statuses(const cu_json *given)
{
	const cu_json *items = given && given->kind == CU_JSON_ARRAY ? given->items : given;
	size_t count = given == NULL ? 0 : given->kind == CU_JSON_ARRAY ? given->count : 1;
	Datum *names = palloc(sizeof(Datum) * Max(count, 1));

	if (given && count == 0)
		search_filter_reject(
			"status", "status must not be an empty array.", "Leave status out to find contacts of any status.");
	for (size_t i = 0; i < count; i++)
	{
		if (!is_status(&items[i]))
		{
			cu_error error = {.code = CU_STATUS_INVALID, .has_field = true};

			strlcpy(error.field, "status", sizeof(error.field));
			strlcpy(error.message, "The status you provided is not valid.", sizeof(error.message));
			strlcpy(error.hint,
					"status must be SUBSCRIBED, UNSUBSCRIBED, UNCONFIRMED, CLEANED or COMPLAINED, in upper case, or an "
					"array of some.",
					sizeof(error.hint));
			errors_raise(&error);
		}
		names[i] = encoding_to_text(items[i].text);
	}
	return text_array(names, count);
}

/* Returns the ids of the tags under a key of "tags". */
static Datum
read_tags(const cu_json *tags, const char *key, const cu_definitions *definitions)
{
	const cu_json *given = tags ? find(tags, key) : NULL;
	cu_decision decision = {.tag_count = 0};

	check_length(given, CU_MAX_TAGS, "tags");
	if (given)
		decision = decide(definitions, given, NULL);
	return store_tag_ids(&decision);
}

static void
read_tag_lists(ContactFilter *filter, const cu_json *tags, const cu_definitions *definitions)
{
	static const char *const keys[] = {"all", "any", "none", NULL};
	const char *hint = "Pass tags such as {\"all\": [1, 2], \"none\": [\"vip\"]}: IDs or names.";
	const cu_json *any;

	if (tags && tags->kind != CU_JSON_OBJECT)
		search_filter_reject("tags", "tags must be an object with the keys all, any and none.", hint);
	if (tags)
		check_keys(tags, "tags", keys, hint);
	any = tags ? find(tags, "any") : NULL;
	if (any && any->kind == CU_JSON_ARRAY && any->count == 0)
		search_filter_reject(
			"tags", "tags.any must not be an empty array.", "No contact has one of no tags. Leave any out.");
	filter->all_tags = read_tags(tags, "all", definitions);
	filter->any_tags = read_tags(tags, "any", definitions);
	filter->none_tags = read_tags(tags, "none", definitions);
}

/* Returns the members of an object that are arrays, as jsonb. */
static Jsonb *
arrays_of(const cu_json *object)
{
	cu_json *items = palloc(sizeof(cu_json) * Max(object->count, 1));
	cu_text *keys = palloc(sizeof(cu_text) * Max(object->count, 1));
	cu_json arrays = {.kind = CU_JSON_OBJECT, .items = items, .keys = keys};

	for (size_t i = 0; i < object->count; i++)
		if (object->items[i].kind == CU_JSON_ARRAY)
		{
			keys[arrays.count] = object->keys[i];
			items[arrays.count++] = object->items[i];
		}
	return jsonb_write(&arrays);
}

static void
read_fields(ContactFilter *filter, const cu_json *given, const cu_definitions *definitions)
{
	cu_json values = {.kind = CU_JSON_OBJECT};
	size_t count = given && given->kind == CU_JSON_OBJECT ? given->count : 0;
	Datum *without = palloc(sizeof(Datum) * Max(count, 1));
	size_t without_count = 0;
	size_t next = 0; /* of the values, which are in the order of their keys as those of given are */

	check_length(given, CU_MAX_FIELDS, "fields");
	if (given)
		values = decide(definitions, NULL, given).data;
	for (size_t i = 0; i < count; i++)
	{
		cu_text key = given->keys[i];

		if (is_text(key, "email_address"))
			search_filter_reject(
				"fields", "A filter cannot ask for email_address.", "contacts.get() finds a contact by its address.");
		if (next < values.count && values.keys[next].size == key.size &&
			memcmp(values.keys[next].data, key.data, key.size) == 0)
			next++;
		else
			without[without_count++] = encoding_to_text(key);
	}
	filter->values = jsonb_write(&values);
	filter->value_sets = arrays_of(&values);
	filter->without_value = text_array(without, without_count);
}

/* Returns a time of RFC 3339. A date is its midnight in UTC. */
static TimestampTz
read_time(const cu_json *given)
{
	cu_host host = host_in(CurrentMemoryContext);
	static const cu_json no_options = {.kind = CU_JSON_ARRAY};
	bool valid = false;
	cu_text text;
	const char *time;

	if (given == NULL)
		return DT_NOBEGIN;
	text = given->kind == CU_JSON_STRING ? cu_trim(given->text) : (cu_text){.size = 0};
	if (text.size > 0)
		host_check(cu_is_field_value(&host, CU_DATE, &no_options, given, &valid));
	if (!valid)
		search_filter_reject("updated_since",
							 "updated_since must be a date or time of RFC 3339.",
							 "Write it such as \"2024-02-15\" or \"2024-02-15T10:30:00Z\".");
	/* In this form PostgreSQL reads it the same whatever DateStyle and TimeZone are. */
	time = psprintf("%.*s%s", (int)text.size, text.data, text.size == strlen("YYYY-MM-DD") ? "T00:00:00Z" : "");
	return DatumGetTimestampTz(
		DirectFunctionCall3(timestamptz_in, CStringGetDatum(time), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

ContactFilter
search_filter_read(Datum given, const cu_definitions *definitions)
{
	static const char *const keys[] = {"status", "tags", "fields", "updated_since", NULL};
	cu_document document = {.root = {.kind = CU_JSON_OBJECT}};
	const cu_json *root = &document.root;
	ContactFilter filter;

	if (DatumGetPointer(given) != NULL)
		document = jsonb_read_document(given);
	if (document.bytes > CU_MAX_REQUEST_BYTES || document.depth > CU_MAX_DEPTH)
		search_filter_reject(NULL, "The filter is larger than 1 MiB, or nested deeper than 8 levels.", FILTER_HINT);
	if (root->kind != CU_JSON_OBJECT)
		search_filter_reject(NULL, "The filter must be a JSON object.", FILTER_HINT);
	check_keys(root, NULL, keys, "The keys of a filter are status, tags, fields and updated_since.");
	filter = (ContactFilter){.statuses = read_statuses(find(root, "status")),
							 .updated_since = read_time(find(root, "updated_since"))};
	read_fields(&filter, find(root, "fields"), definitions);
	read_tag_lists(&filter, find(root, "tags"), definitions);
	return filter;
}
