-- The bad rows of contacts.import(): all errors of each, with the column, the value and what to do; retry loads them when that is mended.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('age', 'Age', 'NUMBER'), contacts.define_field('seen', 'Seen', 'DATE'), contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE', ARRAY['S', 'L']),
	contacts.define_field('country', 'Country', 'COUNTRY'), contacts.define_field('need', 'Needed', required => true), contacts.define_tag('vip');
SELECT contact_upsert('{"email_address": "there@example.com", "fields": {"need": "x"}}') IS NOT NULL AS made;
CREATE TABLE people ("E-Mail" text, "AGE" text, seen text, "Size" text, country text, need text, tags text, status text, created_at text);
COPY people FROM stdin (FORMAT csv);
good@example.com,31,2024-02-29,s,Germany,x,vip,active,2020-01-31
not an address,many,02/15/2024,XL,Atlantis,,raven,maybe,yesterday
there@example.com,"1,234",,,,,,,
new@example.com,"1,234",,,,,,,
,,,,,,,,
new@example.com,,2024-02-30,,,x,"vip,raven",,2999-01-01
there@example.com,,,XXL,,,,,1990
\.
CALL contacts.import('people', chunk => 3);
SELECT row_number AS row, error_number AS n, "column", value, code, message, hint FROM contacts.import_error ORDER BY 1, 2;
SELECT count(*), count(DISTINCT row) FROM contacts.import_error WHERE row_number = 2;
SELECT error FROM contacts.import_error WHERE row_number = 2 AND code = 'FIELD_INVALID' ORDER BY error_number LIMIT 1;

-- Rows that a rule of the user's own rejects: one error, without a column.
CREATE FUNCTION nobody_is_13() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.data -> 'age' = '13' THEN
		RAISE 'Nobody is 13.' USING HINT = 'Wait a year.';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER nobody_is_13 BEFORE INSERT OR UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION nobody_is_13();
CREATE TABLE ruled AS SELECT 'there@example.com' AS email, 13 AS age;
CALL contacts.import('ruled');
SELECT row_number AS row, error_number AS n, "column", value, code, message, hint FROM contacts.import_error WHERE import_id = 2;
DROP TRIGGER nobody_is_13 ON contacts.contact;
CALL contacts.import('ruled', retry => true);
SELECT total, done, created, updated, failed, values_cleared, tags_removed, statuses_changed FROM contacts.import_progress WHERE import_id = 2;

-- Again: it says how many failed. retry tries them again: those that are mended by now are loaded, the others have their errors under their numbers.
CALL contacts.import('people');
CALL contacts.import('people', retry => true);
SELECT total, done, created, updated, unchanged, failed, state FROM contacts.import_progress WHERE import_id = 1;
SELECT contacts.define_field('size', options => ARRAY['S', 'L', 'XL', 'XXL']), contacts.define_tag('raven'), contacts.define_field('need', required => false);
CALL contacts.import('people', retry => true, chunk => 2);
SELECT total, done, created, updated, unchanged, failed, state FROM contacts.import_progress WHERE import_id = 1;
SELECT row_number AS row, error_number AS n, "column", value, code FROM contacts.import_error WHERE import_id = 1 ORDER BY 1, 2;
SELECT email_address, status, data, CASE WHEN created_at < '2025-01-01' THEN created_at AT TIME ZONE 'UTC' END AS created_at FROM contacts.contact ORDER BY 1;
-- with the parameters with which it began, and for an import that can be gone on with
CALL contacts.import('people', retry => true, create_tags => true);
CALL contacts.import('people', retry => true, restart => true);
CALL contacts.import('people', retry => true, dry_run => true);
CALL contacts.import('people', retry => NULL);
CREATE TABLE never (email text);
CALL contacts.import('never', retry => true);
CALL contacts.import('never');
CALL contacts.import('never', retry => true);
-- bad rows that were deleted stay counted as failed
DELETE FROM contacts.import_error WHERE import_id = 1 AND row_number = 2;
CALL contacts.import('people', retry => true);
SELECT total, done, failed FROM contacts.import_progress WHERE import_id = 1;

-- An import that is interrupted while it tries again goes on, each row exactly once.
CREATE FUNCTION accident() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'an accident' USING ERRCODE = '58030'; END $$;
CREATE TABLE again AS SELECT 'again' || i || '@example.com' AS email, CASE WHEN i % 2 = 0 THEN 'M' ELSE 'S' END AS size FROM generate_series(1, 10) i;
CALL contacts.import('again', chunk => 4);
SELECT contacts.define_field('size', options => ARRAY['S', 'M', 'L', 'XL', 'XXL']);
CREATE TRIGGER accident BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'again6@example.com') EXECUTE FUNCTION accident();
CALL contacts.import('again', retry => true, chunk => 2);
SELECT state, total, done, created, failed FROM contacts.import_progress WHERE staging_table = 'public.again';
SELECT c.first_row, c.row_numbers FROM contacts.import_chunk c JOIN contacts.import_progress p USING (import_id) WHERE staging_table = 'public.again' ORDER BY 1;
CALL contacts.import('again');
DROP TRIGGER accident ON contacts.contact;
CALL contacts.import('again');
SELECT state, total, done, created, failed FROM contacts.import_progress WHERE staging_table = 'public.again';
SELECT count(*), max(version) FROM contacts.contact WHERE email_address LIKE 'again%';
-- of an import that was interrupted, it tries the bad rows and loads the rest
CREATE TABLE rest AS SELECT 'rest' || i || '@example.com' AS email, CASE WHEN i = 1 THEN 'XS' ELSE 'S' END AS size FROM generate_series(1, 5) i;
CREATE TRIGGER accident BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'rest4@example.com') EXECUTE FUNCTION accident();
CALL contacts.import('rest', chunk => 2);
DROP TRIGGER accident ON contacts.contact;
SELECT contacts.define_field('size', options => ARRAY['XS', 'S', 'M', 'L', 'XL', 'XXL']);
CALL contacts.import('rest', retry => true);
SELECT state, total, done, created, failed FROM contacts.import_progress WHERE staging_table = 'public.rest';
-- an undo takes back what the retry has loaded, too
SELECT import_id AS again FROM contacts.import_progress WHERE staging_table = 'public.again' \gset
CALL contacts.undo_import(:again);
SELECT count(*) FROM contacts.contact WHERE email_address LIKE 'again%';
CALL contacts.import('again', retry => true);

-- at most 100 of a row
SELECT count(contacts.define_field('f' || i, 'F ' || i, required => true)) AS fields FROM generate_series(1, 110) i;
CREATE TABLE poor AS SELECT 'poor@example.com' AS email, t AS created_at FROM unnest('{2020-01-01,never}'::text[]) t;
CALL contacts.import('poor');
SELECT row_number, count(*), max(error_number), (array_agg(code ORDER BY error_number DESC))[1] AS last FROM contacts.import_error WHERE import_id = (SELECT max(import_id) FROM contacts.import_error) GROUP BY 1 ORDER BY 1;

-- what is wrong with cells that are no text
CREATE TABLE typed AS SELECT 'typed@example.com' AS email, true AS age, 12.50 AS seen, '{"a": 1}'::jsonb AS country;
CALL contacts.import('typed');
SELECT "column", value, code FROM contacts.import_error WHERE import_id = (SELECT max(import_id) FROM contacts.import_error) ORDER BY error_number LIMIT 3;

SET client_min_messages = warning;
DROP TABLE typed, poor, people, ruled, never, again, rest;
DROP FUNCTION nobody_is_13, accident CASCADE;
DROP EXTENSION contact_upsert CASCADE;
