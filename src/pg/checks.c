/*
 * checks.c - the rules that the tables' constraints, defaults and indexes call, so that they hold for every writer. Those of
 * contacts.contact are in contact_rules.c.
 *
 * No rule reads a table or a setting. The texts of the rules are in the core; here are only the wrappers.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "definitions.h"
#include "encoding.h"
#include "host.h"
#include "jsonb_reader.h"

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
