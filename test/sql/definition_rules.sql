-- Definitions: their rules, and that every change of one is seen by the next call, a rolled-back one by none.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
-- rules: each error names the rule
SELECT contacts.define_field('Upper', 'x');
SELECT contacts.define_field('1st', 'x');
SELECT contacts.define_field('a', 'x');
SELECT contacts.define_field(repeat('x', 64), 'x');
SELECT contacts.define_field(repeat('x', 63), 'Longest') = repeat('x', 63) AS merge_tag;
SELECT contacts.define_field('label', '');
SELECT contacts.define_field('label', repeat('ü', 65));
SELECT contacts.define_field('label', repeat('ü', 64));
SELECT contacts.define_field('same_label', repeat('ü', 64));
SELECT contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE');
SELECT contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE', ARRAY['S']);
SELECT contacts.define_field('size', 'Size', 'DROPDOWN_MULTIPLE', ARRAY['S', 'S']);
SELECT contacts.define_field('size', 'Size', 'DROPDOWN_MULTIPLE', ARRAY['S', NULL, 'L']);
SELECT contacts.define_field('size', 'Size', 'DROPDOWN_MULTIPLE', ARRAY['S', '', 'L']);
SELECT contacts.define_field('size', 'Size', 'DROPDOWN_MULTIPLE', ARRAY[['S', 'M'], ['L', 'XL']]);
SELECT contacts.define_field('size', 'Size', 'TEXT', ARRAY['S', 'L']);
SELECT contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE', ARRAY['S', 'L'], '"M"');
SELECT contacts.define_field('size', 'Size', 'NUMBER', default_value => '"many"');
SELECT contacts.define_field('size', 'Size', 'DATE', default_value => '"today"');
SELECT contacts.define_field('size', 'Size', 'BOOLEAN', default_value => '[[[[[[[[[[1]]]]]]]]]]');
SELECT contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE', ARRAY['S', 'L'], '"L"');
SELECT contacts.define_field(NULL, 'x');
SELECT contacts.define_field('nowhere', 'x', workspace_id => 99);
SELECT contacts.define_tag('');
SELECT contacts.define_tag(NULL);
SELECT contacts.define_tag(repeat('x', 65));
INSERT INTO contacts.tag (workspace_id, name) VALUES (1, ' untrimmed ');
SELECT contacts.define_tag('nowhere', workspace_id => 99);

-- A field in the last place stays there.
SELECT contacts.define_field('last', 'Last', place => 2147483647), contacts.define_field('next', 'Next'), contacts.define_field('after_next', 'After next');
SELECT merge_tag, "position" FROM contacts.field WHERE merge_tag <> 'email_address' ORDER BY 2, 1;
SELECT contacts.define_field('next', place => 2147483646), contacts.define_field('last_but_one', 'Last but one'), contacts.define_field('also', 'Also');
SELECT merge_tag, "position" FROM contacts.field WHERE "position" > 9 ORDER BY 2, 1;
DELETE FROM contacts.field WHERE NOT immutable AND merge_tag <> 'size' AND length(merge_tag) < 63;

-- limits: of the options of a field, of the fields of a workspace, of all its options and default values
BEGIN;
SELECT contacts.define_field('many', 'Many', 'DROPDOWN_SINGLE', (SELECT array_agg(i::text) FROM generate_series(1, 20000) i));
SELECT contacts.define_field('many', options => (SELECT array_agg(i::text) FROM generate_series(1, 20001) i));
ROLLBACK;
SELECT contacts.define_field('long', 'Long', 'DROPDOWN_MULTIPLE', ARRAY['a', repeat('x', 1024 * 1024)]);
SELECT contacts.define_field('long', 'Long', 'DROPDOWN_MULTIPLE', ARRAY[repeat('ü', 1024 * 512 - 1), 'aa']);
UPDATE contacts.field SET options = options || 'b'::text WHERE merge_tag = 'long';
INSERT INTO contacts.field (workspace_id, merge_tag, label, type, options)
	SELECT 1, 'long' || i, 'Long ' || i, 'DROPDOWN_MULTIPLE', ARRAY['a', repeat('x', 1024 * 1024 - 1)] FROM generate_series(2, 7) i;
INSERT INTO contacts.field (workspace_id, merge_tag, label, default_value)
	SELECT 1, 'text' || i, 'Text ' || i, to_jsonb(repeat('x', 65000)) FROM generate_series(1, 16) i;
SELECT contacts.define_field('text', 'Text', default_value => to_jsonb(repeat('x', 65000)));
DELETE FROM contacts.field WHERE merge_tag ~ '^(long|text)';
INSERT INTO contacts.field (workspace_id, merge_tag, label, type, options)
	SELECT 1, 'long' || i, 'Long ' || i, 'DROPDOWN_MULTIPLE', array_agg(j::text) FROM generate_series(1, 5) i, generate_series(1, 20000 - 2 * (i / 5)) j GROUP BY i;
SELECT contacts.define_field('long', 'Long', 'DROPDOWN_SINGLE', ARRAY['x', 'y']);
DELETE FROM contacts.field WHERE merge_tag ~ '^(long|text)';
INSERT INTO contacts.field (workspace_id, merge_tag, label)
	SELECT 1, 'many' || i, 'Many ' || i FROM generate_series(1, 5001 - (SELECT count(*) FROM contacts.field)) i;
INSERT INTO contacts.field (workspace_id, merge_tag, label)
	SELECT 1, 'many' || i, 'Many ' || i FROM generate_series(1, 5000 - (SELECT count(*) FROM contacts.field)) i;
SELECT contacts.define_field('one_more', 'One more');
DELETE FROM contacts.field WHERE merge_tag ~ '^many';

-- Where triggers do not fire, nobody would learn of a change. What changes nothing is no error.
SET session_replication_role = replica;
SELECT contacts.define_workspace('replica');
SELECT contacts.define_field('replica', 'Replica');
SELECT contacts.define_field(repeat('x', 63), 'Another label');
SELECT contacts.define_tag('replica');
SELECT contacts.define_workspace('default'), contacts.define_field(repeat('x', 63)) = repeat('x', 63) AS same;
RESET session_replication_role;

-- safe to repeat; another case is the same tag
SELECT contacts.define_tag(' Gold ', 'the best') AS id, contacts.define_tag('gold') AS same, contacts.define_tag('GOLD') AS same;
SELECT tag_id, name, description FROM contacts.tag;
INSERT INTO contacts.tag (workspace_id, name) VALUES (1, 'gOLD');
SELECT contacts.define_workspace('second') AS id, contacts.define_workspace('second', 'guarded') AS same,
	contacts.define_workspace('renamed', 'guarded', workspace_id => 2) AS same;
SELECT workspace_id, name, status_policy FROM contacts.workspace ORDER BY workspace_id;
SELECT definitions_version AS before FROM contacts.workspace WHERE workspace_id = 1 \gset
SELECT contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE', ARRAY['S', 'L'], '"L"'), contacts.define_tag('GOLD');
BEGIN;
SELECT contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE', ARRAY['S', 'L'], '"L"'), contacts.define_tag('GOLD'),
	contacts.define_workspace('default');
SELECT pg_current_xact_id_if_assigned() IS NULL AS nothing_written;
COMMIT;
SELECT definitions_version = :before AS nothing_changed FROM contacts.workspace WHERE workspace_id = 1;

SELECT contacts.define_workspace('x', workspace_id => 99);
\set VERBOSITY terse
SELECT contacts.define_workspace('');
\set VERBOSITY default

-- no collation of the user's takes part
CREATE SCHEMA regress_path;
CREATE COLLATION regress_path."C" FROM pg_catalog."POSIX";
SET search_path = regress_path, pg_catalog;
SELECT contacts_internal.is_option_list(ARRAY['a', 'A']), contacts_internal.is_option_list(ARRAY['a', 'a']);
RESET search_path;
DROP COLLATION regress_path."C";
DROP SCHEMA regress_path;

-- what cannot be changed
SELECT contacts.define_field('size', 'Size', 'TEXT');
UPDATE contacts.field SET merge_tag = 'sizes' WHERE merge_tag = 'size';
UPDATE contacts.field SET label = 'E-mail' WHERE merge_tag = 'email_address';
DELETE FROM contacts.field WHERE merge_tag = 'email_address';
SELECT contacts.define_field('email_address', 'Mine', 'NUMBER');
TRUNCATE contacts.field;
UPDATE contacts.tag SET tag_id = DEFAULT;
INSERT INTO contacts.tag (workspace_id, tag_id, name) VALUES (1, 1, 'mine');

-- an id is never used again
DELETE FROM contacts.tag WHERE name = 'GOLD';
SELECT contacts.define_tag('gold') AS other_id;

-- Every way to change a definition is seen at the next call, within the transaction and after its rollback.
CREATE FUNCTION pg_temp.call(request jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
BEGIN
	answer := contact_upsert('{"email_address":"cache@example.com","partial_update":true}' || request) -> 'data';
	RETURN (answer -> 'data') - 'email_address' || jsonb_build_object('tags', jsonb_path_query_array(answer, '$.tags.name'));
EXCEPTION WHEN data_exception THEN
	RETURN SQLERRM;
END $$;
SELECT pg_temp.call('{}');
SELECT pg_temp.call('{"fields":{"new":1}}') AS unknown;
INSERT INTO contacts.field (workspace_id, merge_tag, label) VALUES (1, 'new', 'New');
SELECT pg_temp.call('{"fields":{"new":1}}') AS inserted;
UPDATE contacts.field SET required = true WHERE merge_tag = 'new';
SELECT pg_temp.call('{"fields":{"new":""}}') AS updated;
SELECT version FROM contacts.contact WHERE email_address = 'cache@example.com' \gset
DELETE FROM contacts.field WHERE merge_tag = 'new';
SELECT pg_temp.call('{}') AS deleted, pg_temp.call('{"fields":{"new":""}}') AS unknown;
SELECT data, version = :version + 1 AS one_version_later FROM contacts.contact WHERE email_address = 'cache@example.com';
SELECT contacts.define_tag('t') AS tag \gset
SELECT pg_temp.call('{"add_tags":["t"]}') AS added;
UPDATE contacts.tag SET name = 'renamed' WHERE tag_id = :tag;
SELECT pg_temp.call('{"add_tags":["t"]}') AS unknown, pg_temp.call('{}') AS renamed;
BEGIN;
DELETE FROM contacts.tag WHERE tag_id = :tag;
SELECT pg_temp.call('{}') AS deleted;
SAVEPOINT s;
SELECT contacts.define_field('inside', 'Inside');
SELECT pg_temp.call('{"fields":{"inside":"x"}}') AS inside;
ROLLBACK TO s;
SELECT pg_temp.call('{"fields":{"inside":"x"}}') AS unknown;
SELECT contacts.define_field('inside', 'Other', 'NUMBER');
SELECT pg_temp.call('{"fields":{"inside":"x"}}') AS other;
ROLLBACK;
SELECT pg_temp.call('{}') AS back, pg_temp.call('{"fields":{"inside":"x"}}') AS unknown;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.call('{}');
SELECT contacts.define_field('inside', 'Inside', 'NUMBER');
SELECT pg_temp.call('{"fields":{"inside":"x"}}') AS inside;
COMMIT;
SELECT pg_temp.call('{"fields":{"inside":7}}') AS inside;
UPDATE contacts.workspace SET status_policy = 'guarded', definitions_version = 1 WHERE workspace_id = 1;
SELECT definitions_version > 1 AS not_as_the_writer_says FROM contacts.workspace WHERE workspace_id = 1;
SELECT pg_temp.call('{"status":"UNSUBSCRIBED"}') AS opted_out, pg_temp.call('{"status":"SUBSCRIBED"}') AS guarded;
TRUNCATE contacts.tag;
SELECT pg_temp.call('{"add_tags":["renamed"]}') AS truncated;
-- tables that are dropped and made again in the same session
SET client_min_messages = warning;
DROP EXTENSION contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
RESET client_min_messages;
SELECT contacts.install() IS NOT NULL AS installed;
SELECT contacts.define_field('inside', 'Inside', 'BOOLEAN');
SELECT pg_temp.call('{"fields":{"inside":7}}') AS other_tables, pg_temp.call('{"fields":{"inside":true}}') AS inside;

-- More workspaces than a backend remembers, and each has its own.
SELECT count(contacts.define_field('only_' || w, 'Only', workspace_id => w))
FROM (SELECT contacts.define_workspace('many ' || i) AS w FROM generate_series(1, 300) i) d;
SELECT count(*) FILTER (WHERE p.outcome = 'created') AS own, count(*) FILTER (WHERE q.error ->> 'code' = 'FIELD_NOT_FOUND') AS foreign_field
FROM contacts.workspace w,
	contacts.preview(jsonb_build_object('email_address', 'a@b.c', 'fields', jsonb_build_object('only_' || w.workspace_id, 1)), workspace_id => w.workspace_id) p,
	contacts.preview(jsonb_build_object('email_address', 'a@b.c', 'fields', jsonb_build_object('only_' || w.workspace_id - 1, 1)), workspace_id => w.workspace_id) q
WHERE w.workspace_id > 2;
-- a workspace goes with everything in it
SELECT contacts.upsert('{"email_address":"a@example.com"}', workspace_id => 2) IS NOT NULL AS made;
DELETE FROM contacts.workspace WHERE workspace_id = 2;
SELECT (SELECT count(*) FROM contacts.contact WHERE workspace_id = 2) AS contacts, (SELECT count(*) FROM contacts.field WHERE workspace_id = 2) AS fields;
SELECT contacts.upsert('{"email_address":"a@example.com"}', workspace_id => 2);
