/*
 * settings.c - defines and reads the settings contact_upsert.*. A value that breaks a setting's rule is rejected by SET.
 */
#include "postgres.h"

#include <limits.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "lib/stringinfo.h"

#include "pg_compat.h"
#include "settings.h"

/* A bigint does not fit an integer setting, so it is text with a check. */
static char *workspace_id_text;

/* Whether this library is being loaded, by the first call of a session, and takes over what was SET before. */
static bool loading;

static bool events = true;
static bool fast_path = true;
static bool proxy_in_transaction = false;

static int notify = NOTIFY_EVENTS;
static int notify_interval = 100;

static const struct config_enum_entry notify_options[] = {
	{"events", NOTIFY_EVENTS, false}, {"wakeup", NOTIFY_WAKEUP, false}, {"off", NOTIFY_OFF, false}, {NULL, 0, false}};

static int unknown_keys = UNKNOWN_KEYS_NOTICE;

static const struct config_enum_entry unknown_keys_options[] = {{"notice", UNKNOWN_KEYS_NOTICE, false},
																{"ignore", UNKNOWN_KEYS_IGNORE, false},
																{"refuse", UNKNOWN_KEYS_REFUSE, false},
																{NULL, 0, false}};

static bool
parse_workspace_id(const char *text, int64 *id)
{
	char *end;

	errno = 0;
	*id = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *id > 0;
}

static bool
check_workspace_id(char **newval, void **extra, GucSource source)
{
	int64 id;

	/* Rejected while loading, a value would give way to the default, and the call go on in the wrong workspace. */
	if (loading || parse_workspace_id(*newval, &id))
		return true;
	GUC_check_errdetail("The id of a workspace is an integer from 1 to " INT64_FORMAT ".", PG_INT64_MAX);
	return false;
}

/*
 * Raises where a setting has a value that settings_define() would lose: during a parallel operation PostgreSQL sets none, and would go on
 * with the default, so perhaps in the wrong workspace. A parallel worker that starts takes over the values of its leader.
 */
static void
refuse_to_lose_values(void)
{
	static const char *const names[] = {"contact_upsert.workspace_id",
										"contact_upsert.events",
										"contact_upsert.notify",
										"contact_upsert.notify_interval",
										"contact_upsert.unknown_keys",
										"contact_upsert.fast_path",
										"contact_upsert_proxy.allow_in_transaction"};

	if (!IsInParallelMode() || InitializingParallelWorker)
		return;
	for (size_t i = 0; i < lengthof(names); i++)
		if (GetConfigOption(names[i], true, false))
			ereport(
				ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("contact_upsert cannot be loaded during a parallel operation: the value of %s would be lost.",
						names[i]),
				 errhint("Call a function of contact_upsert in the session before, or add contact_upsert to "
						 "session_preload_libraries.")));
}

void
settings_define(void)
{
	refuse_to_lose_values();
	loading = true;
	DefineCustomStringVariable("contact_upsert.workspace_id",
							   "The workspace of calls that name none.",
							   "It chooses among the workspaces that the role may act for; it gives access to none.",
							   &workspace_id_text,
							   "1",
							   PGC_USERSET,
							   0,
							   check_workspace_id,
							   NULL,
							   NULL);
	DefineCustomBoolVariable(
		"contact_upsert.events",
		"Whether changes of contacts raise automation events.",
		"off is for backfills by the owner of the contact tables; of every other role changes raise them.",
		&events,
		true,
		PGC_USERSET,
		0,
		NULL,
		NULL,
		NULL);
	DefineCustomEnumVariable("contact_upsert.notify",
							 "What a transaction with automation events notifies contact_automation of.",
							 "events: of each event; wakeup: that there are some; off: of nothing.",
							 &notify,
							 NOTIFY_EVENTS,
							 notify_options,
							 PGC_USERSET,
							 0,
							 NULL,
							 NULL,
							 NULL);
	DefineCustomIntVariable("contact_upsert.notify_interval",
							"How long a backend waits after one wake-up before it sends another.",
							NULL,
							&notify_interval,
							100,
							0,
							INT_MAX,
							PGC_USERSET,
							GUC_UNIT_MS,
							NULL,
							NULL,
							NULL);
	DefineCustomEnumVariable(
		"contact_upsert.unknown_keys",
		"What becomes of top-level keys of a request that contact_upsert does not know.",
		"notice: they are ignored, with a notice; ignore: without one; refuse: an error. A key that is one of "
		"its own but for case, _ and - is always an error.",
		&unknown_keys,
		UNKNOWN_KEYS_NOTICE,
		unknown_keys_options,
		PGC_USERSET,
		0,
		NULL,
		NULL,
		NULL);
	DefineCustomBoolVariable(
		"contact_upsert.fast_path",
		"Whether contacts are looked up and events stored without a statement, where that does the same.",
		"off is for the extension's own tests, and to see all of it in pg_stat_statements.",
		&fast_path,
		true,
		PGC_USERSET,
		GUC_NOT_IN_SAMPLE,
		NULL,
		NULL,
		NULL);
	DefineCustomBoolVariable("contact_upsert_proxy.allow_in_transaction",
							 "Whether a proxy writes inside a transaction block, too.",
							 "The partition commits at once, and a rollback of the proxy's does not undo it.",
							 &proxy_in_transaction,
							 false,
							 PGC_USERSET,
							 0,
							 NULL,
							 NULL,
							 NULL);
	MarkGUCPrefixReserved("contact_upsert");
	MarkGUCPrefixReserved("contact_upsert_proxy");
	loading = false;
}

int64
settings_workspace_id(void)
{
	int64 id;

	if (!parse_workspace_id(workspace_id_text, &id))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for parameter \"contact_upsert.workspace_id\": \"%s\"", workspace_id_text),
				 errdetail("The id of a workspace is an integer from 1 to " INT64_FORMAT ".", PG_INT64_MAX)));
	return id;
}

int64
settings_workspace_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? settings_workspace_id() : PG_GETARG_INT64(number);
}

UnknownKeysSetting
settings_unknown_keys(void)
{
	return (UnknownKeysSetting)unknown_keys;
}

bool
settings_fast_path(void)
{
	return fast_path;
}

bool
settings_proxy_in_transaction(void)
{
	return proxy_in_transaction;
}

bool
settings_events(void)
{
	return events;
}

NotifySetting
settings_notify(void)
{
	return (NotifySetting)notify;
}

int
settings_notify_interval(void)
{
	return notify_interval;
}

/* traveling are the settings that a proxy sends with a call, without their prefix, and their defaults. */
static const char *const traveling[][2] = {
	{"events", "on"}, {"unknown_keys", "notice"}, {"notify", "events"}, {"notify_interval", "100ms"}};

const char *
settings_for_partition(void)
{
	StringInfoData words;

	if (events && unknown_keys == UNKNOWN_KEYS_NOTICE && notify == NOTIFY_EVENTS && notify_interval == 100)
		return NULL;
	initStringInfo(&words);
	for (size_t i = 0; i < lengthof(traveling); i++)
	{
		const char *value = GetConfigOptionByName(psprintf("contact_upsert.%s", traveling[i][0]), NULL, false);

		if (strcmp(value, traveling[i][1]) != 0)
			appendStringInfo(&words, "%s%s=%s", words.len == 0 ? "" : " ", traveling[i][0], value);
	}
	return words.data;
}

void
settings_of_proxy(char *words)
{
	char *rest = NULL;

	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		for (size_t i = 0; i < lengthof(traveling); i++)
		{
			size_t length = strlen(traveling[i][0]);
			char *name;

			if (strncmp(word, traveling[i][0], length) != 0 || word[length] != '=')
				continue;
			name = psprintf("contact_upsert.%s", traveling[i][0]);
			if (strcmp(GetConfigOptionByName(name, NULL, false), word + length + 1) != 0)
				(void)set_config_option(
					name, word + length + 1, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
		}
}
