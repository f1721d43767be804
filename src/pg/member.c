/*
 * member.c - looks memberships up, and keeps the answers, because row level security asks once for each row.
 *
 * An answer is dropped when contacts.member changes (a trigger there tells every backend, at the commit or at once in
 * the same transaction), when a role or a role's membership changes, and when the tables do. contacts.member is read
 * with the latest snapshot: an older one would bring back what has been revoked. Only during a parallel query is there
 * none, so what is read then is forgotten with the transaction.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "errors.h"
#include "member.h"
#include "owner.h"
#include "relation_changes.h"
#include "shard_scope.h"
#include "statement.h"
#include "store.h"
#include "versions.h"

/* A backend that asks about more roles and workspaces than this starts over, so that its memory stays bounded. */
#define MAX_ANSWERS 1024

typedef struct Question
{
	int64 workspace_id;
	Oid role;
	Oid padding; /* part of the key, always 0 */
} Question;

typedef struct Answer
{
	Question question; /* the key */
	bool is_member;
} Answer;

static Statement find_roles = {
	.sql = "SELECT m.role_name::pg_catalog.text FROM contacts.member m WHERE m.workspace_id" EQ "$1",
	.parameter_count = 1,
	.parameter_types = {INT8OID},
};

static HTAB *answers;

/* last is the last question with its answer: that of the row before. */
static Answer last;
static bool has_last;

/* drops is how often the answers were dropped: what is looked up meanwhile is not kept. */
static uint64 drops;
static bool drop_with_transaction;

static void
drop_answers(void)
{
	drops++;
	has_last = false;
	drop_with_transaction = false;
	if (answers && hash_get_num_entries(answers) > 0)
	{
		HASH_SEQ_STATUS scan;
		Answer *answer;

		hash_seq_init(&scan, answers);
		while ((answer = hash_seq_search(&scan)) != NULL)
			(void)hash_search(answers, &answer->question, HASH_REMOVE, NULL);
	}
}

static void
at_relation_change(Datum arg, Oid relation)
{
	Oid member_table = owner_member_table();

	/* The callback of owner.c may have come first and have forgotten which table contacts.member is. */
	if (!OidIsValid(relation) || !OidIsValid(member_table) || relation == member_table)
		drop_answers();
}

static void
at_role_change(Datum arg, int cache, uint32 hash)
{
	drop_answers();
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (drop_with_transaction &&
		(event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE))
		drop_answers();
}

void
member_init(void)
{
	relation_changes_register(at_relation_change, (Datum)0);
	CacheRegisterSyscacheCallback(AUTHOID, at_role_change, (Datum)0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, at_role_change, (Datum)0);
	RegisterXactCallback(at_transaction_end, NULL);
}

/* Reads contacts.member, as its owner. */
static bool
read_roles(Oid role, int64 workspace_id)
{
	bool is_member = false;
	OwnerScope scope;
	uint64 found;

	owner_begin(&scope);
	statement_connect();
	found = statement_read_latest(&find_roles, (Datum[]){Int64GetDatum(workspace_id)});
	for (uint64 row = 0; row < found && !is_member; row++)
	{
		Oid named = get_role_oid(TextDatumGetCString(statement_column(row, 1)), true);

		is_member = OidIsValid(named) && is_member_of_role(role, named);
	}
	SPI_finish();
	owner_end(&scope);
	return is_member;
}

/* Below a statement of Citus's, as where a policy on a shard asks, there can be no other one: the shard itself is read. */
static bool
look_up(Oid role, int64 workspace_id)
{
	const ShardGroup *group = shard_is_distributed() ? shard_group_of_workspace(workspace_id) : NULL;
	ShardScope scope;
	bool is_member;

	if (group == NULL || !group->is_here)
		return read_roles(role, workspace_id);
	shard_scope_begin(&scope, group);
	PG_TRY();
	{
		is_member = read_roles(role, workspace_id);
	}
	PG_FINALLY();
	{
		shard_scope_end(&scope);
	}
	PG_END_TRY();
	return is_member;
}

static void
keep(const Question *question, bool is_member)
{
	Answer *answer;

	if (answers == NULL)
	{
		HASHCTL control = {.keysize = sizeof(Question), .entrysize = sizeof(Answer), .hcxt = TopMemoryContext};

		answers =
			hash_create("contact_upsert memberships", MAX_ANSWERS, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	if (hash_get_num_entries(answers) >= MAX_ANSWERS)
		drop_answers();
	answer = hash_search(answers, question, HASH_ENTER, NULL);
	answer->is_member = is_member;
	last = *answer;
	has_last = true;
	drop_with_transaction |= IsInParallelMode();
}

/* Whether the statement under way is on shards that a workspace has no rows in: whoever wrote some there would not find them again. */
static bool
is_out_of_place(int64 workspace_id)
{
	const ShardGroup *group = shard_scope_group();

	return group && workspace_id > 0 && shard_is_distributed() &&
		   shard_group_of_workspace(workspace_id)->tables[0] != group->tables[0];
}

bool
member_includes(Oid role, int64 workspace_id)
{
	Question question = {.workspace_id = workspace_id, .role = role};
	const Answer *answer = NULL;
	uint64 drops_before;
	bool is_member;

	if (is_out_of_place(workspace_id))
		return owner_includes(role);
	if (has_last && last.question.workspace_id == workspace_id && last.question.role == role)
		return last.is_member;
	if (answers)
		answer = hash_search(answers, &question, HASH_FIND, NULL);
	if (answer)
	{
		last = *answer;
		has_last = true;
		return last.is_member;
	}
	drops_before = drops;
	is_member = owner_includes(role) || (workspace_id > 0 && look_up(role, workspace_id));
	if (drops == drops_before)
		keep(&question, is_member);
	return is_member;
}

bool
member_is(int64 workspace_id)
{
	return member_includes(GetUserId(), workspace_id);
}

void
member_require(int64 workspace_id)
{
	if (member_is(workspace_id))
		return;
	if (workspace_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("Only the owner of the tables may act for every workspace."),
				 errhint("Name one workspace that you are a member of.")));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("Role %s may not act for workspace " INT64_FORMAT ".",
					quote_identifier(GetUserNameFromId(GetUserId(), false)),
					workspace_id),
			 errhint("SELECT contacts.grant_access(role_name, workspace_id) as the owner of the tables lets it.")));
}

void
member_begin_write(const char *call, int64 workspace_id)
{
	errors_raise_unless_writing(call);
	if (!store_is_installed())
		errors_raise_not_installed();
	versions_check();
	member_require(workspace_id);
}

PG_FUNCTION_INFO_V1(contacts_is_member);
Datum
contacts_is_member(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(member_is(PG_GETARG_INT64(0)));
}

/* Tells every backend that contacts.member has changed, if the transaction commits; and this one now. */
PG_FUNCTION_INFO_V1(contacts_after_member_change);
Datum
contacts_after_member_change(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("contacts_internal.after_member_change() is the trigger of contacts.member.")));
	CacheInvalidateRelcache(((TriggerData *)fcinfo->context)->tg_relation);
	/* Of a shard, answers are kept under the name of the table. */
	if (shard_is_distributed())
		CacheInvalidateRelcacheByRelid(get_relname_relid("member", get_namespace_oid("contacts", false)));
	return PointerGetDatum(NULL);
}
