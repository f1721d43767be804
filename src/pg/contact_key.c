/*
 * contact_key.c - tells ids from addresses, and finds the id that belongs to an address.
 *
 * Raises only what a statement can raise: a text that is neither is no error here, but no contact.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "contact_key.h"
#include "encoding.h"
#include "errors.h"
#include "host.h"
#include "statement.h"
#include "store.h"

static Statement find_id = {
	.sql = "SELECT c.id::pg_catalog.text FROM contacts.contact c"
		   " WHERE c.workspace_id" EQ "$1 AND c.email_address" EQ "$2",
	.parameter_count = 2,
	.parameter_types = {INT8OID, TEXTOID},
	.by_workspace = true,
};

bool
contact_key_is_id(const text *text)
{
	if (VARSIZE_ANY_EXHDR(text) != OBJECT_ID_SIZE - 1)
		return false;
	for (size_t i = 0; i < OBJECT_ID_SIZE - 1; i++)
	{
		char c = VARDATA_ANY(text)[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

/* Sets address to the text, or NULL, as it is stored and matched; false if it is none, and then error says why. */
static bool
read_address(const text *contact, cu_text *address, cu_error *error)
{
	cu_host host = host_in(CurrentMemoryContext);
	cu_text given = contact ? encoding_to_core(VARDATA_ANY(contact), VARSIZE_ANY_EXHDR(contact)) : (cu_text){"", 0};
	cu_result result = cu_normalize_email(&host, given, address, error);

	host_check(result);
	return result == CU_OK;
}

Datum
contact_key_require_address(const text *address)
{
	cu_error *error = palloc(sizeof(cu_error));
	cu_text stored;

	if (!read_address(address, &stored, error))
	{
		/* The core speaks of a request, and here it is a parameter. */
		if (error->code == CU_EMAIL_REQUIRED)
			strlcpy(error->hint, "email_address must not be null or blank.", sizeof(error->hint));
		errors_raise(error);
	}
	return encoding_to_text(stored);
}

ContactKey
contact_key_read(text *contact)
{
	cu_text address;

	if (contact_key_is_id(contact))
		return (ContactKey){CONTACT_KEY_ID, PointerGetDatum(contact)};
	if (read_address(contact, &address, palloc(sizeof(cu_error))))
		return (ContactKey){CONTACT_KEY_ADDRESS, encoding_to_text(address)};
	return (ContactKey){CONTACT_KEY_NEITHER, CStringGetTextDatum("")};
}

/* Returns the id of the contact with an address, in the current memory, or NULL. */
static text *
id_of_address(int64 workspace_id, Datum address)
{
	MemoryContext caller = CurrentMemoryContext;
	text *id = NULL;

	if (!store_is_installed())
		errors_raise_not_installed();
	statement_connect();
	if (statement_read(&find_id, (Datum[]){Int64GetDatum(workspace_id), address}) > 0)
	{
		MemoryContextSwitchTo(caller);
		id = DatumGetTextPCopy(statement_column(0, 1));
	}
	SPI_finish();
	return id;
}

PG_FUNCTION_INFO_V1(contacts_contact_id);
Datum
contacts_contact_id(PG_FUNCTION_ARGS)
{
	ContactKey key = contact_key_read(PG_GETARG_TEXT_PP(0));
	text *id = NULL;

	if (key.kind == CONTACT_KEY_ID)
		PG_RETURN_DATUM(key.value);
	if (key.kind == CONTACT_KEY_ADDRESS)
		id = id_of_address(PG_GETARG_INT64(1), key.value);
	if (id == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(id);
}
