-- Claiming (docs/events.md, "Claiming"): claim() hands deliveries to a consumer, which then calls ack(), fail() or release() for
-- each; relay() sends them with NOTIFY instead. All are safe to repeat, and are in src/pg/claim.c and relay.c: a call checks that
-- its caller may act for the workspace, and then writes as the owner of the tables.

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

CREATE FUNCTION contacts.claim(
	consumer text,
	max integer DEFAULT 100,
	lease interval DEFAULT '30 s',
	workspace_id bigint DEFAULT NULL
) RETURNS SETOF contacts.claimed_event
	LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100
	AS 'MODULE_PATHNAME', 'contacts_claim';
COMMENT ON FUNCTION contacts.claim(text, integer, interval, bigint) IS
	'hands out events that are due, oldest first, and to no other claim while the lease runs; of a contact one at a time; an event '
	'whose lease ran out comes alone';
REVOKE ALL ON FUNCTION contacts.claim(text, integer, interval, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.ack(
	consumer text,
	lease bigint,
	event_ids bigint[],
	workspace_id bigint DEFAULT NULL
) RETURNS integer
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_ack';
COMMENT ON FUNCTION contacts.ack(text, bigint, bigint[], bigint) IS
	'events of a lease are done; returns how many, without those that were done before or that another lease has by now';
REVOKE ALL ON FUNCTION contacts.ack(text, bigint, bigint[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts.fail(
	consumer text,
	lease bigint,
	event_id bigint,
	error text,
	workspace_id bigint DEFAULT NULL
) RETURNS boolean
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_fail';
COMMENT ON FUNCTION contacts.fail(text, bigint, bigint, text, bigint) IS
	'an event of a lease is to be tried again later, or is dead after max_attempts; false if the lease has it no more';
REVOKE ALL ON FUNCTION contacts.fail(text, bigint, bigint, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.release(
	consumer text,
	lease bigint,
	event_ids bigint[],
	workspace_id bigint DEFAULT NULL
) RETURNS integer
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_release';
COMMENT ON FUNCTION contacts.release(text, bigint, bigint[], bigint) IS
	'gives events of a lease back, untouched, to be claimed at once; returns how many';
REVOKE ALL ON FUNCTION contacts.release(text, bigint, bigint[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts.extend(
	consumer text,
	lease bigint,
	duration interval,
	workspace_id bigint DEFAULT NULL
) RETURNS integer
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_extend';
COMMENT ON FUNCTION contacts.extend(text, bigint, interval, bigint) IS
	'makes a lease last that long from now on, or as long as it does; returns how many events it still has';
REVOKE ALL ON FUNCTION contacts.extend(text, bigint, interval, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.retry_dead(
	consumer text,
	event_id bigint DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
) RETURNS integer
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_retry_dead';
COMMENT ON FUNCTION contacts.retry_dead(text, bigint, bigint) IS
	'makes a dead event, or all, due again, maybe after later ones of their contacts; returns how many';
REVOKE ALL ON FUNCTION contacts.retry_dead(text, bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.relay(
	consumer text,
	channel text,
	max integer DEFAULT 1000,
	workspace_id bigint DEFAULT NULL
) RETURNS integer
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_relay';
COMMENT ON FUNCTION contacts.relay(text, text, integer, bigint) IS
	'claims events, sends each with NOTIFY and acknowledges them, all in this transaction; one that is too long for that '
	'has failed; returns how many';
REVOKE ALL ON FUNCTION contacts.relay(text, text, integer, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.event_line(event contacts.claimed_event) RETURNS text
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_event_line';
COMMENT ON FUNCTION contacts_internal.event_line(contacts.claimed_event) IS
	'what contact-worker prints for the event: one line of JSON, bigint ids as strings';
REVOKE ALL ON FUNCTION contacts_internal.event_line(contacts.claimed_event) FROM PUBLIC;
