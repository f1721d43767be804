/*
 * due_choice.h - whether a delivery may be found again where it was: by its place, the ctid, and through no index.
 */
#ifndef CU_DUE_CHOICE_H
#define CU_DUE_CHOICE_H

/* due_choice_init() registers the callbacks that notice changes; called once, from _PG_init. */
extern void due_choice_init(void);

/*
 * due_choice_gives_places() says whether contacts.delivery is one plain table, which it then locks, ROW SHARE until the transaction ends. The
 * current user is the tables' owner.
 */
extern bool due_choice_gives_places(void);

#endif
