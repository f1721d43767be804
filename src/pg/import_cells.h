/*
 * import_cells.h - the cells of files, as the core reads them.
 */
#ifndef CU_IMPORT_CELLS_H
#define CU_IMPORT_CELLS_H

#include "utils/jsonb.h"

#include "core/contact_core.h"

/*
 * import_cell_of_text() returns a cell that is a text of the database, and import_cell_of_value() one that is a value of a row of a
 * staging table. Where the column is a list, a text that is a JSON array of texts, numbers, booleans and nulls is that array.
 */
extern cu_json import_cell_of_text(const char *data, size_t size, bool is_list);
extern cu_json import_cell_of_value(const JsonbValue *value, bool is_list);

/* import_cell_as_text() returns a cell as it is shown, cut if it is long, in the database's encoding; NULL for an empty one. */
extern const char *import_cell_as_text(const cu_json *cell);

#endif
