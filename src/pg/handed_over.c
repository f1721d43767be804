/*
 * handed_over.c - what both sides of a call that is handed over agree on, see handed_over.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "handed_over.h"
#include "shard.h"

/* The settings of the session that change what a call does. */
static const char *const passed_settings[] = {
	"contact_upsert.events", "contact_upsert.notify", "contact_upsert.unknown_keys", "contact_upsert.fast_path"};

/* The process of the session whose call is under way here; 0: it is this one. */
static int session_pid;

static void
set_until_end_of_level(const char *name, const char *value)
{
	(void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* A setting that is as it shall be is left alone: after one that is not, the end of the level looks at all that there are. */
int
handed_over_begin_texts(void)
{
	int nest_level = NewGUCNestLevel();

	if (DateStyle != USE_ISO_DATES)
		set_until_end_of_level("datestyle", "ISO");
	if (IntervalStyle != INTSTYLE_POSTGRES)
		set_until_end_of_level("intervalstyle", "postgres");
	/* Citus writes literals as this session reads them, and the other server reads them as its own sessions do. */
	if (strcmp(GetConfigOption("standard_conforming_strings", false, false), "on") != 0)
		set_until_end_of_level("standard_conforming_strings", "on");
	return nest_level;
}

char *
handed_over_output(Datum value, Oid type)
{
	Oid function;
	bool is_varlena;

	getTypeOutputInfo(type, &function, &is_varlena);
	return OidOutputFunctionCall(function, value);
}

Datum
handed_over_session(void)
{
	Datum values[lengthof(passed_settings) + 1];

	for (size_t i = 0; i < lengthof(passed_settings); i++)
		values[i] = CStringGetTextDatum(GetConfigOption(passed_settings[i], false, false));
	values[lengthof(passed_settings)] = CStringGetTextDatum(psprintf("%d", handed_over_session_pid()));
	return PointerGetDatum(construct_array(values, lengthof(values), TEXTOID, -1, false, TYPALIGN_INT));
}

bool
handed_over_is_from_session(Datum session)
{
	const ArrayType *array = DatumGetArrayTypeP(session);

	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) > (int)lengthof(passed_settings);
}

int
handed_over_begin_session(Datum session)
{
	int outer = session_pid;
	Datum *values;
	int count;

	deconstruct_array(DatumGetArrayTypeP(session), TEXTOID, -1, false, TYPALIGN_INT, &values, NULL, &count);
	for (int i = 0; i < Min(count, (int)lengthof(passed_settings)); i++)
	{
		const char *value = TextDatumGetCString(values[i]);

		if (strcmp(value, GetConfigOption(passed_settings[i], false, false)) != 0)
			set_until_end_of_level(passed_settings[i], value);
	}
	if (count > (int)lengthof(passed_settings))
		session_pid = pg_strtoint32(TextDatumGetCString(values[lengthof(passed_settings)]));
	return outer;
}

void
handed_over_end_session(int outer)
{
	session_pid = outer;
}

int
handed_over_session_pid(void)
{
	return session_pid ? session_pid : MyProcPid;
}

PG_FUNCTION_INFO_V1(contacts_session_pid);
Datum
contacts_session_pid(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(handed_over_session_pid());
}

void
handed_over_require(int64 workspace_id)
{
	if (!shard_is_distributed())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("The contact tables are not distributed."),
				 errhint("SELECT contacts.distribute(), where Citus is, distributes them.")));
	if (workspace_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("No call can be for every workspace where the tables are distributed."),
				 errhint("Make one call for each workspace; a consumer of every workspace is one in each of them.")));
}
