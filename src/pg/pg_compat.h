/*
 * pg_compat.h - every difference between the PostgreSQL versions that we build for (13 to 18) stands here.
 */
#ifndef CU_PG_COMPAT_H
#define CU_PG_COMPAT_H

#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/resowner.h"

#if PG_VERSION_NUM < 130000
#error "contact_upsert needs PostgreSQL 13 or later"
#endif

/* 15 reserves an extension's prefix; before it, there was only a warning about settings that nobody defined. */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* 18 has a prefix instead of a suffix. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 14 names the owner of a plan's reference. */
static inline void
release_cached_plan(CachedPlan *plan)
{
	if (plan == NULL)
		return;
#if PG_VERSION_NUM < 140000
	ReleaseCachedPlan(plan, true);
#else
	ReleaseCachedPlan(plan, CurrentResourceOwner);
#endif
}

#endif
