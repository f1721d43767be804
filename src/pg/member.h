/*
 * member.h - which workspaces the current role may act for, as contacts.member says.
 */
#ifndef CU_MEMBER_H
#define CU_MEMBER_H

#include "fmgr.h"

/* member_init() registers the callbacks that notice changes; called once, from _PG_init. */
extern void member_init(void);

/*
 * member_is() says whether the current role may act for the workspace: the tables' owner for all, the roles that
 * contacts.member names and their members for those. Cheap after the first time. Never true of workspace 0, but for
 * the owner.
 */
extern bool member_is(int64 workspace_id);

/* member_includes() says the same of another role. */
extern bool member_includes(Oid role, int64 workspace_id);

/*
 * member_require() raises if the current role may not act for the workspace, or is not the owner where the workspace
 * is 0.
 */
extern void member_require(int64 workspace_id);

/*
 * member_begin_write() begins a call that writes for a workspace, by its name with parentheses: raises where nothing can be
 * written, the tables are not installed or are of another version, or the current role is no member.
 */
extern void member_begin_write(const char *call, int64 workspace_id);

/* contacts_is_member() is contacts_internal.is_member(). */
extern Datum contacts_is_member(PG_FUNCTION_ARGS);

#endif
