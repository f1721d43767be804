/*
 * errors.c - the one place that turns a cu_error into a PostgreSQL error.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "encoding.h"
#include "errors.h"
#include "jsonb_writer.h"

/* A Diagnosis is what PostgreSQL says of a code beside the texts. */
typedef struct Diagnosis
{
	int sqlstate;
	const char *table;
	const char *column;
	const char *constraint;
} Diagnosis;

#define NULL_VALUE .sqlstate = ERRCODE_NULL_VALUE_NOT_ALLOWED
#define INVALID_VALUE .sqlstate = ERRCODE_INVALID_PARAMETER_VALUE
#define CONTACT(name) .table = "contact", .column = (name)

static const Diagnosis diagnoses[] = {
	[CU_INVALID_REQUEST] = {INVALID_VALUE},
	[CU_EMAIL_REQUIRED] = {NULL_VALUE, CONTACT("email_address")},
	[CU_EMAIL_INVALID] = {INVALID_VALUE, CONTACT("email_address"), .constraint = CONTACT_CONSTRAINT},
	[CU_FIELD_NOT_FOUND] = {INVALID_VALUE, .table = "field", .column = "merge_tag"},
	[CU_STATUS_INVALID] = {INVALID_VALUE, CONTACT("status")},
	[CU_FIELD_INVALID] = {INVALID_VALUE, CONTACT("data")},
	[CU_TAG_NOT_FOUND] = {INVALID_VALUE, .table = "tag"},
	[CU_FIELD_REQUIRED] = {NULL_VALUE, CONTACT("data")},
	[CU_RESUBSCRIBE_REFUSED] = {INVALID_VALUE, CONTACT("status")},
	[CU_VERSION_CONFLICT] = {INVALID_VALUE, CONTACT("version")},
	[CU_CONTACT_NOT_FOUND] = {INVALID_VALUE, .table = "contact"},
	[CU_ADDRESS_TAKEN] = {INVALID_VALUE, CONTACT("email_address")},
	[CU_WORKSPACE_NOT_FOUND] = {INVALID_VALUE, .table = "workspace", .column = "workspace_id"},
	[CU_NOT_INSTALLED] = {.sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE},
};

void
errors_workspace_not_found(cu_error *error, int64 workspace_id)
{
	*error = (cu_error){.code = CU_WORKSPACE_NOT_FOUND};
	snprintf(error->message, sizeof(error->message), "Workspace " INT64_FORMAT " does not exist.", workspace_id);
	strlcpy(error->hint,
			"Check contact_upsert.workspace_id, and that your role may act for the workspace (contacts.grant_access).",
			sizeof(error->hint));
}

void
errors_not_installed(cu_error *error)
{
	*error = (cu_error){.code = CU_NOT_INSTALLED};
	strlcpy(error->message, "The contact tables are not installed in this database.", sizeof(error->message));
	strlcpy(error->hint, "SELECT contacts.install();", sizeof(error->hint));
}

void
errors_raise_not_installed(void)
{
	cu_error error;

	errors_not_installed(&error);
	errors_raise(&error);
}

void
errors_no_array(cu_error *error, Jsonb *array)
{
	const char *hint = "Pass an array of objects such as [{\"email_address\": \"tywin@example.com\"}].";

	if (array && JB_ROOT_IS_SCALAR(array))
		hint = "If it is a JSON string, it looks encoded twice: pass the array itself, cast with ::jsonb, not a string "
			   "of it.";
	else if (array)
		hint = "Put the request into an array, or pass it to contacts.upsert().";
	*error = (cu_error){.code = CU_INVALID_REQUEST};
	strlcpy(error->message, "The requests must be a JSON array.", sizeof(error->message));
	strlcpy(error->hint, hint, sizeof(error->hint));
}

void
errors_array_too_long(cu_error *error, int max)
{
	*error = (cu_error){.code = CU_INVALID_REQUEST};
	snprintf(error->message, sizeof(error->message), "The array has more than %d requests.", max);
	strlcpy(error->hint, "Split it, or load a file with contacts.import().", sizeof(error->hint));
}

/* Raises 25006; the hints say what to do on a standby, and elsewhere. */
static void
raise_unless_writable(const char *call, const char *on_standby, const char *elsewhere)
{
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot execute %s in a read-only transaction", call),
				 errhint("%s", RecoveryInProgress() ? on_standby : elsewhere)));
	PreventCommandIfParallelMode(call);
}

void
errors_raise_unless_writable(const char *call)
{
	raise_unless_writable(call,
						  "This server is a standby: connect to the primary. contacts.preview() works here.",
						  "Begin a transaction that is READ WRITE. contacts.preview() works in this one.");
}

void
errors_raise_unless_writing(const char *call)
{
	raise_unless_writable(
		call, "This server is a standby: connect to the primary.", "Begin a transaction that is READ WRITE.");
}

void
errors_copy(MemoryContext memory, cu_error *kept, const cu_error *error)
{
	MemoryContext caller = MemoryContextSwitchTo(memory);
	cu_json *options = palloc(sizeof(cu_json) * Max(error->option_count, 1));

	for (size_t i = 0; i < error->option_count; i++)
	{
		cu_text text = error->options[i].text;

		options[i] = (cu_json){.kind = CU_JSON_STRING, .text = {pnstrdup(text.data, text.size), text.size}};
	}
	*kept = *error;
	kept->options = error->options ? options : NULL;
	MemoryContextSwitchTo(caller);
}

static int
set_object_names(const Diagnosis *diagnosis)
{
	if (diagnosis->table)
	{
		err_generic_string(PG_DIAG_SCHEMA_NAME, "contacts");
		err_generic_string(PG_DIAG_TABLE_NAME, diagnosis->table);
	}
	if (diagnosis->column)
		err_generic_string(PG_DIAG_COLUMN_NAME, diagnosis->column);
	if (diagnosis->constraint)
		err_generic_string(PG_DIAG_CONSTRAINT_NAME, diagnosis->constraint);
	return 0;
}

static char *
terminated_text(const char *text)
{
	return encoding_to_cstring((cu_text){text, strlen(text)});
}

void
errors_raise(const cu_error *error)
{
	errors_raise_at(error, 0);
}

void
errors_raise_at(const cu_error *error, int64 position)
{
	const Diagnosis *diagnosis = &diagnoses[error->code];
	Jsonb *detail = jsonb_write_error(error, position, NULL);

	ereport(ERROR,
			(errcode(diagnosis->sqlstate),
			 errmsg_internal("%s", terminated_text(error->message)),
			 errdetail_internal("%s", JsonbToCString(NULL, &detail->root, VARSIZE(detail))),
			 errhint("%s", terminated_text(error->hint)),
			 set_object_names(diagnosis)));
}

static char *
copied_name(const char *name)
{
	return name ? pstrdup(name) : NULL;
}

ErrorData *
errors_as_data(const cu_error *error)
{
	const Diagnosis *diagnosis = &diagnoses[error->code];
	Jsonb *detail = jsonb_write_error(error, 0, NULL);
	ErrorData *data = palloc0(sizeof(ErrorData));

	data->elevel = ERROR;
	data->sqlerrcode = diagnosis->sqlstate;
	data->message = terminated_text(error->message);
	data->detail = JsonbToCString(NULL, &detail->root, VARSIZE(detail));
	data->hint = terminated_text(error->hint);
	data->schema_name = diagnosis->table ? pstrdup("contacts") : NULL;
	data->table_name = copied_name(diagnosis->table);
	data->column_name = copied_name(diagnosis->column);
	data->constraint_name = copied_name(diagnosis->constraint);
	data->assoc_context = CurrentMemoryContext;
	return data;
}

Jsonb *
errors_as_jsonb(const cu_error *error)
{
	return jsonb_write_error(error, 0, unpack_sql_state(diagnoses[error->code].sqlstate));
}

void
errors_contact_not_found(cu_error *error, const char *hint)
{
	*error = (cu_error){.code = CU_CONTACT_NOT_FOUND};
	strlcpy(error->message, "We were unable to find the contact.", sizeof(error->message));
	strlcpy(error->hint, hint, sizeof(error->hint));
}

/* Returns the code of a name. */
static cu_code
code_of_name(const char *name)
{
	for (size_t code = 0; code < lengthof(diagnoses); code++)
		if (strcmp(name, cu_code_name((cu_code)code)) == 0)
			return (cu_code)code;
	elog(ERROR, "contacts_internal.raise_error() knows no code %s", name);
}

/* Copies an argument into a buffer of a cu_error, cut at a character if it is too long; false if it is null. */
static bool
copy_argument(FunctionCallInfo fcinfo, int number, char *buffer, size_t size)
{
	const text *argument = PG_ARGISNULL(number) ? NULL : PG_GETARG_TEXT_PP(number);
	cu_text copied;
	size_t length;

	if (argument == NULL)
		return false;
	copied = encoding_to_core(VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument));
	length = (size_t)pg_encoding_mbcliplen(PG_UTF8, copied.data, (int)copied.size, (int)size - 1);
	memcpy(buffer, copied.data, length);
	buffer[length] = '\0';
	return true;
}

/* What contacts_internal.raise_error() takes, in order. */
enum RaiseArgument
{
	RAISE_CODE,
	RAISE_MESSAGE,
	RAISE_HINT,
	RAISE_FIELD,
	RAISE_VALUE,
};

PG_FUNCTION_INFO_V1(contacts_raise_error);
Datum
contacts_raise_error(PG_FUNCTION_ARGS)
{
	cu_error error = {
		.code = code_of_name(PG_ARGISNULL(RAISE_CODE) ? "NULL" : text_to_cstring(PG_GETARG_TEXT_PP(RAISE_CODE)))};

	(void)copy_argument(fcinfo, RAISE_MESSAGE, error.message, sizeof(error.message));
	(void)copy_argument(fcinfo, RAISE_HINT, error.hint, sizeof(error.hint));
	error.has_field = copy_argument(fcinfo, RAISE_FIELD, error.field, sizeof(error.field));
	error.has_value = copy_argument(fcinfo, RAISE_VALUE, error.value, sizeof(error.value));
	errors_raise(&error);
}

PG_FUNCTION_INFO_V1(contacts_raise_no_workspace);
Datum
contacts_raise_no_workspace(PG_FUNCTION_ARGS)
{
	cu_error error;

	errors_workspace_not_found(&error, PG_GETARG_INT64(0));
	errors_raise(&error);
}

PG_FUNCTION_INFO_V1(contacts_require_writing);
Datum
contacts_require_writing(PG_FUNCTION_ARGS)
{
	errors_raise_unless_writing(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}
