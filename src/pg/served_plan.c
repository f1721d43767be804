/*
 * served_plan.c - the plans by which a partition calls functions for its proxy: for each function the statement that calls it by its signature.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "pg_compat.h"
#include "served_plan.h"
#include "versions.h"

#define MAX_FUNCTIONS 128

/* A ServedStatement calls a function by one signature that it has, or has had. */
typedef struct ServedStatement
{
	struct ServedStatement *next;
	char *sql;
	SPIPlanPtr plan;
} ServedStatement;

/* A ServedFunction is a name and the statements that it has been called by. */
typedef struct ServedFunction
{
	char name[2 * NAMEDATALEN + 1]; /* schema.name, the key */
	ServedStatement *statements;
	ServedStatement *current;
	int argument_count;	  /* of the current one */
	uint64 known_changes; /* it was current at that count of changes */
} ServedFunction;

static HTAB *functions;

pg_noreturn static void
raise_no_function(const WantedFunction *wanted)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_UNDEFINED_FUNCTION),
		 errmsg("This partition has no function %s with %d arguments, which the proxy calls.",
				wanted->name,
				wanted->argument_count),
		 errdetail("The proxy is of version %s, the library of this partition of %s.",
				   wanted->proxy_version,
				   versions_library()),
		 errhint("ALTER EXTENSION contact_upsert UPDATE; in the partition, and contact_upsert_proxy at the proxy.")));
}

/* Returns the oid of the function that has the name and takes as many arguments. None of ours has two of one name and number. */
static Oid
find_function(const WantedFunction *wanted)
{
	List *names = textToQualifiedNameList(cstring_to_text(wanted->name));
	const char *schema;
	char *name;
	CatCList *candidates;
	Oid found = InvalidOid;

	if (list_length(names) != 2)
		raise_no_function(wanted);
	schema = strVal(linitial(names));
	name = strVal(lsecond(names));
	if (strcmp(schema, "contacts") != 0 && strcmp(schema, "contacts_internal") != 0)
		raise_no_function(wanted);
	/* In one spelling alone, the proxy's: the name is the key of what is kept. */
	if (strcmp(wanted->name, psprintf("%s.%s", schema, name)) != 0)
		raise_no_function(wanted);
	candidates = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	for (int i = 0; i < candidates->n_members; i++)
	{
		Form_pg_proc form = (Form_pg_proc)GETSTRUCT(&candidates->members[i]->tuple);

		if (form->pronamespace == get_namespace_oid(schema, false) && form->pronargs == wanted->argument_count &&
			form->prokind == PROKIND_FUNCTION)
			found = form->oid;
	}
	ReleaseSysCacheList(candidates);
	if (!OidIsValid(found))
		raise_no_function(wanted);
	return found;
}

/* Returns the statement that calls the function, with parameters that are texts. */
static char *
statement_of(Oid function, int argument_count)
{
	StringInfoData sql;
	Oid *types;
	int count;

	(void)get_func_signature(function, &types, &count);
	initStringInfo(&sql);
	appendStringInfo(
		&sql,
		"SELECT CAST(f AS pg_catalog.text) FROM %s(",
		quote_qualified_identifier(get_namespace_name(get_func_namespace(function)), get_func_name(function)));
	for (int i = 0; i < argument_count; i++)
		appendStringInfo(&sql, "%sCAST($%d AS %s)", i == 0 ? "" : ", ", i + 1, format_type_be_qualified(types[i]));
	appendStringInfoString(&sql, ") AS f");
	return sql.data;
}

/* Returns the function of that name; NULL if it is not known yet. */
static ServedFunction *
known_function(const char *name)
{
	HASHCTL control = {.keysize = sizeof(((ServedFunction *)NULL)->name), .entrysize = sizeof(ServedFunction)};

	if (functions == NULL)
		functions = hash_create("contact_upsert served functions", MAX_FUNCTIONS, &control, HASH_ELEM | HASH_STRINGS);
	return hash_search(functions, name, HASH_FIND, NULL);
}

static ServedFunction *
add_function(const char *name)
{
	ServedFunction *function = hash_search(functions, name, HASH_ENTER, NULL);

	function->statements = NULL;
	function->current = NULL;
	return function;
}

/*
 * Returns the statement that calls the function. Statements are kept, not freed: a call further up may be executing one. So a signature that
 * comes back, as a script that is run again brings it, finds its own.
 */
static ServedStatement *
statement_with_plan(ServedFunction *function, const char *sql, int argument_count)
{
	ServedStatement *statement = function->statements;
	Oid *types = palloc(sizeof(Oid) * (Size)Max(argument_count, 1));
	SPIPlanPtr plan;

	while (statement && strcmp(statement->sql, sql) != 0)
		statement = statement->next;
	if (statement)
		return statement;
	for (int i = 0; i < argument_count; i++)
		types[i] = TEXTOID;
	plan = SPI_prepare(sql, argument_count, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
	statement = MemoryContextAlloc(TopMemoryContext, sizeof(ServedStatement));
	*statement = (ServedStatement){
		.next = function->statements, .sql = MemoryContextStrdup(TopMemoryContext, sql), .plan = plan};
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep a statement: %s", SPI_result_code_string(SPI_result));
	function->statements = statement;
	return statement;
}

SPIPlanPtr
served_plan(const WantedFunction *wanted)
{
	uint64 changes = versions_function_changes();
	ServedFunction *function;
	char *sql;

	if (strlen(wanted->name) >= sizeof(function->name))
		raise_no_function(wanted);
	function = known_function(wanted->name);
	if (function && function->current && function->argument_count == wanted->argument_count &&
		function->known_changes == changes)
		return function->current->plan;
	sql = statement_of(find_function(wanted), wanted->argument_count);
	if (function == NULL)
		function = add_function(wanted->name);
	function->current = statement_with_plan(function, sql, wanted->argument_count);
	function->argument_count = wanted->argument_count;
	function->known_changes = changes;
	return function->current->plan;
}
