/*
 * versions.c - compares the versions of library, script and tables, and raises what to do where they do not fit.
 *
 * Both versions that a database has come from its catalogs: pg_extension.extversion, and the text of the function
 * contacts.tables_version(). The check runs at a session's first call and again whenever a function has changed, which an
 * update of the extension and contacts.install() bring with them.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "errors.h"
#include "pg_compat.h"
#include "shard_scope.h"
#include "statement.h"
#include "store.h"
#include "versions.h"

/*
 * OLDEST_SCRIPT, OLDEST_TABLES and OLDEST_PROXY are what this library serves at the least, raised only with a change that it cannot
 * work without.
 */
#define OLDEST_SCRIPT "1.0.0"
#define OLDEST_TABLES "1.0.0"
#define OLDEST_PROXY "1.0.0"

/* library_is is an array and no macro, so that a test can make a library of another version out of this one. */
static const char library_is[] = "contact_upsert " CU_VERSION;
#define LIBRARY (library_is + sizeof("contact_upsert"))

/*
 * changes counts changes of functions, from 1, and fitted_at keeps the count at which the versions were last seen to
 * fit.
 */
static uint64 changes = 1;
static uint64 fitted_at = 0;

static Statement find_versions = {
	.sql = "SELECT x.extversion::pg_catalog.text,"
		   " (SELECT pg_catalog.substring(p.prosrc, '[0-9]+[.][0-9]+[.][0-9]+')"
		   " FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid" EQ "p.pronamespace"
		   " WHERE n.nspname" EQ "'contacts' AND p.proname" EQ "'tables_version' AND p.pronargs" EQ "0)"
		   " FROM pg_catalog.pg_extension x WHERE x.extname" EQ "'contact_upsert'",
};

/* Returns less than, equal to or more than 0, as the first version is older, the same or newer: "1.9.0" is before "1.10.0". */
static int
compare_versions(const char *a, const char *b)
{
	int left[3] = {0};
	int right[3] = {0};

	(void)sscanf(a, "%d.%d.%d", &left[0], &left[1], &left[2]);
	(void)sscanf(b, "%d.%d.%d", &right[0], &right[1], &right[2]);
	for (int i = 0; i < 3; i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

/* Raises unless the library serves a script of that version. */
static void
check_script(const char *script)
{
	if (compare_versions(script, LIBRARY) > 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("The library of contact_upsert is version %s, older than the extension in this database, %s.",
					LIBRARY,
					script),
			 errhint(
				 "Connect anew: this session loaded it before the upgrade. If that does not help, install the files of"
				 " contact_upsert %s on this server.",
				 script)));
	if (compare_versions(script, OLDEST_SCRIPT) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("The extension contact_upsert in this database is version %s, and the library is %s.",
						script,
						LIBRARY),
				 errhint("ALTER EXTENSION contact_upsert UPDATE; SELECT contacts.install();")));
}

/* Raises unless library and script serve tables of that version; NULL if they do not say theirs. */
static void
check_tables(const char *tables, const char *script)
{
	if (tables == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("The contact tables of this database do not say their version."),
				 errhint("contacts.tables_version(), which contacts.install() made beside them, is missing: restore it "
						 "from a dump.")));
	if (compare_versions(tables, script) > 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("The contact tables of this database are of version %s, newer than the extension, %s.",
					tables,
					script),
			 errhint("Install the files of contact_upsert %s, and ALTER EXTENSION contact_upsert UPDATE.", tables)));
	if (compare_versions(tables, OLDEST_TABLES) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("The contact tables of this database are of version %s, older than the extension, %s.",
						tables,
						script),
				 errhint("SELECT contacts.install();")));
}

/* Takes note that a function has been created, replaced or dropped. */
static void
function_changed(Datum argument, int cache, uint32 hash)
{
	if (hash != PLANNED_FOR_SHARDS)
		changes++;
}

void
versions_init(void)
{
	CacheRegisterSyscacheCallback(PROCOID, function_changed, (Datum)0);
}

void
versions_check(void)
{
	uint64 now = changes;
	bool is_null;

	if (fitted_at == now)
		return;
	statement_connect();
	if (statement_read_latest(&find_versions, NULL) > 0)
	{
		const char *script = TextDatumGetCString(statement_column(0, 1));
		Datum tables = statement_nullable_column(0, 2, &is_null);

		check_script(script);
		check_tables(is_null ? NULL : TextDatumGetCString(tables), script);
	}
	SPI_finish();
	fitted_at = now;
}

uint64
versions_function_changes(void)
{
	return changes;
}

const char *
versions_library(void)
{
	return LIBRARY;
}

void
versions_check_proxy(const char *proxy)
{
	if (strcmp(proxy, LIBRARY) == 0)
		return;
	if (compare_versions(proxy, LIBRARY) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("The proxy is of version %s, newer than the library of contact_upsert in this partition, %s.",
						proxy,
						LIBRARY),
				 errhint("Partitions are upgraded before their proxies: install the files of contact_upsert %s on this "
						 "server, and "
						 "ALTER EXTENSION contact_upsert UPDATE; SELECT contacts.install();",
						 proxy)));
	if (compare_versions(proxy, OLDEST_PROXY) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("The proxy is of version %s, and the library of contact_upsert in this partition of %s.",
						proxy,
						LIBRARY),
				 errhint("ALTER EXTENSION contact_upsert_proxy UPDATE; at the proxy.")));
}

PG_FUNCTION_INFO_V1(contacts_check_versions);
Datum
contacts_check_versions(PG_FUNCTION_ARGS)
{
	if (!store_is_installed())
		errors_raise_not_installed();
	versions_check();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(contacts_check_library);
Datum
contacts_check_library(PG_FUNCTION_ARGS)
{
	check_script(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}
