-- The install script of contact_upsert, together with the other files of this directory: the Makefile's SQL_PARTS names
-- them in order. CREATE EXTENSION makes code only; contacts.install() makes the user's tables.
--
-- Rules for every function in them: volatility, strictness and parallel safety are spelled out, every name and operator
-- is qualified or the function pins its search_path, it runs with its caller's rights, and PUBLIC may not call it.

\echo Use "CREATE EXTENSION contact_upsert" to load this file. \quit

CREATE SCHEMA contacts;
COMMENT ON SCHEMA contacts IS 'contact_upsert: contacts by e-mail address, their definitions and their events';

CREATE SCHEMA contacts_internal;
COMMENT ON SCHEMA contacts_internal IS
	'contact_upsert: what the tables and functions of the schema contacts call; may change with any version';

CREATE TYPE contacts.outcome AS ENUM ('created', 'updated', 'unchanged', 'skipped', 'failed');
COMMENT ON TYPE contacts.outcome IS 'what an upsert made of a contact';
REVOKE ALL ON TYPE contacts.outcome FROM PUBLIC;

CREATE TYPE contacts.upsert_result AS (
	"position" bigint,
	outcome contacts.outcome,
	id text,
	email_address text,
	version bigint,
	changes jsonb,
	events jsonb,
	contact jsonb,
	error jsonb
);
COMMENT ON TYPE contacts.upsert_result IS 'what one request did, or would do';
REVOKE ALL ON TYPE contacts.upsert_result FROM PUBLIC;

CREATE FUNCTION contact_upsert(jsonb) RETURNS jsonb
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contact_upsert';
COMMENT ON FUNCTION contact_upsert(jsonb) IS
	'create a contact, or update the one with that e-mail address, in the workspace of contact_upsert.workspace_id';
REVOKE ALL ON FUNCTION contact_upsert(jsonb) FROM PUBLIC;

CREATE FUNCTION contacts.upsert(request jsonb, workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_upsert';
COMMENT ON FUNCTION contacts.upsert(jsonb, bigint) IS
	'contact_upsert for a named workspace, by default that of contact_upsert.workspace_id';
REVOKE ALL ON FUNCTION contacts.upsert(jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.apply(request jsonb, workspace_id bigint DEFAULT NULL) RETURNS contacts.upsert_result
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_apply';
COMMENT ON FUNCTION contacts.apply(jsonb, bigint) IS
	'contacts.upsert with its outcome, changes and events: the row of contacts.upsert_many; raises what contact_upsert raises';
REVOKE ALL ON FUNCTION contacts.apply(jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.upsert_many(
	requests jsonb,
	on_error text DEFAULT 'continue',
	results text DEFAULT 'all',
	workspace_id bigint DEFAULT NULL
) RETURNS SETOF contacts.upsert_result
	LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1000
	AS 'MODULE_PATHNAME', 'contacts_upsert_many';
COMMENT ON FUNCTION contacts.upsert_many(jsonb, text, text, bigint) IS
	'contacts.upsert for an array of up to 100,000 requests; a row for each, in their order; on_error: continue or stop; results: all, outcomes or failed';
REVOKE ALL ON FUNCTION contacts.upsert_many(jsonb, text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.preview(request jsonb, workspace_id bigint DEFAULT NULL) RETURNS contacts.upsert_result
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_preview';
COMMENT ON FUNCTION contacts.preview(jsonb, bigint) IS
	'what contacts.upsert would do, by the same code; writes nothing, a bad request is outcome failed';
REVOKE ALL ON FUNCTION contacts.preview(jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.current_workspace() RETURNS bigint
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_current_workspace';
COMMENT ON FUNCTION contacts_internal.current_workspace() IS 'the setting contact_upsert.workspace_id';
REVOKE ALL ON FUNCTION contacts_internal.current_workspace() FROM PUBLIC;

CREATE FUNCTION contacts_internal.raise_error(
	code text,
	message text,
	hint text,
	field text DEFAULT NULL,
	value text DEFAULT NULL
) RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_raise_error';
COMMENT ON FUNCTION contacts_internal.raise_error(text, text, text, text, text) IS
	'raises an error as contact_upsert() does: a code of docs/api.md, "Errors", with its SQLSTATE and its DETAIL for machines';
REVOKE ALL ON FUNCTION contacts_internal.raise_error(text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.require_writing(call text) RETURNS void
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_require_writing';
COMMENT ON FUNCTION contacts_internal.require_writing(text) IS
	'an error that names the cure where the transaction is read-only or the server a standby';
REVOKE ALL ON FUNCTION contacts_internal.require_writing(text) FROM PUBLIC;
