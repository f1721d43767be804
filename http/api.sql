-- api.sql - what PostgREST and PostGraphile show of contact_upsert: a schema `api` with wrappers, and the roles for them. docs/http.md
-- says how to use it. It may be run again, and should be after an upgrade; it then grants again what has been revoked:
--
--     psql -f http/api.sql [-v workspace=1] [-v authenticator=NAME] [-v api=NAME] [-v member=NAME]
--
--   authenticator   the role that PostgREST connects as; it can do nothing but become one of the roles that are granted to it
--   api             the role that may call the schema; a member of no workspace. Each role of a token is granted it
--   member          the role of a token: it may call the schema, and is a member of the workspace
--
-- The wrappers run as their caller. Of a request's workspace the body says nothing: api.workspace_id() has it from the token.
-- Comments are for OpenAPI: their first line is the summary, what follows behind an empty line the description.

\set on_error_stop_before :ON_ERROR_STOP
\set ON_ERROR_STOP on
\if :{?workspace}
\else
	\set workspace 1
\endif
\if :{?authenticator}
\else
	\set authenticator contacts_authenticator
\endif
\if :{?api}
\else
	\set api contacts_api
\endif
\if :{?member}
\else
	\set member contacts_member
\endif

BEGIN;
SET LOCAL client_min_messages = warning;
-- So that no function of somebody else's is taken for one of PostgreSQL's.
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
BEGIN
	IF to_regprocedure('contacts.upsert(pg_catalog.jsonb, bigint)') IS NULL THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = 'The extension contact_upsert is not installed in this database.',
			HINT = 'CREATE EXTENSION contact_upsert; SELECT contacts.install();';
	ELSIF to_regclass('contacts.member') IS NULL THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = 'The contact tables are not installed in this database.',
			HINT = 'SELECT contacts.install();';
	-- Its owner could exchange the functions below for his own.
	ELSIF EXISTS (
		SELECT FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
		WHERE n.nspname = 'api' AND r.rolname <> current_user
	) THEN
		RAISE insufficient_privilege USING MESSAGE = 'There is a schema "api" that belongs to another role.',
			HINT = 'Run this as its owner, ALTER SCHEMA api OWNER TO …, or write another name for "api" in this file.';
	-- So could the owner of one of them: CREATE OR REPLACE leaves it to him.
	ELSIF EXISTS (
		SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles r ON r.oid = p.proowner
		WHERE n.nspname = 'api' AND r.rolname <> current_user AND p.proname IN ('workspace_id', 'upsert_contact', 'preview_contact',
			'upsert_contacts', 'get_contact', 'search_contacts', 'export_contact', 'change_address', 'erase_contact', 'list_fields',
			'list_tags', 'request_schema')
	) THEN
		RAISE insufficient_privilege USING MESSAGE = 'There are functions in schema "api" that belong to another role.',
			HINT = 'Look at them with \df+ api.*, and ALTER FUNCTION … OWNER TO …, or DROP FUNCTION.';
	END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS api;
COMMENT ON SCHEMA api IS $$Contacts

Create or update contacts by e-mail address, read, search, and erase them.$$;
REVOKE ALL ON SCHEMA api FROM PUBLIC;

-- The workspace of the request. PostgREST has the claims of a token in one setting, PostGraphile in one each. A token that names none is
-- enough where its role may act for one workspace alone: which one it would be of several is nobody's guess. Row level security decides
-- whether the role may act for the one that the token names.
CREATE OR REPLACE FUNCTION api.workspace_id() RETURNS bigint
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	claim jsonb := coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'workspace_id',
		to_jsonb(nullif(current_setting('jwt.claims.workspace_id', true), '')));
	first bigint;
	last bigint;
BEGIN
	IF jsonb_typeof(claim) IN ('number', 'string') AND claim #>> '{}' ~ '^[1-9][0-9]{0,17}$' THEN
		RETURN (claim #>> '{}')::bigint;
	ELSIF jsonb_typeof(claim) <> 'null' THEN
		RAISE invalid_authorization_specification USING MESSAGE = 'The claim workspace_id of the token is not the id of a workspace.',
			HINT = 'It is a whole number, such as {"role": "contacts_member", "workspace_id": 1}.';
	END IF;

	SELECT min(m.workspace_id), max(m.workspace_id) INTO first, last FROM contacts.member m;
	IF first IS NULL THEN
		RAISE insufficient_privilege USING MESSAGE = format('The role %I is a member of no workspace.', current_user),
			HINT = format('SELECT contacts.grant_access(%L, 1);', current_user);
	ELSIF first <> last THEN
		RAISE invalid_authorization_specification
			USING MESSAGE = format('The token names no workspace, and its role %I may act for several.', current_user),
				HINT = 'Give the token a claim workspace_id.';
	END IF;
	RETURN first;
END
$$;
COMMENT ON FUNCTION api.workspace_id() IS $$The workspace of the token

The claim workspace_id; without one, the only workspace of the token's role.$$;

-- One unnamed parameter: PostgREST passes a whole body only so. An error stays an error: PostgREST rolls the transaction back, and answers
-- 400 for SQLSTATEs of class 22. No search_path is set: triggers of yours on contacts.contact run with the session's, as they always do.
CREATE OR REPLACE FUNCTION api.upsert_contact(jsonb) RETURNS jsonb
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	AS 'SELECT contacts.upsert($1, api.workspace_id())';
COMMENT ON FUNCTION api.upsert_contact(jsonb) IS $$Create or update a contact

The body is the request: email_address, and optionally fields, tags, status, partial_update.$$;

CREATE OR REPLACE FUNCTION api.preview_contact(jsonb) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL UNSAFE
	AS 'SELECT pg_catalog.to_jsonb(p) FROM contacts.preview($1, api.workspace_id()) p';
COMMENT ON FUNCTION api.preview_contact(jsonb) IS $$What upsert_contact would do

The body is the request. Nothing is written; a request that would be rejected is outcome failed, with its error.$$;

-- A named parameter: of an array as the whole body PostgREST wants that all elements have the same keys.
CREATE OR REPLACE FUNCTION api.upsert_contacts(requests jsonb, on_error text DEFAULT 'continue', results text DEFAULT 'all') RETURNS jsonb
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	AS $$
		SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r)), '[]')
		FROM contacts.upsert_many(requests, on_error, results, api.workspace_id()) r
	$$;
COMMENT ON FUNCTION api.upsert_contacts(jsonb, text, text) IS $$Create or update many contacts

{"requests": [...]}, up to 100,000. A bad request fails alone, unless on_error is "stop".$$;

CREATE OR REPLACE FUNCTION api.get_contact(contact text) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	AS 'SELECT contacts.get(contact, api.workspace_id())';
COMMENT ON FUNCTION api.get_contact(text) IS $$A contact

contact is its id or its e-mail address. The answer is null if there is none.$$;

CREATE OR REPLACE FUNCTION api.search_contacts(filter jsonb DEFAULT '{}', after text DEFAULT NULL, max integer DEFAULT 100) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce(jsonb_agg(to_jsonb(s) - '{position,outcome,changes,events,error}'::text[]), '[]')
		FROM contacts.search(filter, after, max, api.workspace_id()) s
	$$;
COMMENT ON FUNCTION api.search_contacts(jsonb, text, integer) IS $$Contacts by status, tags and fields

filter has status, tags (all, any, none), fields and updated_since. A page has max contacts; after is the id of the last one of the
page before.$$;

CREATE OR REPLACE FUNCTION api.export_contact(contact text) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	AS 'SELECT contacts.export(contact, api.workspace_id())';
COMMENT ON FUNCTION api.export_contact(text) IS $$All that is held of a person

contact is an id or an e-mail address: contact, history, events, rows of imports, suppression.$$;

CREATE OR REPLACE FUNCTION api.change_address(contact text, email_address text) RETURNS jsonb
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	AS 'SELECT contacts.change_address(contact, email_address, api.workspace_id())';
COMMENT ON FUNCTION api.change_address(text, text) IS $$Give a contact another e-mail address

The contact stays the same, with its id, tags, statistics and history.$$;

CREATE OR REPLACE FUNCTION api.erase_contact(contact text, suppress boolean DEFAULT NULL) RETURNS boolean
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	AS 'SELECT contacts.erase(contact, suppress, api.workspace_id())';
COMMENT ON FUNCTION api.erase_contact(text, boolean) IS $$Erase a contact

With all that is held of it. The answer is whether there was one. suppress remembers that the address has opted out.$$;

CREATE OR REPLACE FUNCTION api.list_fields() RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce(jsonb_agg(jsonb_build_object('merge_tag', f.merge_tag, 'label', f.label, 'type', f.type, 'options', f.options,
			'default_value', f.default_value, 'required', f.required) ORDER BY f.position, f.merge_tag), '[]')
		FROM contacts.field f
		WHERE f.workspace_id = api.workspace_id()
	$$;
COMMENT ON FUNCTION api.list_fields() IS $$The fields of the workspace

merge_tag is the key in fields of a request.$$;

CREATE OR REPLACE FUNCTION api.list_tags() RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce(jsonb_agg(jsonb_build_object('id', t.tag_id, 'name', t.name, 'description', t.description) ORDER BY t.tag_id), '[]')
		FROM contacts.tag t
		WHERE t.workspace_id = api.workspace_id()
	$$;
COMMENT ON FUNCTION api.list_tags() IS $$The tags of the workspace

id is what tags of a request takes.$$;

CREATE OR REPLACE FUNCTION api.request_schema() RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	AS 'SELECT contacts.request_schema(api.workspace_id())';
COMMENT ON FUNCTION api.request_schema() IS $$JSON Schema of a request

Draft 2020-12, with the fields of the workspace.$$;

-- Roles belong to the server: another database may have made them.
SELECT format('CREATE ROLE %I LOGIN NOINHERIT', :'authenticator'), format('ALTER ROLE %I SET statement_timeout = ''30s''', :'authenticator')
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = :'authenticator') \gexec
SELECT format('CREATE ROLE %I NOLOGIN', wanted.name)
FROM (VALUES (:'api'), (:'member')) wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = wanted.name) \gexec
GRANT :"api" TO :"member";
GRANT :"member" TO :"authenticator";

SELECT format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', p.oid::pg_catalog.regprocedure),
	format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::pg_catalog.regprocedure, :'api')
FROM pg_catalog.pg_proc p
WHERE p.oid = ANY (ARRAY['api.workspace_id()', 'api.upsert_contact(jsonb)', 'api.preview_contact(jsonb)',
	'api.upsert_contacts(jsonb, text, text)', 'api.get_contact(text)', 'api.search_contacts(jsonb, text, integer)', 'api.export_contact(text)',
	'api.change_address(text, text)', 'api.erase_contact(text, boolean)', 'api.list_fields()', 'api.list_tags()',
	'api.request_schema()']::pg_catalog.regprocedure[]) \gexec
GRANT USAGE ON SCHEMA api TO :"api";
SELECT contacts.grant_access(:'member', :workspace) \g (tuples_only=on format=unaligned) /dev/null

-- PostgREST reads the catalogue once, and again when it is told.
NOTIFY pgrst, 'reload schema';
COMMIT;
\set ON_ERROR_STOP :on_error_stop_before
\unset on_error_stop_before
