-- The install script of contact_upsert_proxy, together with the other files of this directory: the Makefile's PROXY_PARTS names them in
-- order. A proxy is a database without contacts: each function of contact_upsert is there under its name and signature, and calls the one
-- of the partition that has the workspace, by PL/Proxy (docs/scale-out.md, "PL/Proxy").
--
-- The rules of the other script hold: every name is qualified or the search_path is pinned, a function runs with its caller's rights, and
-- PUBLIC may not call it.

\echo Use "CREATE EXTENSION contact_upsert_proxy" to load this file. \quit

DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_extension x WHERE x.extname OPERATOR(pg_catalog.=) 'contact_upsert') THEN
		RAISE EXCEPTION 'The extension contact_upsert is in this database, and a proxy has functions of the same names.'
			USING ERRCODE = 'duplicate_object', HINT = 'CREATE DATABASE for the proxy, and CREATE EXTENSION contact_upsert_proxy there.';
	END IF;
END
$$;

CREATE SCHEMA contacts;
COMMENT ON SCHEMA contacts IS 'contact_upsert_proxy: the functions of contact_upsert, which call those of a partition';

CREATE SCHEMA contacts_internal;
COMMENT ON SCHEMA contacts_internal IS
	'contact_upsert_proxy: what the functions of the schema contacts call; may change with any version';

-- The types are those of a partition: values come and go as text.

CREATE TYPE contacts.status AS ENUM ('SUBSCRIBED', 'UNSUBSCRIBED', 'UNCONFIRMED', 'CLEANED', 'COMPLAINED');
COMMENT ON TYPE contacts.status IS 'whether a contact may be mailed';
REVOKE ALL ON TYPE contacts.status FROM PUBLIC;

CREATE TYPE contacts.field_type AS ENUM
	('TEXT', 'NUMBER', 'BOOLEAN', 'DATE', 'DROPDOWN_SINGLE', 'DROPDOWN_MULTIPLE', 'COUNTRY');
COMMENT ON TYPE contacts.field_type IS 'what values a field takes';
REVOKE ALL ON TYPE contacts.field_type FROM PUBLIC;

CREATE TYPE contacts.status_policy AS ENUM ('api', 'guarded');
COMMENT ON TYPE contacts.status_policy IS
	'api: a request sets the status it names; guarded: an opted-out contact is mailed again only with "resubscribe"';
REVOKE ALL ON TYPE contacts.status_policy FROM PUBLIC;

CREATE TYPE contacts.history_level AS ENUM ('none', 'status', 'all');
COMMENT ON TYPE contacts.history_level IS
	'what contacts.history keeps: nothing; changes of the status and what carries a source or evidence; each change';
REVOKE ALL ON TYPE contacts.history_level FROM PUBLIC;

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

CREATE TYPE contacts.event_type AS ENUM ('CONTACT_SUBSCRIBED_PENDING', 'TAG_ADDED', 'TAG_REMOVED', 'FIELD_UPDATED');
COMMENT ON TYPE contacts.event_type IS 'what happened to a contact';
REVOKE ALL ON TYPE contacts.event_type FROM PUBLIC;

CREATE TYPE contacts.claimed_event AS (
	event_id bigint,
	lease bigint,
	attempts integer,
	workspace_id bigint,
	contact_id text,
	contact_version bigint,
	ordinal integer,
	type contacts.event_type,
	detail jsonb,
	created_at timestamptz,
	email_address text
);
COMMENT ON TYPE contacts.claimed_event IS
	'an event handed out to a consumer; attempts counts how often it has failed, and how often it has been handed out again '
	'after a lease that ran out, with this time; email_address is the contact''s current one, null when it is gone';
REVOKE ALL ON TYPE contacts.claimed_event FROM PUBLIC;
