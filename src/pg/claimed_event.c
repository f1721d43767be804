/*
 * claimed_event.c - contacts_internal.event_line: what contact-worker prints for an event, one line of JSON. It runs once an event.
 *
 * No setting of the session changes a line: bigint ids are strings, times are in UTC with microseconds. A value that is NULL is null.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "claimed_event.h"
#include "pg_compat.h"

/* The types of the attributes; InvalidOid: contacts.event_type. */
static const Oid types[CLAIMED_COLUMNS] = {
	[CLAIMED_EVENT_ID] = INT8OID,
	[CLAIMED_LEASE] = INT8OID,
	[CLAIMED_ATTEMPTS] = INT4OID,
	[CLAIMED_WORKSPACE_ID] = INT8OID,
	[CLAIMED_CONTACT_ID] = TEXTOID,
	[CLAIMED_CONTACT_VERSION] = INT8OID,
	[CLAIMED_ORDINAL] = INT4OID,
	[CLAIMED_TYPE] = InvalidOid,
	[CLAIMED_DETAIL] = JSONBOID,
	[CLAIMED_CREATED_AT] = TIMESTAMPTZOID,
	[CLAIMED_EMAIL_ADDRESS] = TEXTOID,
};

void
claimed_event_require(TupleDesc descriptor)
{
	bool is_known = descriptor != NULL && descriptor->natts >= CLAIMED_COLUMNS;

	for (int i = 0; is_known && i < CLAIMED_COLUMNS; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		is_known = !attribute->attisdropped && (!OidIsValid(types[i]) || attribute->atttypid == types[i]);
	}
	/* An attribute that was added and dropped again has its place for ever. */
	for (int i = CLAIMED_COLUMNS; is_known && i < descriptor->natts; i++)
		is_known = TupleDescAttr(descriptor, i)->attisdropped;
	if (!is_known)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("The type contacts.claimed_event is not that of this version."),
				 errhint("Undo what ALTER TYPE has changed.")));
}

static void
append_bigint(StringInfo line, Datum value)
{
	char digits[MAXINT8LEN + 1];
	int size = pg_lltoa(DatumGetInt64(value), digits);

	appendStringInfoChar(line, '"');
	appendBinaryStringInfo(line, digits, size);
	appendStringInfoChar(line, '"');
}

static void
append_integer(StringInfo line, Datum value)
{
	char digits[12];
	int size = pg_ltoa(DatumGetInt32(value), digits);

	appendBinaryStringInfo(line, digits, size);
}

static void
append_text(StringInfo line, Datum value)
{
	char *string = TextDatumGetCString(value);

	escape_json(line, string);
	pfree(string);
}

/* A time that is none, such as infinity, is empty. */
static void
append_time(StringInfo line, Datum value)
{
	TimestampTz time = DatumGetTimestampTz(value);
	struct pg_tm tm;
	fsec_t microseconds;
	char digits[32];
	char *end = digits;

	appendStringInfoChar(line, '"');
	if (!TIMESTAMP_NOT_FINITE(time) && timestamp2tm(time, NULL, &tm, &microseconds, NULL, NULL) == 0)
	{
		end = pg_ultostr_zeropad(end, (uint32)tm.tm_year, 4);
		*end++ = '-';
		end = pg_ultostr_zeropad(end, (uint32)tm.tm_mon, 2);
		*end++ = '-';
		end = pg_ultostr_zeropad(end, (uint32)tm.tm_mday, 2);
		*end++ = 'T';
		end = pg_ultostr_zeropad(end, (uint32)tm.tm_hour, 2);
		*end++ = ':';
		end = pg_ultostr_zeropad(end, (uint32)tm.tm_min, 2);
		*end++ = ':';
		end = pg_ultostr_zeropad(end, (uint32)tm.tm_sec, 2);
		*end++ = '.';
		end = pg_ultostr_zeropad(end, (uint32)microseconds, 6);
		*end++ = 'Z';
		appendBinaryStringInfo(line, digits, (int)(end - digits));
	}
	appendStringInfoChar(line, '"');
}

static void
append_type(StringInfo line, Datum value)
{
	escape_json(line, DatumGetCString(DirectFunctionCall1(enum_out, value)));
}

static void
append_detail(StringInfo line, Datum value)
{
	Jsonb *detail = DatumGetJsonbP(value);

	(void)JsonbToCString(line, &detail->root, (int)VARSIZE(detail));
}

/* The keys of a line in their order, with what writes their values. */
static const struct
{
	const char *begin;
	ClaimedColumn column;
	void (*append)(StringInfo line, Datum value);
} keys[] = {
	{"{\"type\":", CLAIMED_TYPE, append_type},
	{",\"workspace_id\":", CLAIMED_WORKSPACE_ID, append_bigint},
	{",\"contact_id\":", CLAIMED_CONTACT_ID, append_text},
	{",\"contact_version\":", CLAIMED_CONTACT_VERSION, append_bigint},
	{",\"ordinal\":", CLAIMED_ORDINAL, append_integer},
	{",\"event_id\":", CLAIMED_EVENT_ID, append_bigint},
	{",\"created_at\":", CLAIMED_CREATED_AT, append_time},
	{",\"attempts\":", CLAIMED_ATTEMPTS, append_integer},
	{",\"email_address\":", CLAIMED_EMAIL_ADDRESS, append_text},
	{",\"detail\":", CLAIMED_DETAIL, append_detail},
};

PG_FUNCTION_INFO_V1(contacts_event_line);
Datum
contacts_event_line(PG_FUNCTION_ARGS)
{
	HeapTupleHeader event = PG_GETARG_HEAPTUPLEHEADER(0);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(event), .t_data = event};
	TupleDesc descriptor = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(event), HeapTupleHeaderGetTypMod(event));
	Datum *values = palloc(sizeof(Datum) * descriptor->natts);
	bool *nulls = palloc(sizeof(bool) * descriptor->natts);
	StringInfoData line;

	claimed_event_require(descriptor);
	heap_deform_tuple(&tuple, descriptor, values, nulls);
	ReleaseTupleDesc(descriptor);

	initStringInfo(&line);
	/* The line becomes the text itself: its size stands in front. */
	appendStringInfoSpaces(&line, VARHDRSZ);
	for (size_t i = 0; i < lengthof(keys); i++)
	{
		appendStringInfoString(&line, keys[i].begin);
		if (nulls[keys[i].column])
			appendStringInfoString(&line, "null");
		else
			keys[i].append(&line, values[keys[i].column]);
	}
	appendStringInfoChar(&line, '}');
	SET_VARSIZE(line.data, line.len);
	PG_RETURN_TEXT_P((text *)line.data);
}
