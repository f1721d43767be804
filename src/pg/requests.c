/*
 * requests.c - see requests.h. Of each request only the address is kept: 100,000 of them in full would take as many
 * kilobytes. They are read again, a batch at a time.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "encoding.h"
#include "json_reader.h"
#include "requests.h"
#include "text_order.h"

bool
request_load(const Request *request, Upsert *upsert)
{
	cu_document document = json_read_element(&request->element);

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
	return compare_texts(left->email, right->email) == 0;
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
		order = compare_texts(a->email, b->email);
	return order != 0 ? order : compare_positions(a->position, b->position);
}

/* Reads what is kept of a request; its email is allocated in memory. */
static void
read_request(Request *request, MemoryContext memory)
{
	cu_error error;
	Upsert upsert = {.error = &error};

	request->rejected = !request_load(request, &upsert);
	if (!request->rejected)
	{
		cu_text email = encoding_from_core(upsert.facts.email);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		request->email = PointerGetDatum(cstring_to_text_with_len(email.data, (int)email.size));
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
	qsort(requests.items, requests.count, sizeof(Request), compare_requests);
	return requests;
}
