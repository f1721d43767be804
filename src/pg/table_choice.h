/*
 * table_choice.h - a choice between a statement, and C or a faster statement that does the same, which depends on how tables are.
 *
 * What is faster does the same only where the tables are as contacts.install() made them; a user may have altered them in any way. A
 * TableChoice says so of some tables, until one of them changes: probe_choice.c has the one for look-ups, outbox_choice.c that for events,
 * due_choice.c that for deliveries.
 */
#ifndef CU_TABLE_CHOICE_H
#define CU_TABLE_CHOICE_H

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"

#define CHOICE_TABLES 3
#define CHOICE_COLUMNS_MAX 9
#define CHOICE_FUNCTIONS_MAX 3

typedef struct ExpectedColumn
{
	const char *name;
	Oid type;			  /* InvalidOid: own_type */
	const char *own_type; /* a type of the schema contacts, whose oid is not known before */
} ExpectedColumn;

typedef struct ExpectedTable
{
	const char *name;
	LOCKMODE lock; /* that a statement would take */
	ExpectedColumn columns[CHOICE_COLUMNS_MAX + 1];
} ExpectedTable;

/* A ChosenTable is an expected table as the relation cache has it. */
typedef struct ChosenTable
{
	Oid oid;
	AttrNumber columns[CHOICE_COLUMNS_MAX];
	Oid index;	   /* by which its rows are looked up, if look_at_table() has set it */
	List *indexes; /* all of its indexes: their oids */
} ChosenTable;

typedef struct TableChoice
{
	const char *in_c;					   /* what is done in C, for the log */
	const char *by_statements;			   /* and what by statements */
	ExpectedTable expected[CHOICE_TABLES]; /* behind the last one, no name */
	Oid functions[CHOICE_FUNCTIONS_MAX];   /* that the statements call */

	/* look() chooses by table_choice_look(), with whatever it needs around that; returns as that does. */
	const char *(*look)(void);

	/*
	 * look_at_table() looks at what table_choice.c does not: returns why statements are to be executed, NULL if there is no
	 * reason. The columns are those that are expected. What it allocates lives as long as the choice.
	 */
	const char *(*look_at_table)(Relation table, int which);

	/* The rest is empty before the first choice. */
	bool is_made;
	bool is_refused; /* the choice is the statements */
	uint64 changes;	 /* how often something changed: a choice that was made meanwhile may be old */
	MemoryContext memory;
	ChosenTable tables[CHOICE_TABLES];
} TableChoice;

/* table_choice_register() has the choice forgotten when something changes; called once, from _PG_init. */
extern void table_choice_register(TableChoice *choice);

/* table_choice_is_open() says whether there is any choice: not where statements are to be executed whatever the tables are. */
extern bool table_choice_is_open(void);

/*
 * table_choice_lock() chooses, unless that is done, and locks the tables until the transaction ends; false if statements are to be
 * executed. What the choice has is good until it is locked again.
 */
extern bool table_choice_lock(TableChoice *choice);

/* table_choice_is_in_c() says whether the last choice was to do without statements, and nothing has changed since. */
extern bool table_choice_is_in_c(const TableChoice *choice);

/* table_choice_look() returns why the current user has to execute statements, for the log; NULL if there is no reason. */
extern const char *table_choice_look(TableChoice *choice);

#endif
