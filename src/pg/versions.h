/*
 * versions.h - whether library, script and tables fit each other.
 *
 * The library is what the server has loaded, the script what CREATE or ALTER EXTENSION ran in this database, the tables what
 * contacts.install() made or a dump brought. A library serves every script and tables from an oldest version up to its own.
 */
#ifndef CU_VERSIONS_H
#define CU_VERSIONS_H

/* versions_init() watches for changes of the script and the tables. Called once, when the module is loaded. */
extern void versions_init(void);

/*
 * versions_check() raises 55000, with the cure, unless they fit. Costs nothing as long as nothing changes. The tables
 * must be installed.
 */
extern void versions_check(void);

/* versions_library() returns the version of this library. */
extern const char *versions_library(void);

/* versions_function_changes() counts changes of functions: as long as it stays, every function is the one that it was. */
extern uint64 versions_function_changes(void);

/* versions_check_proxy() raises unless this library serves a proxy of that version. */
extern void versions_check_proxy(const char *proxy);

#endif
