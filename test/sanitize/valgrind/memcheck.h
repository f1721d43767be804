/*
 * memcheck.h - stands in for valgrind's header when a PostgreSQL is built with AddressSanitizer and -DUSE_VALGRIND.
 *
 * A memory context cuts many pieces out of one malloc, which hides from a sanitizer where a piece ends and when it was freed. Under
 * USE_VALGRIND PostgreSQL tells valgrind about every piece; here AddressSanitizer is told in its place. It knows which bytes may be
 * touched, not which were ever written: MAKE_MEM_UNDEFINED is no more than MAKE_MEM_DEFINED.
 */
#ifndef MEMCHECK_H
#define MEMCHECK_H

#include <sanitizer/asan_interface.h>

#define VALGRIND_MAKE_MEM_NOACCESS(address, size) ASAN_POISON_MEMORY_REGION(address, size)
#define VALGRIND_MAKE_MEM_UNDEFINED(address, size) ASAN_UNPOISON_MEMORY_REGION(address, size)
#define VALGRIND_MAKE_MEM_DEFINED(address, size) ASAN_UNPOISON_MEMORY_REGION(address, size)
#define VALGRIND_MEMPOOL_ALLOC(pool, address, size) ASAN_UNPOISON_MEMORY_REGION(address, size)

/* aset.c and the like have poisoned the piece, whose size is not known here. */
#define VALGRIND_MEMPOOL_FREE(pool, address) ((void)0)

#define VALGRIND_CREATE_MEMPOOL(pool, redzone, zeroed) ((void)0)
#define VALGRIND_DESTROY_MEMPOOL(pool) ((void)0)
#define VALGRIND_MEMPOOL_CHANGE(pool, from, address, size) ASAN_UNPOISON_MEMORY_REGION(address, size)
#define VALGRIND_CHECK_MEM_IS_DEFINED(address, size) ((void)0)

#define VALGRIND_COUNT_ERRORS 0
#define VALGRIND_PRINTF(...) ((void)0)
#define RUNNING_ON_VALGRIND 0

#endif
