/*
 * import_options.c - reads the parameters of an import, and checks those that only C can check.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "encoding.h"
#include "errors.h"
#include "host.h"
#include "import_options.h"
#include "owner.h"

/* Returns the value of a key, or NULL. */
static JsonbValue *
find(Jsonb *parameters, const char *name)
{
	JsonbValue key = {.type = jbvString, .val.string = {.val = unconstify(char *, name), .len = (int)strlen(name)}};

	return findJsonbValueFromContainer(&parameters->root, JB_FOBJECT, &key);
}

static bool
read_boolean(Jsonb *parameters, const char *name, bool otherwise)
{
	const JsonbValue *value = find(parameters, name);

	return value && value->type == jbvBool ? value->val.boolean : otherwise;
}

/* Returns a text in UTF-8; empty if there is none. */
static cu_text
read_text(Jsonb *parameters, const char *name)
{
	const JsonbValue *value = find(parameters, name);

	if (value == NULL || value->type != jbvString)
		return (cu_text){"", 0};
	return encoding_to_core(value->val.string.val, (size_t)value->val.string.len);
}

static bool
is_text(cu_text text, const char *terminated)
{
	return text.size == strlen(terminated) && memcmp(text.data, terminated, text.size) == 0;
}

ImportOptions
import_read_options(Jsonb *parameters)
{
	ImportOptions options = {.reading = {.clears_blank = is_text(read_text(parameters, "blank"), "clear"),
										 .partial_update = read_boolean(parameters, "partial_update", true),
										 .create_tags = read_boolean(parameters, "create_tags", false),
										 .mode = read_text(parameters, "mode"),
										 .source = read_text(parameters, "source"),
										 .date_format = read_text(parameters, "date_format"),
										 .now_seconds = (int64)timestamptz_to_time_t(GetCurrentTimestamp())},
							 .history = read_boolean(parameters, "history", true),
							 .events = read_boolean(parameters, "events", true),
							 .dry_run = read_boolean(parameters, "dry_run", false)};

	/* Most imports upsert, which the requests need not say. */
	if (is_text(options.reading.mode, "upsert"))
		options.reading.mode = (cu_text){"", 0};
	return options;
}

void
import_check_date_format(const char *format)
{
	cu_error error;
	cu_result result;

	if (format == NULL)
		return;
	result = cu_check_date_format(encoding_to_core(format, strlen(format)), &error);
	host_check(result);
	if (result == CU_REJECTED)
		errors_raise(&error);
}

TimestampTz
import_read_time(cu_text text)
{
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in,
												   CStringGetDatum(pnstrdup(text.data, text.size)),
												   ObjectIdGetDatum(InvalidOid),
												   Int32GetDatum(-1)));
}

/* contacts_check_import_options() raises for a date_format that is none, and for events => false of another than the tables' owner. */
PG_FUNCTION_INFO_V1(contacts_check_import_options);
Datum
contacts_check_import_options(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(0))
		import_check_date_format(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	/* Nobody but the owner can keep the consumers of events from hearing of a change. */
	if (!PG_ARGISNULL(1) && !PG_GETARG_BOOL(1) && !owner_includes(GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("events => false is for the owner of the contact tables."),
				 errhint("Let that role import, or leave events out: then the consumers hear of the changes.")));
	PG_RETURN_VOID();
}
