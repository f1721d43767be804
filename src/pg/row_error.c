/*
 * row_error.c - tells errors about a row from all others, by SQLSTATE, and writes them as the core's errors are written.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "json_object.h"
#include "row_error.h"
#include "upsert.h"

/* other_classes are the classes of SQLSTATEs that PostgreSQL defines and that are no fault of a row's. */
static const char other_classes[][3] = {"00", "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "20",
										"21", "24", "25", "26", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D",
										"3F", "40", "42", "53", "54", "55", "57", "58", "72", "F0", "HV", "XX"};

/* PostgreSQL has one SQLSTATE for a row that a policy rejects and for a privilege that is missing. */
static bool
is_policy(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE && error->funcname &&
		   strcmp(error->funcname, "ExecWithCheckOptions") == 0;
}

bool
row_error_is_own(const ErrorData *error)
{
	const char *state = unpack_sql_state(error->sqlerrcode);

	if (error->elevel != ERROR)
		return false;
	if (is_policy(error))
		return true;
	for (size_t i = 0; i < lengthof(other_classes); i++)
		if (strncmp(state, other_classes[i], 2) == 0)
			return false;
	return true;
}

ErrorData *
row_error_not_written(void)
{
	ErrorData *error = palloc0(sizeof(ErrorData));

	error->elevel = ERROR;
	error->output_to_server = true;
	error->output_to_client = true;
	error->sqlerrcode = ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION;
	error->message = pstrdup(UPSERT_NOT_WRITTEN);
	error->hint = pstrdup(UPSERT_NOT_WRITTEN_HINT);
	error->assoc_context = CurrentMemoryContext;
	return error;
}

static char *
copy_text(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

ErrorData *
row_error_copy(const ErrorData *error)
{
	ErrorData *copy = palloc(sizeof(ErrorData));

	*copy = *error;
	/* Where it was raised is a text of the error's, too: CopyErrorData has copied even constants. */
	copy->filename = copy_text(error->filename);
	copy->funcname = copy_text(error->funcname);
	copy->domain = copy_text(error->domain);
	copy->context_domain = copy_text(error->context_domain);
	copy->message_id = copy_text(error->message_id);
	copy->message = copy_text(error->message);
	copy->detail = copy_text(error->detail);
	copy->hint = copy_text(error->hint);
	copy->context = copy_text(error->context);
	copy->schema_name = copy_text(error->schema_name);
	copy->table_name = copy_text(error->table_name);
	copy->column_name = copy_text(error->column_name);
	copy->datatype_name = copy_text(error->datatype_name);
	copy->constraint_name = copy_text(error->constraint_name);
	/* row_error_as_jsonb() and row_error_raise_at() do not read these. */
	copy->detail_log = NULL;
	copy->backtrace = NULL;
	copy->internalquery = NULL;
	copy->assoc_context = CurrentMemoryContext;
	return copy;
}

/* The object of an error; with position unless it is 0, with message, sqlstate and hint only if in_row. */
static Jsonb *
as_json(const ErrorData *error, int64 position, bool in_row)
{
	const char *sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode));
	JsonObject object;

	json_object_begin(&object);
	json_object_add_text(&object, "code", sqlstate);
	json_object_add_integer(&object, "status", 400);
	if (error->detail)
		json_object_add_text(&object, "detail", error->detail);
	if (error->constraint_name)
		json_object_add_text(&object, "constraint", error->constraint_name);
	if (position)
		json_object_add_integer(&object, "position", position);
	if (in_row)
	{
		json_object_add_text(&object, "message", error->message);
		json_object_add_text(&object, "sqlstate", sqlstate);
		json_object_add_text(&object, "hint", error->hint);
	}
	return json_object_end(&object);
}

Jsonb *
row_error_as_jsonb(const ErrorData *error)
{
	return as_json(error, 0, true);
}

void
row_error_raise_at(const ErrorData *error, int64 position)
{
	ErrorData *raised = row_error_copy(error);
	Jsonb *detail = as_json(error, position, false);

	raised->detail = JsonbToCString(NULL, &detail->root, VARSIZE(detail));
	ReThrowError(raised);
	pg_unreachable();
}
