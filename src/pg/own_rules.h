/*
 * own_rules.h - what the user has added to contacts.contact and its partitions that takes part in a write.
 */
#ifndef CU_OWN_RULES_H
#define CU_OWN_RULES_H

#include "utils/relcache.h"

/* The policy that contacts.install() makes. */
#define OWN_POLICY "members_only"

typedef struct OwnRules
{
	/*
	 * An INSERT .. ON CONFLICT DO UPDATE does to contacts that exist what a plain UPDATE would not: it gives them to triggers on
	 * INSERT, and checks them with the defaults that a new contact has.
	 */
	bool act_on_insert;
	bool may_reject; /* a contact that we believe to be good */
} OwnRules;

/*
 * own_rules_read() reads the rules for the current user, and keeps others from changing those of contacts.contact
 * itself until the end.
 */
extern OwnRules own_rules_read(void);

/*
 * own_rules_may_change_new_rows() says whether a trigger of the user's may change a row of the table before it is inserted, be it enabled
 * now or not.
 */
extern bool own_rules_may_change_new_rows(Relation table);

#endif
