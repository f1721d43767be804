/*
 * definitions.c - a cache by workspace, valid as long as workspace.definitions_version says so.
 *
 * The version comes with the look-up of the contact, of the same snapshot, so the cache is right under every isolation level and
 * after every rollback: triggers give each change of a definition a number that is never used again.
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "definitions.h"
#include "encoding.h"
#include "errors.h"
#include "host.h"
#include "jsonb_reader.h"
#include "pg_compat.h"
#include "store.h"

/* A backend that serves more workspaces than this starts over, so that its memory stays bounded. */
#define MAX_WORKSPACES 128

typedef struct Entry
{
	int64 workspace_id; /* the key */
	int64 version;
	MemoryContext memory; /* NULL until the first load has succeeded */
	const cu_definitions *definitions;
	HistoryLevel history_level;
	bool guarded;
} Entry;

static HTAB *cache;

/* last_entry is the one that was found last: a call asks for it several times. */
static Entry *last_entry;

/* calls are those under way in this backend: more than one when a user's trigger calls back. */
static int calls;

static void
end_call(void *arg)
{
	calls--;
}

void
definitions_begin_call(void)
{
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	/* end_call runs also when the call ends by an error. */
	callback->func = end_call;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	calls++;
}

/* Lets go of an entry's definitions; those that a call further up may still use go with the transaction. */
static void
release(Entry *entry)
{
	if (entry->memory && calls > 1)
		MemoryContextSetParent(entry->memory, TopTransactionContext);
	else if (entry->memory)
		MemoryContextDelete(entry->memory);
	entry->memory = NULL;
}

static void
release_all(void)
{
	HASH_SEQ_STATUS scan;
	Entry *entry;

	last_entry = NULL;
	hash_seq_init(&scan, cache);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		release(entry);
		(void)hash_search(cache, &entry->workspace_id, HASH_REMOVE, NULL);
	}
}

static Entry *
find_entry(int64 workspace_id)
{
	Entry *entry;
	bool found;

	if (last_entry && last_entry->workspace_id == workspace_id)
		return last_entry;
	if (cache == NULL)
	{
		HASHCTL control = {.keysize = sizeof(int64), .entrysize = sizeof(Entry), .hcxt = TopMemoryContext};

		cache =
			hash_create("contact_upsert definitions", MAX_WORKSPACES, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(cache, &workspace_id, HASH_FIND, NULL);
	if (entry)
		return last_entry = entry;
	if (hash_get_num_entries(cache) >= MAX_WORKSPACES)
		release_all();
	entry = hash_search(cache, &workspace_id, HASH_ENTER, &found);
	entry->memory = NULL;
	entry->history_level = HISTORY_NONE;
	return entry;
}

/* Returns a copy in the current memory, to which definitions may point. */
static ArrayType *
copy_array(const ArrayType *array)
{
	return memcpy(palloc(VARSIZE(array)), array, VARSIZE(array));
}

/* Raises for a null, which none of our tables holds. */
static void
raise_null(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s in the contact tables must not be null", what)));
}

cu_field_type
definitions_field_type(const char *name)
{
	for (int i = 0; i < CU_FIELD_TYPE_COUNT; i++)
		if (strcmp(name, cu_field_type_name((cu_field_type)i)) == 0)
			return (cu_field_type)i;
	elog(ERROR, "unknown field type %s", name);
}

static bool
is_guarded(const char *status_policy)
{
	bool guarded = strcmp(status_policy, "guarded") == 0;

	if (!guarded && strcmp(status_policy, "api") != 0)
		elog(ERROR, "unknown status policy %s", status_policy);
	return guarded;
}

static HistoryLevel
read_history_level(const char *name)
{
	static const char *const names[] = {[HISTORY_NONE] = "none", [HISTORY_STATUS] = "status", [HISTORY_ALL] = "all"};

	for (size_t i = 0; i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (HistoryLevel)i;
	elog(ERROR, "unknown history level %s", name);
}

/* FieldValues are one column of contacts.field. */
typedef struct FieldValues
{
	Datum *values;
	bool *nulls;
} FieldValues;

/* Takes the values out of a copy of an array; only options and defaults may be null. */
static FieldValues
take_values(const ArrayType *stored, Oid type, int *count)
{
	FieldValues values;
	int16 size;
	bool by_value;
	char alignment;

	if (type != JSONBOID && array_contains_nulls(unconstify(ArrayType *, stored)))
		raise_null("a field");
	get_typlenbyvalalign(type, &size, &by_value, &alignment);
	deconstruct_array(copy_array(stored), type, size, by_value, alignment, &values.values, &values.nulls, count);
	return values;
}

static cu_text
text_of(const FieldValues *values, int number)
{
	text *value = DatumGetTextPP(values->values[number]);

	return encoding_to_core(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

static cu_json
json_of(const FieldValues *values, int number)
{
	if (values->nulls[number])
		return (cu_json){.kind = CU_JSON_NULL};
	return jsonb_read(DatumGetJsonbP(values->values[number]));
}

/* Returns the fields as the core reads them, in the current memory. */
static cu_field *
read_fields(const StoredDefinitions *stored, size_t *field_count)
{
	static const Oid types[FIELD_COLUMN_COUNT] = {TEXTOID, TEXTOID, TEXTOID, JSONBOID, JSONBOID, BOOLOID, BOOLOID};
	FieldValues columns[FIELD_COLUMN_COUNT];
	cu_field *fields;
	int count = 0;

	if (stored->fields[0])
		for (int i = 0; i < FIELD_COLUMN_COUNT; i++)
			columns[i] = take_values(stored->fields[i], types[i], &count);
	fields = palloc(sizeof(cu_field) * (size_t)Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		cu_json options = json_of(&columns[FIELD_OPTIONS], i);

		fields[i] = (cu_field){
			.merge_tag = text_of(&columns[FIELD_MERGE_TAG], i),
			.label = text_of(&columns[FIELD_LABEL], i),
			.type = definitions_field_type(TextDatumGetCString(columns[FIELD_TYPE].values[i])),
			.options = options.items,
			.option_count = options.count,
			.default_value = json_of(&columns[FIELD_DEFAULT_VALUE], i),
			.required = DatumGetBool(columns[FIELD_REQUIRED].values[i]),
			.tracked = DatumGetBool(columns[FIELD_TRACKED].values[i]),
		};
	}
	*field_count = (size_t)count;
	return fields;
}

/*
 * Returns the tags as the core reads them, pointing into a copy of their names: both in the current memory. A
 * workspace can have 100,000s of tags, so what is kept of one is its name, its id and a few bytes.
 */
static cu_tag *
read_tags(const StoredDefinitions *stored, size_t *count)
{
	const int64 *ids;
	const ArrayType *names;
	cu_tag *tags;
	char *name;

	*count = 0;
	if (stored->tag_ids == NULL)
		return NULL;
	if (array_contains_nulls(stored->tag_ids) || array_contains_nulls(stored->tag_names))
		raise_null("a tag");
	*count = (size_t)ArrayGetNItems(ARR_NDIM(stored->tag_ids), ARR_DIMS(stored->tag_ids));
	ids = (const int64 *)ARR_DATA_PTR(stored->tag_ids);
	tags = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(cu_tag) * *count);

	/* The elements of a text[] stand one behind the other, each aligned. */
	names = copy_array(stored->tag_names);
	name = ARR_DATA_PTR(names);
	for (size_t i = 0; i < *count; i++)
	{
		name = (char *)att_align_pointer(name, TYPALIGN_INT, -1, name);
		tags[i] = (cu_tag){ids[i], encoding_to_core(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name))};
		name += VARSIZE_ANY(name);
	}
	return tags;
}

static cu_workspace
read_workspace(const StoredDefinitions *stored)
{
	cu_workspace workspace = {.guarded = is_guarded(stored->status_policy)};

	workspace.fields = read_fields(stored, &workspace.field_count);
	workspace.tags = read_tags(stored, &workspace.tag_count);
	return workspace;
}

/*
 * Reads the definitions into memory of their own, and sets all of the entry but its workspace; false if there is no such workspace.
 * If it raises, the cache is as it was.
 */
static bool
load(int64 workspace_id, Entry *loaded)
{
	StoredDefinitions stored;
	MemoryContext memory;
	MemoryContext scratch;
	MemoryContext caller;
	cu_workspace workspace;
	cu_host host;
	cu_host scratch_host;

	if (!store_load_definitions(workspace_id, &stored))
		return false;

	/* A child of this call's memory until it is complete, so that an error frees it. */
	memory = AllocSetContextCreate(CurrentMemoryContext, "contact_upsert definitions", ALLOCSET_SMALL_SIZES);
	scratch = AllocSetContextCreate(CurrentMemoryContext, "contact_upsert definitions scratch", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(memory);
	workspace = read_workspace(&stored);
	host = host_in(memory);
	scratch_host = host_in(scratch);
	host_check(cu_load_definitions(&host, &scratch_host, &workspace, &loaded->definitions));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	loaded->memory = memory;
	loaded->version = stored.version;
	loaded->guarded = workspace.guarded;
	loaded->history_level = read_history_level(stored.history);
	return true;
}

/* Adds fields and tags to a workspace, in the current memory. */
static void
add_definitions(cu_workspace *workspace, const NewDefinitions *added)
{
	size_t field_count = workspace->field_count + added->field_count;
	size_t tag_count = workspace->tag_count + (size_t)list_length(added->tags);
	cu_field *fields = palloc(sizeof(cu_field) * Max(field_count, 1));
	cu_tag *tags = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(cu_tag) * Max(tag_count, 1));
	ListCell *name;

	if (workspace->field_count > 0)
		memcpy(fields, workspace->fields, sizeof(cu_field) * workspace->field_count);
	if (added->field_count > 0)
		memcpy(fields + workspace->field_count, added->fields, sizeof(cu_field) * added->field_count);
	if (workspace->tag_count > 0)
		memcpy(tags, workspace->tags, sizeof(cu_tag) * workspace->tag_count);
	foreach (name, added->tags)
	{
		size_t number = workspace->tag_count + (size_t)foreach_current_index(name);
		const text *new_name = DatumGetTextPCopy(PointerGetDatum(lfirst(name)));

		/* The sequence of the ids does not come that far. */
		tags[number] = (cu_tag){PG_INT64_MAX - (int64)(tag_count - number),
								encoding_to_core(VARDATA_ANY(new_name), VARSIZE_ANY_EXHDR(new_name))};
	}
	workspace->fields = fields;
	workspace->field_count = field_count;
	workspace->tags = tags;
	workspace->tag_count = tag_count;
}

const cu_definitions *
definitions_load_with(int64 workspace_id, const NewDefinitions *new_definitions, MemoryContext memory)
{
	const cu_definitions *definitions;
	StoredDefinitions stored;
	cu_workspace workspace;
	cu_host host = host_in(memory);
	MemoryContext caller;

	if (!store_load_definitions(workspace_id, &stored))
		return NULL;
	caller = MemoryContextSwitchTo(memory);
	workspace = read_workspace(&stored);
	add_definitions(&workspace, new_definitions);
	host_check(cu_load_definitions(&host, &host, &workspace, &definitions));
	MemoryContextSwitchTo(caller);
	return definitions;
}

const cu_definitions *
definitions_get(int64 workspace_id, int64 version)
{
	Entry *entry = find_entry(workspace_id);
	Entry loaded = {.workspace_id = workspace_id};

	if (entry->memory && entry->version == version)
		return entry->definitions;

	if (!load(workspace_id, &loaded))
		return NULL;
	entry = find_entry(workspace_id); /* the load runs SQL, which may have called back and cleared the cache */
	release(entry);
	MemoryContextSetParent(loaded.memory, TopMemoryContext);
	*entry = loaded;
	return entry->definitions;
}

const cu_definitions *
definitions_require(int64 workspace_id, int64 version)
{
	const cu_definitions *definitions = version > 0 ? definitions_get(workspace_id, version) : NULL;
	cu_error error;

	if (definitions == NULL)
	{
		errors_workspace_not_found(&error, workspace_id);
		errors_raise(&error);
	}
	return definitions;
}

HistoryLevel
definitions_history_level(int64 workspace_id)
{
	return find_entry(workspace_id)->history_level;
}

bool
definitions_are_guarded(int64 workspace_id)
{
	return find_entry(workspace_id)->guarded;
}
