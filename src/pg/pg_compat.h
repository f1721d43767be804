/*
 * pg_compat.h - the differences between the PostgreSQL versions that we build for (15 to 19) stand here; but for one, a loop over what 15
 * has elsewhere, in shard_scope.c.
 */
#ifndef CU_PG_COMPAT_H
#define CU_PG_COMPAT_H

#include "access/genam.h"
#include "access/tableam.h"
#include "catalog/dependency.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "common/jsonapi.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#if PG_VERSION_NUM < 150000
#error "contact_upsert needs PostgreSQL 15 or later"
#endif

/* 16 moved VARDATA and its like out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 17 has this, and more of its kind. */
#if PG_VERSION_NUM >= 170000
#include "common/int.h"
#else
static inline int
pg_cmp_s64(int64 left, int64 right)
{
	return (left > right) - (left < right);
}
#endif

/* 19 has this encoding no more. */
#if PG_VERSION_NUM >= 190000
#define PG_MULE_INTERNAL (-1)
#endif

/* 18 has a prefix instead of a suffix. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 16 has one function for all kinds of objects. */
static inline bool
may_execute(Oid function, Oid role)
{
#if PG_VERSION_NUM < 160000
	return pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK;
#else
	return object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

/* 18 records a name and a version with the magic block. */
#ifdef PG_MODULE_MAGIC_EXT
#define CU_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "contact_upsert", .version = CU_VERSION)
#else
#define CU_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* 16 has one function for objects of every kind. */
static inline AclResult
namespace_aclcheck(Oid id, Oid role, AclMode mode)
{
#if PG_VERSION_NUM < 160000
	return pg_namespace_aclcheck(id, role, mode);
#else
	return object_aclcheck(NamespaceRelationId, id, role, mode);
#endif
}

/* is_valid_json() says whether a text is JSON that jsonb can hold, but for its numbers. 17 has another way to make the parser's context. */
static inline bool
is_valid_json(char *json, size_t size)
{
#if PG_VERSION_NUM < 170000
	JsonLexContext *lex = makeJsonLexContextCstringLen(json, (int)size, GetDatabaseEncoding(), true);
#else
	JsonLexContext *lex = makeJsonLexContextCstringLen(NULL, json, size, GetDatabaseEncoding(), true);
#endif

	return pg_parse_json(lex, &nullSemAction) == JSON_SUCCESS;
}

/* begin_index_scan() begins a scan that reads; 18 can count what it does, 19 has flags. */
static inline IndexScanDesc
begin_index_scan(Relation table, Relation index, Snapshot snapshot, int key_size)
{
#if PG_VERSION_NUM < 180000
	return index_beginscan(table, index, snapshot, key_size, 0);
#elif PG_VERSION_NUM < 190000
	return index_beginscan(table, index, snapshot, NULL, key_size, 0);
#else
	return index_beginscan(table, index, snapshot, NULL, key_size, 0, SO_NONE);
#endif
}

/* identity_sequence() returns the sequence of an identity column, or InvalidOid; 17 asks for the table itself. */
static inline Oid
identity_sequence(Relation table, AttrNumber number)
{
#if PG_VERSION_NUM < 170000
	return getIdentitySequence(RelationGetRelid(table), number, true);
#else
	return getIdentitySequence(table, number, true);
#endif
}

/* A JsonObjectState is that of an object under construction; end_json_object() returns what it has become. 19 has the result in it. */
#if PG_VERSION_NUM < 190000
typedef JsonbParseState *JsonObjectState;
#else
typedef JsonbInState JsonObjectState;
#endif

static inline JsonbValue *
end_json_object(JsonObjectState *state)
{
#if PG_VERSION_NUM < 190000
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
#else
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
	return state->result;
#endif
}

/* plan_without_parameters() plans a query; 19 can explain how. */
static inline PlannedStmt *
plan_without_parameters(Query *query, const char *sql)
{
#if PG_VERSION_NUM < 190000
	return pg_plan_query(query, sql, 0, NULL);
#else
	return pg_plan_query(query, sql, 0, NULL, NULL);
#endif
}

/* run_to_end() says before 18 that a query runs once. */
static inline void
run_to_end(QueryDesc *query)
{
#if PG_VERSION_NUM < 180000
	ExecutorRun(query, ForwardScanDirection, 0, true);
#else
	ExecutorRun(query, ForwardScanDirection, 0);
#endif
}

/* What the hooks of planner, executor and utility commands are called with, and what they pass on. 18 and 19 changed the first two. */
#if PG_VERSION_NUM < 190000
#define PLAN_ARGUMENTS Query *query, const char *text, int options, ParamListInfo parameters
#define PLAN_VALUES query, text, options, parameters
#else
#define PLAN_ARGUMENTS \
	Query *query, const char *text, int options, ParamListInfo parameters, struct ExplainState *explained
#define PLAN_VALUES query, text, options, parameters, explained
#endif
#if PG_VERSION_NUM < 180000
#define RUN_ARGUMENTS QueryDesc *query, ScanDirection direction, uint64 count, bool once
#define RUN_VALUES query, direction, count, once
#else
#define RUN_ARGUMENTS QueryDesc *query, ScanDirection direction, uint64 count
#define RUN_VALUES query, direction, count
#endif
#define UTILITY_ARGUMENTS                                                                                              \
	PlannedStmt *statement, const char *text, bool is_shared, ProcessUtilityContext context, ParamListInfo parameters, \
		QueryEnvironment *environment, DestReceiver *receiver, QueryCompletion *completion
#define UTILITY_VALUES statement, text, is_shared, context, parameters, environment, receiver, completion

#endif
