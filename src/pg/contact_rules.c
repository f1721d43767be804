/*
 * contact_rules.c - the rules of a row of contacts.contact (docs/api.md, "Tables"), which hold for every writer: a trigger before
 * each INSERT and UPDATE, and the same rules as a function, for a constraint where there can be no triggers.
 *
 * It is a trigger because PostgreSQL reads the text of a CHECK constraint anew in each statement, for seven times what the rules
 * themselves cost. The texts of the rules are in the core, or here; no rule reads a table or a setting.
 *
 * The trigger checks the row that is stored only if no other one changes it afterwards. Triggers run in the order of their names:
 * ours has one that sorts behind what people choose, and it raises where a trigger before a row still comes behind it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/timestamp.h"

#include "contact_key.h"
#include "encoding.h"
#include "errors.h"
#include "jsonb_reader.h"
#include "partition.h"
#include "triggers.h"

/* Julian days of 0001-01-01 and 10000-01-01. */
#define YEAR_1_JDATE INT64CONST(1721426)
#define YEAR_10000_JDATE INT64CONST(5373485)

#define DATA_RULE                                                                                                   \
	"be an object of strings, numbers of at most 65535 digits, booleans and lists of strings, none of them empty, " \
	"without email_address"

/* The columns that have rules, in the order in which the rules are checked; also the arguments of contacts_check_contact(). */
enum RuledColumn
{
	RULED_ID,
	RULED_EMAIL_ADDRESS,
	RULED_TAGS,
	RULED_DATA,
	RULED_VERSION,
	RULED_CREATED_AT,
	RULED_UPDATED_AT,
	RULED_COLUMN_COUNT,
};

/* number is the column's in a table that contacts.install() has made, and nearly always in any other. */
static const struct
{
	const char *name;
	Oid type;
	int number;
} ruled_columns[RULED_COLUMN_COUNT] = {
	[RULED_ID] = {"id", TEXTOID, 2},
	[RULED_EMAIL_ADDRESS] = {"email_address", TEXTOID, 3},
	[RULED_TAGS] = {"tags", INT8ARRAYOID, 5},
	[RULED_DATA] = {"data", JSONBOID, 6},
	[RULED_VERSION] = {"version", INT8OID, 7},
	[RULED_CREATED_AT] = {"created_at", TIMESTAMPTZOID, 8},
	[RULED_UPDATED_AT] = {"updated_at", TIMESTAMPTZOID, 9},
};

/* A ContactValues is a row that a rule can be asked about. A null breaks no rule: that is its column's own constraint. */
typedef struct ContactValues
{
	Datum values[RULED_COLUMN_COUNT];
	bool nulls[RULED_COLUMN_COUNT];
} ContactValues;

static bool
is_email_address(Datum address)
{
	text *stored = DatumGetTextPP(address);

	return cu_is_stored_email(encoding_to_core(VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored)));
}

static bool
is_tag_set(ArrayType *tags)
{
	int64 *ids = (int64 *)ARR_DATA_PTR(tags);
	int count = ArrayGetNItems(ARR_NDIM(tags), ARR_DIMS(tags));

	if (ARR_NDIM(tags) > 1 || array_contains_nulls(tags))
		return false;
	for (int i = 1; i < count; i++)
		if (ids[i - 1] >= ids[i])
			return false;
	return true;
}

/* A document that is too large or too deep has been read in part. */
static bool
is_data(const cu_document *data)
{
	return data->bytes <= CU_MAX_REQUEST_BYTES && data->depth <= CU_MAX_DEPTH && cu_is_stored_data(&data->root);
}

/* Whether RFC 3339 can write a time. */
static bool
is_time(TimestampTz time)
{
	static const TimestampTz from = (YEAR_1_JDATE - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
	static const TimestampTz to = (YEAR_10000_JDATE - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;

	return time >= from && time < to;
}

static void
require(bool good, enum RuledColumn column, const char *rule)
{
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("The %s of a contact must %s.", ruled_columns[column].name, rule),
				 errhint("contact_upsert() writes contacts by the rules."),
				 err_generic_string(PG_DIAG_SCHEMA_NAME, "contacts"),
				 err_generic_string(PG_DIAG_TABLE_NAME, "contact"),
				 err_generic_string(PG_DIAG_COLUMN_NAME, ruled_columns[column].name),
				 err_generic_string(PG_DIAG_CONSTRAINT_NAME, CONTACT_CONSTRAINT)));
}

static void
check_data(Datum value)
{
	cu_document data = jsonb_read_document(value);
	bool is_good = is_data(&data);

	require(data.bytes <= CU_MAX_DATA_BYTES && (!is_good || cu_data_size(&data.root) <= CU_MAX_DATA_BYTES),
			RULED_DATA,
			"be at most 1 MiB, with the digits of its numbers");
	require(is_good, RULED_DATA, DATA_RULE);
}

static void
check_column(enum RuledColumn column, Datum value)
{
	switch (column)
	{
		case RULED_ID:
			require(contact_key_is_id(DatumGetTextPP(value)), column, "be 24 lower-case hex digits");
			break;
		case RULED_EMAIL_ADDRESS:
			require(is_email_address(value), column, "be a valid address, trimmed, its ASCII letters in lower case");
			break;
		case RULED_TAGS:
			require(is_tag_set(DatumGetArrayTypeP(value)), column, "be sorted, without duplicates and nulls");
			break;
		case RULED_DATA:
			check_data(value);
			break;
		case RULED_VERSION:
			require(DatumGetInt64(value) > 0, column, "be positive");
			break;
		case RULED_CREATED_AT:
		case RULED_UPDATED_AT:
			require(is_time(DatumGetTimestampTz(value)), column, "be in the years 1 to 9999");
			break;
		case RULED_COLUMN_COUNT:
			break;
	}
}

static void
check(const ContactValues *contact)
{
	for (int column = 0; column < RULED_COLUMN_COUNT; column++)
		if (!contact->nulls[column])
			check_column(column, contact->values[column]);
}

PG_FUNCTION_INFO_V1(contacts_check_contact);
Datum
contacts_check_contact(PG_FUNCTION_ARGS)
{
	ContactValues contact;

	for (int column = 0; column < RULED_COLUMN_COUNT; column++)
	{
		contact.values[column] = PG_GETARG_DATUM(column);
		contact.nulls[column] = PG_ARGISNULL(column);
	}
	check(&contact);
	PG_RETURN_BOOL(true);
}

/* Returns the number of a column of the table. Raises if the user has made something of it that the rules are not about. */
static int
find_column(TupleDesc descriptor, enum RuledColumn column)
{
	const char *name = ruled_columns[column].name;
	Oid type = ruled_columns[column].type;
	int number = ruled_columns[column].number;
	Oid found;

	if (number > descriptor->natts || strcmp(NameStr(TupleDescAttr(descriptor, number - 1)->attname), name) != 0)
		number = SPI_fnumber(descriptor, name);
	found = number > 0 ? TupleDescAttr(descriptor, number - 1)->atttypid : InvalidOid;
	/* A varchar is as good as a text, and so is a domain over it. */
	if (found != type && !(OidIsValid(found) && IsBinaryCoercible(found, type)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("The rules of contacts.contact need its column %s, of type %s.", name, format_type_be(type)),
				 errhint("Give the table that column again, with ALTER TABLE."),
				 err_generic_string(PG_DIAG_SCHEMA_NAME, "contacts"),
				 err_generic_string(PG_DIAG_TABLE_NAME, "contact"),
				 err_generic_string(PG_DIAG_COLUMN_NAME, name)));
	return number;
}

/* Whether a trigger runs before each row of such a statement. */
static bool
runs_before_row(const Trigger *trigger, bool is_update)
{
	int16 type = trigger->tgtype;

	return TRIGGER_FOR_ROW(type) && TRIGGER_FOR_BEFORE(type) && triggers_is_enabled(trigger) &&
		   (is_update ? TRIGGER_FOR_UPDATE(type) : TRIGGER_FOR_INSERT(type));
}

/* The name of the table on which a trigger was made: PostgreSQL makes it on the partitions too. */
static const char *
table_of(const Trigger *trigger, Relation relation)
{
	return trigger->tgisclone ? get_rel_name(partition_table(RelationGetRelid(relation)))
							  : RelationGetRelationName(relation);
}

/* Raises where a trigger that could change the row comes behind ours. trigdesc is in the order of the names. */
static void
require_last(const TriggerData *trigger, bool is_update)
{
	const TriggerDesc *all = trigger->tg_relation->trigdesc;
	const char *ours = trigger->tg_trigger->tgname;

	for (int i = all->numtriggers - 1; i >= 0 && all->triggers[i].tgoid != trigger->tg_trigger->tgoid; i--)
		if (runs_before_row(&all->triggers[i], is_update))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("The trigger %s on %s runs after %s, which could not check what it changes.",
							all->triggers[i].tgname,
							table_of(&all->triggers[i], trigger->tg_relation),
							ours),
					 errhint("Rename it, with ALTER TRIGGER ... RENAME TO: triggers run in the order of their names, "
							 "and it must come before %s.",
							 ours),
					 err_generic_string(PG_DIAG_SCHEMA_NAME, "contacts"),
					 err_generic_string(PG_DIAG_TABLE_NAME, "contact")));
}

/*
 * Whether an UPDATE leaves the version alone, and is to raise it. Under session_replication_role = replica the version is the
 * other server's.
 */
static bool
leaves_version(const TriggerData *trigger, int number, const ContactValues *contact)
{
	bool was_null;
	Datum old = slot_getattr(trigger->tg_trigslot, number, &was_null);

	return !was_null && !contact->nulls[RULED_VERSION] &&
		   DatumGetInt64(old) == DatumGetInt64(contact->values[RULED_VERSION]) &&
		   SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA;
}

PG_FUNCTION_INFO_V1(contacts_before_contact_write);
Datum
contacts_before_contact_write(PG_FUNCTION_ARGS)
{
	bool is_update = CALLED_AS_TRIGGER(fcinfo) && TRIGGER_FIRED_BY_UPDATE(((TriggerData *)fcinfo->context)->tg_event);
	TriggerData *trigger =
		triggers_data(fcinfo, TRIGGER_EVENT_BEFORE, is_update ? TRIGGER_EVENT_UPDATE : TRIGGER_EVENT_INSERT);
	TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
	TupleTableSlot *slot = is_update ? trigger->tg_newslot : trigger->tg_trigslot;
	HeapTuple row = is_update ? trigger->tg_newtuple : trigger->tg_trigtuple;
	int numbers[RULED_COLUMN_COUNT];
	ContactValues contact;

	require_last(trigger, is_update);
	slot_getallattrs(slot);
	for (int column = 0; column < RULED_COLUMN_COUNT; column++)
	{
		numbers[column] = find_column(descriptor, column);
		contact.values[column] = slot->tts_values[numbers[column] - 1];
		contact.nulls[column] = slot->tts_isnull[numbers[column] - 1];
	}
	if (is_update && leaves_version(trigger, numbers[RULED_VERSION], &contact))
	{
		Datum *version = &contact.values[RULED_VERSION];

		*version = Int64GetDatum(DatumGetInt64(*version) + 1);
		row = heap_modify_tuple_by_cols(
			row, descriptor, 1, &numbers[RULED_VERSION], version, &contact.nulls[RULED_VERSION]);
	}
	check(&contact);
	return PointerGetDatum(row);
}
