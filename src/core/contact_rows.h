/*
 * contact_rows.h - the C ABI's half for files: columns are matched, and rows become requests.
 *
 * cu_match_columns finds out what a file's columns are, cu_prepare_reader makes a reader of them, and cu_read_row makes a request of
 * each row: docs/files.md, "Cells", has the rules. A reading is taken only if it is the only one; what a cell cannot be read as goes
 * into the request as text, which then is rejected by the rules for any request. Memory, text and errors are as contact_core.h says.
 */
#ifndef CONTACT_ROWS_H
#define CONTACT_ROWS_H

#include "contact_core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cu_target is what the cells of a column say. */
typedef enum cu_target
{
	CU_NO_TARGET, /* the column is left out, or has a problem */
	CU_TARGET_EMAIL_ADDRESS,
	CU_TARGET_STATUS,
	CU_TARGET_TAGS,
	CU_TARGET_ADD_TAGS,
	CU_TARGET_REMOVE_TAGS,
	CU_TARGET_SOURCE,
	CU_TARGET_CREATED_AT, /* no key of a request: see cu_row */
	CU_TARGET_FIELD,
} cu_target;
#define CU_TARGET_COUNT 9

/* cu_column is a column of a file. cu_match_columns sets separator to 0; the caller may set another before it prepares a reader. */
typedef struct cu_column
{
	cu_text name;
	cu_target target;
	cu_text merge_tag; /* FIELD; it belongs to the definitions */
	char separator;	   /* of lists; 0: each cell's own, see cu_list_separators */
} cu_column;

/* cu_match_kind is how a column was matched, the surest first. */
typedef enum cu_match_kind
{
	CU_MATCHED_EXPLICITLY, /* by "columns", also to nothing */
	CU_MATCHED_MERGE_TAG,  /* or a name of the contact's own: tags, contact.tags */
	CU_MATCHED_LABEL,
	CU_MATCHED_FOLDED,	/* either, but for case, accents, spaces, "_" and "-" */
	CU_MATCHED_ADDRESS, /* it is called like an address, "E-Mail 1 - Value", and no other column is surer to be it */
	CU_NOT_MATCHED,
} cu_match_kind;

/* cu_match_problem is why a column has no target, although it should. */
typedef enum cu_match_problem
{
	CU_MATCH_GOOD,
	CU_MATCH_UNKNOWN,	 /* nothing is called so */
	CU_MATCH_AMBIGUOUS,	 /* two targets are called so, but for case, accents, spaces, "_" and "-" */
	CU_MATCH_DUPLICATE,	 /* another column has the target; this one has it too */
	CU_MATCH_BAD_TARGET, /* "columns" names a target that does not exist */
} cu_match_problem;

/* cu_column_match is how a column was matched, and what is wrong with that. */
typedef struct cu_column_match
{
	cu_match_kind kind;
	cu_match_problem problem;
	cu_text
		nearest; /* UNKNOWN, AMBIGUOUS, BAD_TARGET: a target's name; empty if none is near, or for more than 100 columns */
	size_t other;  /* DUPLICATE: the index of the first column with the target */
	cu_text given; /* BAD_TARGET: what "columns" says */
} cu_column_match;

/* cu_matching is what has been found out of all columns together. */
typedef struct cu_matching
{
	bool has_address;	   /* a column is the address */
	bool has_problems;	   /* a column has one, or there are unused names */
	const cu_text *unused; /* names in "columns" that no column has */
	size_t unused_count;
} cu_matching;

/*
 * cu_match_columns matches the columns of those names, and fills an element of columns and matches for each. targets is NULL or the object
 * "columns": the name of a column as it is in names, to the name of a target or to null, which leaves the column out.
 * Problems are for the caller to report. Never CU_REJECTED.
 */
cu_result cu_match_columns(const cu_host *host, const cu_definitions *definitions, const cu_text *names, size_t count,
						   const cu_json *targets, cu_column *columns, cu_column_match *matches, cu_matching *matching)
	CU_NOEXCEPT;

/*
 * cu_target_name returns the name of a column's target, by which cu_match_columns finds that again: a merge tag; "tags", or "contact.tags"
 * where a field has that merge tag; empty for CU_NO_TARGET.
 */
cu_text cu_target_name(const cu_definitions *definitions, const cu_column *column) CU_NOEXCEPT;

/* cu_target_type returns the type of a column's field; nothing of it is said of other targets, for which it is CU_TEXT. */
cu_field_type cu_target_type(const cu_definitions *definitions, const cu_column *column) CU_NOEXCEPT;

/* cu_make_merge_tag sets merge_tag to one made of a column's name, as "opt_in_time" is of "Opt-in Time"; empty if name has no letter for it. */
cu_result cu_make_merge_tag(const cu_host *host, cu_text name, cu_text *merge_tag) CU_NOEXCEPT;

/* cu_is_list says whether the cells of a column are lists: tags, add_tags, remove_tags, and a DROPDOWN_MULTIPLE. */
bool cu_is_list(const cu_definitions *definitions, const cu_column *column) CU_NOEXCEPT;

/* The separators that a list in a cell may have. */
#define CU_HAS_COMMA 1u
#define CU_HAS_SEMICOLON 2u
#define CU_HAS_BAR 4u

/* cu_list_separators returns which separators a cell has outside of quotes; none for an array. A column has those of all its cells ("|"). */
unsigned cu_list_separators(const cu_json *cell) CU_NOEXCEPT;

/* cu_separator_of returns the separator of a column that has those: ",", or ";" or "|" where there is no comma; 0 if it has both of them. */
char cu_separator_of(unsigned separators) CU_NOEXCEPT;

/* cu_check_date_format rejects what is no format of dates (docs/files.md, "Date format"): CU_INVALID_REQUEST, field "date_format". */
cu_result cu_check_date_format(cu_text format, cu_error *error) CU_NOEXCEPT;

/* cu_read_options are how all rows are read. */
typedef struct cu_read_options
{
	bool clears_blank; /* a blank cell clears its field, else it says nothing; implied without partial_update */
	bool partial_update;
	bool create_tags;
	cu_text mode;		 /* empty: none */
	cu_text source;		 /* of rows that have none of their own; empty: none */
	cu_text date_format; /* one that cu_check_date_format accepts; empty: none */
	int64_t now_seconds; /* Unix time: created_at may not be later; 0: it may */
} cu_read_options;

/* cu_row_reader reads the rows of a file. */
typedef struct cu_row_reader cu_row_reader;

/* cu_prepare_reader sets reader, which keeps pointing into the definitions, the columns' texts and those of options. Never CU_REJECTED. */
cu_result cu_prepare_reader(const cu_host *host, const cu_definitions *definitions, const cu_column *columns,
							size_t count, const cu_read_options *options, const cu_row_reader **reader) CU_NOEXCEPT;

/*
 * cu_row is a row as it was read. It points into the cells and the reader.
 *
 * A cell that is the text of the value that is stored changes nothing, whatever else it could be read as: a string as it is, a boolean as
 * "true" or "false", a number without an exponent, an array as PostgreSQL writes a text[]. Therefore cu_decide gets the cells.
 */
typedef struct cu_row
{
	cu_document request;
	const cu_json *cells;  /* an object: those of fields, by merge tag, for cu_decide_options */
	const cu_text *hints;  /* for each column: what to do if its cell is rejected; empty: what the error says */
	cu_text created_at;	   /* "YYYY-MM-DDTHH:MM:SSZ", for a contact that is created; empty if there is none */
	const cu_error *error; /* of created_at: CU_INVALID_REQUEST; NULL if that is good. The request may have others */
} cu_row;

/*
 * cu_read_row makes a request of a row. cells: one for each column that the reader has; a NULL, a STRING as it is in the file, a
 * NUMBER, a BOOLEAN, or an ARRAY of NULLs, STRINGs and NUMBERs, which is a list (the caller parses a JSON array in a cell of a column
 * that cu_is_list; this does it with {a,"b c"}). A row that is too large becomes a request that is. Never CU_REJECTED.
 */
cu_result cu_read_row(const cu_host *host, const cu_row_reader *reader, const cu_json *cells, cu_row *row) CU_NOEXCEPT;

/* cu_error_column returns the index of the column whose cell an error is about; count if there is none. */
size_t cu_error_column(const cu_column *columns, size_t count, const cu_error *error) CU_NOEXCEPT;

/*
 * cu_set_hint gives an error of a row a hint for a person with a file: the one of its cell, cut as cu_error says; where that is empty, one that
 * speaks of cells and parameters in place of a request's keys; the error's own if that does not speak of them.
 */
void cu_set_hint(cu_error *error, cu_text hint) CU_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
