-- contacts.import(): a staging table is loaded chunk by chunk; bad rows are kept with their reasons.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
CREATE TABLE staging (email_address text, status text, tags text, first_name text, age text, human text, seen text, likes text, country text);
\set SHOW_CONTEXT never
CALL contacts.import('staging');
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT contacts.define_field('first_name', 'First Name', tracked => true), contacts.define_field('age', 'Age', 'NUMBER'),
	contacts.define_field('human', 'Human', 'BOOLEAN'), contacts.define_field('seen', 'Seen', 'DATE'),
	contacts.define_field('likes', 'Likes', 'DROPDOWN_MULTIPLE', ARRAY['tea', 'wine', 'war']),
	contacts.define_field('country', 'Country', 'COUNTRY'), contacts.define_tag('newsletter'), contacts.define_tag('vip');
CREATE VIEW progress AS
	SELECT import_id AS id, staging_table, state, total, done, created, updated, unchanged, failed, rate > 0 AS rated,
		finished_at IS NOT NULL AS ended
	FROM contacts.import_progress;
CREATE VIEW bad AS SELECT import_id AS id, row_number AS row_no, row, code, message FROM contacts.import_error;

-- A table of texts, as COPY fills it: lists are separated by commas, a blank cell leaves what is there.
COPY staging FROM stdin (FORMAT csv);
Tywin@Example.com,SUBSCRIBED,"newsletter, vip",Tywin,67,true,1200-01-01,"war, wine",de
shae@example.com,,,Shae,,,,,
no address,,,Nobody,,,,,
shae@example.com,UNCONFIRMED,vip,,20,False,,,
tyrion@example.com,,unknown,,,,,,
tyrion@example.com,,,,many,,,,
tyrion@example.com,,,,,,2024-02-30,,
tyrion@example.com,,,,,,,beer,
tyrion@example.com,Subscribed,,,,,,,
,,,Nobody,,,,,
tyrion@example.com,,"vip,",,12.50,,2024-02-29T12:00:00+02:00,tea,gb
tyrion@example.com,,"""",,,,,,
,,,,,,,,
tyrion@example.com,,", VIP ,, ",,,,,,
tyrion@example.com,,"",,,,,,""
\.
CALL contacts.import('staging', chunk => 3);
TABLE progress;
TABLE bad;
SELECT email_address, status, tags, version, data FROM contacts.contact ORDER BY 1;
SELECT count(*) AS rows_to_come FROM contacts.import_chunk;
SELECT error ->> 'code' AS code, error ->> 'sqlstate' AS sqlstate, error ->> 'merge_tag' AS merge_tag FROM contacts.import_error WHERE row_number = 6;

-- Again: nothing to do, as long as the rows are the same, in whatever order. restart => true loads them again.
UPDATE staging SET first_name = first_name WHERE first_name = 'Shae';
CALL contacts.import('staging');
CALL contacts.import('staging', restart => false);
CALL contacts.import('staging', restart => true);
-- other rows are another import
TRUNCATE staging;
INSERT INTO staging (email_address, first_name) VALUES ('cersei@example.com', 'Cersei');
CALL contacts.import('staging');
DELETE FROM staging;
CALL contacts.import('staging');
SELECT * FROM progress ORDER BY id;
-- the bad rows as a table to be mended
CREATE TABLE again AS SELECT (jsonb_populate_record(NULL::staging, row)).* FROM contacts.import_error WHERE import_id = 1 AND code = 'EMAIL_INVALID';
UPDATE again SET email_address = 'nobody@example.com';
CALL contacts.import('again');

-- Typed columns, arrays, jsonb, a generated and a dropped column, a name that needs quotes.
CREATE SCHEMA "the ""schema""";
SELECT contacts.define_field('status', 'Status'), contacts.define_field('tags', 'Tags', 'NUMBER');
CREATE TABLE "the ""schema"""."the 'table'" (
	gone integer, tags numeric, age integer, human boolean, seen timestamptz, likes jsonb, country char(2),
	status text, "contact.tags" bigint[], nn integer, email_address text GENERATED ALWAYS AS ('typed' || nn::text || '@example.com') STORED);
ALTER TABLE "the ""schema"""."the 'table'" DROP COLUMN gone;
SELECT contacts.define_field('nn', 'N', 'NUMBER');
INSERT INTO "the ""schema"""."the 'table'" ("contact.tags", age, human, seen, likes, country, status, tags, nn) VALUES
	('{2,1}', 7, false, '2024-06-01 12:00+02', '["wine", "tea"]', 'fr', 'a status', 1.5, 1),
	('{}', NULL, NULL, 'infinity', '"tea, wine"', NULL, NULL, NULL, 2),
	('{99}', NULL, NULL, NULL, 'null', NULL, NULL, NULL, 3),
	(NULL, NULL, NULL, NULL, '{"a": 1}', NULL, NULL, NULL, 4),
	(NULL, NULL, NULL, NULL, 'null', NULL, NULL, NULL, 5);
SET DateStyle = 'German';
SET TimeZone = 'Asia/Kolkata';
CALL contacts.import('"the ""schema"""."the ''table''"');
SET TimeZone = 'UTC';
RESET DateStyle;
CALL contacts.import('"the ""schema"""."the ''table''"');
SELECT email_address, tags, data FROM contacts.contact WHERE email_address LIKE 'typed%' ORDER BY 1;
SELECT row_no, code, message FROM bad WHERE id = (SELECT max(id) FROM bad) ORDER BY 1;

-- A view, a partitioned table, a temporary one, a table with only the address.
CREATE VIEW selected AS SELECT 'view@example.com' AS email_address, 'View' AS first_name;
CALL contacts.import('selected');
CREATE TABLE parted (email_address text) PARTITION BY HASH (email_address);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO parted VALUES ('parted@example.com');
CALL contacts.import('parted');
CREATE TEMP TABLE temporary (email_address text);
INSERT INTO temporary VALUES ('temporary@example.com');
SET client_min_messages = warning;
CALL contacts.import('temporary');
RESET client_min_messages;
SELECT state, total FROM contacts.import_progress WHERE staging_table LIKE 'pg_temp%.temporary';

-- partial_update => false replaces all values, create_tags => true makes tags of unknown names.
CREATE TABLE replacing (email_address text, "contact.tags" text, age int);
INSERT INTO replacing VALUES ('Tywin@example.com', 'new, VIP', 68);
CALL contacts.import('replacing', partial_update => false, create_tags => true);
SELECT version, data, ARRAY(SELECT name FROM contacts.tag WHERE tag_id = ANY (tags) ORDER BY tag_id) AS tags
FROM contacts.contact WHERE email_address = 'tywin@example.com';
SELECT type, detail FROM contacts.event ORDER BY event_id DESC LIMIT 2;

-- Interrupted: what is committed stays, and the next call goes on. A trigger plays the accident.
CREATE TABLE people AS SELECT 'p' || i || '@example.com' AS email_address, i AS age FROM generate_series(1, 25) i;
CREATE FUNCTION accident() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE 'an accident' USING ERRCODE = '58030';
END $$;
CREATE TRIGGER accident BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'p15@example.com') EXECUTE FUNCTION accident();
CALL contacts.import('people', chunk => 10);
SELECT * FROM progress WHERE staging_table = 'public.people';
SELECT count(*) FROM contacts.contact WHERE email_address LIKE 'p__@example.com' OR email_address LIKE 'p_@example.com';
SELECT first_row, cardinality(rows) FROM contacts.import_chunk ORDER BY 1;
DROP TRIGGER accident ON contacts.contact;
-- a contact that somebody changes meanwhile is not set back
SELECT contact_upsert('{"email_address":"p1@example.com","fields":{"age":100}}') #> '{data,data}' AS changed;
VACUUM FULL people;
CALL contacts.import('people', chunk => 7);
SELECT * FROM progress WHERE staging_table = 'public.people';
SELECT count(*), sum(version) FROM contacts.contact WHERE email_address LIKE 'p__@example.com' OR email_address LIKE 'p_@example.com';

-- The table has changed in between: the caller says what is meant.
CREATE TRIGGER accident BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'q2@example.com') EXECUTE FUNCTION accident();
CREATE TABLE changing AS SELECT 'q' || i || '@example.com' AS email_address FROM generate_series(1, 3) i;
CALL contacts.import('changing', chunk => 1);
DROP TRIGGER accident ON contacts.contact;
UPDATE changing SET email_address = 'q4@example.com' WHERE email_address = 'q2@example.com';
CALL contacts.import('changing');
CALL contacts.import('changing', restart => false);
SELECT email_address FROM contacts.contact WHERE email_address LIKE 'q_@%' ORDER BY 1;
CALL contacts.import('changing');
SELECT email_address FROM contacts.contact WHERE email_address LIKE 'q_@%' ORDER BY 1;
CREATE TRIGGER accident BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'q5@example.com') EXECUTE FUNCTION accident();
INSERT INTO changing VALUES ('q5@example.com');
CALL contacts.import('changing', chunk => 2);
DROP TRIGGER accident ON contacts.contact;
CALL contacts.import('changing', restart => true);
SELECT * FROM progress WHERE staging_table = 'public.changing' ORDER BY id;
SELECT count(*) AS rows_to_come FROM contacts.import_chunk;

-- A trigger of the user's own runs as it does in any upsert, with the caller's search_path.
CREATE TABLE audit (email_address text);
CREATE FUNCTION write_audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (NEW.email_address); RETURN NULL; END $$;
CREATE TRIGGER write_audit AFTER INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION write_audit();
SELECT contacts.create_import_view('import_view');
INSERT INTO import_view (email_address) VALUES ('audit1@example.com');
CREATE TABLE audited AS SELECT 'audit2@example.com' AS email_address;
CALL contacts.import('audited');
SELECT * FROM audit;
DROP TRIGGER write_audit ON contacts.contact;

-- A rule of the user's own refuses rows: they are bad rows, and the others of the chunk are loaded.
ALTER TABLE contacts.contact ADD CONSTRAINT "nobody is 1300" CHECK ((data ->> 'age')::numeric <> 1300);
CREATE FUNCTION nobody_is_1200() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.data -> 'age' = '1200' THEN
		RAISE 'Nobody is 1200.';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER nobody_is_1200 BEFORE INSERT OR UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION nobody_is_1200();
CREATE TABLE ruled AS SELECT 'r' || i || '@example.com' AS email_address, i * 100 AS age FROM generate_series(1, 15) i;
INSERT INTO ruled VALUES ('bad', 1);
CALL contacts.import('ruled');
SELECT row_no, row, code, message FROM bad WHERE id = (SELECT max(id) FROM bad) ORDER BY 1;
SELECT count(*), sum(version) FROM contacts.contact WHERE email_address ~ '^r\d';
ALTER TABLE contacts.contact DROP CONSTRAINT "nobody is 1300";
DROP TRIGGER nobody_is_1200 ON contacts.contact;

-- Bad calls: an error that says why, and nothing is written.
SELECT count(*) AS imports FROM contacts.import_progress \gset
CALL contacts.import('missing');
CALL contacts.import(NULL);
CALL contacts.import(1);
CALL contacts.import('staging', NULL);
CALL contacts.import('staging', 0);
CALL contacts.import('staging', 100001);
CALL contacts.import('staging', workspace_id => 99);
CALL contacts.import('staging', workspace_id => NULL);
CALL contacts.import('staging', partial_update => NULL);
CALL contacts.import('staging', create_tags => NULL);
CREATE TABLE wrong (id int, "E-Mail" text, age int);
CALL contacts.import('wrong');
ALTER TABLE wrong ADD COLUMN email_address text;
CALL contacts.import('wrong');
CREATE TABLE empty ();
CALL contacts.import('empty');
CREATE SEQUENCE wrong_sequence;
CALL contacts.import('wrong_sequence');
CREATE INDEX wrong_index ON staging (email_address);
CALL contacts.import('wrong_index');
BEGIN;
CALL contacts.import('staging');
ROLLBACK;
SELECT 1 \; CALL contacts.import('staging');
CREATE FUNCTION calls() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL contacts.import('replacing'); END $$;
SELECT calls();
SET default_transaction_read_only = on;
CALL contacts.import('replacing', restart => true);
RESET default_transaction_read_only;
SELECT count(*) - :imports AS new_imports FROM contacts.import_progress;
-- another isolation level is for other statements
CREATE TABLE levels (level text);
CREATE FUNCTION note_level() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.levels VALUES (current_setting('transaction_isolation'));
	RETURN NULL;
END $$;
CREATE TRIGGER note_level AFTER INSERT OR UPDATE ON contacts.import_progress EXECUTE FUNCTION note_level();
SET default_transaction_isolation = 'serializable';
CALL contacts.import('people', chunk => 10, restart => true);
RESET default_transaction_isolation;
SELECT level, count(*) FROM levels GROUP BY level;
DROP TABLE levels;
SET client_min_messages = warning;
DROP FUNCTION note_level CASCADE;
RESET client_min_messages;
-- a block that commits, too, may call it; with other parameters it is another import
DO $$ BEGIN CALL contacts.import('replacing'); CALL contacts.import('replacing'); END $$;
-- a row that no request can be
CREATE TABLE large AS SELECT 'large@example.com' AS email_address, repeat('x', 2000000) AS first_name UNION ALL SELECT 'small@example.com', 'x';
CALL contacts.import('large');
SELECT row_no, code, message FROM bad WHERE id = (SELECT max(id) FROM bad) ORDER BY 1;

-- Rights: the caller's own, in its own workspaces; another's imports are not seen.
SELECT contacts.define_workspace('second') AS second \gset
CREATE ROLE regress_contacts_loader;
CREATE SCHEMA regress_loader AUTHORIZATION regress_contacts_loader;
SET ROLE regress_contacts_loader;
CREATE TABLE regress_loader.mine AS SELECT 'mine@example.com' AS email_address;
CALL contacts.import('regress_loader.mine');
RESET ROLE;
SELECT contacts.grant_access('regress_contacts_loader', :second);
SET ROLE regress_contacts_loader;
CALL contacts.import('regress_loader.mine');
CALL contacts.import('staging', workspace_id => :second);
CALL contacts.import('parted', workspace_id => :second);
SELECT count(*) FROM contacts.import_progress;
-- names of its own that would be found first
SET search_path = regress_loader, pg_temp, pg_catalog;
CREATE FUNCTION regress_loader.equal(pg_catalog.int8, pg_catalog.int8) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE OPERATOR regress_loader.= (LEFTARG = int8, RIGHTARG = int8, FUNCTION = regress_loader.equal);
CREATE FUNCTION regress_loader.getter(jsonb, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE OPERATOR regress_loader.->> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = regress_loader.getter);
CREATE FUNCTION regress_loader.jsonb_agg(jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE FUNCTION regress_loader.to_jsonb(anyelement) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE DOMAIN regress_loader.text AS pg_catalog.int4;
CREATE TABLE regress_loader.import_progress AS SELECT 1 AS x;
CALL contacts.import('mine', workspace_id => :second);
CALL contacts.import('mine', workspace_id => :second);
RESET search_path;
SELECT workspace_id, staging_table, done, created FROM contacts.import_progress;
INSERT INTO contacts.import_progress (workspace_id, staging_table) VALUES (1, 'mine');
SELECT workspace_id, email_address FROM contacts.contact;
RESET ROLE;

-- An import goes with its workspace, and its bad rows with the import.
DELETE FROM contacts.import_progress WHERE import_id = 1;
SELECT count(*) FROM contacts.import_error WHERE import_id = 1;
DELETE FROM contacts.workspace WHERE workspace_id = :second;
SELECT count(*) FROM contacts.import_progress WHERE workspace_id = :second;

SET client_min_messages = warning;
DROP SCHEMA regress_loader, "the ""schema""" CASCADE;
DROP TABLE staging, again, parted, pg_temp.temporary, replacing, people, changing, audit, audited, ruled, wrong, empty, large CASCADE;
DROP VIEW progress, bad, selected, import_view;
DROP SEQUENCE wrong_sequence;
DROP FUNCTION accident, write_audit, nobody_is_1200, calls CASCADE;
DROP EXTENSION contact_upsert CASCADE;
DROP OWNED BY regress_contacts_loader;
DROP ROLE regress_contacts_loader;
