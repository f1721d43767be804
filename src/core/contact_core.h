/*
 * contact_core.h - the C ABI between PostgreSQL's half and the decision.
 *
 * Plain structs in, plain structs out. Everything that a function returns lives in memory of the caller's cu_host
 * and is never freed by the core: the caller drops the memory as a whole. Inputs must outlive the outputs, which
 * may point into them. No function throws, prints, aborts, reads the locale or keeps state between calls.
 *
 * Text is UTF-8, not terminated, and may hold invalid sequences where a database has no encoding (SQL_ASCII); the
 * core then passes values through and rejects them only where a rule needs code points.
 */
#ifndef CONTACT_CORE_H
#define CONTACT_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define CU_NOEXCEPT noexcept
#else
#define CU_NOEXCEPT
#endif

/* Limits of a request; past them it is CU_INVALID_REQUEST. */
#define CU_MAX_REQUEST_BYTES 1048576 /* the request as jsonb */
#define CU_MAX_DEPTH 8				 /* the object itself is level 1 */
#define CU_MAX_FIELDS 1000			 /* keys of "fields" */
#define CU_MAX_TAGS 1000			 /* elements of tags, add_tags and remove_tags together */
#define CU_MAX_NUMBER_BYTES 65535	 /* a number without an exponent */
#define CU_MAX_TEXT_BYTES 65535		 /* a TEXT */
#define CU_MAX_DATA_BYTES 1048576	 /* the data of a contact, see cu_data_size */
#define CU_MAX_SOURCE_BYTES 255
#define CU_MAX_EVIDENCE_BYTES 8192 /* as jsonb, counted like the data */

/* cu_result is how a call ended. Only CU_REJECTED fills the cu_error. */
typedef enum cu_result
{
	CU_OK,
	CU_REJECTED,	   /* the input breaks a rule; cu_error says which */
	CU_OUT_OF_MEMORY,  /* cu_host.alloc returned NULL */
	CU_INTERRUPTED,	   /* cu_host.interrupted returned true; nothing was decided */
	CU_INTERNAL_ERROR, /* a bug, or definitions that no table of ours can hold */
} cu_result;

/* cu_host is what the core may ask of its caller. Both functions must return normally: no longjmp, no exception. */
typedef struct cu_host
{
	void *context;								/* handed to both functions */
	void *(*alloc)(void *context, size_t size); /* max_align_t-aligned, or NULL */
	bool (*interrupted)(void *context);
} cu_host;

typedef struct cu_text
{
	const char *data;
	size_t size; /* bytes */
} cu_text;

typedef enum cu_json_kind
{
	CU_JSON_NULL,
	CU_JSON_BOOLEAN,
	CU_JSON_NUMBER,
	CU_JSON_STRING,
	CU_JSON_ARRAY,
	CU_JSON_OBJECT,
} cu_json_kind;

/* cu_json is a JSON value as a tree of plain structs. */
typedef struct cu_json
{
	cu_json_kind kind;
	bool boolean; /* BOOLEAN */
	cu_text text; /* STRING: its bytes; NUMBER: its decimal text, exact; an exponent may stand for zeros */
	size_t count; /* ARRAY, OBJECT: how many items; NUMBER: zeros at its end, behind the point, that text leaves out */
	const struct cu_json *items; /* ARRAY: elements; OBJECT: values */
	const cu_text *keys;		 /* OBJECT: unique, in jsonb's order: by size, then by bytes */
} cu_json;

/*
 * cu_document is a request as it arrived. The reader stops below CU_MAX_DEPTH + 1 levels, and need not build one that is too large, nor the
 * values of top-level keys that cu_is_request_key does not know.
 */
typedef struct cu_document
{
	cu_json root;
	size_t bytes; /* size as jsonb, or more where numbers have many digits */
	size_t depth; /* levels seen; a scalar is 0 */
} cu_document;

typedef enum cu_status
{
	CU_SUBSCRIBED,
	CU_UNSUBSCRIBED,
	CU_UNCONFIRMED,
	CU_CLEANED,
	CU_COMPLAINED,
} cu_status;
#define CU_STATUS_COUNT 5

typedef enum cu_field_type
{
	CU_TEXT,
	CU_NUMBER,
	CU_BOOLEAN,
	CU_DATE,
	CU_DROPDOWN_SINGLE,
	CU_DROPDOWN_MULTIPLE,
	CU_COUNTRY,
} cu_field_type;
#define CU_FIELD_TYPE_COUNT 7

typedef enum cu_event_type
{
	CU_CONTACT_SUBSCRIBED_PENDING,
	CU_TAG_ADDED,
	CU_TAG_REMOVED,
	CU_FIELD_UPDATED,
} cu_event_type;
#define CU_EVENT_TYPE_COUNT 4

/* cu_code has the codes of errors, in the order in which a request is checked. */
typedef enum cu_code
{
	CU_INVALID_REQUEST,
	CU_EMAIL_REQUIRED,
	CU_EMAIL_INVALID,
	CU_FIELD_NOT_FOUND,
	CU_STATUS_INVALID,
	CU_FIELD_INVALID,
	CU_TAG_NOT_FOUND,
	CU_FIELD_REQUIRED,
	CU_RESUBSCRIBE_REFUSED,
	CU_VERSION_CONFLICT,
	CU_CONTACT_NOT_FOUND,	/* raised by the caller, which alone knows */
	CU_ADDRESS_TAKEN,		/* likewise */
	CU_WORKSPACE_NOT_FOUND, /* likewise */
	CU_NOT_INSTALLED,		/* likewise */
} cu_code;

/*
 * cu_error is why a request was rejected, in buffers of its own so that building one cannot fail. All strings are terminated; what does not fit is
 * cut at a code point and ends in "...".
 */
typedef struct cu_error
{
	cu_code code;
	bool has_field; /* which of those below there are; an empty text may be the one at fault */
	bool has_merge_tag;
	bool has_tag;
	bool has_value;
	bool has_type;
	bool has_version;
	bool tag_is_id; /* tag is an integer, with all its digits */
	char message[512];
	char hint[512];
	char field[64];				   /* the request's top-level key that is at fault */
	char merge_tag[256];		   /* the key in "fields" */
	char tag[256];				   /* the tag: an integer's digits, or a name */
	char value[256];			   /* what was given: a string itself, else its JSON */
	cu_field_type type;			   /* of the field */
	const struct cu_json *options; /* of a dropdown: they belong to the definitions; else NULL */
	size_t option_count;
	int64_t version; /* of the contact; 0 if there is none */
} cu_error;

/* Names as in the API and the SQL enums, terminated; NULL for a value that does not exist. */
const char *cu_status_name(cu_status status) CU_NOEXCEPT;
const char *cu_field_type_name(cu_field_type type) CU_NOEXCEPT;
const char *cu_event_type_name(cu_event_type type) CU_NOEXCEPT;
const char *cu_code_name(cu_code code) CU_NOEXCEPT;

/* cu_is_mailable says whether a contact of that status gets mail, at least the one that asks to confirm; else it has opted out. */
bool cu_is_mailable(cu_status status) CU_NOEXCEPT;

/* cu_definitions are those of one workspace, loaded once and used by many calls. */
typedef struct cu_definitions cu_definitions;

/* cu_tag is a tag; with id 0 one that does not exist yet, because create_tags asked for it. */
typedef struct cu_tag
{
	int64_t id;
	cu_text name;
} cu_tag;

/* cu_field is a field as it is defined. */
typedef struct cu_field
{
	cu_text merge_tag;
	cu_text label;
	cu_field_type type;
	const cu_json *options; /* of a dropdown: strings */
	size_t option_count;
	cu_json default_value; /* a JSON null if there is none */
	bool required;
	bool tracked;
} cu_field;

/* cu_workspace is what is defined in a workspace. */
typedef struct cu_workspace
{
	bool guarded;			/* by its status_policy */
	const cu_field *fields; /* in the order in which errors name them, the field email_address among them */
	size_t field_count;
	const cu_tag *tags; /* by id */
	size_t tag_count;
} cu_workspace;

/*
 * cu_load_definitions sets definitions, which keep pointing into the fields' texts and options and to the tags. What scratch allocates may go
 * afterwards. Never CU_REJECTED.
 */
cu_result cu_load_definitions(const cu_host *host, const cu_host *scratch, const cu_workspace *workspace,
							  const cu_definitions **definitions) CU_NOEXCEPT;

/* cu_parsed_request is a request whose shape and e-mail address are good. */
typedef struct cu_parsed_request cu_parsed_request;

/* cu_is_request_key says whether a request can have such a top-level key. */
bool cu_is_request_key(cu_text key) CU_NOEXCEPT;

/*
 * cu_parse_request makes the checks up to EMAIL_INVALID (docs/api.md, "Errors"), and sets request, and email to the address as
 * it is stored and matched. A top-level key that is one of ours but for case, "_" and "-" is rejected, and with
 * rejects_unknown_keys any other unknown one too.
 */
cu_result cu_parse_request(const cu_host *host, const cu_document *document, bool rejects_unknown_keys,
						   const cu_parsed_request **request, cu_text *email, cu_error *error) CU_NOEXCEPT;

/*
 * cu_unknown_keys writes the unknown top-level keys that were let pass, in quotes, terminated, cut if they are many; false if
 * there are none.
 */
bool cu_unknown_keys(const cu_parsed_request *request, char (*names)[256]) CU_NOEXCEPT;

/* cu_creates_tags says whether create_tags is true. */
bool cu_creates_tags(const cu_parsed_request *request) CU_NOEXCEPT;

/*
 * cu_new_tags sets names to those that a request has to become tags, should it pass every check: what the decision's tags with id 0 would be.
 * None if its tags are rejected. Never CU_REJECTED.
 */
cu_result cu_new_tags(const cu_host *host, const cu_definitions *definitions, const cu_parsed_request *request,
					  const cu_text **names, size_t *count) CU_NOEXCEPT;

/* cu_request_source returns source; empty if it is omitted. For a request that cu_decide has accepted, as cu_request_evidence is. */
cu_text cu_request_source(const cu_parsed_request *request) CU_NOEXCEPT;

/* cu_request_evidence returns evidence, an object; NULL if it is omitted or empty. */
const cu_json *cu_request_evidence(const cu_parsed_request *request) CU_NOEXCEPT;

/* cu_leaves_alone says whether nothing would become of a request, by its mode and whether the contact exists; false if its mode is none. */
bool cu_leaves_alone(const cu_parsed_request *request, bool exists) CU_NOEXCEPT;

/*
 * cu_asks_for_suppression says whether the workspace is guarded, and the request would make a contact that can be mailed without
 * "resubscribe": true: then cu_decide must be told, for a contact that does not exist, whether the address is suppressed.
 */
bool cu_asks_for_suppression(const cu_definitions *definitions, const cu_parsed_request *request) CU_NOEXCEPT;

/* cu_contact is a contact as it is stored. */
typedef struct cu_contact
{
	int64_t version; /* from 1 */
	cu_status status;
	const int64_t *tag_ids; /* ascending */
	size_t tag_count;
	cu_json data; /* an object: values by merge tag */
} cu_contact;

/* cu_field_change is what a request does to a field; a JSON null stands for "no value". */
typedef struct cu_field_change
{
	cu_text merge_tag;
	cu_text label;
	cu_json old_value;
	cu_json new_value;
} cu_field_change;

typedef struct cu_event
{
	cu_event_type type;
	const cu_tag *tag;			   /* TAG_ADDED, TAG_REMOVED */
	const cu_field_change *change; /* FIELD_UPDATED */
} cu_event;

typedef enum cu_outcome
{
	CU_CREATED,
	CU_UPDATED,
	CU_UNCHANGED,
	CU_SKIPPED, /* the mode leaves the contact alone */
} cu_outcome;

/*
 * cu_decision is what a request makes of a contact. status, tags and data are the contact afterwards, for every outcome; ids and
 * values that have lost their definition are left out of them. The changes are those of CU_UPDATED, else none. Of CU_SKIPPED without a
 * contact, they are those of no contact: no tags, and empty data.
 */
typedef struct cu_decision
{
	cu_outcome outcome;
	cu_status old_status; /* equal to status unless it changed */
	cu_status status;
	const cu_tag *tags; /* by id; those to be created last */
	size_t tag_count;
	size_t new_tag_count;				  /* how many of tags have id 0: create them and decide again before writing */
	cu_json data;						  /* an object, in jsonb's order */
	const cu_field_change *field_changes; /* in the order of the definitions */
	size_t field_change_count;
	const cu_tag *tags_added; /* by id; those to be created last */
	size_t tags_added_count;
	const cu_tag *tags_removed; /* by id */
	size_t tags_removed_count;
	const cu_event *events; /* TAG_ADDED, TAG_REMOVED, FIELD_UPDATED; or CONTACT_SUBSCRIBED_PENDING */
	size_t event_count;
} cu_decision;

/* cu_decide_options are what else the caller knows of a decision. */
typedef struct cu_decide_options
{
	bool suppressed; /* the address, which no contact has, has opted out: see cu_asks_for_suppression */
	bool restores;	 /* the request says what was: status policy, required fields and default values take no part */
	const cu_json *cells; /* of a request that cu_read_row (contact_rows.h) has made, its cu_row.cells; else NULL */
} cu_decide_options;

/*
 * cu_decide makes the checks from FIELD_NOT_FOUND on, then merges. existing is NULL if no contact has the address; options may be
 * NULL.
 */
cu_result cu_decide(const cu_host *host, const cu_definitions *definitions, const cu_parsed_request *request,
					const cu_contact *existing, const cu_decide_options *options, cu_decision *decision,
					cu_error *error) CU_NOEXCEPT;

/*
 * cu_find_errors writes all errors of a request that cu_parse_request or cu_decide rejects, in the order of the checks, the first
 * of them as those two describe it, and sets count, which is 0 for a good request. What there is no room for is left out.
 * What depends on the contact is left out where the address is not usable; existing is as for cu_decide. Never CU_REJECTED.
 */
cu_result cu_find_errors(const cu_host *host, const cu_definitions *definitions, const cu_document *document,
						 const cu_contact *existing, const cu_decide_options *options, cu_error *errors, size_t room,
						 size_t *count) CU_NOEXCEPT;

/* cu_describe_contact sets decision to a contact as it is shown: CU_UNCHANGED. Never CU_REJECTED. */
cu_result cu_describe_contact(const cu_host *host, const cu_definitions *definitions, const cu_contact *contact,
							  cu_decision *decision) CU_NOEXCEPT;

/* cu_normalize_email sets email to an address as it is stored and matched, or rejects text as cu_parse_request does an email_address. */
cu_result cu_normalize_email(const cu_host *host, cu_text text, cu_text *email, cu_error *error) CU_NOEXCEPT;

/* cu_is_stored_email says whether text is an address exactly as cu_parse_request would store it. */
bool cu_is_stored_email(cu_text text) CU_NOEXCEPT;

/* cu_is_stored_data says whether data is an object of strings, numbers, booleans and arrays of strings, none empty, without email_address. */
bool cu_is_stored_data(const cu_json *data) CU_NOEXCEPT;

/* cu_data_size returns what data takes of CU_MAX_DATA_BYTES: about its size as jsonb with its numbers written out, never less. */
size_t cu_data_size(const cu_json *data) CU_NOEXCEPT;

/* cu_is_field_value sets valid to whether value may be the default of such a field: a JSON null, or what the type accepts. options: ARRAY or NULL. */
cu_result cu_is_field_value(const cu_host *host, cu_field_type type, const cu_json *options, const cu_json *value,
							bool *valid) CU_NOEXCEPT;

/* cu_fold_case folds case for comparing names of tags: Unicode's simple case folding, no locale. */
cu_result cu_fold_case(const cu_host *host, cu_text text, cu_text *folded) CU_NOEXCEPT;

/* cu_trim returns the part of text without the Unicode white space around it. */
cu_text cu_trim(cu_text text) CU_NOEXCEPT;

/* cu_is_tag_name says whether text is a tag's name: 1 to 64 code points, no white space around it. */
bool cu_is_tag_name(cu_text text) CU_NOEXCEPT;

/* cu_format_object_id writes an ObjectId as 24 lower-case hex digits and a terminator. seconds: Unix time; counter: its low 24 bits. */
void cu_format_object_id(uint32_t seconds, const uint8_t random[5], uint32_t counter, char id[25]) CU_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
