/*
 * owner.h - acting as the owner of the contact tables, for the tables that nobody else writes.
 *
 * No role but their owner has a privilege to write contacts.event, contacts.delivery, contacts.consumer and
 * contacts.low_water_mark. Code that has checked what its caller may do writes them between owner_begin() and owner_end(),
 * as foreign keys write referencing tables. Whoever comes between must run no code of the caller's: statements qualify
 * every name, their parameters have types of pg_catalog, and triggers on those tables are their owner's own.
 */
#ifndef CU_OWNER_H
#define CU_OWNER_H

typedef struct OwnerScope
{
	Oid caller;
	int security_context;
	int guc_level;
} OwnerScope;

/* Registers the callback that notices new owners; called once, from _PG_init. */
extern void owner_init(void);

/*
 * Makes the tables' owner the current user, past row level security, and pins search_path. Raises if the tables are not
 * installed or have different owners. An error until owner_end() undoes it with its transaction or subtransaction.
 */
extern void owner_begin(OwnerScope *scope);
extern void owner_end(const OwnerScope *scope);

/* Whether the role may do what the tables' owner may: the owner and who inherits from it, superusers, BYPASSRLS. */
extern bool owner_includes(Oid role);

/* The oid of contacts.member, or InvalidOid if nothing is known of it at the moment. */
extern Oid owner_member_table(void);

#endif
