/*
 * import_errors.c - stores the errors of an import with one statement for many of them. Raises what writing the table may raise.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "import_errors.h"
#include "json_object.h"
#include "pg_compat.h"
#include "statement.h"

/* As many errors wait at most, and as many bytes. */
#define WAITING_ERRORS 1000
#define WAITING_BYTES (4 * 1024 * 1024)

#define TEXT_OF(object, key) object " OPERATOR(pg_catalog.->>) '" key "'"

static Statement insert_errors = {
	.sql =
		"INSERT INTO contacts.import_error"
		" (workspace_id, import_id, row_number, error_number, row, \"column\", value, code, message, hint, error)"
		" SELECT $1, $2, e.row_number, e.error_number, e.row, " TEXT_OF("e.cell", "column") ", " TEXT_OF(
			"e.cell",
			"value") ", " TEXT_OF("e.error",
								  "code") ", " TEXT_OF("e.error",
													   "message") ", " TEXT_OF("e.error",
																			   "hint") ", e.error"
																					   " FROM ROWS FROM "
																					   "(pg_catalog.unnest($3), "
																					   "pg_catalog.unnest($4), "
																					   "pg_catalog.unnest($5), "
																					   "pg_catalog.unnest($6),"
																					   " pg_catalog.unnest($7)) AS e "
																					   "(row_number, error_number, "
																					   "row, error, cell)",
	.parameter_count = 7,
	.parameter_types = {INT8OID, INT8OID, INT8ARRAYOID, INT4ARRAYOID, JSONBARRAYOID, JSONBARRAYOID, JSONBARRAYOID},
};

static const Oid column_types[] = {INT8OID, INT4OID, JSONBOID, JSONBOID, JSONBOID};

void
import_errors_begin(ImportErrors *errors, int64 workspace_id, int64 import_id)
{
	*errors = (ImportErrors){.workspace_id = workspace_id, .import_id = import_id, .parent = CurrentMemoryContext};
}

/* Makes room for one more error, in the memory of those that wait. */
static void
make_room(ImportErrors *errors)
{
	if (errors->memory == NULL)
		errors->memory = AllocSetContextCreate(errors->parent, "contact_upsert errors", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(errors->memory);
	if (errors->capacity == 0)
	{
		errors->capacity = WAITING_ERRORS;
		for (size_t i = 0; i < lengthof(errors->columns); i++)
			errors->columns[i] = palloc(sizeof(Datum) * errors->capacity);
	}
}

static Jsonb *
cell_as_jsonb(ImportCell cell)
{
	JsonObject object;

	json_object_begin(&object);
	if (cell.column != NULL)
		json_object_add_text(&object, "column", cell.column);
	if (cell.value != NULL)
		json_object_add_text(&object, "value", cell.value);
	return json_object_end(&object);
}

static Datum
copy_jsonb(const Jsonb *jsonb)
{
	return PointerGetDatum(memcpy(palloc(VARSIZE(jsonb)), jsonb, VARSIZE(jsonb)));
}

void
import_errors_add(ImportErrors *errors, int64 row_number, int error_number, Jsonb *row, Jsonb *error, ImportCell cell)
{
	MemoryContext caller = CurrentMemoryContext;

	make_room(errors);
	errors->columns[0][errors->count] = Int64GetDatum(row_number);
	errors->columns[1][errors->count] = Int32GetDatum(error_number);
	/* The errors of a row stand together, and share it. */
	errors->columns[2][errors->count] =
		error_number > 1 && errors->count > 0 ? errors->columns[2][errors->count - 1] : copy_jsonb(row);
	errors->columns[3][errors->count] = copy_jsonb(error);
	errors->columns[4][errors->count] = JsonbPGetDatum(cell_as_jsonb(cell));
	errors->count++;
	MemoryContextSwitchTo(caller);
	if (errors->count == WAITING_ERRORS || MemoryContextMemAllocated(errors->memory, true) >= WAITING_BYTES)
		import_errors_store(errors);
}

/* The errors that qsort_arg compares by their places. */
static int
compare_places(const void *left, const void *right, void *argument)
{
	const ImportErrors *errors = argument;
	size_t a = *(const size_t *)left;
	size_t b = *(const size_t *)right;
	int order = pg_cmp_s64(DatumGetInt64(errors->columns[0][a]), DatumGetInt64(errors->columns[0][b]));

	return order != 0 ? order : DatumGetInt32(errors->columns[1][a]) - DatumGetInt32(errors->columns[1][b]);
}

/* Returns a column as an array, by row and error. */
static Datum
sorted_column(const ImportErrors *errors, size_t column, const size_t *places)
{
	Datum *sorted = palloc(sizeof(Datum) * errors->count);

	for (size_t i = 0; i < errors->count; i++)
		sorted[i] = errors->columns[column][places[i]];
	return statement_array(sorted, errors->count, column_types[column]);
}

void
import_errors_store(ImportErrors *errors)
{
	Datum parameters[lengthof(column_types) + 2] = {Int64GetDatum(errors->workspace_id),
													Int64GetDatum(errors->import_id)};
	size_t *places;

	if (errors->count == 0)
		return;
	statement_connect();
	places = palloc(sizeof(size_t) * errors->count);
	for (size_t i = 0; i < errors->count; i++)
		places[i] = i;
	qsort_arg(places, errors->count, sizeof(size_t), compare_places, errors);
	for (size_t i = 0; i < lengthof(column_types); i++)
		parameters[i + 2] = sorted_column(errors, i, places);
	(void)statement_execute(&insert_errors, parameters);
	SPI_finish();
	MemoryContextDelete(errors->memory);
	errors->memory = NULL;
	errors->count = errors->capacity = 0;
}
