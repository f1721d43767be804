/*
 * bulk_requests.c - reads requests, those of an array or each alone, into a BulkRequest each, and puts them into the order in which their
 * contacts are locked.
 *
 * Of each request only the address is read, its mode, and whether it creates tags; bulk_parse_request() reads all of it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "bulk.h"
#include "encoding.h"
#include "jsonb_reader.h"
#include "pg_compat.h"

bool
bulk_parse_request(const BulkRequest *request, Upsert *upsert)
{
	cu_document document = jsonb_read_element(&request->element);
	cu_text email;

	return upsert_parse(upsert, &document, &email);
}

/*
 * Makes a document of those keys of a request that a BulkRequest keeps; false if the element is no object, and must be read in
 * full to say what is wrong with it.
 */
static bool
read_kept_keys(const JsonbValue *element, cu_document *document)
{
	static const char *const kept_keys[] = {"mode", "create_tags", "email_address"}; /* in jsonb's order */
	cu_text *keys = palloc(sizeof(cu_text) * lengthof(kept_keys));
	cu_json *items = palloc(sizeof(cu_json) * lengthof(kept_keys));
	size_t count = 0;

	if (element->type != jbvBinary || !JsonContainerIsObject(element->val.binary.data))
		return false;
	for (size_t i = 0; i < lengthof(kept_keys); i++)
	{
		JsonbValue key = {.type = jbvString,
						  .val.string = {.val = unconstify(char *, kept_keys[i]), .len = (int)strlen(kept_keys[i])}};
		JsonbValue *value = findJsonbValueFromContainer(element->val.binary.data, JB_FOBJECT, &key);

		if (value)
		{
			keys[count] = (cu_text){kept_keys[i], strlen(kept_keys[i])};
			items[count++] = jsonb_read_value(value);
		}
	}
	*document = (cu_document){.root = {.kind = CU_JSON_OBJECT, .count = count, .items = items, .keys = keys},
							  .bytes = (size_t)element->val.binary.len};
	return true;
}

/* Reads what is kept of a request; its email is allocated in memory. */
static void
read_request(BulkRequest *request, MemoryContext memory)
{
	cu_error error;
	Upsert upsert = {.error = &error};
	cu_document document;
	cu_text email;

	if (!read_kept_keys(&request->element, &document) || !upsert_parse(&upsert, &document, &email))
		return;
	request->creates_tags = cu_creates_tags(upsert.parsed_request);
	request->skips_existing = cu_leaves_alone(upsert.parsed_request, true);
	request->skips_missing = cu_leaves_alone(upsert.parsed_request, false);
	MemoryContextSwitchTo(memory);
	request->email = encoding_to_text(email);
}

/* Adds a request; its email is allocated in memory. */
static void
add_request(BulkRequests *requests, int64 position, JsonbValue element, MemoryContext memory, MemoryContext scratch)
{
	BulkRequest *request = &requests->items[requests->count++];

	CHECK_FOR_INTERRUPTS();
	*request = (BulkRequest){.position = position, .element = element};
	MemoryContextSwitchTo(scratch);
	read_request(request, memory);
	MemoryContextSwitchTo(memory);
	MemoryContextReset(scratch);
	requests->create_tags |= request->creates_tags;
}

BulkRequests
bulk_read_requests(Jsonb *array)
{
	BulkRequests requests = {.items = NULL};
	MemoryContext memory = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(memory, "contact_upsert request", ALLOCSET_DEFAULT_SIZES);
	JsonbIterator *iterator = JsonbIteratorInit(&array->root);
	JsonbIteratorToken token;
	JsonbValue element;

	requests.items = MemoryContextAllocHuge(memory, sizeof(BulkRequest) * Max(JB_ROOT_COUNT(array), 1));
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
		if (token == WJB_ELEM)
			add_request(&requests, (int64)requests.count + 1, element, memory, scratch);
	MemoryContextDelete(scratch);
	return requests;
}

BulkRequests
bulk_read_rows(const BulkRow *rows, size_t count)
{
	BulkRequests requests = {.items =
								 MemoryContextAllocHuge(CurrentMemoryContext, sizeof(BulkRequest) * Max(count, 1))};
	MemoryContext memory = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(memory, "contact_upsert request", ALLOCSET_DEFAULT_SIZES);

	for (size_t i = 0; i < count; i++)
	{
		Jsonb *request = rows[i].request;
		JsonbValue element = {.type = jbvBinary};

		if (request == NULL)
			continue;
		element.val.binary.data = &request->root;
		element.val.binary.len = (int)(VARSIZE(request) - VARHDRSZ);
		add_request(&requests, (int64)i + 1, element, memory, scratch);
	}
	MemoryContextDelete(scratch);
	return requests;
}

static int
compare_requests(const void *left, const void *right)
{
	const BulkRequest *a = left;
	const BulkRequest *b = right;
	int order = 0;

	if (a->email == 0 || b->email == 0)
		order = (a->email != 0) - (b->email != 0);
	else
		order = encoding_compare_texts(a->email, b->email);
	return order != 0 ? order : pg_cmp_s64(a->position, b->position);
}

void
bulk_sort_requests(BulkRequests *requests)
{
	qsort(requests->items, requests->count, sizeof(BulkRequest), compare_requests);
}
