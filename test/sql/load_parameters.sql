-- The parameters of contacts.import() that say how rows are read and what they leave behind.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
\set SHOW_CONTEXT never
SELECT contacts.define_field('age', 'Age', 'NUMBER'), contacts.define_field('seen', 'Seen', 'DATE'), contacts.define_field('likes', 'Likes', 'DROPDOWN_MULTIPLE', ARRAY['tea', 'wine', 'a;b']),
	contacts.define_field('note', 'Note', tracked => true), contacts.define_tag('vip'), contacts.define_tag('a'), contacts.define_tag('b'), contacts.define_tag('a;b');
SELECT contacts.subscribe('mailer') IS NOT NULL AS subscribed;
CREATE VIEW people AS SELECT email_address, status, ARRAY(SELECT name FROM contacts.tag WHERE tag_id = ANY (tags) ORDER BY tag_id) AS tags, data FROM contacts.contact ORDER BY email_address;

-- blank: a blank cell keeps what is there, or clears it; where the row replaces the contact it is no value.
CREATE TABLE blanks (email text, age text, note text, tags text, status text);
SELECT contact_upsert('{"email_address": "a@example.com", "tags": ["vip"], "status": "UNSUBSCRIBED", "fields": {"age": 1, "note": "n", "seen": "2024-01-01"}}') IS NOT NULL AS made;
INSERT INTO blanks VALUES ('a@example.com', '', NULL, '  ', E'\t');
CALL contacts.import('blanks');
SELECT data, tags, status FROM people;
CALL contacts.import('blanks', blank => 'clear');
SELECT data, tags, status FROM people;
CALL contacts.import('blanks', partial_update => false);
SELECT data, tags, status FROM people;
CALL contacts.import('blanks', partial_update => false, blank => 'clear');
CALL contacts.import('blanks', partial_update => false, blank => 'keep');
SELECT values_cleared, tags_removed, statuses_changed, unchanged FROM contacts.import_progress ORDER BY import_id;

-- date_format: other dates are read all the same.
CREATE TABLE dates (email text, seen text);
INSERT INTO dates VALUES ('d1@example.com', '15.02.2024'), ('d2@example.com', '2024-02-15'), ('d3@example.com', '30.02.2024'), ('d4@example.com', '02/15/2024');
CALL contacts.import('dates', date_format => 'DD.MM.YYYY');
SELECT email_address, data FROM people WHERE email_address LIKE 'd%';
SELECT row_number, code, hint FROM contacts.import_error ORDER BY 1;
SET DateStyle = 'SQL, MDY';
CALL contacts.import('dates');
SELECT row_number, code, hint FROM contacts.import_error WHERE import_id = (SELECT max(import_id) FROM contacts.import_error) ORDER BY 1;
RESET DateStyle;

-- separator: that of a column is found out by all its cells, and kept.
CREATE TABLE lists (email text, tags text, likes text);
INSERT INTO lists VALUES ('l1@example.com', 'a;b', 'tea;wine'), ('l2@example.com', '"a;b"', '{"a;b",tea}'), ('l3@example.com', 'a', '["a;b"]'), ('l4@example.com', 'a|b', '');
CALL contacts.import('lists', chunk => 1);
SELECT separators FROM contacts.import_progress ORDER BY import_id DESC LIMIT 1;
SELECT email_address, tags, data FROM people WHERE email_address LIKE 'l%';
SELECT row_number, "column", value, code, message FROM contacts.import_error WHERE import_id = (SELECT max(import_id) FROM contacts.import_progress) ORDER BY 1;
INSERT INTO lists VALUES ('l5@example.com', 'a,b', NULL);
CALL contacts.import('lists', chunk => 1);
SELECT separators FROM contacts.import_progress ORDER BY import_id DESC LIMIT 1;
SELECT email_address, tags, data FROM people WHERE email_address LIKE 'l%';
CALL contacts.import('lists', separator => '|');
SELECT separators, parameters -> 'separator' AS given FROM contacts.import_progress ORDER BY import_id DESC LIMIT 1;
SELECT row_number, "column", value, code, message FROM contacts.import_error WHERE import_id = (SELECT max(import_id) FROM contacts.import_progress) ORDER BY 1, error_number;

-- source: that of the import, or of the row if it says one; history and undo know it.
CREATE TABLE sources (email text, note text, source text);
INSERT INTO sources VALUES ('s1@example.com', 'x', 'a form'), ('s2@example.com', 'x', ''), ('s3@example.com', 'x', repeat('s', 256));
CALL contacts.import('sources', source => 'people.csv');
SELECT c.email_address, h.source, h.import_id IS NOT NULL AS of_import FROM contacts.history h JOIN contacts.contact c ON c.id = h.contact_id WHERE c.email_address LIKE 's%' ORDER BY 1;
SELECT row_number, "column", left(value, 3) AS value, code, message FROM contacts.import_error WHERE import_id = (SELECT max(import_id) FROM contacts.import_progress);

-- events: false raises none, for the owner of the tables alone.
SELECT count(*) AS events FROM contacts.event \gset
UPDATE sources SET note = 'y';
CALL contacts.import('sources', events => false);
SELECT count(*) - :events AS new_events FROM contacts.event;
SELECT email_address, data FROM people WHERE email_address LIKE 's%';
UPDATE sources SET note = 'z';
CALL contacts.import('sources');
SELECT count(*) - :events AS new_events FROM contacts.event;
CREATE ROLE regress_contacts_loader;
GRANT SELECT ON sources TO regress_contacts_loader;
SELECT contacts.grant_access('regress_contacts_loader');
SET ROLE regress_contacts_loader;
CALL contacts.import('sources', events => false);
RESET ROLE;

-- created_at: of contacts that are created; not in the future.
CREATE TABLE signups (email text, "Created at" text);
INSERT INTO signups VALUES ('c1@example.com', '2019-05-06'), ('c2@example.com', '2019-05-06T07:08:09+02:00'), ('c3@example.com', ''), ('c1@example.com', '2018-01-01'), ('c4@example.com', '2999-01-01'), ('c5@example.com', 'May'), ('a@example.com', '2001-01-01');
CALL contacts.import('signups');
SELECT email_address, CASE WHEN created_at < '2025-01-01' THEN created_at AT TIME ZONE 'UTC' END AS created_at, updated_at > '2025-01-01' AS updated_lately, version FROM contacts.contact WHERE email_address ~ '^[ac]\d?@' ORDER BY 1;
SELECT row_number, "column", value, code, message FROM contacts.import_error WHERE import_id = (SELECT max(import_id) FROM contacts.import_progress) ORDER BY 1;
-- one by one, where a trigger of the user's own acts on each
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER nothing BEFORE INSERT OR UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TABLE later AS SELECT 'c6@example.com' AS email, timestamp '2019-05-06 01:02:03' AS created_at;
CALL contacts.import('later');
SELECT created_at AT TIME ZONE 'UTC' AS created_at, updated_at > '2025-01-01' AS updated_lately FROM contacts.contact WHERE email_address = 'c6@example.com';

-- All are kept, and an import that goes on has the same.
CREATE FUNCTION accident() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'an accident' USING ERRCODE = '58030'; END $$;
CREATE TRIGGER accident BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'k2@example.com') EXECUTE FUNCTION accident();
CREATE TABLE kept AS SELECT 'k' || i || '@example.com' AS email, '15.02.2024' AS seen, 'a|b' AS tags, '' AS note, 'x' AS x FROM generate_series(1, 3) i;
CALL contacts.import('kept', 1, blank => 'clear', columns => '{"x": null}', date_format => 'DD.MM.YYYY', separator => '|', source => 'k', events => false);
SELECT jsonb_pretty(parameters) FROM contacts.import_progress ORDER BY import_id DESC LIMIT 1;
CALL contacts.import('kept', columns => '{"x": null, "note": null}', date_format => 'MM.DD.YYYY', source => 'l');
DROP TRIGGER accident ON contacts.contact;
CALL contacts.import('kept', 1, blank => 'clear', columns => '{"x": null}', date_format => 'DD.MM.YYYY', separator => '|', source => 'k', events => false);
SELECT email_address, tags, data FROM people WHERE email_address LIKE 'k%';
SELECT state, created, failed FROM contacts.import_progress ORDER BY import_id DESC LIMIT 1;

-- Bad values: an error, and nothing is written.
SELECT count(*) AS imports FROM contacts.import_progress \gset
CALL contacts.import('blanks', mode => 'merge');
CALL contacts.import('blanks', blank => 'drop');
CALL contacts.import('blanks', unknown => 'refused');
CALL contacts.import('blanks', unknown => NULL);
CALL contacts.import('blanks', separator => 'x');
CALL contacts.import('blanks', separator => '');
CALL contacts.import('blanks', source => '  ');
CALL contacts.import('blanks', source => repeat('s', 256));
CALL contacts.import('blanks', date_format => 'tomorrow');
CALL contacts.import('blanks', date_format => '');
CALL contacts.import('blanks', date_format => 'YYYY-MM');
CALL contacts.import('blanks', events => NULL);
CALL contacts.import('blanks', history => NULL);
SELECT count(*) - :imports AS new_imports FROM contacts.import_progress;

-- a date of a date's type is not read by a format that could take it for another date
CREATE TABLE typed (email text, seen date);
INSERT INTO typed VALUES ('typed@example.com', '2024-02-03');
CALL contacts.import('typed', date_format => 'YYYY-DD-MM');
CALL contacts.import('typed', date_format => 'YYYY-DD-MM', columns => '{"seen": null}');
CALL contacts.import('typed', date_format => 'DD.MM.YYYY', restart => true);
SELECT data FROM people WHERE email_address = 'typed@example.com';
-- lists that are separated in two ways: it is said
RESET client_min_messages;
CREATE TABLE mixed (email text, tags text);
INSERT INTO mixed VALUES ('mixed@example.com', 'a;b'), ('mixed2@example.com', 'a, b');
CALL contacts.import('mixed', dry_run => true);
CALL contacts.import('mixed', dry_run => true, separator => ';');
SET client_min_messages = warning;
DROP TABLE typed, mixed;

DROP TABLE blanks, dates, lists, sources, signups, later, kept;
DROP VIEW people;
DROP FUNCTION nothing, accident CASCADE;
DROP EXTENSION contact_upsert CASCADE;
DROP OWNED BY regress_contacts_loader;
DROP ROLE regress_contacts_loader;
