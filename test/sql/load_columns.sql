-- The columns of files: what contacts.match_columns() and contacts.import() match them to, and what they do with those that are unknown.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT * FROM contacts.match_columns('{Email}');
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('first_name', 'First Name'), contacts.define_field('age', 'Age', 'NUMBER'), contacts.define_field('likes', 'What They Like', 'DROPDOWN_MULTIPLE', ARRAY['tea', 'wine']),
	contacts.define_field('opt_in', 'Opted in', 'DATE'), contacts.define_tag('vip');

-- By merge tag, label, either but for case, accents and punctuation; our own names; names of an address.
SELECT * FROM contacts.match_columns('{E-Mail 1 - Value,first_name,AGE,"what they like",Opt-In,Tags,add_tags,"Remove Tags",Status,source,"Created At"}');
SELECT * FROM contacts.match_columns('{email_address,E-mail,Vorname,Agee,age,Age,first name}');
SELECT * FROM contacts.match_columns('{Mail,Notes,Joined,x}', '{"Notes": null, "Joined": "opt_in", "x": "email_address"}');
SELECT * FROM contacts.match_columns('{Mail,Joined}', '{"Joined": "opt_inn"}');
SELECT * FROM contacts.match_columns('{}');
SELECT * FROM contacts.match_columns(ARRAY['', ' ', NULL]);
-- a bad call
SELECT * FROM contacts.match_columns(NULL);
SELECT * FROM contacts.match_columns('{a}', '[]');
SELECT * FROM contacts.match_columns('{a}', '{"a": 1}');
SELECT * FROM contacts.match_columns('{a,"B c"}', '{"a": null, "nobody": null, "B C": "age"}');
SELECT * FROM contacts.match_columns('{a}', workspace_id => 99);

-- A table that cannot be imported: one error names all that is wrong with it, and nothing is written.
CREATE TABLE people ("Name" text, "AGE" text, "Age" text, first_nam text, "E-Mail" text);
CALL contacts.import('people');
CALL contacts.import('people', columns => '{"Age": null, "E-Mail": null}');
CALL contacts.import('people', columns => '{"Age": null, "Name": "first_name", "first_nam": "likes_"}');
CALL contacts.import('people', columns => '{"Age": null, "nobody": null}');
CALL contacts.import('people', columns => '"x"');
CALL contacts.import('people', columns => '{"Age": {}}');
CALL contacts.import('people', unknown => 'ignore');
CALL contacts.import('people', unknown => 'define');
SELECT count(*) AS imports FROM contacts.import_progress;
SELECT count(*) AS fields FROM contacts.field;

-- Left out, ignored, or defined: what is not loaded is said.
INSERT INTO people VALUES ('Ann Lee', '31', '99', 'Ann', 'ann@example.com'), ('Bob', '', '', 'Bob', 'bob@example.com');
CALL contacts.import('people', columns => '{"Age": null, "Name": null, "first_nam": "first_name"}');
CALL contacts.import('people', columns => '{"Age": null}', unknown => 'ignore');
SELECT matched, defined FROM contacts.import_progress ORDER BY import_id;
SELECT email_address, data FROM contacts.contact ORDER BY 1;
CALL contacts.import('people', columns => '{"Age": null}', unknown => 'define');
SELECT matched, defined FROM contacts.import_progress ORDER BY import_id DESC LIMIT 1;
SELECT merge_tag, label, type FROM contacts.field WHERE merge_tag <> 'email_address' ORDER BY position;
SELECT email_address, data FROM contacts.contact ORDER BY 1;
-- again: the fields are there
CALL contacts.import('people', columns => '{"Age": null}', unknown => 'define');
-- merge tags: valid, unlike each other, unlike our own names and fields; labels cut
CREATE TABLE odd (email text, "1st Order" text, "Straße & Nº" text, "Имя" text, "Имя2" text, "!!!" text, "x" text, "Tag" text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1" text, "Contact Status" text, " " text);
INSERT INTO odd SELECT 'odd@example.com', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10';
CALL contacts.import('odd', unknown => 'define');
SELECT merge_tag, label, length(label) AS length FROM contacts.field WHERE merge_tag = ANY (SELECT unnest(defined) FROM contacts.import_progress WHERE staging_table = 'public.odd') ORDER BY position;
SELECT jsonb_object_agg(k, v) FROM contacts.contact, jsonb_each(data) e (k, v) WHERE email_address = 'odd@example.com';

-- A field with a name of ours: it is found by that, and the contact's own by contact.
SELECT contacts.define_field('status', 'Status'), contacts.define_field('source', 'Source'), contacts.define_field('tags', 'Tags', 'NUMBER');
SELECT * FROM contacts.match_columns('{email_address,status,contact.status,tags,contact.tags,source,contact.source,add_tags}');
CREATE TABLE own (email_address text, status text, "contact.status" text, tags int, "contact.tags" text[], source text, "contact.source" text);
INSERT INTO own VALUES ('own@example.com', 'a field', 'unsubscribed', 7, '{vip}', 'a field', 'a file');
CALL contacts.import('own');
SELECT c.status, c.tags, c.data, h.source FROM contacts.contact c JOIN contacts.history h ON h.contact_id = c.id WHERE c.email_address = 'own@example.com';

-- A field that gets such a name later changes nothing of what has been matched: of an import that is interrupted, and of a view.
DELETE FROM contacts.field WHERE merge_tag IN ('status', 'source', 'tags');
SELECT contacts.create_import_view('before');
CREATE FUNCTION accident() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'an accident' USING ERRCODE = '58030'; END $$;
CREATE TRIGGER accident BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'f2@example.com') EXECUTE FUNCTION accident();
CREATE TABLE later AS SELECT 'f' || i || '@example.com' AS email, 'unsubscribed' AS status, 'vip' AS tags FROM generate_series(1, 3) i;
CALL contacts.import('later', chunk => 1);
SELECT matched FROM contacts.import_progress WHERE staging_table = 'public.later';
DROP TRIGGER accident ON contacts.contact;
SELECT contacts.define_field('status', 'Status'), contacts.define_field('tags', 'Tags', 'NUMBER');
CALL contacts.import('later', restart => false);
INSERT INTO before (email_address, status, tags) VALUES ('f4@example.com', 'cleaned', 'vip') RETURNING *;
SELECT email_address, status, tags, data FROM contacts.contact WHERE email_address LIKE 'f%' ORDER BY 1;

-- 1,600 columns
\set ECHO none
SELECT format('CREATE TABLE wide (email_address text, %s)', string_agg(format('c%s text', i), ', ')) FROM generate_series(1, 1599) i \gexec
\set ECHO all
INSERT INTO wide (email_address, c1, c1599) VALUES ('wide@example.com', 'a', 'b');
\set VERBOSITY sqlstate
CALL contacts.import('wide');
\set VERBOSITY default
CALL contacts.import('wide', unknown => 'ignore');
SELECT count(*) AS columns FROM contacts.import_progress, jsonb_object_keys(matched) WHERE staging_table = 'public.wide';

-- A field that goes while an import is interrupted: the rest of the rows is not loaded without it.
CREATE TRIGGER accident BEFORE INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'g2@example.com') EXECUTE FUNCTION accident();
CREATE TABLE goes AS SELECT 'g' || i || '@example.com' AS email_address, i AS age FROM generate_series(1, 3) i;
CALL contacts.import('goes', chunk => 1);
DROP TRIGGER accident ON contacts.contact;
DELETE FROM contacts.field WHERE merge_tag = 'age';
CALL contacts.import('goes', unknown => 'ignore', restart => false);
CALL contacts.import('goes', restart => false);
SELECT contacts.define_field('age', 'Age', 'NUMBER');
CALL contacts.import('goes');

SET client_min_messages = warning;
DROP TABLE people, odd, own, later, wide, goes;
DROP VIEW before;
DROP FUNCTION accident CASCADE;
DROP EXTENSION contact_upsert CASCADE;
