-- Functions of one workspace: src/pg/proxy.c finds its partition, and has that call the function of the same name.

CREATE FUNCTION contact_upsert(jsonb) RETURNS jsonb
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_contact_upsert';
COMMENT ON FUNCTION contact_upsert(jsonb) IS
	'create a contact, or update the one with that e-mail address, in the workspace of contact_upsert.workspace_id';
REVOKE ALL ON FUNCTION contact_upsert(jsonb) FROM PUBLIC;

CREATE FUNCTION contacts.upsert(request jsonb, workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_upsert';
COMMENT ON FUNCTION contacts.upsert(jsonb, bigint) IS
	'contact_upsert for a named workspace, by default that of contact_upsert.workspace_id';
REVOKE ALL ON FUNCTION contacts.upsert(jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.apply(request jsonb, workspace_id bigint DEFAULT NULL) RETURNS contacts.upsert_result
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_write';
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
	AS 'MODULE_PATHNAME', 'contacts_proxy_write';
COMMENT ON FUNCTION contacts.upsert_many(jsonb, text, text, bigint) IS
	'contacts.upsert for an array of up to 100,000 requests; a row for each, in their order; on_error: continue or stop; results: all, outcomes or failed';
REVOKE ALL ON FUNCTION contacts.upsert_many(jsonb, text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.preview(request jsonb, workspace_id bigint DEFAULT NULL) RETURNS contacts.upsert_result
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_read';
COMMENT ON FUNCTION contacts.preview(jsonb, bigint) IS
	'what contacts.upsert would do, by the same code; writes nothing, a bad request is outcome failed';
REVOKE ALL ON FUNCTION contacts.preview(jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.get(contact text, workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_read';
COMMENT ON FUNCTION contacts.get(text, bigint) IS
	'the contact with that id or e-mail address as contact_upsert answers it, with its version beside data; null if there is none';
REVOKE ALL ON FUNCTION contacts.get(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.search(
	filter jsonb,
	after text DEFAULT NULL,
	max integer DEFAULT 100,
	workspace_id bigint DEFAULT NULL
) RETURNS SETOF contacts.upsert_result
	LANGUAGE C STABLE PARALLEL UNSAFE ROWS 100
	AS 'MODULE_PATHNAME', 'contacts_proxy_read';
COMMENT ON FUNCTION contacts.search(jsonb, text, integer, bigint) IS
	'contacts by status, tags (all, any, none), fields and updated_since, in the order of id, behind the id after';
REVOKE ALL ON FUNCTION contacts.search(jsonb, text, integer, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.request_schema(workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_read';
COMMENT ON FUNCTION contacts.request_schema(bigint) IS
	'JSON Schema (2020-12) of a request in the workspace: what contact_upsert accepts validates, but not the other way round';
REVOKE ALL ON FUNCTION contacts.request_schema(bigint) FROM PUBLIC;

CREATE FUNCTION contacts.export(contact text, workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_read';
COMMENT ON FUNCTION contacts.export(text, bigint) IS
	'all that is held of a person: contact, history, events, rows of imports, suppressions; null if nothing is';
REVOKE ALL ON FUNCTION contacts.export(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.record(
	contact_id text,
	counter text,
	by bigint DEFAULT 1,
	workspace_id bigint DEFAULT NULL
) RETURNS bigint
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_write';
COMMENT ON FUNCTION contacts.record(text, text, bigint, bigint) IS
	'adds to total_opens, total_clicks, total_bounces or total_delivered of a contact; returns the new total';
REVOKE ALL ON FUNCTION contacts.record(text, text, bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.record_many(counts jsonb, workspace_id bigint DEFAULT NULL) RETURNS bigint
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_write';
COMMENT ON FUNCTION contacts.record_many(jsonb, bigint) IS
	'contacts.record for an array of {"contact", "counter", "by"}, at most 100,000; returns how many contacts they are';
REVOKE ALL ON FUNCTION contacts.record_many(jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.define_field(
	merge_tag text,
	label text DEFAULT NULL,
	type contacts.field_type DEFAULT NULL,
	options text[] DEFAULT NULL,
	default_value jsonb DEFAULT NULL,
	required boolean DEFAULT NULL,
	tracked boolean DEFAULT NULL,
	place integer DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
) RETURNS text
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_write';
COMMENT ON FUNCTION contacts.define_field(
	text, text, contacts.field_type, text[], jsonb, boolean, boolean, integer, bigint) IS
	'creates a field, or changes what is given of the one with that merge tag; options ''{}'' and default_value ''null'' '
	'clear; place is its position; returns the merge tag';
REVOKE ALL ON FUNCTION contacts.define_field(
	text, text, contacts.field_type, text[], jsonb, boolean, boolean, integer, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.define_tag(
	name text,
	description text DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
) RETURNS bigint
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_write';
COMMENT ON FUNCTION contacts.define_tag(text, text, bigint) IS
	'creates a tag, or changes the spelling, and the description if it is given ('''' clears it), of the one with that name; '
	'returns its id';
REVOKE ALL ON FUNCTION contacts.define_tag(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.change_address(contact text, email_address text, workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_write';
COMMENT ON FUNCTION contacts.change_address(text, text, bigint) IS
	'gives a contact, by its id or address, another address; id, data, tags, statistics and history stay; returns the contact '
	'as contact_upsert() does';
REVOKE ALL ON FUNCTION contacts.change_address(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.merge(duplicate text, into_contact text, workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_write';
COMMENT ON FUNCTION contacts.merge(text, text, bigint) IS
	'gives a contact what a duplicate of it has more: values, tags, counters, history and the stricter status; deletes the '
	'duplicate; returns the contact as contact_upsert() does. Both are named by id or address';
REVOKE ALL ON FUNCTION contacts.merge(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.erase(contact text, suppress boolean DEFAULT NULL, workspace_id bigint DEFAULT NULL) RETURNS boolean
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_write';
COMMENT ON FUNCTION contacts.erase(text, boolean, bigint) IS
	'deletes a contact, by its id or address, with its statistics, history, events and rows of imports; returns whether there '
	'was one. It leaves a suppression if the contact had opted out, with suppress => true in any case';
REVOKE ALL ON FUNCTION contacts.erase(text, boolean, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.lift_suppression(email_address text, workspace_id bigint DEFAULT NULL) RETURNS boolean
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_write';
COMMENT ON FUNCTION contacts.lift_suppression(text, bigint) IS
	'takes back that an address is suppressed, where there is consent; returns whether it was';
REVOKE ALL ON FUNCTION contacts.lift_suppression(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.match_columns(names text[], columns jsonb DEFAULT NULL, workspace_id bigint DEFAULT NULL)
	RETURNS TABLE ("position" integer, name text, target text, type text, problem text, nearest text)
	LANGUAGE C STABLE PARALLEL UNSAFE ROWS 20
	AS 'MODULE_PATHNAME', 'contacts_proxy_read';
COMMENT ON FUNCTION contacts.match_columns(text[], jsonb, bigint) IS
	'what the columns of a file are matched to: for each, in their order, the target and the type of its field; or the problem, which is '
	'unknown, ambiguous, duplicate or no such target, with the nearest name or the other column; neither for one that is left out';
REVOKE ALL ON FUNCTION contacts.match_columns(text[], jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.grant_access(role_name name, workspace_id bigint DEFAULT NULL) RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_write';
COMMENT ON FUNCTION contacts.grant_access(name, bigint) IS
	'in the partition: lets a role of it, and its members, act for a workspace; contacts.grant_proxy lets a role of the proxy call';
REVOKE ALL ON FUNCTION contacts.grant_access(name, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.revoke_access(role_name name, workspace_id bigint DEFAULT NULL) RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_write';
COMMENT ON FUNCTION contacts.revoke_access(name, bigint) IS
	'in the partition: takes back what grant_access gave; the privileges go with the role''s last workspace';
REVOKE ALL ON FUNCTION contacts.revoke_access(name, bigint) FROM PUBLIC;
