-- What a contact, its events, deliveries and history take on disk, with nothing but contact_upsert writing: contacts come in no order,
-- then each changes once, which raises an event for one consumer, and once more with history. The variable contacts says how many.
\set ON_ERROR_STOP on
\ir tables.sql
SET client_min_messages = warning;
SET synchronous_commit = off;

SELECT contacts.define_workspace('default', history => 'none', workspace_id => 1) AS workspace, contacts.subscribe('mailer') AS consumer \gset

-- As they are met in lists: of some length, and in no order.
CREATE FUNCTION requests(chunk bigint, score bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
	SELECT jsonb_agg(jsonb_build_object('email_address', left(md5(n::text), 14) || '@example.com', 'tags', '[1, 2]'::jsonb,
		'fields', fields_of(score) || jsonb_build_object('plan', CASE score WHEN 1 THEN 'free' ELSE 'pro' END)))
	FROM generate_series(chunk * 1000 + 1, chunk * 1000 + 1000) n
$$;
CREATE PROCEDURE upsert_all(contacts bigint, score bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOR chunk IN 0 .. contacts / 1000 - 1 LOOP
		PERFORM count(*) FROM contacts.upsert_many(requests(chunk, score), results => 'failed');
		COMMIT;
	END LOOP;
END $$;

CREATE TABLE size (number serial, at text, relation regclass, bytes bigint, rows bigint);
CREATE FUNCTION note_sizes(at text, name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	rows bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM contacts.%I', name) INTO rows;
	INSERT INTO size (at, relation, bytes, rows)
		SELECT at, r.relation, pg_table_size(r.relation), rows
		FROM (SELECT format('contacts.%I', name)::regclass UNION ALL
			SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = format('contacts.%I', name)::regclass) r (relation);
END $$;
CREATE TABLE vacuum (number serial, "table" regclass, seconds numeric);

CALL upsert_all(:contacts, 1);
SELECT note_sizes('created', 'contact') \g /dev/null
CALL upsert_all(:contacts, 2);
SELECT note_sizes('waiting', 'event'), note_sizes('waiting', 'delivery') \g /dev/null
SELECT clock_timestamp() AS begun \gset
VACUUM (INDEX_CLEANUP ON) contacts.contact;
INSERT INTO vacuum ("table", seconds) VALUES ('contacts.contact', extract(epoch FROM clock_timestamp() - :'begun'));
SELECT contacts.define_workspace('default', history => 'all', workspace_id => 1) AS workspace \gset
CALL upsert_all(:contacts, 3);
VACUUM contacts.contact;
SELECT note_sizes('changed twice', 'contact'), note_sizes('one a contact', 'history') \g /dev/null
INSERT INTO contacts.statistics (workspace_id, contact_id, total_opens) SELECT workspace_id, id, 1 FROM contacts.contact;
SELECT note_sizes('one a contact', 'statistics') \g /dev/null
DO $$
BEGIN
	-- Acknowledged, as a worker does it.
	WHILE EXISTS (SELECT FROM contacts.delivery) LOOP
		PERFORM contacts.ack('mailer', lease, array_agg(event_id)) FROM contacts.claim('mailer', 1000) GROUP BY lease;
	END LOOP;
END $$;
SELECT clock_timestamp() AS begun \gset
VACUUM contacts.delivery;
INSERT INTO vacuum ("table", seconds) VALUES ('contacts.delivery', extract(epoch FROM clock_timestamp() - :'begun'));

\pset border 2
\pset footer off
SELECT relation::text AS "table or index", at AS "when", rows, round(bytes / 1e6) AS "MB", round(bytes::numeric / rows) AS "bytes a row"
FROM size ORDER BY number;
SELECT "table", round(seconds, 1) AS "VACUUM, seconds" FROM vacuum ORDER BY number;
