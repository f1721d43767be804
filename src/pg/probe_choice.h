/*
 * probe_choice.h - whether contacts may be looked up by index, and where the tables then have what is read.
 */
#ifndef CU_PROBE_CHOICE_H
#define CU_PROBE_CHOICE_H

#include "table_choice.h"

/* The tables that a look-up reads. */
typedef enum ProbedTable
{
	PROBED_WORKSPACE,
	PROBED_CONTACT,
	PROBED_STATISTICS,
} ProbedTable;

/* The columns that are read of each, its key first. */
enum ProbedWorkspaceColumn
{
	PROBED_WORKSPACE_ID,
	PROBED_DEFINITIONS_VERSION,
};

enum ProbedContactColumn
{
	PROBED_CONTACT_WORKSPACE,
	PROBED_CONTACT_EMAIL,
	PROBED_CONTACT_ID,
	PROBED_CONTACT_VERSION,
	PROBED_CONTACT_STATUS,
	PROBED_CONTACT_TAGS,
	PROBED_CONTACT_DATA,
	PROBED_CONTACT_CREATED_AT,
	PROBED_CONTACT_UPDATED_AT,
};

enum ProbedStatisticsColumn
{
	PROBED_STATISTICS_WORKSPACE,
	PROBED_STATISTICS_CONTACT,
	PROBED_TOTALS, /* the first of the four */
};

typedef struct ProbeChoice
{
	const ChosenTable *tables; /* each with the index of its key */
	bool
		asks_for_membership; /* row level security hides the workspaces that the role is no member of, and nothing else */
	bool keeps_ids;	   /* no trigger of the user's may change a contact before it is inserted, and choose another id */
	bool gives_places; /* the role may name ctid of contacts.contact, which takes SELECT on the whole table, or on it */
} ProbeChoice;

/* probe_choice_init() registers the callbacks that notice changes; called once, from _PG_init. */
extern void probe_choice_init(void);

/* probe_choice_is_open() says whether there is a choice: not if the statement is to be taken whatever the tables are. */
extern bool probe_choice_is_open(void);

/*
 * probe_choice_lock() returns the choice for the current user with its tables locked, ACCESS SHARE until the transaction ends;
 * NULL if contacts are to be looked up by a statement.
 */
extern const ProbeChoice *probe_choice_lock(void);

/*
 * probe_choice_keeps_ids() says whether it is sure that an INSERT into contacts.contact stores the id that it is given. It locks the table
 * as the INSERT does, so that this stays so.
 */
extern bool probe_choice_keeps_ids(void);

/* probe_choice_is_made() says whether the last choice was to look contacts up by index, and nothing has changed since. */
extern bool probe_choice_is_made(void);

#endif
