/*
 * error_text.c - ErrorData to a line of columns, as COPY writes one, and back.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "error_text.h"

/* parts are the texts of an error, in their order behind its SQLSTATE. */
static const size_t parts[] = {
	offsetof(ErrorData, message),
	offsetof(ErrorData, detail),
	offsetof(ErrorData, hint),
	offsetof(ErrorData, schema_name),
	offsetof(ErrorData, table_name),
	offsetof(ErrorData, column_name),
	offsetof(ErrorData, datatype_name),
	offsetof(ErrorData, constraint_name),
};

static char **
part_of(const ErrorData *error, size_t offset)
{
	return (char **)((const char *)error + offset);
}

/* Appends a text, or the mark of none, so that no tab is in it. */
static void
append_escaped(StringInfo line, const char *text)
{
	if (text == NULL)
	{
		appendStringInfoString(line, "\\N");
		return;
	}
	for (;;)
	{
		size_t plain = strcspn(text, "\t\\");

		appendBinaryStringInfo(line, text, (int)plain);
		text += plain;
		if (*text == '\0')
			return;
		appendStringInfoString(line, *text == '\t' ? "\\t" : "\\\\");
		text++;
	}
}

char *
error_text_write(const ErrorData *error)
{
	StringInfoData line;

	initStringInfo(&line);
	appendStringInfoString(&line, unpack_sql_state(error->sqlerrcode));
	for (size_t i = 0; i < lengthof(parts); i++)
	{
		appendStringInfoChar(&line, '\t');
		append_escaped(&line, *part_of(error, parts[i]));
	}
	return line.data;
}

/* Returns what append_escaped() has made a text of, and moves behind it. */
static char *
read_escaped(const char **line)
{
	size_t length = strcspn(*line, "\t");
	const char *end = *line + length;
	char *text = palloc(length + 1);
	char *to = text;

	for (const char *from = *line; from < end; from++)
	{
		if (*from == '\\' && from + 1 < end)
			from++;
		else
		{
			*to++ = *from;
			continue;
		}
		*to++ = (char)(*from == 't' ? '\t' : *from);
	}
	*to = '\0';
	if (length == 2 && strncmp(*line, "\\N", 2) == 0)
	{
		pfree(text);
		text = NULL;
	}
	*line = end;
	return text;
}

ErrorData *
error_text_read(const char *text)
{
	ErrorData *error = palloc0(sizeof(ErrorData));
	const char *rest = text + strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	/* Class 00 is success. */
	if (rest - text != 5 || strncmp(text, "00", 2) == 0)
		return NULL;
	error->elevel = ERROR;
	error->output_to_server = true;
	error->output_to_client = true;
	error->sqlerrcode = MAKE_SQLSTATE(text[0], text[1], text[2], text[3], text[4]);
	/* A newer partition may have more parts. */
	for (size_t i = 0; i < lengthof(parts); i++)
	{
		if (*rest != '\t')
			return NULL;
		rest++;
		*part_of(error, parts[i]) = read_escaped(&rest);
	}
	if (error->message == NULL)
		error->message = pstrdup("");
	error->assoc_context = CurrentMemoryContext;
	return error;
}
