/*
 * jsonb_writer.c - builds jsonb straight from the core's structs, without a detour through text: what a contact is, what changed of it,
 * its events, and errors.
 */
#include "postgres.h"

#include "encoding.h"
#include "jsonb_value.h"
#include "jsonb_writer.h"
#include "pg_compat.h"

static JsonbValue
data_value(const cu_json *data)
{
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, data->count);

	for (size_t i = 0; i < data->count; i++)
		pairs[i] = (JsonbPair){.key = jsonb_text_value(data->keys[i]), .value = jsonb_stored_value(&data->items[i])};
	/* Merge tags are ASCII, but data may have been written past the rules for them. */
	return encoding_converts() ? jsonb_unsorted_object_value(pairs, data->count)
							   : jsonb_object_value(pairs, data->count);
}

/* A contact's values with its address among them. */
static JsonbValue
with_address(const JsonbValue *data, const text *email)
{
	const JsonbPair *values = data->val.object.pairs;
	size_t count = (size_t)data->val.object.nPairs;
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, count + 1);
	JsonbPair address = jsonb_pair("email_address", jsonb_database_text_value(email));
	size_t before = 0;

	while (before < count && jsonb_compare_pairs(&values[before], &address) <= 0)
		before++;
	memcpy(pairs, values, sizeof(JsonbPair) * before);
	pairs[before] = address;
	memcpy(pairs + before + 1, values + before, sizeof(JsonbPair) * (count - before));
	return jsonb_object_value(pairs, count + 1);
}

static JsonbValue
tag_value(const cu_tag *tag)
{
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, 2);

	pairs[0] = jsonb_pair("id", tag->id ? jsonb_integer_value(tag->id) : (JsonbValue){.type = jbvNull});
	pairs[1] = jsonb_pair("name", jsonb_text_value(tag->name));
	return jsonb_object_value(pairs, 2);
}

static JsonbValue
tags_value(const cu_tag *tags, size_t count)
{
	JsonbValue *elements = JSONB_ROOM(JsonbValue, count);

	for (size_t i = 0; i < count; i++)
		elements[i] = tag_value(&tags[i]);
	return jsonb_array_value(elements, count);
}

static JsonbValue
statistics_value(const ContactRow *contact)
{
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, 4);

	pairs[0] = jsonb_pair("total_opens", jsonb_integer_value(contact->total_opens));
	pairs[1] = jsonb_pair("total_clicks", jsonb_integer_value(contact->total_clicks));
	pairs[2] = jsonb_pair("total_bounces", jsonb_integer_value(contact->total_bounces));
	pairs[3] = jsonb_pair("total_delivered", jsonb_integer_value(contact->total_delivered));
	return jsonb_object_value(pairs, 4);
}

static JsonbValue
contact_value(const ContactRow *contact, const cu_decision *decision)
{
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, 7);
	JsonbValue data = contact->data.type == jbvObject ? contact->data : data_value(&decision->data);

	pairs[0] = jsonb_pair("id", contact->id[0] ? jsonb_cstring_value(contact->id) : (JsonbValue){.type = jbvNull});
	pairs[1] = jsonb_pair("data", with_address(&data, DatumGetTextPP(contact->email)));
	pairs[2] = jsonb_pair("tags", tags_value(decision->tags, decision->tag_count));
	pairs[3] = jsonb_pair("status", jsonb_cstring_value(cu_status_name(decision->status)));
	pairs[4] = jsonb_pair("created_at", jsonb_time_value(contact->created_at));
	pairs[5] = jsonb_pair("statistics", statistics_value(contact));
	pairs[6] =
		jsonb_pair("updated_at",
				   contact->updated_at == contact->created_at ? pairs[4].value : jsonb_time_value(contact->updated_at));
	return jsonb_object_value(pairs, 7);
}

static JsonbValue
status_change_value(const cu_decision *decision)
{
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, 2);

	pairs[0] = jsonb_pair("new", jsonb_cstring_value(cu_status_name(decision->status)));
	pairs[1] = jsonb_pair("old", jsonb_cstring_value(cu_status_name(decision->old_status)));
	return jsonb_object_value(pairs, 2);
}

static JsonbValue
field_changes_value(const cu_decision *decision)
{
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, decision->field_change_count);

	for (size_t i = 0; i < decision->field_change_count; i++)
	{
		const cu_field_change *change = &decision->field_changes[i];
		JsonbPair *values = JSONB_ROOM(JsonbPair, 2);

		values[0] = jsonb_pair("new", jsonb_stored_value(&change->new_value));
		values[1] = jsonb_pair("old", jsonb_stored_value(&change->old_value));
		pairs[i] = (JsonbPair){.key = jsonb_text_value(change->merge_tag), .value = jsonb_object_value(values, 2)};
	}
	return jsonb_unsorted_object_value(pairs, decision->field_change_count);
}

static JsonbValue
tag_changes_value(const cu_decision *decision)
{
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, 2);

	pairs[0] = jsonb_pair("added", tags_value(decision->tags_added, decision->tags_added_count));
	pairs[1] = jsonb_pair("removed", tags_value(decision->tags_removed, decision->tags_removed_count));
	return jsonb_object_value(pairs, 2);
}

static JsonbValue
field_event_value(const cu_field_change *change)
{
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, 4);

	pairs[0] = jsonb_pair("new", jsonb_stored_value(&change->new_value));
	pairs[1] = jsonb_pair("old", jsonb_stored_value(&change->old_value));
	pairs[2] = jsonb_pair("label", jsonb_text_value(change->label));
	pairs[3] = jsonb_pair("merge_tag", jsonb_text_value(change->merge_tag));
	return jsonb_object_value(pairs, 4);
}

/* An event's detail, with its type unless that is NULL. */
static JsonbValue
event_value(const cu_event *event, const char *type)
{
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, 2);
	size_t count = 0;

	if (event->tag)
		pairs[count++] = jsonb_pair("tag", tag_value(event->tag));
	if (type)
		pairs[count++] = jsonb_pair("type", jsonb_cstring_value(type));
	if (event->change)
		pairs[count++] = jsonb_pair("field", field_event_value(event->change));
	return jsonb_object_value(pairs, count);
}

Jsonb *
jsonb_write_any(const cu_json *value)
{
	JsonbValue any = jsonb_any_value(value);

	return JsonbValueToJsonb(&any);
}

Jsonb *
jsonb_write(const cu_json *object)
{
	JsonbValue value = data_value(object);

	return JsonbValueToJsonb(&value);
}

Jsonb *
jsonb_write_data(ContactRow *contact, const cu_decision *decision)
{
	contact->data = data_value(&decision->data);
	return JsonbValueToJsonb(&contact->data);
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
	JsonbPair data = jsonb_pair("data", contact_value(contact, decision));
	JsonbValue value = jsonb_object_value(&data, 1);

	return JsonbValueToJsonb(&value);
}

Jsonb *
jsonb_write_versioned_answer(const ContactRow *contact, const cu_decision *decision)
{
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, 2);
	JsonbValue value;

	pairs[0] = jsonb_pair("data", contact_value(contact, decision));
	pairs[1] = jsonb_pair("version", jsonb_integer_value(contact->version));
	value = jsonb_object_value(pairs, 2);
	return JsonbValueToJsonb(&value);
}

static JsonbValue
new_value(JsonbValue value)
{
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, 1);

	pairs[0] = jsonb_pair("new", value);
	return jsonb_object_value(pairs, 1);
}

static JsonbValue
new_fields_value(const cu_json *data)
{
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, data->count);

	for (size_t i = 0; i < data->count; i++)
		pairs[i] = (JsonbPair){.key = jsonb_text_value(data->keys[i]),
							   .value = new_value(jsonb_stored_value(&data->items[i]))};
	return jsonb_unsorted_object_value(pairs, data->count);
}

static JsonbValue
new_tags_value(const cu_decision *decision)
{
	JsonbPair *pairs = JSONB_ROOM(JsonbPair, 1);

	pairs[0] = jsonb_pair("added", tags_value(decision->tags, decision->tag_count));
	return jsonb_object_value(pairs, 1);
}

Jsonb *
jsonb_write_creation(const ContactRow *contact, const cu_decision *decision)
{
	JsonbPair pairs[4];
	size_t count = 0;
	JsonbValue value;

	if (decision->tag_count > 0)
		pairs[count++] = jsonb_pair("tags", new_tags_value(decision));
	if (decision->data.count > 0)
		pairs[count++] = jsonb_pair("fields", new_fields_value(&decision->data));
	pairs[count++] = jsonb_pair("status", new_value(jsonb_cstring_value(cu_status_name(decision->status))));
	pairs[count++] = jsonb_pair("email_address", new_value(jsonb_database_text_value(DatumGetTextPP(contact->email))));
	value = jsonb_object_value(pairs, count);
	return JsonbValueToJsonb(&value);
}

Jsonb *
jsonb_write_changes(const cu_decision *decision)
{
	JsonbPair pairs[3];
	size_t count = 0;
	JsonbValue value;

	if (decision->tags_added_count > 0 || decision->tags_removed_count > 0)
		pairs[count++] = jsonb_pair("tags", tag_changes_value(decision));
	if (decision->field_change_count > 0)
		pairs[count++] = jsonb_pair("fields", field_changes_value(decision));
	if (decision->status != decision->old_status)
		pairs[count++] = jsonb_pair("status", status_change_value(decision));
	value = jsonb_object_value(pairs, count);
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
	JsonbValue *elements = JSONB_ROOM(JsonbValue, decision->event_count);
	JsonbValue value = jsonb_array_value(elements, decision->event_count);

	for (size_t i = 0; i < decision->event_count; i++)
		elements[i] = event_value(&decision->events[i], cu_event_type_name(decision->events[i].type));
	return JsonbValueToJsonb(&value);
}

/* The tag at fault: an id or a name. */
static JsonbValue
faulty_tag_value(const cu_error *error)
{
	return error->tag_is_id ? jsonb_number_value((cu_text){error->tag, strlen(error->tag)}, 0)
							: jsonb_cstring_value(error->tag);
}

static JsonbValue
options_value(const cu_error *error)
{
	JsonbValue *elements = JSONB_ROOM(JsonbValue, error->option_count);

	for (size_t i = 0; i < error->option_count; i++)
		elements[i] = jsonb_scalar_value(&error->options[i]);
	return jsonb_array_value(elements, error->option_count);
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
		pairs[count++] = jsonb_pair("tag", faulty_tag_value(error));
	pairs[count++] = jsonb_pair("code", jsonb_cstring_value(cu_code_name(error->code)));
	if (sqlstate)
		pairs[count++] = jsonb_pair("hint", jsonb_cstring_value(error->hint));
	if (error->has_type)
		pairs[count++] = jsonb_pair("type", jsonb_cstring_value(cu_field_type_name(error->type)));
	if (error->has_field)
		pairs[count++] = jsonb_pair("field", jsonb_cstring_value(error->field));
	if (error->has_value)
		pairs[count++] = jsonb_pair("value", jsonb_cstring_value(error->value));
	pairs[count++] = jsonb_pair("status", jsonb_integer_value(http_status(error->code)));
	if (sqlstate)
		pairs[count++] = jsonb_pair("message", jsonb_cstring_value(error->message));
	if (error->options)
		pairs[count++] = jsonb_pair("options", options_value(error));
	if (error->has_version)
		pairs[count++] = jsonb_pair("version", jsonb_integer_value(error->version));
	if (position)
		pairs[count++] = jsonb_pair("position", jsonb_integer_value(position));
	if (sqlstate)
		pairs[count++] = jsonb_pair("sqlstate", jsonb_cstring_value(sqlstate));
	if (error->has_merge_tag)
		pairs[count++] = jsonb_pair("merge_tag", jsonb_cstring_value(error->merge_tag));
	value = jsonb_object_value(pairs, count);
	return JsonbValueToJsonb(&value);
}
