/*
 * address.c - how an address is written, and that a contact had another one before.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "address.h"
#include "contact_key.h"
#include "encoding.h"
#include "history.h"
#include "jsonb_writer.h"

/* Returns a text as a JSON string of the core. */
static cu_json
json_string(Datum datum)
{
	const text *string = DatumGetTextPP(datum);

	return (cu_json){.kind = CU_JSON_STRING, .text = encoding_to_core(VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string))};
}

void
address_note_change(int64 workspace_id, const char *contact_id, int64 contact_version, Datum old, Datum new)
{
	const cu_text names[] = {{"new", 3}, {"old", 3}};
	const cu_json values[] = {json_string(new), json_string(old)};
	const cu_text tag = {"email_address", strlen("email_address")};
	const cu_json change = {.kind = CU_JSON_OBJECT, .count = lengthof(values), .items = values, .keys = names};
	const cu_json changes = {.kind = CU_JSON_OBJECT, .count = 1, .items = &change, .keys = &tag};

	history_note(workspace_id, contact_id, contact_version, jsonb_write_any(&changes));
}

PG_FUNCTION_INFO_V1(contacts_normalize_address);
Datum
contacts_normalize_address(PG_FUNCTION_ARGS)
{
	return contact_key_require_address(PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0));
}
