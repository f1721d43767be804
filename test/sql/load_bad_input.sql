-- contacts.import() and import views on tables, types and cells that nobody expects: a clear error, or a bad row that says why.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
\set SHOW_CONTEXT never
SELECT contacts.define_field('note', 'Note'), contacts.define_field('age', 'Age', 'NUMBER'), contacts.define_field('flag', 'Flag', 'BOOLEAN'), contacts.define_field('seen', 'Seen', 'DATE'),
	contacts.define_field('likes', 'Likes', 'DROPDOWN_MULTIPLE', ARRAY['tea', 'wine', '1', 'true', '{"a":1}']), contacts.define_tag('vip'), contacts.define_tag('NULL');
CREATE VIEW bad AS SELECT row_number, error_number AS n, "column", left(value, 60) AS value, code, message FROM contacts.import_error WHERE import_id = (SELECT max(import_id) FROM contacts.import_progress) ORDER BY 1, 2;
CREATE VIEW counts AS SELECT state, total, done, created, updated, unchanged, failed FROM contacts.import_progress ORDER BY import_id DESC LIMIT 1;

-- Types: domains, composites, arrays, money, ranges, bytea, json, xml, enums, intervals; what none of the rules takes is a text.
CREATE DOMAIN address AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN years AS numeric CHECK (VALUE > 0);
CREATE TYPE pair AS (a text, b int);
CREATE TYPE mood AS ENUM ('glad');
CREATE TABLE typed (email address, age years, note pair, flag bool, seen date, likes mood[], tags pair[]);
INSERT INTO typed VALUES ('t1@example.com', 1.50, '(x,1)', true, '2024-02-29', '{}', NULL), ('t2@example.com', NULL, '(,)', false, 'infinity', '{glad}', '{"(a,1)"}');
CALL contacts.import('typed');
TABLE bad;
CREATE TABLE odd_types (email_address varchar(20), age money, note bytea, flag int, seen timestamptz, likes int[], tags json);
SET lc_monetary = 'C';
INSERT INTO odd_types VALUES ('o1@example.com', 12.5, '\x00ff', 1, '2024-02-29 23:00-05', '{1}', '["vip"]'), ('o2@example.com', -1, NULL, 2, '-infinity', '{{1,2},{3,4}}', '{"a": "vip"}'),
	('o3@example.com', 1234567.89, NULL, 0, '0099-01-01 00:00+00 BC', '{NULL,1}', '"vip"'), ('o4@example.com', NULL, NULL, NULL, NULL, NULL, '[["vip"]]'), ('o5@example.com', NULL, NULL, NULL, NULL, NULL, '[true, null, 1]');
CALL contacts.import('odd_types');
TABLE bad;
CREATE TABLE ranges (email text, note int4range, age float8, seen time, flag interval);
INSERT INTO ranges VALUES ('r1@example.com', '[1,5)', 'NaN', '10:00', '1 day'), ('r2@example.com', 'empty', 'Infinity', NULL, NULL), ('r3@example.com', NULL, 1e300, NULL, NULL), ('r4@example.com', NULL, -0.0, NULL, NULL);
CALL contacts.import('ranges');
TABLE bad;
SELECT email_address, tags, data FROM contacts.contact WHERE data ->> 'age' IS NULL OR length(data ->> 'age') < 100 ORDER BY 1;
SELECT length(data ->> 'age') AS digits FROM contacts.contact WHERE email_address = 'r3@example.com';

-- Cells that look like JSON, or like arrays: what is none is a text, and ends nothing.
CREATE TABLE lists (email text, tags text, likes text);
INSERT INTO lists SELECT 'j' || n || '@example.com', t, NULL FROM unnest(ARRAY['["vip"]', ' [ "VIP" , "vip" ] ', '[]', '["vip"', '[vip]', '["a\u0000b"]', '["\ud800"]', '[1e999999]', '[1]', '[1.0]', repeat('[', 100000), '["vip", ["vip"]]', '[{"a":1}]',
	'["vip"]x', '[null, true]', '{vip}', '{vip', '{"vip",NULL}', '{{vip}}', '"vip"', '"vip', '[12345678901234567890123]', '["]"]', E'["vi\\u0070"]', '{}', E'\u00a0["vip"]\u3000']) WITH ORDINALITY u (t, n);
CALL contacts.import('lists', separator => ',');
SELECT email_address, tags FROM contacts.contact WHERE email_address LIKE 'j%' ORDER BY length(email_address), 1;
TABLE bad;

-- No rows; only nulls; a cell of 10 MiB, an array of as much; a row larger than a request; a huge number.
CREATE TABLE sizes (email text, note text, likes text[], age numeric);
CALL contacts.import('sizes');
TABLE counts;
INSERT INTO sizes VALUES (NULL, NULL, NULL, NULL), ('big1@example.com', repeat('x', 10 * 1024 * 1024), NULL, NULL), ('big2@example.com', NULL, array_fill('wine'::text, ARRAY[1000000]), NULL), (repeat('x', 10 * 1024 * 1024), NULL, NULL, NULL),
	('big3@example.com', NULL, NULL, 1e131000), ('good@example.com', 'x', '{wine}', 1);
CALL contacts.import('sizes');
TABLE counts;
TABLE bad;
CALL contacts.import('sizes', dry_run => true);
TABLE counts;
CALL contacts.import('sizes', retry => true);
TABLE counts;

-- A trigger and a rule on the staging table are nothing to it; nor is a table without columns, a sequence, an index one to load.
CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'loud'; END $$;
CREATE TABLE triggered AS SELECT 'trigger@example.com' AS email;
CREATE TRIGGER loud BEFORE INSERT OR UPDATE OR DELETE ON triggered FOR EACH ROW EXECUTE FUNCTION loud();
CREATE RULE nothing AS ON UPDATE TO triggered DO INSTEAD NOTHING;
CALL contacts.import('triggered');
TABLE counts;
CREATE TABLE nothing ();
CALL contacts.import('nothing');
CREATE SEQUENCE numbers;
CALL contacts.import('numbers');
-- two columns that differ in case alone, a name with quotes, one of 63 bytes
CREATE TABLE names ("EMAIL" text, email text);
CALL contacts.import('names');
CALL contacts.import('names', columns => '{"EMAIL": null}');
CREATE TABLE quoted ("e-mail" text, "a ""b"" 'c' {d}" text, "ééééééééééééééééééééééééééééééé" text);
INSERT INTO quoted VALUES ('quoted@example.com', 'x', 'y');
CALL contacts.import('quoted');
CALL contacts.import('quoted', columns => '{"a \"b\" ''c'' {d}": "note", "ééééééééééééééééééééééééééééééé": null}');
TABLE counts;
SELECT row FROM contacts.import_error WHERE false;

-- Import views: the same converter; columns that have other names, and some more.
SELECT contacts.create_import_view('plain');
SELECT contacts.create_import_view('named', columns => '{"E-Mail": "email_address", "Remarks": "note", "Plus": "add_tags", "Since": "created_at", "From": "source", "Skip": null}', blank => 'clear', date_format => 'DD.MM.YYYY', separator => ';');
SELECT * FROM named WHERE false;
INSERT INTO named ("E-Mail", "Remarks", "Plus", "Since", "From", "Skip", seen, likes) VALUES ('Ann <Named@Example.com>', ' n ', 'vip;NULL', '31.12.2019', 'a form', 'anything', '29.02.2024', 'TEA;wine') RETURNING *;
INSERT INTO named ("E-Mail", "Since", seen) VALUES ('named@example.com', '01.01.2001', '') RETURNING *;
SELECT source FROM contacts.history h JOIN contacts.contact c ON c.id = h.contact_id WHERE c.email_address = 'named@example.com';
INSERT INTO named ("E-Mail", "Since") VALUES ('named2@example.com', '01.01.2999');
INSERT INTO named ("E-Mail", seen) VALUES ('named2@example.com', '02/15/2024');
INSERT INTO named ("E-Mail", "Remarks") VALUES ('named2@example.com', repeat('x', 10 * 1024 * 1024));
INSERT INTO plain (email_address, age, flag, seen, likes) VALUES ('plain@example.com', 12.50, true, '2024-02-29 10:00', ARRAY['tea']) RETURNING *;
INSERT INTO plain (email_address, tags) SELECT 'plain@example.com', t FROM unnest(ARRAY['["vip"]', '[vip]']) t;
INSERT INTO plain (email_address, tags) VALUES ('plain@example.com', '["vip"]') RETURNING email_address, tags;
-- one that is left alone: what is stored; or no row, where there is no contact
SELECT contacts.create_import_view('updating', mode => 'update'), contacts.create_import_view('creating', mode => 'create');
INSERT INTO updating (email_address, note) VALUES ('nobody@example.com', 'x') RETURNING *;
INSERT INTO creating (email_address, note) VALUES ('plain@example.com', 'x') RETURNING email_address, note;
-- bad calls
SELECT contacts.create_import_view('other', columns => '{"x": "nothing", "y": "email"}');
SELECT contacts.create_import_view('other', columns => '{"x": "note", "y": "note"}');
SELECT contacts.create_import_view('swapped', columns => '{"note": "age"}');
SELECT contacts.create_import_view('without_status', columns => '{"status": null}');
SELECT contacts.create_import_view('other', columns => '{"x": 1}');
SELECT contacts.create_import_view('other', columns => '[]');
SELECT contacts.create_import_view('other', blank => 'x');
SELECT contacts.create_import_view('other', blank => 'keep', partial_update => false);
SELECT contacts.create_import_view('other', date_format => 'x');
SELECT contacts.create_import_view('other', separator => 'x');
SELECT contacts.create_import_view('other', mode => 'x');
SELECT contacts.create_import_view('other', columns => '{"": "note"}');
SELECT contacts.create_import_view('other', columns => jsonb_build_object(repeat('a', 64), 'note'));
SELECT contacts.create_import_view('other', columns => '{"email_address": null}');
-- a field that goes: nothing but blanks for its column
DELETE FROM contacts.field WHERE merge_tag = 'note';
INSERT INTO named ("E-Mail", "Remarks") VALUES ('named@example.com', 'lost');
INSERT INTO named ("E-Mail", "Remarks") VALUES ('named@example.com', '  ') RETURNING "E-Mail", "Remarks";
INSERT INTO plain (email_address, note) VALUES ('plain@example.com', 'lost');

DROP VIEW bad, counts, plain, named, updating, creating;
DROP TABLE typed, odd_types, ranges, lists, sizes, triggered, nothing, names, quoted;
DROP TYPE pair, mood;
DROP DOMAIN address, years;
DROP SEQUENCE numbers;
DROP FUNCTION loud;
DROP EXTENSION contact_upsert CASCADE;
