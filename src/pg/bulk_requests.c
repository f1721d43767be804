/*
 * bulk_requests.c - see bulk_requests.h. Of each request only the address is kept: 100,000 of them in full would take as many
 * kilobytes. They are read again, a batch at a time.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "bulk_requests.h"
#include "encoding.h"
#include "jsonb_reader.h"
#include "pg_compat.h"

bool
request_load(const Request *request, Upsert *upsert)
{
	cu_document document = jsonb_read_element(&request->element);

	return upsert_read(upsert, &document);
}

size_t
request_size(const Request *request)
{
	return request->element.type == jbvBinary ? (size_t)request->element.val.binary.len : 0;
}

bool
request_is_for_same(const Request *left, const Request *right)
{
	return encoding_compare_texts(left->email, right->email) == 0;
}

static int
compare_requests(const void *left, const void *right)
{
	const Request *a = left;
	const Request *b = right;
	int order = 0;

	if (a->rejected != b->rejected)
		return a->rejected ? -1 : 1;
	if (!a->rejected)
		order = encoding_compare_texts(a->email, b->email);
	return order != 0 ? order : pg_cmp_s64(a->position, b->position);
}

/* A request with no more than we keep of it; false if it must be read in full to say what is wrong with it. */
static bool
glance(const JsonbValue *element, cu_json *root)
{
	static const char *const wanted[] = {"create_tags", "email_address"};
	cu_text *keys = palloc(sizeof(cu_text) * lengthof(wanted));
	cu_json *items = palloc(sizeof(cu_json) * lengthof(wanted));
	size_t count = 0;

	if (element->type != jbvBinary || !JsonContainerIsObject(element->val.binary.data))
		return false;
	for (size_t i = 0; i < lengthof(wanted); i++)
	{
		JsonbValue key = {.type = jbvString,
						  .val.string = {.val = unconstify(char *, wanted[i]), .len = (int)strlen(wanted[i])}};
		JsonbValue *value = findJsonbValueFromContainer(element->val.binary.data, JB_FOBJECT, &key);

		if (value)
		{
			keys[count] = (cu_text){wanted[i], strlen(wanted[i])};
			items[count++] = jsonb_read_value(value);
		}
	}
	*root = (cu_json){.kind = CU_JSON_OBJECT, .count = count, .items = items, .keys = keys};
	return true;
}

/* Reads what is kept of a request; its email is allocated in memory. */
static void
read_request(Request *request, MemoryContext memory)
{
	cu_error error;
	Upsert upsert = {.error = &error};
	cu_document document = {.bytes = request_size(request)};

	request->rejected = !glance(&request->element, &document.root) || !upsert_read(&upsert, &document);
	if (!request->rejected)
	{
		MemoryContext caller = MemoryContextSwitchTo(memory);

		request->email = encoding_to_text(upsert.facts.email);
		request->creates_tags = cu_creates_tags(upsert.request);
		MemoryContextSwitchTo(caller);
	}
}

Requests
requests_read(Jsonb *array)
{
	Requests requests = {.items = NULL};
	MemoryContext memory = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(memory, "contact_upsert request", ALLOCSET_DEFAULT_SIZES);
	JsonbIterator *iterator = JsonbIteratorInit(&array->root);
	JsonbIteratorToken token;
	JsonbValue element;

	requests.items = MemoryContextAllocHuge(memory, sizeof(Request) * Max(JB_ROOT_COUNT(array), 1));
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		Request *request = &requests.items[requests.count];

		CHECK_FOR_INTERRUPTS();
		if (token != WJB_ELEM)
			continue;
		requests.count++;
		*request = (Request){.position = (int64)requests.count, .element = element};
		MemoryContextSwitchTo(scratch);
		read_request(request, memory);
		MemoryContextSwitchTo(memory);
		MemoryContextReset(scratch);
		requests.rejected_count += request->rejected;
		requests.create_tags |= request->creates_tags;
	}
	MemoryContextDelete(scratch);
	return requests;
}

void
requests_sort(Requests *requests)
{
	qsort(requests->items, requests->count, sizeof(Request), compare_requests);
}
