/*
 * planted.c - memory errors made on purpose, each by a function of its name: a run of check_asan.sh or check_valgrind.sh whose
 * server does not report them watches nothing. SQL: planted(text), with the name.
 *
 * What is read wrongly decides what is returned, so that no compiler leaves it out; nothing is written where it would do harm.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/contact_core.h"

PG_MODULE_MAGIC;

#define PLANTED static pg_noinline bool

extern bool arena_overrun(const cu_host *host);

/* The byte behind a piece of 13 bytes: far inside the piece's rounded size, and its memory context's block. */
PLANTED
palloc_overrun(void)
{
	volatile char *piece = palloc0(13);

	return piece[13] == 0;
}

PLANTED
use_after_pfree(void)
{
	volatile char *piece = palloc0(13);

	pfree((void *)piece);
	return piece[0] == 0;
}

PLANTED
use_after_reset(void)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "planted", ALLOCSET_DEFAULT_SIZES);
	volatile char *piece = MemoryContextAllocZero(memory, 13);

	MemoryContextReset(memory);
	return piece[0] == 0;
}

PLANTED
uninitialised(void)
{
	volatile char *piece = palloc(13);

	if (piece[0] == 'x')
		ereport(NOTICE, (errmsg("x")));
	return piece[1] == 0;
}

PLANTED
undefined_shift(void)
{
	volatile int bits = 40;

	return 1 << bits == 0;
}

static void *
allocate(void *context, size_t size)
{
	return palloc(size);
}

static bool
never(void *context)
{
	return false;
}

PG_FUNCTION_INFO_V1(planted);

Datum
planted(PG_FUNCTION_ARGS)
{
	static const struct
	{
		const char *name;
		bool (*make)(void);
	} errors[] = {
		{"palloc_overrun", palloc_overrun},
		{"use_after_pfree", use_after_pfree},
		{"use_after_reset", use_after_reset},
		{"uninitialised", uninitialised},
		{"undefined_shift", undefined_shift},
	};
	const char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));

	for (int i = 0; i < lengthof(errors); i++)
		if (strcmp(name, errors[i].name) == 0)
			PG_RETURN_BOOL(errors[i].make());
	if (strcmp(name, "arena_overrun") == 0)
		PG_RETURN_BOOL(arena_overrun(&(cu_host){.alloc = allocate, .interrupted = never}));
	elog(ERROR, "no error is planted by the name of %s", name);
}
