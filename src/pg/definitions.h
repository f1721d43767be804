/*
 * definitions.h - the fields and tags of workspaces, kept by each backend between calls.
 */
#ifndef CU_DEFINITIONS_H
#define CU_DEFINITIONS_H

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
