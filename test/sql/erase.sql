-- docs/api.md, "Erasure": contacts.erase() leaves nothing of a contact, but for the hash that keeps an opt-out.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.erase('a@example.com');
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('city', 'City', tracked => true), contacts.define_field('notes', 'Notes', tracked => true),
	contacts.define_tag('vip'), contacts.define_workspace('second') AS second, contacts.define_workspace('default', history => 'all') AS first;
SELECT contacts.subscribe('mailer'), contacts.subscribe('dead', max_attempts => 1), contacts.subscribe('every', workspace_id => 0);
-- long is a value that TOAST stores elsewhere, as it is.
CREATE FUNCTION pg_temp.long(seed text) RETURNS text LANGUAGE sql
	AS $$ SELECT 'needle ' || string_agg(md5(seed || i), '') FROM generate_series(1, 300) i $$;
-- Where in the tables of the schemas, every column as text, one of the needles is. A bytea is looked through as it is.
CREATE FUNCTION pg_temp.find(VARIADIC needles text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	c record;
	n bigint;
BEGIN
	FOR c IN SELECT a.attrelid::regclass AS tab, a.attname FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid
		WHERE r.relnamespace IN ('contacts'::regnamespace, 'contacts_internal'::regnamespace) AND r.relkind IN ('r', 'p', 'm') AND NOT r.relispartition AND a.attnum > 0 AND NOT a.attisdropped
		ORDER BY 1, 2
	LOOP
		EXECUTE format('SELECT count(*) FROM %s t WHERE EXISTS (SELECT FROM unnest($1) n WHERE strpos(lower(CASE WHEN pg_typeof(t.%2$I)::text = ''bytea''
			THEN encode(t.%2$I::text::bytea, ''escape'') ELSE t.%2$I::text END), n) > 0)', c.tab, c.attname) INTO n USING needles;
		IF n > 0 THEN RETURN NEXT format('%s.%s: %s', c.tab, c.attname, n); END IF;
	END LOOP;
END $$;
-- Fills every table with a contact: values large and small, events that wait, are leased and are dead, rows of imports that wait and that failed.
CREATE TABLE erase_staging (email_address text, city text, notes text);
INSERT INTO erase_staging VALUES ('not an address', 'x', NULL), ('other@example.com', 'y', NULL), (E' Needle@Example.com\t', 'needle town', pg_temp.long('staged')), ('needle@example.com', 'z', NULL);
CREATE FUNCTION pg_temp.accident() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'accident' USING ERRCODE = '58030'; END $$;
CREATE TRIGGER accident BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'other@example.com') EXECUTE FUNCTION pg_temp.accident();
CALL contacts.import('erase_staging', chunk => 1);
DROP TRIGGER accident ON contacts.contact;
SELECT contact_upsert(jsonb_build_object('email_address', 'needle@example.com', 'status', 'UNCONFIRMED')) IS NOT NULL AS made;
SELECT contact_upsert(jsonb_build_object('email_address', 'needle@example.com', 'tags', '["vip"]'::jsonb,
	'fields', jsonb_build_object('city', 'needle town', 'notes', pg_temp.long(i::text)))) IS NOT NULL AS made FROM generate_series(1, 3) i;
UPDATE contacts.history SET source = 'needle form', evidence = jsonb_build_object('proof', pg_temp.long('proof')) WHERE contact_version = 2;
SELECT id AS needle FROM contacts.contact WHERE email_address = 'needle@example.com' \gset
SELECT contacts.record(:'needle', 'total_opens', 7);
SELECT contact_upsert('{"email_address":"haystack@example.com","tags":["vip"],"fields":{"city":"hay"}}') IS NOT NULL AS made;
SELECT contact_upsert('{"email_address":"haystack@example.com","tags":[]}') IS NOT NULL AS made;
SELECT contacts.fail('dead', lease, event_id, 'needle@example.com: ' || pg_temp.long('error')) AS dead FROM contacts.claim('dead', 1);
SELECT count(*) AS leased, min(lease) AS lease, min(event_id) AS event FROM contacts.claim('mailer', 1) \gset
SELECT count(*) AS leased FROM contacts.claim('every', 1, workspace_id => 0);
INSERT INTO contacts.import_error (workspace_id, import_id, row_number, row, code, message, error) VALUES
	(1, 1, 99, '{"email_address":" NEEDLE@example.com ","city":"needle town"}', 'X', 'x', '{"value":"needle town"}'),
	(1, 1, 98, '{"email_address":"other@example.com"}', 'X', 'x', '{}'), (1, 1, 97, '{"email_address":null}', 'X', 'x', '{}'), (1, 1, 96, '{}', 'X', 'x', '{}');
INSERT INTO contacts.import_kept (workspace_id, import_id, contact_id, code, message) VALUES (1, 1, :'needle', 'X', 'needle@example.com');
SELECT contacts.upsert('{"email_address":"needle@example.com"}', workspace_id => 2) IS NOT NULL AS in_another_workspace;
SELECT * FROM pg_temp.find('needle', :'needle');

-- It says whether there was a contact: by its address, however written, or its id; of another workspace there is none.
SELECT contacts.erase('nobody@example.com') AS nobody, contacts.erase('000000000000000000000000') AS no_id, contacts.erase('neither') AS neither,
	contacts.erase('') AS nothing, contacts.erase(:'needle', workspace_id => 2) AS of_another_workspace;
SELECT contacts.erase(E' NEEDLE@Example.com\n') AS erased;
SELECT * FROM pg_temp.find('needle', :'needle');
SELECT contacts.erase('needle@example.com', workspace_id => 2) AS erased;
-- nothing of all the others is gone
SELECT (SELECT count(*) FROM contacts.contact) AS contacts, (SELECT count(*) FROM contacts.event) AS events, (SELECT count(*) FROM contacts.delivery) AS deliveries,
	(SELECT count(*) FROM contacts.import_error) AS import_errors, (SELECT count(*) FROM contacts.import_chunk) AS chunks, (SELECT count(*) FROM contacts.suppression) AS suppressions;
SELECT * FROM pg_temp.find('needle', :'needle');
-- a consumer that has the event leased meanwhile
SELECT contacts.ack('mailer', :lease, ARRAY[:event]::bigint[]) AS acknowledged, contacts.fail('mailer', :lease, :event, 'needle') AS failed,
	contacts.extend('mailer', :lease, '1 min') AS extended, contacts.release('mailer', :lease, ARRAY[:event]::bigint[]) AS released, contacts.retry_dead('dead') AS revived;
SELECT count(*) AS of_others FROM contacts.claim('mailer');
-- the import goes on, and counts what is erased as failed
\set VERBOSITY terse
CALL contacts.import('erase_staging', chunk => 1, restart => false);
\set VERBOSITY default
SELECT total, done, created, failed FROM contacts.import_progress;
SELECT row_number, row, code FROM contacts.import_error ORDER BY 1;
SELECT email_address FROM contacts.contact ORDER BY 1;
DROP TABLE erase_staging;
