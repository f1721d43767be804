/*
 * json_writer.c - builds jsonb straight from the core's structs, without a detour through text.
 */
#include "postgres.h"

#include "fmgr.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "encoding.h"
#include "json_writer.h"

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

static JsonbValue
number_value(cu_text digits)
{
	Datum numeric = DirectFunctionCall3(numeric_in,
										CStringGetDatum(pnstrdup(digits.data, digits.size)),
										ObjectIdGetDatum(InvalidOid),
										Int32GetDatum(-1));

	return (JsonbValue){.type = jbvNumeric, .val.numeric = DatumGetNumeric(numeric)};
}

static JsonbValue
scalar_value(const cu_json *value)
{
	switch (value->kind)
	{
		case CU_JSON_BOOLEAN:
			return (JsonbValue){.type = jbvBool, .val.boolean = value->boolean};
		case CU_JSON_NUMBER:
			return number_value(value->text);
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

	if (timestamp2tm(time, NULL, &tm, &fraction, NULL, NULL) != 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
	return cstring_value(psprintf(
		"%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec));
}

static void
push_key(JsonbParseState **state, cu_text key)
{
	JsonbValue value = text_value(key);

	(void)pushJsonbValue(state, WJB_KEY, &value);
}

static void
push_pair(JsonbParseState **state, const char *key, JsonbValue value)
{
	push_key(state, (cu_text){key, strlen(key)});
	(void)pushJsonbValue(state, WJB_VALUE, &value);
}

/* Opens an object or array as the value of a key. */
static void
push_open(JsonbParseState **state, const char *key, JsonbIteratorToken begin)
{
	push_key(state, (cu_text){key, strlen(key)});
	(void)pushJsonbValue(state, begin, NULL);
}

static JsonbValue *
push_close(JsonbParseState **state, JsonbIteratorToken end)
{
	return pushJsonbValue(state, end, NULL);
}

/* Pushes the elements of an array: lists of options, the deepest that a stored value goes. */
static void
push_value(JsonbParseState **state, JsonbIteratorToken token, const cu_json *value)
{
	if (value->kind == CU_JSON_ARRAY)
	{
		(void)pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
		for (size_t i = 0; i < value->count; i++)
		{
			JsonbValue element = scalar_value(&value->items[i]);

			(void)pushJsonbValue(state, WJB_ELEM, &element);
		}
		(void)push_close(state, WJB_END_ARRAY);
	}
	else
	{
		JsonbValue scalar = scalar_value(value);

		(void)pushJsonbValue(state, token, &scalar);
	}
}

static void
push_members(JsonbParseState **state, const cu_json *object)
{
	for (size_t i = 0; i < object->count; i++)
	{
		push_key(state, object->keys[i]);
		push_value(state, WJB_VALUE, &object->items[i]);
	}
}

Jsonb *
json_write(const cu_json *object)
{
	JsonbParseState *state = NULL;

	(void)pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_members(&state, object);
	return JsonbValueToJsonb(push_close(&state, WJB_END_OBJECT));
}

static void
push_tag(JsonbParseState **state, const cu_tag *tag)
{
	push_pair(state, "id", tag->id ? integer_value(tag->id) : (JsonbValue){.type = jbvNull});
	push_pair(state, "name", text_value(tag->name));
}

static void
push_tags(JsonbParseState **state, const char *key, const cu_tag *tags, size_t count)
{
	push_open(state, key, WJB_BEGIN_ARRAY);
	for (size_t i = 0; i < count; i++)
	{
		(void)pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		push_tag(state, &tags[i]);
		(void)push_close(state, WJB_END_OBJECT);
	}
	(void)push_close(state, WJB_END_ARRAY);
}

static void
push_contact(JsonbParseState **state, const ContactFacts *facts, const cu_decision *decision)
{
	push_pair(state, "id", facts->id ? cstring_value(facts->id) : (JsonbValue){.type = jbvNull});
	push_pair(state, "status", cstring_value(cu_status_name(decision->status)));
	push_tags(state, "tags", decision->tags, decision->tag_count);

	push_open(state, "data", WJB_BEGIN_OBJECT);
	push_pair(state, "email_address", text_value(facts->email));
	push_members(state, &decision->data);
	(void)push_close(state, WJB_END_OBJECT);

	push_open(state, "statistics", WJB_BEGIN_OBJECT);
	push_pair(state, "total_opens", integer_value(facts->total_opens));
	push_pair(state, "total_clicks", integer_value(facts->total_clicks));
	push_pair(state, "total_bounces", integer_value(facts->total_bounces));
	push_pair(state, "total_delivered", integer_value(facts->total_delivered));
	(void)push_close(state, WJB_END_OBJECT);

	push_pair(state, "created_at", time_value(facts->created_at));
	push_pair(state, "updated_at", time_value(facts->updated_at));
}

Jsonb *
json_write_contact(const ContactFacts *facts, const cu_decision *decision)
{
	JsonbParseState *state = NULL;

	(void)pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_contact(&state, facts, decision);
	return JsonbValueToJsonb(push_close(&state, WJB_END_OBJECT));
}

Jsonb *
json_write_answer(const ContactFacts *facts, const cu_decision *decision)
{
	JsonbParseState *state = NULL;

	(void)pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_open(&state, "data", WJB_BEGIN_OBJECT);
	push_contact(&state, facts, decision);
	(void)push_close(&state, WJB_END_OBJECT);
	return JsonbValueToJsonb(push_close(&state, WJB_END_OBJECT));
}

static void
push_field_changes(JsonbParseState **state, const cu_decision *decision)
{
	push_open(state, "fields", WJB_BEGIN_OBJECT);
	for (size_t i = 0; i < decision->field_change_count; i++)
	{
		const cu_field_change *change = &decision->field_changes[i];

		push_key(state, change->merge_tag);
		(void)pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		push_key(state, (cu_text){"old", 3});
		push_value(state, WJB_VALUE, &change->old_value);
		push_key(state, (cu_text){"new", 3});
		push_value(state, WJB_VALUE, &change->new_value);
		(void)push_close(state, WJB_END_OBJECT);
	}
	(void)push_close(state, WJB_END_OBJECT);
}

Jsonb *
json_write_changes(const cu_decision *decision)
{
	JsonbParseState *state = NULL;

	(void)pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (decision->field_change_count > 0)
		push_field_changes(&state, decision);
	if (decision->status != decision->old_status)
	{
		push_open(&state, "status", WJB_BEGIN_OBJECT);
		push_pair(&state, "old", cstring_value(cu_status_name(decision->old_status)));
		push_pair(&state, "new", cstring_value(cu_status_name(decision->status)));
		(void)push_close(&state, WJB_END_OBJECT);
	}
	if (decision->tags_added_count > 0 || decision->tags_removed_count > 0)
	{
		push_open(&state, "tags", WJB_BEGIN_OBJECT);
		push_tags(&state, "added", decision->tags_added, decision->tags_added_count);
		push_tags(&state, "removed", decision->tags_removed, decision->tags_removed_count);
		(void)push_close(&state, WJB_END_OBJECT);
	}
	return JsonbValueToJsonb(push_close(&state, WJB_END_OBJECT));
}

static void
push_event_detail(JsonbParseState **state, const cu_event *event)
{
	if (event->tag)
	{
		push_open(state, "tag", WJB_BEGIN_OBJECT);
		push_tag(state, event->tag);
		(void)push_close(state, WJB_END_OBJECT);
	}
	else if (event->change)
	{
		push_open(state, "field", WJB_BEGIN_OBJECT);
		push_pair(state, "merge_tag", text_value(event->change->merge_tag));
		push_pair(state, "label", text_value(event->change->label));
		push_key(state, (cu_text){"old", 3});
		push_value(state, WJB_VALUE, &event->change->old_value);
		push_key(state, (cu_text){"new", 3});
		push_value(state, WJB_VALUE, &event->change->new_value);
		(void)push_close(state, WJB_END_OBJECT);
	}
}

Jsonb *
json_write_event_detail(const cu_event *event)
{
	JsonbParseState *state = NULL;

	(void)pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_event_detail(&state, event);
	return JsonbValueToJsonb(push_close(&state, WJB_END_OBJECT));
}

Jsonb *
json_write_events(const cu_decision *decision)
{
	JsonbParseState *state = NULL;

	(void)pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (size_t i = 0; i < decision->event_count; i++)
	{
		(void)pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		push_pair(&state, "type", cstring_value(cu_event_type_name(decision->events[i].type)));
		push_event_detail(&state, &decision->events[i]);
		(void)push_close(&state, WJB_END_OBJECT);
	}
	return JsonbValueToJsonb(push_close(&state, WJB_END_ARRAY));
}

Jsonb *
json_write_error(const cu_error *error, int64 position, const char *sqlstate)
{
	JsonbParseState *state = NULL;

	(void)pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_pair(&state, "status", integer_value(400));
	push_pair(&state, "code", cstring_value(cu_code_name(error->code)));
	if (error->field[0])
		push_pair(&state, "field", cstring_value(error->field));
	if (error->merge_tag[0])
		push_pair(&state, "merge_tag", cstring_value(error->merge_tag));
	if (error->tag[0])
		push_pair(&state,
				  "tag",
				  error->tag_is_id ? number_value((cu_text){error->tag, strlen(error->tag)})
								   : cstring_value(error->tag));
	if (position)
		push_pair(&state, "position", integer_value(position));
	if (sqlstate)
	{
		push_pair(&state, "message", cstring_value(error->message));
		push_pair(&state, "sqlstate", cstring_value(sqlstate));
	}
	return JsonbValueToJsonb(push_close(&state, WJB_END_OBJECT));
}
