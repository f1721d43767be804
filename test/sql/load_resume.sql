-- contacts.import(): an import that goes on, with what parameters; what is a bad row and what ends the import; ids; rights.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('age', 'Age', 'NUMBER'), contacts.define_field('note', 'Note');
CREATE VIEW progress AS
	SELECT import_id AS id, staging_table, parameters, state, total, done, created, updated, unchanged, failed
	FROM contacts.import_progress ORDER BY import_id;

-- An accident ends an import behind its first chunk.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE 'refused: %', NEW.email_address USING ERRCODE = TG_ARGV[0];
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'p4@example.com') EXECUTE FUNCTION refuse('58030');
CREATE TABLE people AS SELECT 'p' || i || '@example.com' AS email_address, i AS age, 'new' || i AS tags FROM generate_series(1, 6) i;
CALL contacts.import('people', chunk => 2, create_tags => true);
TABLE progress;
-- It goes on with the parameters with which it began and no others; how many rows are in a chunk is decided.
CALL contacts.import('people');
CALL contacts.import('people', create_tags => true, partial_update => false);
CALL contacts.import('people', partial_update => false, restart => false);
SELECT count(*) AS tags FROM contacts.tag;
DROP TRIGGER refuse ON contacts.contact;
CALL contacts.import('people', chunk => 1000, create_tags => true);
TABLE progress;
-- When it is done, other parameters make another import of it; the same do nothing.
CALL contacts.import('people', create_tags => true);
CALL contacts.import('people');
CALL contacts.import('people', create_tags => true, restart => false);
-- restart => true begins with other parameters.
CREATE TRIGGER refuse BEFORE UPDATE ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'p4@example.com') EXECUTE FUNCTION refuse('58030');
UPDATE people SET age = age + 1;
CALL contacts.import('people', chunk => 3);
CALL contacts.import('people', partial_update => false, create_tags => true);
DROP TRIGGER refuse ON contacts.contact;
CALL contacts.import('people', partial_update => false, create_tags => true, restart => true);
SELECT id, parameters, state, done FROM progress;
-- rows that are lost
UPDATE contacts.import_progress SET state = 'running', done = 0, created = 0, updated = 0, unchanged = 0, failed = 0, backend_pid = NULL WHERE import_id = 1;
DELETE FROM contacts.import_progress WHERE import_id > 1;
CALL contacts.import('people', create_tags => true, restart => false);
DROP TABLE people;
DELETE FROM contacts.import_progress;

-- What a row is to blame for is a bad row: the classes 22, 23, 44, P0 and those that PostgreSQL does not define. All else ends
-- the import, and the next call goes on.
CREATE TABLE codes (code text, email_address text);
INSERT INTO codes SELECT code, lower(code) || '@example.com' FROM unnest('{22000,22P02,23505,23514,44000,P0001,P0002,P0004,MY001,45000,99999,ZZ000,'
	'21000,0A000,25006,2F003,38001,39001,3B001,40001,40P01,42501,42P01,53200,54001,55000,55P03,57000,57P05,58000,72000,F0000,HV000,XX000,XX001}'::text[]) code;
CREATE FUNCTION refuse_by_code() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE 'refused' USING ERRCODE = (SELECT c.code FROM public.codes c WHERE c.email_address = NEW.email_address);
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address NOT LIKE 'good%') EXECUTE FUNCTION refuse_by_code();
SET client_min_messages = error;
-- one by one: a good row before it, and one behind it
\set ECHO none
SELECT format('CREATE VIEW %1$I AS SELECT %2$L AS email_address UNION ALL SELECT %3$L UNION ALL SELECT %4$L',
	'try_' || lower(code), 'good1' || email_address, email_address, 'good2' || email_address) FROM codes \gexec
\set VERBOSITY sqlstate
SELECT format('CALL contacts.import(%L)', 'try_' || lower(code)) FROM codes \gexec
\set VERBOSITY default
\set ECHO all
RESET client_min_messages;
SELECT state, done, created, failed, string_agg(substr(staging_table, 12), ' ' ORDER BY staging_table)
FROM contacts.import_progress GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
SELECT code, row_number, message, count(*) OVER () FROM contacts.import_error ORDER BY code LIMIT 3;
DROP TRIGGER refuse ON contacts.contact;
CALL contacts.import('try_40001');
\set ECHO none
SELECT format('DROP VIEW %I', 'try_' || lower(code)) FROM codes \gexec
\set ECHO all
DROP TABLE codes;
DELETE FROM contacts.import_progress;

-- A sequence behind the data (a restore, a failover) gives no ids that are in use.
CREATE TABLE ids (email_address text);
INSERT INTO ids VALUES ('ids@example.com');
SELECT setval('contacts.import_progress_import_id_seq', 100) > 0 AS at_100;
CALL contacts.import('ids');
CALL contacts.import('ids', restart => true);
CALL contacts.import('ids', restart => true);
SELECT setval('contacts.import_progress_import_id_seq', 100) > 0 AS behind;
CALL contacts.import('ids', restart => true);
SELECT setval('contacts.import_progress_import_id_seq', 50) > 0 AS far_behind;
CALL contacts.import('ids', restart => true);
-- the last one is the one that began last
CALL contacts.import('ids');
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER nothing BEFORE INSERT ON contacts.import_progress FOR EACH ROW EXECUTE FUNCTION nothing();
CALL contacts.import('ids', restart => true);
DROP TRIGGER nothing ON contacts.import_progress;

-- What a member may write: rows of its own workspaces, with ids from the sequence.
SELECT contacts.define_workspace('second') AS second \gset
CREATE ROLE regress_contacts_member;
CREATE ROLE regress_contacts_reader;
SELECT contacts.grant_access('regress_contacts_member', workspace_id => :second);
GRANT SELECT ON ids TO regress_contacts_member, regress_contacts_reader;
SET ROLE regress_contacts_member;
CALL contacts.import('ids', workspace_id => :second);
CALL contacts.import('ids', workspace_id => 1);
SELECT workspace_id, staging_table, state FROM contacts.import_progress;
RESET ROLE;
-- a contact that a policy of the user's own refuses is a bad row; a privilege that is missing ends the import
CREATE POLICY no_guests ON contacts.contact AS RESTRICTIVE FOR INSERT TO regress_contacts_member WITH CHECK (email_address NOT LIKE 'guest%');
CREATE TABLE guests AS SELECT unnest('{host1@example.com,guest1@example.com,host2@example.com}'::text[]) AS email_address;
GRANT SELECT ON guests TO regress_contacts_member;
SET ROLE regress_contacts_member;
CALL contacts.import('guests', workspace_id => :second);
SELECT row_number, code, message FROM contacts.import_error;
RESET ROLE;
DROP POLICY no_guests ON contacts.contact;
REVOKE INSERT ON contacts.contact FROM regress_contacts_member;
SET ROLE regress_contacts_member;
CALL contacts.import('guests', restart => true, workspace_id => :second);
INSERT INTO contacts.import_progress (workspace_id, staging_table) VALUES (1, 'public.ids');
INSERT INTO contacts.import_progress (workspace_id, import_id, staging_table) OVERRIDING SYSTEM VALUE VALUES (:second, 9223372036854775807, 'public.ids');
UPDATE contacts.import_progress SET import_id = DEFAULT;
UPDATE contacts.import_progress SET workspace_id = 1;
UPDATE contacts.import_progress SET staging_table = 'x';
INSERT INTO contacts.import_chunk VALUES (1, 100, 1, '{}');
INSERT INTO contacts.import_error VALUES (1, 100, 1, 1, '{}', 'x', 'x', 'x', 'x', 'x', '{}');
UPDATE contacts.import_chunk SET rows = '{}';
UPDATE contacts.import_error SET row = '{}';
DELETE FROM contacts.import_error;
SELECT setval('contacts.import_progress_import_id_seq', 1);
SELECT nextval('contacts.import_progress_import_id_seq');
DELETE FROM contacts.import_progress;
RESET ROLE;
SELECT count(*) AS workspaces FROM contacts.import_progress WHERE workspace_id = 1;
-- one that may read, and no more
SELECT contacts.grant_access('regress_contacts_reader', workspace_id => :second);
REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA contacts FROM regress_contacts_reader;
SET ROLE regress_contacts_reader;
CALL contacts.import('ids', workspace_id => :second);
RESET ROLE;
REVOKE EXECUTE ON PROCEDURE contacts.import FROM regress_contacts_reader;
SET ROLE regress_contacts_reader;
CALL contacts.import('ids', workspace_id => :second);
RESET ROLE;

-- A field that goes, and a column that comes, while an import waits: what the columns were matched to stays.
CREATE TABLE matched (email text, note text);
INSERT INTO matched SELECT 'matched' || i || '@example.com', 'x' FROM generate_series(1, 3) i;
CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'stopped' USING ERRCODE = 'internal_error'; END $$;
CREATE TRIGGER stop BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'matched2@example.com') EXECUTE FUNCTION stop();
CALL contacts.import('matched', chunk => 1);
DROP TRIGGER stop ON contacts.contact;
DROP FUNCTION stop;
DELETE FROM contacts.field WHERE merge_tag = 'note';
ALTER TABLE matched ADD COLUMN unheard_of text;
CALL contacts.import('matched', chunk => 1);
SELECT contacts.define_field('note', 'Note');
CALL contacts.import('matched', chunk => 1);
SELECT email_address, data FROM contacts.contact WHERE email_address LIKE 'matched%' ORDER BY 1;

SET client_min_messages = warning;
DROP TABLE ids, guests, matched;
DROP VIEW progress;
DROP FUNCTION refuse, refuse_by_code, nothing CASCADE;
DROP EXTENSION contact_upsert CASCADE;
DROP OWNED BY regress_contacts_member, regress_contacts_reader;
DROP ROLE regress_contacts_member, regress_contacts_reader;
