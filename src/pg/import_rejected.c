/*
 * import_rejected.c - the rows of an import that cannot be loaded: all errors of each, with the hints of its cells.
 *
 * A request is rejected by its first error; the file's owner wants to see all of a row at once. So the core looks for them, with what is known
 * of the contact; rows that were rejected before anybody looked for their contacts wait, and have them looked up together.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "encoding.h"
#include "errors.h"
#include "host.h"
#include "import_cells.h"
#include "import_load.h"
#include "row_error.h"
#include "statement.h"
#include "store.h"

/* FETCHED_TOGETHER is how many contacts of rows that were not run are looked up together. */
#define FETCHED_TOGETHER 250
#define TOO_LONG "The cell is too long: a text has at most 65535 bytes."

cu_row
import_read_row(const Load *load, int number, cu_json **cells)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_row row;

	*cells = import_columns_read(&load->columns, DatumGetJsonbP(load->rows[number]));
	host_check(cu_read_row(&host, load->reader, *cells, &row));
	return row;
}

static size_t
text_size(const cu_json *cell)
{
	size_t size = cell->kind == CU_JSON_STRING ? cell->text.size : 0;

	for (size_t i = 0; cell->kind == CU_JSON_ARRAY && i < cell->count; i++)
		size += text_size(&cell->items[i]);
	return size;
}

/* Returns the column of the longest cell, if that is longer than any good one; else the number of columns. */
static size_t
too_long_column(const cu_json *cells, size_t count)
{
	size_t found = count;

	for (size_t i = 0; i < count; i++)
		if (text_size(&cells[i]) > (found < count ? text_size(&cells[found]) : CU_MAX_TEXT_BYTES))
			found = i;
	return found;
}

/* Adds an error of a row, with the hint of its cell. */
static void
add_error(Load *load, int number, int error_number, const cu_row *row, const cu_json *cells, cu_error *error)
{
	const ImportColumns *columns = &load->columns;
	size_t column = cu_error_column(columns->columns, columns->count, error);
	cu_text hint = {"", 0};
	ImportCell cell = {.value = error->has_value ? encoding_to_cstring((cu_text){error->value, strlen(error->value)})
												 : NULL};

	if (column < columns->count)
		hint = row->hints[column];
	else if (error->code == CU_INVALID_REQUEST && (column = too_long_column(cells, columns->count)) < columns->count)
		hint = (cu_text){
			TOO_LONG,
			strlen(TOO_LONG)}; /* a request that is too large is not looked into, and its error names no key */
	cu_set_hint(error, hint);
	if (column < columns->count)
		cell = (ImportCell){.column = columns->names[column], .value = import_cell_as_text(&cells[column])};
	import_errors_add(&load->errors,
					  load->row_numbers[number],
					  error_number,
					  DatumGetJsonbP(load->rows[number]),
					  errors_as_jsonb(error),
					  cell);
}

/* Whether two errors are about the same. */
static bool
is_same_error(const cu_error *a, const cu_error *b)
{
	return a->code == b->code && strcmp(a->message, b->message) == 0;
}

/* Adds all errors of a row; rejected is the one by which its request was rejected, or NULL. */
static void
add_errors(Load *load, int number, const cu_definitions *definitions, const cu_contact *existing, bool suppressed,
		   const cu_error *rejected)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_json *cells;
	cu_row row = import_read_row(load, number, &cells);
	cu_decide_options options = {.suppressed = suppressed, .cells = row.cells};
	size_t room = row.error ? IMPORT_MAX_ERRORS - 1 : IMPORT_MAX_ERRORS;
	size_t count = 0;

	host_check(cu_find_errors(&host, definitions, &row.request, existing, &options, load->found, room, &count));
	/* An error that the definitions of the moment do not make any more is said all the same. */
	if (rejected && (count == 0 || !is_same_error(&load->found[0], rejected)))
		load->found[0] = *rejected, count = 1;
	if (row.error)
		load->found[count++] = *row.error;
	for (size_t i = 0; i < count; i++)
		add_error(load, number, (int)i + 1, &row, cells, &load->found[i]);
}

void
import_add_rejected(Load *load, int number, const Upsert *upsert)
{
	load->counts[COUNT_FAILED]++;
	if (upsert->row_error)
		import_errors_add(&load->errors,
						  load->row_numbers[number],
						  1,
						  DatumGetJsonbP(load->rows[number]),
						  row_error_as_jsonb(upsert->row_error),
						  (ImportCell){.column = NULL});
	else if (upsert->definitions == NULL)
		load->deferred[load->deferred_count++] = number;
	else
		add_errors(load,
				   number,
				   upsert->definitions,
				   upsert->found.exists ? &upsert->found.stored : NULL,
				   upsert->suppressed,
				   upsert->error);
}

/* Returns the address of a row, or 0 if it has no good one. */
static Datum
address_of(const Load *load, int number)
{
	cu_json *cells;
	cu_row row = import_read_row(load, number, &cells);
	Upsert upsert = {.error = palloc(sizeof(cu_error))};
	cu_text email;

	return upsert_parse(&upsert, &row.request, &email) ? encoding_to_text(email) : (Datum)0;
}

/* Adds the errors of deferred rows, as many as are looked up together. */
static void
add_some_deferred(Load *load, const int *rows, int count)
{
	Datum *emails = palloc(sizeof(Datum) * (size_t)count); /* the good ones, without gaps */
	bool *has_email = palloc(sizeof(bool) * (size_t)count);
	size_t email_count = 0;
	FetchedContacts fetched = {.snapshot = NULL};

	for (int i = 0; i < count; i++)
	{
		Datum email = address_of(load, rows[i]);

		has_email[i] = email != 0;
		if (has_email[i])
			emails[email_count++] = email;
	}
	if (email_count > 0 && !store_fetch_contacts(load->workspace_id, emails, email_count, false, &fetched))
		email_count = 0; /* the workspace is gone, which the rest of the import will say */
	for (int i = 0, next = 0; i < count; i++)
	{
		ContactRow contact = {.exists = false};

		if ((size_t)next < email_count && has_email[i])
			(void)store_read_fetched(&fetched, (size_t)next++, &contact);
		add_errors(load, rows[i], load->definitions, contact.exists ? &contact.stored : NULL, false, NULL);
	}
	store_end_fetched(&fetched);
}

void
import_add_deferred(Load *load)
{
	for (int i = 0; i < load->deferred_count; i += FETCHED_TOGETHER)
	{
		CHECK_FOR_INTERRUPTS();
		statement_connect();
		add_some_deferred(load, &load->deferred[i], Min(load->deferred_count - i, FETCHED_TOGETHER));
		SPI_finish();
	}
	load->deferred_count = 0;
}
