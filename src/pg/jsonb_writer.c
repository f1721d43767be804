/*
 * jsonb_writer.c - builds jsonb straight from the core's structs, without a detour through text.
 *
 * The trees are put together here, not pushed piece by piece: that takes twice the time, for it sorts the keys of every
 * object, which we know in jsonb's order, by size and then by bytes.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "pgtime.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "encoding.h"
#include "jsonb_writer.h"
#include "pg_compat.h"

static JsonbValue
text_value(cu_text text)
{
	cu_text stored = encoding_from_core(text);

	return (JsonbValue){.type = jbvString,
						.val.string = {.val = unconstify(char *, stored.data), .len = (int)stored.size}};
}

static JsonbValue
cstring_value(const char *terminated)
{
	return text_value((cu_text){terminated, strlen(terminated)});
}

static JsonbValue
integer_value(int64 number)
{
	return (JsonbValue){.type = jbvNumeric,
						.val.numeric = DatumGetNumeric(DirectFunctionCall1(int8_numeric, Int64GetDatum(number)))};
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

/* zeros: at its end, behind the point, that digits leaves out */
static JsonbValue
number_value(cu_text digits, size_t zeros)
{
	Datum number = DirectFunctionCall3(numeric_in,
									   CStringGetDatum(pnstrdup(digits.data, digits.size)),
									   ObjectIdGetDatum(InvalidOid),
									   Int32GetDatum(-1));

	if (zeros > 0)
		number = with_zeros(number, zeros);
	return (JsonbValue){.type = jbvNumeric, .val.numeric = DatumGetNumeric(number)};
}

static JsonbValue
scalar_value(const cu_json *value)
{
	switch (value->kind)
	{
		case CU_JSON_BOOLEAN:
			return (JsonbValue){.type = jbvBool, .val.boolean = value->boolean};
		case CU_JSON_NUMBER:
			return number_value(value->text, value->count);
		case CU_JSON_STRING:
			return text_value(value->text);
		default:
			return (JsonbValue){.type = jbvNull};
	}
}

/* Times as the API writes them: UTC, whole seconds. */
static JsonbValue
time_value(TimestampTz time)
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
	return cstring_value(text);
}

/* Whether a key comes before another in jsonb's order. */
static int
compare_keys(const void *left, const void *right)
{
	const JsonbValue *a = &((const JsonbPair *)left)->key;
	const JsonbValue *b = &((const JsonbPair *)right)->key;

	if (a->val.string.len != b->val.string.len)
		return a->val.string.len < b->val.string.len ? -1 : 1;
	return memcmp(a->val.string.val, b->val.string.val, (size_t)a->val.string.len);
}

/* Room for the keys and values of an object, or for the elements of an array. */
#define ROOM(type, count) ((type *)palloc(sizeof(type) * Max((count), 1)))

static JsonbPair
pair(const char *key, JsonbValue value)
{
	return (JsonbPair){.key = cstring_value(key), .value = value};
}

/* An object of pairs in jsonb's order. */
static JsonbValue
object_value(JsonbPair *pairs, size_t count)
{
#ifdef USE_ASSERT_CHECKING
	for (size_t i = 1; i < count; i++)
		Assert(compare_keys(&pairs[i - 1], &pairs[i]) < 0);
#endif
	return (JsonbValue){.type = jbvObject, .val.object = {.nPairs = (int)count, .pairs = pairs}};
}

/* An object of pairs in any order. */
static JsonbValue
unsorted_object_value(JsonbPair *pairs, size_t count)
{
	qsort(pairs, count, sizeof(JsonbPair), compare_keys);
	return object_value(pairs, count);
}

static JsonbValue
array_value(JsonbValue *elements, size_t count)
{
	return (JsonbValue){.type = jbvArray, .val.array = {.nElems = (int)count, .elems = elements}};
}

/* A stored value: a scalar, or a list of options. */
static JsonbValue
stored_value(const cu_json *value)
{
	JsonbValue *elements;

	if (value->kind != CU_JSON_ARRAY)
		return scalar_value(value);
	elements = ROOM(JsonbValue, value->count);
	for (size_t i = 0; i < value->count; i++)
		elements[i] = scalar_value(&value->items[i]);
	return array_value(elements, value->count);
}

/* A contact's values, with its address among them unless email is NULL. */
static JsonbValue
data_value(const cu_json *data, const text *email)
{
	JsonbPair *pairs = ROOM(JsonbPair, data->count + 1);
	JsonbPair address = {.key = {.type = jbvNull}};
	size_t count = 0;

	if (email)
		address = pair("email_address",
					   (JsonbValue){.type = jbvString,
									.val.string = {.val = VARDATA_ANY(email), .len = VARSIZE_ANY_EXHDR(email)}});
	for (size_t i = 0; i < data->count; i++)
	{
		JsonbPair member = {.key = text_value(data->keys[i]), .value = stored_value(&data->items[i])};

		if (email && compare_keys(&address, &member) < 0)
		{
			pairs[count++] = address;
			email = NULL;
		}
		pairs[count++] = member;
	}
	if (email)
		pairs[count++] = address;
	/* Merge tags are ASCII, but data may have been written past the rules for them. */
	return encoding_converts() ? unsorted_object_value(pairs, count) : object_value(pairs, count);
}

static JsonbValue
tag_value(const cu_tag *tag)
{
	JsonbPair *pairs = ROOM(JsonbPair, 2);

	pairs[0] = pair("id", tag->id ? integer_value(tag->id) : (JsonbValue){.type = jbvNull});
	pairs[1] = pair("name", text_value(tag->name));
	return object_value(pairs, 2);
}

static JsonbValue
tags_value(const cu_tag *tags, size_t count)
{
	JsonbValue *elements = ROOM(JsonbValue, count);

	for (size_t i = 0; i < count; i++)
		elements[i] = tag_value(&tags[i]);
	return array_value(elements, count);
}

static JsonbValue
statistics_value(const ContactRow *contact)
{
	JsonbPair *pairs = ROOM(JsonbPair, 4);

	pairs[0] = pair("total_opens", integer_value(contact->total_opens));
	pairs[1] = pair("total_clicks", integer_value(contact->total_clicks));
	pairs[2] = pair("total_bounces", integer_value(contact->total_bounces));
	pairs[3] = pair("total_delivered", integer_value(contact->total_delivered));
	return object_value(pairs, 4);
}

static JsonbValue
contact_value(const ContactRow *contact, const cu_decision *decision)
{
	JsonbPair *pairs = ROOM(JsonbPair, 7);

	pairs[0] = pair("id", contact->id[0] ? cstring_value(contact->id) : (JsonbValue){.type = jbvNull});
	pairs[1] = pair("data", data_value(&decision->data, DatumGetTextPP(contact->email)));
	pairs[2] = pair("tags", tags_value(decision->tags, decision->tag_count));
	pairs[3] = pair("status", cstring_value(cu_status_name(decision->status)));
	pairs[4] = pair("created_at", time_value(contact->created_at));
	pairs[5] = pair("statistics", statistics_value(contact));
	pairs[6] = pair("updated_at", time_value(contact->updated_at));
	return object_value(pairs, 7);
}

static JsonbValue
status_change_value(const cu_decision *decision)
{
	JsonbPair *pairs = ROOM(JsonbPair, 2);

	pairs[0] = pair("new", cstring_value(cu_status_name(decision->status)));
	pairs[1] = pair("old", cstring_value(cu_status_name(decision->old_status)));
	return object_value(pairs, 2);
}

static JsonbValue
field_changes_value(const cu_decision *decision)
{
	JsonbPair *pairs = ROOM(JsonbPair, decision->field_change_count);

	for (size_t i = 0; i < decision->field_change_count; i++)
	{
		const cu_field_change *change = &decision->field_changes[i];
		JsonbPair *values = ROOM(JsonbPair, 2);

		values[0] = pair("new", stored_value(&change->new_value));
		values[1] = pair("old", stored_value(&change->old_value));
		pairs[i] = (JsonbPair){.key = text_value(change->merge_tag), .value = object_value(values, 2)};
	}
	return unsorted_object_value(pairs, decision->field_change_count);
}

static JsonbValue
tag_changes_value(const cu_decision *decision)
{
	JsonbPair *pairs = ROOM(JsonbPair, 2);

	pairs[0] = pair("added", tags_value(decision->tags_added, decision->tags_added_count));
	pairs[1] = pair("removed", tags_value(decision->tags_removed, decision->tags_removed_count));
	return object_value(pairs, 2);
}

static JsonbValue
field_event_value(const cu_field_change *change)
{
	JsonbPair *pairs = ROOM(JsonbPair, 4);

	pairs[0] = pair("new", stored_value(&change->new_value));
	pairs[1] = pair("old", stored_value(&change->old_value));
	pairs[2] = pair("label", text_value(change->label));
	pairs[3] = pair("merge_tag", text_value(change->merge_tag));
	return object_value(pairs, 4);
}

/* An event's detail, with its type unless that is NULL. */
static JsonbValue
event_value(const cu_event *event, const char *type)
{
	JsonbPair *pairs = ROOM(JsonbPair, 2);
	size_t count = 0;

	if (event->tag)
		pairs[count++] = pair("tag", tag_value(event->tag));
	if (type)
		pairs[count++] = pair("type", cstring_value(type));
	if (event->change)
		pairs[count++] = pair("field", field_event_value(event->change));
	return object_value(pairs, count);
}

/* A value of any shape, at most CU_MAX_DEPTH levels deep. */
static JsonbValue
any_value(const cu_json *value)
{
	JsonbPair *pairs;
	JsonbValue *elements;

	if (value->kind == CU_JSON_OBJECT)
	{
		pairs = ROOM(JsonbPair, value->count);
		for (size_t i = 0; i < value->count; i++)
			pairs[i] = (JsonbPair){.key = text_value(value->keys[i]), .value = any_value(&value->items[i])};
		return unsorted_object_value(pairs, value->count);
	}
	if (value->kind != CU_JSON_ARRAY)
		return scalar_value(value);
	elements = ROOM(JsonbValue, value->count);
	for (size_t i = 0; i < value->count; i++)
		elements[i] = any_value(&value->items[i]);
	return array_value(elements, value->count);
}

Jsonb *
jsonb_write_any(const cu_json *value)
{
	JsonbValue any = any_value(value);

	return JsonbValueToJsonb(&any);
}

Jsonb *
jsonb_write(const cu_json *object)
{
	JsonbValue value = data_value(object, NULL);

	return JsonbValueToJsonb(&value);
}

Jsonb *
jsonb_write_contact(const ContactRow *contact, const cu_decision *decision)
{
	JsonbValue value = contact_value(contact, decision);

	return JsonbValueToJsonb(&value);
}

Jsonb *
jsonb_write_answer(const ContactRow *contact, const cu_decision *decision)
{
	JsonbPair data = pair("data", contact_value(contact, decision));
	JsonbValue value = object_value(&data, 1);

	return JsonbValueToJsonb(&value);
}

Jsonb *
jsonb_write_versioned_answer(const ContactRow *contact, const cu_decision *decision)
{
	JsonbPair *pairs = ROOM(JsonbPair, 2);
	JsonbValue value;

	pairs[0] = pair("data", contact_value(contact, decision));
	pairs[1] = pair("version", integer_value(contact->version));
	value = object_value(pairs, 2);
	return JsonbValueToJsonb(&value);
}

static JsonbValue
new_value(JsonbValue value)
{
	JsonbPair *pairs = ROOM(JsonbPair, 1);

	pairs[0] = pair("new", value);
	return object_value(pairs, 1);
}

static JsonbValue
new_fields_value(const cu_json *data)
{
	JsonbPair *pairs = ROOM(JsonbPair, data->count);

	for (size_t i = 0; i < data->count; i++)
		pairs[i] = (JsonbPair){.key = text_value(data->keys[i]), .value = new_value(stored_value(&data->items[i]))};
	return unsorted_object_value(pairs, data->count);
}

static JsonbValue
new_tags_value(const cu_decision *decision)
{
	JsonbPair *pairs = ROOM(JsonbPair, 1);

	pairs[0] = pair("added", tags_value(decision->tags, decision->tag_count));
	return object_value(pairs, 1);
}

Jsonb *
jsonb_write_creation(const ContactRow *contact, const cu_decision *decision)
{
	text *email = DatumGetTextPP(contact->email);
	JsonbValue address = {.type = jbvString,
						  .val.string = {.val = VARDATA_ANY(email), .len = VARSIZE_ANY_EXHDR(email)}};
	JsonbPair pairs[4];
	size_t count = 0;
	JsonbValue value;

	if (decision->tag_count > 0)
		pairs[count++] = pair("tags", new_tags_value(decision));
	if (decision->data.count > 0)
		pairs[count++] = pair("fields", new_fields_value(&decision->data));
	pairs[count++] = pair("status", new_value(cstring_value(cu_status_name(decision->status))));
	pairs[count++] = pair("email_address", new_value(address));
	value = object_value(pairs, count);
	return JsonbValueToJsonb(&value);
}

Jsonb *
jsonb_write_changes(const cu_decision *decision)
{
	JsonbPair pairs[3];
	size_t count = 0;
	JsonbValue value;

	if (decision->tags_added_count > 0 || decision->tags_removed_count > 0)
		pairs[count++] = pair("tags", tag_changes_value(decision));
	if (decision->field_change_count > 0)
		pairs[count++] = pair("fields", field_changes_value(decision));
	if (decision->status != decision->old_status)
		pairs[count++] = pair("status", status_change_value(decision));
	value = object_value(pairs, count);
	return JsonbValueToJsonb(&value);
}

Jsonb *
jsonb_write_event_detail(const cu_event *event)
{
	JsonbValue value = event_value(event, NULL);

	return JsonbValueToJsonb(&value);
}

Jsonb *
jsonb_write_events(const cu_decision *decision)
{
	JsonbValue *elements = ROOM(JsonbValue, decision->event_count);
	JsonbValue value = array_value(elements, decision->event_count);

	for (size_t i = 0; i < decision->event_count; i++)
		elements[i] = event_value(&decision->events[i], cu_event_type_name(decision->events[i].type));
	return JsonbValueToJsonb(&value);
}

/* The tag at fault: an id or a name. */
static JsonbValue
faulty_tag_value(const cu_error *error)
{
	return error->tag_is_id ? number_value((cu_text){error->tag, strlen(error->tag)}, 0) : cstring_value(error->tag);
}

static JsonbValue
options_value(const cu_error *error)
{
	JsonbValue *elements = ROOM(JsonbValue, error->option_count);

	for (size_t i = 0; i < error->option_count; i++)
		elements[i] = scalar_value(&error->options[i]);
	return array_value(elements, error->option_count);
}

/* Returns the status with which an HTTP server would answer; PostgREST does so, to the SQLSTATEs. */
static int
http_status(cu_code code)
{
	return code == CU_NOT_INSTALLED ? 500 : 400;
}

Jsonb *
jsonb_write_error(const cu_error *error, int64 position, const char *sqlstate)
{
	JsonbPair pairs[13];
	size_t count = 0;
	JsonbValue value;

	if (error->has_tag)
		pairs[count++] = pair("tag", faulty_tag_value(error));
	pairs[count++] = pair("code", cstring_value(cu_code_name(error->code)));
	if (sqlstate)
		pairs[count++] = pair("hint", cstring_value(error->hint));
	if (error->has_type)
		pairs[count++] = pair("type", cstring_value(cu_field_type_name(error->type)));
	if (error->has_field)
		pairs[count++] = pair("field", cstring_value(error->field));
	if (error->has_value)
		pairs[count++] = pair("value", cstring_value(error->value));
	pairs[count++] = pair("status", integer_value(http_status(error->code)));
	if (sqlstate)
		pairs[count++] = pair("message", cstring_value(error->message));
	if (error->options)
		pairs[count++] = pair("options", options_value(error));
	if (error->has_version)
		pairs[count++] = pair("version", integer_value(error->version));
	if (position)
		pairs[count++] = pair("position", integer_value(position));
	if (sqlstate)
		pairs[count++] = pair("sqlstate", cstring_value(sqlstate));
	if (error->has_merge_tag)
		pairs[count++] = pair("merge_tag", cstring_value(error->merge_tag));
	value = object_value(pairs, count);
	return JsonbValueToJsonb(&value);
}
