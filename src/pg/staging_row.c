/*
 * staging_row.c - makes a jsonb of a row of a staging table, as jsonb_strip_nulls(to_jsonb(row)) does, in less time.
 *
 * A text, which most columns are, becomes a value without a function that is called for it, and the columns are sorted once for all rows.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "json_object.h"
#include "jsonb_value.h"
#include "staging_row.h"

/*
 * append_column() appends a column: a text as it is, all else as to_jsonb() makes it. A type that is not built in is its output text,
 * since to_jsonb() would look for a cast to json; so is a pseudo-type, which may hide one. A domain counts as what it is made of: reading
 * it runs no code. Returns whether it is a text.
 */
static bool
append_column(StringInfo sql, Form_pg_attribute attribute)
{
	Oid type = getBaseType(attribute->atttypid);
	const char *name = quote_identifier(NameStr(attribute->attname));

	if (type == TEXTOID || type == VARCHAROID || type == BPCHAROID)
		appendStringInfo(sql, "staged.%s", name);
	else if (type < FirstNormalObjectId && get_typtype(type) != TYPTYPE_PSEUDO)
	{
		appendStringInfo(sql, "pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb(staged.%s))", name);
		return false;
	}
	else
		appendStringInfo(sql,
						 "CASE WHEN pg_catalog.num_nulls(staged.%s) OPERATOR(pg_catalog.=) 0"
						 " THEN pg_catalog.format('%%s', staged.%s) END",
						 name,
						 name);
	return true;
}

static int
compare_columns(const void *left, const void *right)
{
	JsonbPair a = {.key = ((const StagingColumn *)left)->name};
	JsonbPair b = {.key = ((const StagingColumn *)right)->name};

	return jsonb_compare_pairs(&a, &b);
}

StagingColumns
staging_row_select(StringInfo sql, TupleDesc descriptor)
{
	StagingColumns columns = {.items = palloc(sizeof(StagingColumn) * (size_t)Max(descriptor->natts, 1))};

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		StagingColumn *column = &columns.items[columns.count];

		if (attribute->attisdropped)
			continue;
		if (columns.count > 0)
			appendStringInfoString(sql, ", ");
		column->is_text = append_column(sql, attribute);
		column->name = jsonb_database_text_value(cstring_to_text(NameStr(attribute->attname)));
		column->number = ++columns.count;
	}
	qsort(columns.items, (size_t)columns.count, sizeof(StagingColumn), compare_columns);
	return columns;
}

/* Returns the value of a column; null where the column is. */
static JsonbValue
column_value(const StagingColumn *column, TupleTableSlot *slot)
{
	JsonbValue value = {.type = jbvNull};
	bool is_null;
	Datum datum = slot_getattr(slot, column->number, &is_null);
	Jsonb *jsonb;

	if (is_null)
		return value;
	if (column->is_text)
		return jsonb_database_text_value(DatumGetTextPP(datum));
	jsonb = DatumGetJsonbP(datum);
	if (!JsonbExtractScalar(&jsonb->root, &value))
		JsonbToJsonbValue(jsonb, &value);
	return value;
}

Jsonb *
staging_row_as_jsonb(const StagingColumns *columns, TupleTableSlot *slot)
{
	JsonObject object;

	json_object_begin(&object);
	for (int i = 0; i < columns->count; i++)
	{
		const StagingColumn *column = &columns->items[i];
		JsonbValue value = column_value(column, slot);

		if (value.type != jbvNull)
			json_object_add(&object, column->name, value);
	}
	return json_object_end(&object);
}
