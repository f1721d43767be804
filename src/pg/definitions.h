/*
 * definitions.h - the fields and tags of workspaces, kept by each backend between calls.
 */
#ifndef CU_DEFINITIONS_H
#define CU_DEFINITIONS_H

#include "core/contact_core.h"

/*
 * Returns the definitions of a workspace, read again unless those at hand are of the given version. They stay valid
 * until the transaction ends, whatever becomes of the cache. NULL if there is no such workspace.
 */
extern const cu_definitions *definitions_get(int64 workspace_id, int64 version);

#endif
