/*
 * own_policies.h - whether row level security does no more to the current role than contacts.install() made it do.
 */
#ifndef CU_OWN_POLICIES_H
#define CU_OWN_POLICIES_H

#include "utils/relcache.h"

/*
 * own_policies_are_alone() says whether of the policies on a table that apply to what the current role reads there is the one that
 * contacts.install() made, and no other. Whether row level security applies to the role is for the caller to ask.
 */
extern bool own_policies_are_alone(Relation table);

/*
 * own_policies_hide_workspaces_only() says whether the current role may read the tables contacts.contact and contacts.statistics,
 * and what row level security hides from it is the workspaces that it is no member of, and nothing else: then the tables' owner
 * reads for it what it would read, once its membership is checked. False also where no policy applies to it at all.
 */
extern bool own_policies_hide_workspaces_only(void);

#endif
