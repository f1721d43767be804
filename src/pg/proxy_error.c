/*
 * proxy_error.c - takes away what PL/Proxy writes around a partition's error, and says of its own errors which partition they are about.
 *
 * PL/Proxy passes on SQLSTATE, MESSAGE, DETAIL, HINT and CONTEXT, each behind words of its own, and loses the names of schema, table,
 * column, datatype and constraint; so contacts_answer() has sent the error once more in its DETAIL. Its own errors have the SQLSTATE XX000.
 */
#include "postgres.h"

#include "error_text.h"
#include "pg_compat.h"
#include "proxy_call.h"
#include "proxy_error.h"
#include "serve.h"
#include "versions.h"

/* Returns what follows a text in another, or NULL. */
static const char *
behind(const char *text, const char *words)
{
	const char *found = text ? strstr(text, words) : NULL;

	return found ? found + strlen(words) : NULL;
}

static char *
without(char *text, const char *words)
{
	return text && strncmp(text, words, strlen(words)) == 0 ? text + strlen(words) : text;
}

/* Makes the error of a partition what it was there. */
static ErrorData *
remote_error(ErrorData *error, const char *severity)
{
	const char *message = behind(severity, ": ");
	ErrorData *whole;

	error->detail = without(error->detail, "Remote detail: ");
	error->hint = without(error->hint, "Remote hint: ");
	if (message)
		error->message = pstrdup(message);
	if (error->detail == NULL || strncmp(error->detail, SERVE_ERROR_MARK, strlen(SERVE_ERROR_MARK)) != 0)
		return error;
	/* Whatever raises an error at the commit may have a DETAIL that only begins like one of ours. */
	whole = error_text_read(error->detail + strlen(SERVE_ERROR_MARK));
	return whole ? whole : error;
}

/* What a failure to connect looks like in PL/Proxy's words, and to call where a connection has ended. */
static bool
is_about_connecting(const char *message)
{
	return strstr(message, "] PQconnect") != NULL || strstr(message, "connect timeout") != NULL;
}

static bool
is_about_connection(const char *message)
{
	return strstr(message, "] PQ") != NULL || strstr(message, "query timeout") != NULL ||
		   strstr(message, "Lost result") != NULL;
}

/* Returns a message of libpq's without the end of its last line. */
static char *
trimmed(const char *message)
{
	size_t length = strlen(message);

	while (length > 0 && message[length - 1] == '\n')
		length--;
	return pnstrdup(message, length);
}

/* Says of an error of PL/Proxy's own what it means. */
static ErrorData *
local_error(ErrorData *error, const char *message, int number)
{
	if (is_about_connecting(message))
	{
		error->sqlerrcode = ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION;
		error->detail = trimmed(message);
		error->message = psprintf("Partition %d cannot be reached.", number);
		error->hint =
			pstrdup("Nothing was written. Other partitions work; SELECT * FROM contacts.partitions() shows which.");
	}
	else if (is_about_connection(message))
	{
		error->sqlerrcode = ERRCODE_CONNECTION_FAILURE;
		error->detail = trimmed(message);
		error->message = psprintf("The connection to partition %d was lost.", number);
		error->hint =
			pstrdup("Whether the call was carried out is not known; a request that is sent again does no harm.");
	}
	return error;
}

ErrorData *
proxy_error(ErrorData *error, int number)
{
	const char *remote = NULL;
	const char *local = behind(behind(error->message, "PL/Proxy function contacts_internal.send"), ": ");

	if (strncmp(error->message, "contacts_internal.send", strlen("contacts_internal.send")) == 0)
		remote = behind(error->message, "] REMOTE ");
	if (remote)
		error = remote_error(error, remote);
	else if (local)
		error = local_error(error, local, number);
	if (error->sqlerrcode == ERRCODE_UNDEFINED_FUNCTION || error->sqlerrcode == ERRCODE_INVALID_SCHEMA_NAME)
		error->hint = psprintf("Is partition %d a database with the extension contact_upsert of version %s or later?",
							   number,
							   versions_library());
	return error;
}
