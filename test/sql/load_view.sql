-- Import views: a file is loaded with COPY, and read again; every line is an upsert.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.create_import_view('contact_import');
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('first_name', 'First Name', tracked => true), contacts.define_field('age', 'Age', 'NUMBER'),
	contacts.define_field('human', 'Human', 'BOOLEAN'), contacts.define_field('seen', 'Seen', 'DATE'),
	contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE', ARRAY['S', 'L']),
	contacts.define_field('likes', 'Likes', 'DROPDOWN_MULTIPLE', ARRAY['tea', 'a, b', '"q"']),
	contacts.define_field('country', 'Country', 'COUNTRY'),
	contacts.define_tag('newsletter'), contacts.define_tag('vip');
SELECT contacts.create_import_view('contact_import');
SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'contact_import'::regclass AND attnum > 0 ORDER BY attnum;
SELECT obj_description('contact_import'::regclass);

-- A file with every column, and one with some; what is not null merges.
COPY contact_import FROM stdin (FORMAT csv);
Tywin@Example.com ,UNCONFIRMED,"{vip,newsletter}",Tywin,67,t,1200-01-01,L,"{""a, b"",tea}",de
shae@example.com,,,Shae,,,,,,
\.
COPY contact_import (email_address, age) FROM stdin (FORMAT csv);
shae@example.com,20
SHAE@example.com,21.50
\.
SELECT * FROM contact_import;
SELECT version, data FROM contacts.contact ORDER BY email_address;
SELECT type FROM contacts.event ORDER BY event_id;

-- A blank cell leaves a value as it is; with blank => 'clear' it clears it.
INSERT INTO contact_import (email_address, first_name, size, seen, likes, tags, status, human)
	VALUES ('tywin@example.com', NULL, '', ' ', '{}', '{}', 'SUBSCRIBED', false);
SELECT * FROM contact_import WHERE email_address = 'tywin@example.com';
SELECT contacts.create_import_view('clearing_import', blank => 'clear');
INSERT INTO clearing_import (email_address, first_name, size, seen) VALUES ('tywin@example.com', 'Tywin', '', ' ') RETURNING *;
-- A column that is not named says nothing, by INSERT and by COPY; without partial_update there is no such thing.
INSERT INTO clearing_import (email_address, age) VALUES ('tywin@example.com', '') RETURNING *;
INSERT INTO clearing_import (email_address, likes, human, age)
	VALUES ('tywin@example.com', 'tea', DEFAULT, 66), ('tywin@example.com', '', 'yes', DEFAULT) RETURNING *;
INSERT INTO clearing_import (email_address, likes, tags) VALUES ('tywin@example.com', 'tea', 'vip') RETURNING likes, tags;
COPY clearing_import (email_address, age) FROM stdin (FORMAT csv);
tywin@example.com,
tywin@example.com,67
\.
SELECT * FROM clearing_import WHERE email_address = 'tywin@example.com';
INSERT INTO clearing_import (first_name) VALUES ('Nobody');
-- By an INSERT ... SELECT, with RETURNING: the row as it is stored.
INSERT INTO contact_import (email_address, tags) SELECT upper(email_address), ARRAY['vip'] FROM contact_import RETURNING email_address, tags;
SELECT email_address, tags FROM contact_import ORDER BY 1;

-- Without partial_update a row replaces all values; with create_tags unknown names become tags.
SELECT contacts.create_import_view('replacing_import', partial_update => false, create_tags => true);
INSERT INTO replacing_import (email_address, first_name, tags) VALUES ('shae@example.com', 'S', '{new}');
SELECT * FROM contact_import WHERE email_address = 'shae@example.com';

-- Bad lines: nothing of the file is loaded, and the error names the line.
\set SHOW_CONTEXT errors
COPY contact_import (email_address, first_name) FROM stdin (FORMAT csv);
good@example.com,Good
no address,Bad
\.
COPY contact_import (email_address, age) FROM stdin (FORMAT csv);
good@example.com,many
\.
COPY contact_import (email_address, age) FROM stdin (FORMAT csv);
good@example.com,NaN
\.
COPY contact_import (email_address, tags) FROM stdin (FORMAT csv);
good@example.com,{unknown}
\.
COPY contact_import (email_address, seen) FROM stdin (FORMAT csv);
good@example.com,2024-02-30
\.
COPY contact_import (email_address, status) FROM stdin (FORMAT csv);
good@example.com,subscrubed
\.
COPY contact_import (first_name) FROM stdin (FORMAT csv);
Nobody
\.
INSERT INTO contact_import (email_address, shoe_size) VALUES ('good@example.com', 7);
\set SHOW_CONTEXT never
SELECT count(*) FROM contacts.contact;
INSERT INTO contact_import (email_address, likes) VALUES ('good@example.com', '{tea,NULL}');

-- It takes nothing but rows.
UPDATE contact_import SET age = 1;
DELETE FROM contact_import WHERE false;
TRUNCATE contact_import;
CREATE TABLE own (email_address text);
CREATE TRIGGER upsert BEFORE INSERT ON own FOR EACH ROW EXECUTE FUNCTION contacts_internal.upsert_view_row('1');
INSERT INTO own VALUES ('a@example.com');
DROP TABLE own;

-- Out and in again changes nothing, whatever DateStyle and TimeZone are, before and between.
DELETE FROM contacts.contact;
SELECT contacts.define_tag('a, "b" {c}') IS NOT NULL AS tag, contacts.define_tag('NULL') IS NOT NULL AS tag, contacts.define_tag('gone') AS gone \gset
SELECT contacts.define_field('status', 'Status'), contacts.define_field('tags', 'Tags', 'NUMBER'), contacts.define_field('select', 'SQL''s "own"');
SELECT contacts.create_import_view('contact_import', replace => true);
SELECT count(contact_upsert(jsonb_build_object('email_address', 'c' || i || '@example.com', 'fields', f,
	'status', (ARRAY['SUBSCRIBED', 'UNSUBSCRIBED', 'CLEANED', 'COMPLAINED', 'UNCONFIRMED'])[1 + i % 5],
	'tags', CASE WHEN i % 3 = 0 THEN '["vip", "a, \"b\" {c}", "NULL", "gone"]'::jsonb ELSE '[]' END)))
FROM jsonb_array_elements('[
		{"first_name": " spaces "}, {"first_name": "two\nlines"}, {"first_name": "comma, \"quote\""}, {"first_name": "back\\slash \\N"},
		{"first_name": "NULL"}, {"first_name": "é 漢字 🙂"}, {"first_name": "\t"}, {"age": 0}, {"age": -1.50}, {"age": 1e30},
		{"age": 12345678901234567890.123456789012345678901234567890}, {"human": false}, {"human": true}, {"seen": "2024-02-29"},
		{"seen": "2024-02-29T23:59:59Z"}, {"seen": "0001-01-01T00:00:00Z"}, {"likes": ["a, b", "\"q\""]}, {"likes": "tea", "country": "de", "size": "S"},
		{"status": "a status of its own", "tags": 7, "select": "x"}, {}]') WITH ORDINALITY AS t (f, i);
DELETE FROM contacts.tag WHERE name = 'gone';
CREATE TABLE before AS SELECT * FROM contacts.contact;
SET DateStyle = 'SQL, DMY';
SET TimeZone = 'Asia/Kolkata';
SET extra_float_digits = 0;
\copy (SELECT * FROM contact_import) TO 'results/load_view.csv' (FORMAT csv, HEADER)
SET DateStyle = 'German';
SET TimeZone = 'America/New_York';
\copy contact_import FROM 'results/load_view.csv' (FORMAT csv, HEADER match)
RESET DateStyle;
RESET TimeZone;
RESET extra_float_digits;
SELECT count(*) AS moved FROM contacts.contact c JOIN before b USING (id) WHERE (c.version, c.data, c.tags, c.status) IS DISTINCT FROM (b.version, b.data, b.tags, b.status);
SELECT email_address, "contact.tags", status, tags, "select" FROM contact_import WHERE "select" = 'x';
-- and into an empty table everything comes back, but for white space around texts
DELETE FROM contacts.contact;
\copy contact_import FROM 'results/load_view.csv' (FORMAT csv, HEADER)
SELECT count(*) AS back, count(*) FILTER (WHERE (c.data::text, c.tags, c.status) IS DISTINCT FROM (replace(b.data::text, '" spaces "', '"spaces"'), array_remove(b.tags, :gone), b.status)) AS other
FROM contacts.contact c JOIN before b USING (email_address);
DROP TABLE before;

-- A value that got there past the functions does not make the view unreadable.
UPDATE contacts.contact SET data = '{"age": "old", "human": 3, "likes": "tea", "first_name": ["a"]}', version = version + 1
	WHERE email_address = 'c1@example.com';
SELECT age, human, likes, first_name FROM contact_import WHERE email_address = 'c1@example.com';

-- Such values are left alone by a file that is made from the view.
UPDATE contacts.contact SET data = '{"age": "old", "human": 3, "likes": "x", "first_name": ["a"], "size": 5, "seen": ["b"], "country": true}',
	version = version + 1 WHERE email_address = 'c1@example.com';
SELECT * FROM contact_import WHERE email_address = 'c1@example.com';
\copy (SELECT * FROM contact_import WHERE email_address = 'c1@example.com') TO 'results/load_view.csv' (FORMAT csv, HEADER)
\copy contact_import FROM 'results/load_view.csv' (FORMAT csv, HEADER match)
SELECT version, data FROM contacts.contact WHERE email_address = 'c1@example.com';

-- Whatever a session says of literals, of operators and of how numbers are shown.
SELECT current_setting('server_version_num')::int < 190000 AS can_be_off \gset
\if :can_be_off
SET standard_conforming_strings = off;
SET escape_string_warning = off;
\endif
SELECT contacts.create_import_view('plain_strings') IS NOT NULL AS made, contacts.create_import_view('plain_strings', replace => true) AS again;
\if :can_be_off
RESET standard_conforming_strings;
RESET escape_string_warning;
\endif
DROP VIEW plain_strings;
\set VERBOSITY terse
INSERT INTO contact_import (email_address, age) VALUES ('c1@example.com', 'NaN');
INSERT INTO contact_import (email_address, age) VALUES ('c1@example.com', 'Infinity');
\set VERBOSITY default
INSERT INTO contact_import (email_address, age) VALUES ('c1@example.com', 1e400) RETURNING length(age::text);
SELECT length(data ->> 'age') AS digits FROM contacts.contact WHERE email_address = 'c1@example.com';

-- Definitions that change later: a deleted field is an error by its name, a new one is there when the view is made again.
DELETE FROM contacts.field WHERE merge_tag = 'size';
INSERT INTO contact_import (email_address, first_name) VALUES ('c1@example.com', 'x');
INSERT INTO contact_import (email_address, size) VALUES ('c1@example.com', 'S');
SELECT contacts.define_field('shoe_size', 'Shoe Size', 'NUMBER', place => 1);
CREATE ROLE regress_contacts_loader;
GRANT SELECT, INSERT ON contact_import TO regress_contacts_loader;
GRANT SELECT ON contact_import TO PUBLIC;
SELECT contacts.create_import_view('contact_import');
SELECT contacts.create_import_view('contact_import', replace => true);
SELECT * FROM contact_import WHERE false;
SELECT a.grantee::regrole, a.privilege_type
FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = 'contact_import'::regclass AND a.grantee <> c.relowner ORDER BY 1, 2;

-- Names: as SQL reads them. Nothing is replaced that is not this workspace's import view.
CREATE TABLE people (email_address text);
CREATE VIEW everybody AS SELECT 1 AS one;
CREATE SEQUENCE numbers;
SELECT contacts.define_workspace('second') AS second \gset
SELECT contacts.create_import_view('people', replace => true);
SELECT contacts.create_import_view('everybody', replace => true);
SELECT contacts.create_import_view('numbers');
SELECT contacts.create_import_view('contact_import', replace => true, workspace_id => :second);
SELECT contacts.create_import_view('Contact_Import');
CREATE VIEW depends AS SELECT email_address FROM contact_import;
SELECT contacts.create_import_view('contact_import', replace => true);
DROP VIEW depends;
CREATE SCHEMA "the ""schema""";
SELECT contacts.create_import_view('"the ""schema"""."a ''name'' of ""its"" own"');
SELECT contacts.create_import_view('"the ""schema"""."a ''name'' of ""its"" own"', replace => true);
SELECT count(*) FROM "the ""schema"""."a 'name' of ""its"" own";
SELECT contacts.create_import_view('missing.contact_import');
SELECT contacts.create_import_view('a name');
SELECT contacts.create_import_view('a.b.c');
SELECT contacts.create_import_view('');
SELECT contacts.create_import_view(repeat('a', 64));
SELECT contacts.create_import_view(NULL);
SELECT contacts.create_import_view('other', workspace_id => 99);
SELECT contacts.create_import_view('other', partial_update => NULL);
SELECT contacts.create_import_view('other', create_tags => NULL);
SELECT contacts.create_import_view('other', replace => NULL);
SELECT contacts.create_import_view('pg_temp.temporary');
INSERT INTO pg_temp.temporary (email_address) VALUES ('c1@example.com');
SET search_path = '';
SELECT contacts.create_import_view('other');
RESET search_path;
SET contact_upsert.workspace_id = :second;
SELECT contacts.create_import_view('second_import');
RESET contact_upsert.workspace_id;
INSERT INTO second_import (email_address) VALUES ('second@example.com');
SELECT workspace_id, email_address FROM contacts.contact WHERE workspace_id = :second;

-- It reads and writes with the rights of who uses it, not of who made it.
SET ROLE regress_contacts_loader;
SELECT count(*) FROM contact_import;
RESET ROLE;
SELECT contacts.grant_access('regress_contacts_loader', :second);
SET ROLE regress_contacts_loader;
SELECT count(*) FROM contact_import;
INSERT INTO contact_import (email_address) VALUES ('c1@example.com');
SELECT count(*) FROM second_import;
RESET ROLE;
CREATE SCHEMA regress_loader AUTHORIZATION regress_contacts_loader;
SET ROLE regress_contacts_loader;
SET search_path = regress_loader, pg_catalog, pg_temp;
-- names of its own that would be found first
CREATE TABLE regress_loader.contact AS SELECT 1 AS x;
CREATE TABLE regress_loader.field AS SELECT 1 AS x;
CREATE FUNCTION regress_loader.equal(pg_catalog.int8, pg_catalog.int8) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE OPERATOR regress_loader.= (LEFTARG = int8, RIGHTARG = int8, FUNCTION = regress_loader.equal);
CREATE FUNCTION regress_loader.getter(jsonb, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE OPERATOR regress_loader.->> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = regress_loader.getter);
CREATE DOMAIN regress_loader.text AS pg_catalog.int4;
SET search_path = regress_loader, pg_temp, pg_catalog;
SELECT contacts.create_import_view('mine', workspace_id => 2);
SELECT contacts.create_import_view('theirs', workspace_id => 1);
INSERT INTO mine (email_address) VALUES ('second@example.com'), ('third@example.com');
SELECT email_address, tags FROM mine ORDER BY 1;
RESET search_path;
RESET ROLE;
-- a member sees as much through another's view as of the table
GRANT SELECT, INSERT ON second_import TO regress_contacts_loader;
SET ROLE regress_contacts_loader;
SELECT count(*) FROM second_import;
INSERT INTO second_import (email_address) VALUES ('fourth@example.com');
RESET ROLE;
SELECT count(*) FROM second_import;

-- An address is found by the index.
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT first_name FROM contact_import WHERE email_address = 'c1@example.com';
RESET enable_seqscan;

-- The views are the user's: the extension does not go without a word, and DROP ... CASCADE takes them.
SET client_min_messages = warning;
SELECT count(*) AS members FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = 'contact_import'::regclass AND deptype = 'e';
DROP SCHEMA regress_loader, "the ""schema""" CASCADE;
DROP EXTENSION contact_upsert CASCADE;
SELECT to_regclass('contact_import');
DROP TABLE people;
DROP VIEW everybody;
DROP SEQUENCE numbers;
DROP OWNED BY regress_contacts_loader;
DROP ROLE regress_contacts_loader;
