/*
 * import_options.h - the parameters of an import, as contacts.import_progress keeps them.
 */
#ifndef CU_IMPORT_OPTIONS_H
#define CU_IMPORT_OPTIONS_H

#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "core/contact_rows.h"

typedef struct ImportOptions
{
	cu_read_options reading;
	bool history;
	bool events;
	bool dry_run;
} ImportOptions;

/* import_read_options() reads the parameters of an import. */
extern ImportOptions import_read_options(Jsonb *parameters);

/* import_check_date_format() raises for a format that is none; NULL is good. */
extern void import_check_date_format(const char *format);

/* import_read_time() reads a created_at, as cu_read_row returns it. */
extern TimestampTz import_read_time(cu_text text);

#endif
