/*
 * owner.h - acting as the owner of the contact tables, for the tables that no other role writes.
 *
 * No role but their owner has a privilege to write contacts.event, contacts.delivery, contacts.consumer,
 * contacts.low_water_mark and contacts.history. Code that has checked what its caller may do writes them between owner_begin() and owner_end(),
 * as foreign keys write referencing tables. What runs between them must run no code of the caller's: statements qualify
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

/* owner_init() registers the callback that notices new owners; called once, from _PG_init. */
extern void owner_init(void);

/*
 * owner_begin() makes the tables' owner the current user, past row level security, and pins search_path. Raises if the
 * tables are not installed or have different owners. An error until owner_end() undoes it with its transaction or
 * subtransaction.
 */
extern void owner_begin(OwnerScope *scope);
extern void owner_end(const OwnerScope *scope);

/*
 * owner_includes() says whether the role may do what the tables' owner may: the owner and roles that inherit from it,
 * superusers, BYPASSRLS.
 */
extern bool owner_includes(Oid role);

/* owner_member_table() returns the oid of contacts.member, or InvalidOid if nothing is known of it at the moment. */
extern Oid owner_member_table(void);

#endif
