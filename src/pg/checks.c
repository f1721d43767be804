/*
 * checks.c - the rules that the tables' constraints, defaults and indexes call, so that they hold for every writer.
 *
 * No rule reads a table or a setting. The texts of the rules are in the core; here are only the wrappers.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "contact_key.h"
#include "definitions.h"
#include "encoding.h"
#include "errors.h"
#include "host.h"
#include "jsonb_reader.h"

/* Julian days of 0001-01-01 and 10000-01-01. */
#define YEAR_1_JDATE INT64CONST(1721426)
#define YEAR_10000_JDATE INT64CONST(5373485)

static cu_text
text_argument(FunctionCallInfo fcinfo, int number)
{
	text *argument = PG_GETARG_TEXT_PP(number);

	return encoding_to_core(VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument));
}

PG_FUNCTION_INFO_V1(contacts_object_id);
Datum
contacts_object_id(PG_FUNCTION_ARGS)
{
	char id[OBJECT_ID_SIZE];

	host_make_object_id(id);
	PG_RETURN_TEXT_P(cstring_to_text(id));
}

PG_FUNCTION_INFO_V1(contacts_is_tag_name);
Datum
contacts_is_tag_name(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(cu_is_tag_name(text_argument(fcinfo, 0)));
}

static bool
is_tag_set(ArrayType *tags)
{
	int64 *ids = (int64 *)ARR_DATA_PTR(tags);
	int count = ArrayGetNItems(ARR_NDIM(tags), ARR_DIMS(tags));

	if (ARR_NDIM(tags) > 1 || array_contains_nulls(tags))
		return false;
	for (int i = 1; i < count; i++)
		if (ids[i - 1] >= ids[i])
			return false;
	return true;
}

/* A document that is too large or too deep has been read in part. */
static bool
is_data(const cu_document *data)
{
	return data->depth <= CU_MAX_DEPTH && cu_is_stored_data(&data->root);
}

static bool
is_small(const cu_document *data)
{
	return data->bytes <= CU_MAX_DATA_BYTES && (!is_data(data) || cu_data_size(&data->root) <= CU_MAX_DATA_BYTES);
}

/* Whether RFC 3339 can write a time. */
static bool
is_time(TimestampTz time)
{
	static const TimestampTz from = (YEAR_1_JDATE - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
	static const TimestampTz to = (YEAR_10000_JDATE - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;

	return time >= from && time < to;
}

static void
require(bool good, const char *column, const char *rule)
{
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("The %s of a contact must %s.", column, rule),
				 errhint("contact_upsert() writes contacts by the rules."),
				 err_generic_string(PG_DIAG_SCHEMA_NAME, "contacts"),
				 err_generic_string(PG_DIAG_TABLE_NAME, "contact"),
				 err_generic_string(PG_DIAG_COLUMN_NAME, column),
				 err_generic_string(PG_DIAG_CONSTRAINT_NAME, CONTACT_CONSTRAINT)));
}

/*
 * contacts_check_contact() is one constraint for all columns: PostgreSQL parses the text of each constraint, in every
 * statement, which costs more than to evaluate it. The error names the rule all the same, because it is raised here.
 */
PG_FUNCTION_INFO_V1(contacts_check_contact);
Datum
contacts_check_contact(PG_FUNCTION_ARGS)
{
	cu_document data = jsonb_read_document(PG_GETARG_DATUM(3));

	require(contact_key_is_id(PG_GETARG_TEXT_PP(0)), "id", "be 24 lower-case hex digits");
	require(cu_is_stored_email(text_argument(fcinfo, 1)),
			"email_address",
			"be a valid address, trimmed, its ASCII letters in lower case");
	require(is_tag_set(PG_GETARG_ARRAYTYPE_P(2)), "tags", "be sorted, without duplicates and nulls");
	require(is_small(&data), "data", "be at most 1 MiB, with the digits of its numbers");
	require(is_data(&data),
			"data",
			"be an object of strings, numbers of at most 65535 digits, booleans and lists of strings, none of them "
			"empty, without "
			"email_address");
	require(PG_GETARG_INT64(4) > 0, "version", "be positive");
	require(is_time(PG_GETARG_TIMESTAMPTZ(5)), "created_at", "be in the years 1 to 9999");
	require(is_time(PG_GETARG_TIMESTAMPTZ(6)), "updated_at", "be in the years 1 to 9999");
	PG_RETURN_BOOL(true);
}

PG_FUNCTION_INFO_V1(contacts_trim);
Datum
contacts_trim(PG_FUNCTION_ARGS)
{
	cu_text trimmed = encoding_from_core(cu_trim(text_argument(fcinfo, 0)));

	PG_RETURN_TEXT_P(cstring_to_text_with_len(trimmed.data, (int)trimmed.size));
}

PG_FUNCTION_INFO_V1(contacts_fold_case);
Datum
contacts_fold_case(PG_FUNCTION_ARGS)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_text folded;

	host_check(cu_fold_case(&host, text_argument(fcinfo, 0), &folded));
	PG_RETURN_BYTEA_P(cstring_to_text_with_len(folded.data, (int)folded.size));
}

/* Returns an array of text as the core reads it. Nulls, which a constraint rejects elsewhere, are JSON nulls. */
static cu_json
read_options(ArrayType *options)
{
	Datum *elements;
	bool *nulls;
	int count;
	cu_json *items;

	deconstruct_array(options, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	items = palloc0(sizeof(cu_json) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		text *element = nulls[i] ? NULL : DatumGetTextPP(elements[i]);

		if (element)
			items[i] = (cu_json){.kind = CU_JSON_STRING,
								 .text = encoding_to_core(VARDATA_ANY(element), VARSIZE_ANY_EXHDR(element))};
	}
	return (cu_json){.kind = CU_JSON_ARRAY, .count = (size_t)count, .items = items};
}

/* Returns the core's number of a value of contacts.field_type. */
static cu_field_type
field_type_argument(FunctionCallInfo fcinfo, int number)
{
	Oid output;
	bool is_varlena;

	getTypeOutputInfo(get_fn_expr_argtype(fcinfo->flinfo, number), &output, &is_varlena);
	return definitions_field_type(OidOutputFunctionCall(output, PG_GETARG_DATUM(number)));
}

PG_FUNCTION_INFO_V1(contacts_is_field_value);
Datum
contacts_is_field_value(PG_FUNCTION_ARGS)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_json options = {.kind = CU_JSON_ARRAY};
	cu_document value;
	bool valid;

	if (PG_ARGISNULL(2))
		PG_RETURN_BOOL(true);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
		options = read_options(PG_GETARG_ARRAYTYPE_P(1));
	value = jsonb_read_document(PG_GETARG_DATUM(2));
	if (value.depth > CU_MAX_DEPTH || value.bytes > CU_MAX_REQUEST_BYTES)
		PG_RETURN_BOOL(false);
	host_check(cu_is_field_value(&host, field_type_argument(fcinfo, 0), &options, &value.root, &valid));
	PG_RETURN_BOOL(valid);
}
