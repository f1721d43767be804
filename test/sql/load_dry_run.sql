-- contacts.import(dry_run => true): what an import would do and where it would fail, without touching a contact.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('age', 'Age', 'NUMBER', tracked => true), contacts.define_field('note', 'Note'), contacts.define_tag('vip'), contacts.define_tag('old');
SELECT contacts.subscribe('mailer') IS NOT NULL AS subscribed;
SELECT contact_upsert('{"email_address": "there@example.com", "status": "UNSUBSCRIBED", "tags": ["vip", "old"], "fields": {"age": 40, "note": "x"}}') IS NOT NULL AS made;
CREATE VIEW counts AS SELECT import_id AS id, (parameters ->> 'dry_run')::boolean AS dry, state, total, done, created, updated, unchanged, skipped, failed, values_cleared AS cleared, tags_removed AS removed, statuses_changed AS changed
	FROM contacts.import_progress;
CREATE VIEW all_there_is AS SELECT (SELECT count(*) FROM contacts.contact) AS contacts, (SELECT sum(version) FROM contacts.contact) AS versions, (SELECT count(*) FROM contacts.event) AS events,
	(SELECT count(*) FROM contacts.history) AS history, (SELECT count(*) FROM contacts.tag) AS tags, (SELECT count(*) FROM contacts.field) AS fields, (SELECT count(*) FROM contacts.import_chunk) AS chunks;

-- What contacts would lose, an address that comes again in the chunk, tags and fields that are not there yet, bad rows.
CREATE TABLE people (email text, status text, tags text, age text, note text, "Shoe Size" text);
INSERT INTO people VALUES ('there@example.com', 'active', 'vip, new', '', 'y', '42'), ('new@example.com', '', 'new', '1', '', ''), ('NEW@example.com', '', 'newer', '1', '', '43'),
	('new@example.com', '', 'NEW', '1', '', '43'), ('new@example.com', '', 'new', '1', '', ''), ('bad@example.com', 'perhaps', '', 'many', '', ''), ('there@example.com', '', '', '', 'y', '42');
TABLE all_there_is;
CALL contacts.import('people', dry_run => true, blank => 'clear', create_tags => true, unknown => 'define');
TABLE all_there_is;
SELECT row_number AS row, error_number AS n, "column", value, code FROM contacts.import_error ORDER BY 1, 2;
CALL contacts.import('people', blank => 'clear', create_tags => true, unknown => 'define');
SELECT * FROM counts ORDER BY id;
SELECT email_address, version, status, data FROM contacts.contact ORDER BY 1;
-- another time; with mode
CALL contacts.import('people', dry_run => true, blank => 'clear', create_tags => true, unknown => 'define');
CALL contacts.import('people', dry_run => true, mode => 'create', unknown => 'ignore');
CALL contacts.import('people', dry_run => true, mode => 'update', unknown => 'ignore', partial_update => false);
SELECT * FROM counts ORDER BY id;

-- An address in more than one batch of a chunk: each request finds what the one before would have left.
CREATE TABLE many AS SELECT CASE WHEN i % 3 = 0 THEN 'a' || i ELSE 'same' END || '@example.com' AS email, i / 2 AS age, CASE WHEN i % 100 = 0 THEN '' ELSE 'n' || i / 50 END AS note, 'tag' || i / 150 AS tags FROM generate_series(1, 999) i;
CALL contacts.import('many', dry_run => true, blank => 'clear', create_tags => true);
CALL contacts.import('many', blank => 'clear', create_tags => true);
SELECT count(*) AS imports, count(DISTINCT (created, updated, unchanged, failed, cleared, removed, changed)) AS counts FROM counts WHERE id > (SELECT max(id) - 2 FROM counts);
-- over chunks it cannot know that
CALL contacts.import('many', dry_run => true, chunk => 100);

-- Whether an address is suppressed counts.
SELECT contacts.define_workspace('default', status_policy => 'guarded') IS NOT NULL AS guarded;
SELECT contact_upsert('{"email_address": "out@example.com", "status": "UNSUBSCRIBED"}') IS NOT NULL AS made;
DELETE FROM contacts.contact WHERE email_address = 'out@example.com';
CREATE TABLE guarded AS SELECT unnest('{out@example.com,in@example.com,there@example.com}'::text[]) AS email, 'SUBSCRIBED' AS status;
CALL contacts.import('guarded', dry_run => true);
SELECT row_number AS row, "column", code FROM contacts.import_error WHERE import_id = (SELECT max(import_id) FROM contacts.import_progress) ORDER BY 1;
CALL contacts.import('guarded');

-- It is no import: nothing to undo, to retry or to go on with; an import begins as if it had not been.
SELECT max(id) AS tried FROM counts WHERE dry \gset
CALL contacts.undo_import(:tried);
CALL contacts.undo_import(:tried, dry_run => true);
CREATE TABLE fresh AS SELECT 'fresh' || i || '@example.com' AS email, 'x' AS age FROM generate_series(1, 3) i;
CALL contacts.import('fresh', dry_run => true);
CALL contacts.import('fresh', retry => true);
CALL contacts.import('fresh', dry_run => true, restart => true);
CALL contacts.import('fresh', dry_run => true, restart => false);
CALL contacts.import('fresh', dry_run => NULL);
-- one that was interrupted is given up
SELECT max(id) AS tried FROM counts WHERE dry \gset
UPDATE contacts.import_progress SET state = 'running', done = 0, failed = 0 WHERE import_id = :tried;
INSERT INTO contacts.import_chunk (workspace_id, import_id, first_row, rows) VALUES (1, :tried, 1, '{"{}"}');
CALL contacts.import('fresh');
SELECT id - :tried AS later, dry, state FROM counts WHERE id >= :tried ORDER BY id;
SELECT count(*) AS chunks FROM contacts.import_chunk;
-- beside an import that was interrupted it does not run
UPDATE fresh SET age = '7';
CREATE FUNCTION accident() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'an accident' USING ERRCODE = '58030'; END $$;
CREATE TRIGGER accident BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'fresh2@example.com') EXECUTE FUNCTION accident();
CALL contacts.import('fresh', chunk => 1);
CALL contacts.import('fresh', dry_run => true);
DROP TRIGGER accident ON contacts.contact;
CALL contacts.import('fresh');

-- Rules of the user's own are not asked: the NOTICE says so.
CREATE TRIGGER accident BEFORE INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION accident();
CREATE TABLE ruled AS SELECT 'ruled@example.com' AS email;
CALL contacts.import('ruled', dry_run => true);
DROP TRIGGER accident ON contacts.contact;
-- whoever may import may try
SELECT contacts.define_workspace('second') AS second \gset
CREATE ROLE regress_contacts_loader;
GRANT SELECT ON ruled TO regress_contacts_loader;
SELECT contacts.grant_access('regress_contacts_loader', :second);
SET ROLE regress_contacts_loader;
CALL contacts.import('ruled', dry_run => true, workspace_id => :second);
RESET ROLE;

SET client_min_messages = warning;
DROP TABLE people, many, guarded, fresh, ruled;
DROP VIEW counts, all_there_is;
DROP FUNCTION accident CASCADE;
DROP EXTENSION contact_upsert CASCADE;
DROP OWNED BY regress_contacts_loader;
DROP ROLE regress_contacts_loader;
