/*
 * reading.c - contacts.get() and contacts.search(): contacts as the call answers them, without a change.
 *
 * Both read as their caller. A search by tags can use their index only where row level security does not stand in the way: the
 * operators on arrays are not leakproof, so PostgreSQL would apply a policy first, to each row. So where the policies do no more
 * than to hide other workspaces, the caller's membership is checked once, and the tables' owner reads the one workspace.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "definitions.h"
#include "delegate.h"
#include "errors.h"
#include "host.h"
#include "jsonb_writer.h"
#include "member.h"
#include "own_policies.h"
#include "owner.h"
#include "search_filter.h"
#include "settings.h"
#include "statement.h"
#include "store_reading.h"
#include "upsert_result.h"
#include "versions.h"

#define DEFAULT_PAGE 100
#define MAX_PAGE 10000

/* Begins a call: an SPI connection, tables that fit. */
static void
begin_reading(void)
{
	if (!store_is_installed())
		errors_raise_not_installed();
	versions_check();
	statement_connect();
	definitions_begin_call();
}

static cu_decision
describe(const cu_definitions *definitions, const ContactRow *contact)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_decision decision;

	host_check(cu_describe_contact(&host, definitions, &contact->stored, &decision));
	return decision;
}

/* Returns the answer, in the current memory, or NULL if there is no such contact. */
static Jsonb *
get(int64 workspace_id, const ContactKey *key)
{
	MemoryContext caller = CurrentMemoryContext;
	ContactRow contact = {.exists = false};
	const cu_definitions *definitions;
	Jsonb *answer = NULL;

	begin_reading();
	definitions = definitions_require(workspace_id, store_get_contact(workspace_id, key, &contact));
	if (contact.exists)
	{
		cu_decision decision = describe(definitions, &contact);

		MemoryContextSwitchTo(caller);
		answer = jsonb_write_versioned_answer(&contact, &decision);
	}
	SPI_finish();
	return answer;
}

PG_FUNCTION_INFO_V1(contacts_get);
Datum
contacts_get(PG_FUNCTION_ARGS)
{
	int64 workspace_id = settings_workspace_argument(fcinfo, 1);
	ContactKey key;
	Jsonb *answer;
	Datum there;

	if (delegate_call(fcinfo, 1, NULL, &there))
		return there;
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	key = contact_key_read(PG_GETARG_TEXT_PP(0));
	answer = get(workspace_id, &key);
	if (answer == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(answer);
}

/* Adds the contacts of an open search to the results. */
static void
collect(Portal found, const cu_definitions *definitions, UpsertResults *results)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "contact_upsert found", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(memory);
	int64 position = 0;
	uint64 count;

	while ((count = store_fetch_found(found)) > 0)
	{
		for (uint64 row = 0; row < count; row++)
		{
			ContactRow contact;
			cu_decision decision;

			CHECK_FOR_INTERRUPTS();
			contact = store_read_found(row);
			decision = describe(definitions, &contact);
			upsert_results_add_read(results, ++position, &contact, &decision);
		}
		MemoryContextReset(memory);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(memory);
}

static void
run_search(int64 workspace_id, const ContactFilter *filter, const cu_definitions *definitions, UpsertResults *results)
{
	bool as_owner = own_policies_hide_workspaces_only();
	OwnerScope scope;
	Portal found;

	if (as_owner)
	{
		member_require(workspace_id);
		owner_begin(&scope);
	}
	found = store_open_search(workspace_id, filter);
	collect(found, definitions, results);
	SPI_cursor_close(found);
	if (as_owner)
		owner_end(&scope);
}

/* Returns the argument after: an id, or an empty text. */
static Datum
after_argument(FunctionCallInfo fcinfo, int number)
{
	text *after = PG_ARGISNULL(number) ? cstring_to_text("") : PG_GETARG_TEXT_PP(number);

	if (!PG_ARGISNULL(number) && !contact_key_is_id(after))
		search_filter_reject("after",
							 "after must be the id of a contact: 24 lower-case hex digits.",
							 "Pass the id of the last row of the page before, or leave after out for the first page.");
	return PointerGetDatum(after);
}

static int
max_argument(FunctionCallInfo fcinfo, int number)
{
	int max = PG_ARGISNULL(number) ? DEFAULT_PAGE : PG_GETARG_INT32(number);

	if (max < 1 || max > MAX_PAGE)
		search_filter_reject("max",
							 psprintf("max must be from 1 to %d.", MAX_PAGE),
							 "Read more with another call, behind the id of the last row.");
	return max;
}

PG_FUNCTION_INFO_V1(contacts_search);
Datum
contacts_search(PG_FUNCTION_ARGS)
{
	Datum given = PG_ARGISNULL(0) ? (Datum)0 : PG_GETARG_DATUM(0);
	Datum after = after_argument(fcinfo, 1);
	int max = max_argument(fcinfo, 2);
	int64 workspace_id = settings_workspace_argument(fcinfo, 3);
	const cu_definitions *definitions;
	UpsertResults results;
	ContactFilter filter;
	Datum there;

	if (delegate_call(fcinfo, 3, NULL, &there))
		return there;
	upsert_results_begin(&results, RESULTS_ALL, fcinfo);
	begin_reading();
	definitions = definitions_require(workspace_id, store_read_definitions_version(workspace_id));
	filter = search_filter_read(given, definitions);
	filter.after = after;
	filter.max = max;
	run_search(workspace_id, &filter, definitions, &results);
	SPI_finish();
	upsert_results_return(&results);
	return (Datum)0;
}
