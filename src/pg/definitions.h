/*
 * definitions.h - the fields and tags of workspaces, kept by each backend between calls.
 */
#ifndef CU_DEFINITIONS_H
#define CU_DEFINITIONS_H

#include "nodes/pg_list.h"

#include "core/contact_core.h"

/*
 * definitions_begin_call() says that a call is under way, until the current memory context, which is the call's own,
 * is deleted.
 */
extern void definitions_begin_call(void);

/*
 * definitions_get() returns the definitions of a workspace, read again unless those at hand are of the given version.
 * They stay valid during the call, whatever becomes of the cache, until it asks for the same workspace again. NULL if
 * there is no such workspace.
 */
extern const cu_definitions *definitions_get(int64 workspace_id, int64 version);

/* definitions_require() does the same for a version that has just been read, 0 for no workspace; raises WORKSPACE_NOT_FOUND if there is none. */
extern const cu_definitions *definitions_require(int64 workspace_id, int64 version);

/* NewDefinitions are what a dry run takes for defined. */
typedef struct NewDefinitions
{
	const cu_field *fields;
	size_t field_count;
	const List *tags; /* names, as Datum */
} NewDefinitions;

/*
 * definitions_load_with() reads the definitions of a workspace anew, in the given memory, and adds others; these tags get ids that no tag
 * has. NULL if there is no such workspace. Needs an SPI connection.
 */
extern const cu_definitions *definitions_load_with(int64 workspace_id, const NewDefinitions *new_definitions,
												   MemoryContext memory);

/* HistoryLevel is how much of the history of its contacts a workspace keeps, as contacts.history_level. */
typedef enum HistoryLevel
{
	HISTORY_NONE,
	HISTORY_STATUS,
	HISTORY_ALL,
} HistoryLevel;

/* definitions_history_level() returns the level of the definitions that definitions_get() has just returned for the workspace. */
extern HistoryLevel definitions_history_level(int64 workspace_id);

/* definitions_are_guarded() says whether the status policy of those definitions is "guarded". */
extern bool definitions_are_guarded(int64 workspace_id);

/* definitions_field_type() returns the core's number of a value of contacts.field_type, by its name. */
extern cu_field_type definitions_field_type(const char *name);

#endif
