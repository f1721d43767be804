-- docs/api.md, "Erasure": contacts.erase() finds what is under an earlier address, under the address of a merged duplicate, and with the
-- address in another form; and leaves alone what is another address.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('age', 'Age', 'NUMBER', tracked => true), contacts.define_field('note', 'Note', tracked => true),
	contacts.define_workspace('default', history => 'all') AS all_history;
SELECT contacts.subscribe('mailer'), contacts.subscribe('dead', max_attempts => 1);
-- Where in the tables of the schemas, every column as text, one of the needles is.
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
-- An import that has rows to load, and whatever fails.
CREATE TABLE erase_staging (email_address text, note text, age text);
CREATE PROCEDURE load(VARIADIC emails text[]) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO contacts.import_progress (workspace_id, staging_table, state, total) VALUES (1, 'waits', 'abandoned', cardinality(emails));
	INSERT INTO contacts.import_chunk (workspace_id, import_id, first_row, rows)
		SELECT 1, max(import_id), 1, ARRAY(SELECT jsonb_build_object('email_address', e, 'note', 'note of ' || e) FROM unnest(emails) WITH ORDINALITY u (e, n) ORDER BY n)
		FROM contacts.import_progress WHERE staging_table = 'waits';
END $$;

-- What mentions an address.
SELECT text, contacts_internal.mentions_address(to_jsonb(text), '{ann@x.org}') AS mentions FROM unnest(ARRAY['ann@x.org', E' \u00a0ANN@x.ORG\t\n', 'Ann <ann@x.org>', 'mailto:ann@x.org', 'mailto:Ann@X.org?subject=x',
	'a@b.c,ann@x.org;d@e.f', 'a@b.c|ann@x.org/d@e.f', '"ann@x.org"', '''ann@x.org'', ''b@x.org''', '(ann@x.org).', 'ann@x.org.', 'ann@x.org. Next', 'ann@x.org...', 'email=ann@x.org&x=1@', '[Ann](mailto:ann@x.org)',
	U&'\201Eann@x.org\201C, b@x.org', U&'a@b.c\FF0Cann@x.org\3002', U&'\FF1Cann@x.org\FF1E,a@b.c', 'joann@x.org, ann@x.org', E'a@b.c\nann@x.org', '{"to": "ann@x.org"}', 'ann@x.org@x.org', 'a@@ann@x.org']) WITH ORDINALITY u (text, n) ORDER BY n;
SELECT text, contacts_internal.mentions_address(to_jsonb(text), '{ann@x.org}') AS mentions FROM unnest(ARRAY['joann@x.org', 'Jo <joann@x.org>', 'jo.ann@x.org, b@x.org', 'jo-ann@x.org,b@x.org', 'jo+ann@x.org,b@x.org', 'o''ann@x.org', '<o''ann@x.org>',
	'''ann@x.org', '=ann@x.org', '+ann@x.org,b@x.org', 'ann@x.org.uk', '<ann@x.org.uk>', 'ann@x.organic', '<ann@x.org-a.com>', '<ann@x.org_a>', U&'ann@x.org\00E9', U&'<ann@x.org\00E9>', U&'<\00E9ann@x.org>', U&'<ann@x.org.\65E5>',
	'ann at x.org', 'ann@ x.org', 'ann', '', '@', 'ann@x.or', 'nn@x.org', 'a@b.c,d@e.f']) WITH ORDINALITY u (text, n) ORDER BY n;
SELECT text, contacts_internal.mentions_address(to_jsonb(text), ARRAY[U&'m\00FCller@b\00FCcher.example', U&'\7528\6237@\4F8B\3048.\30C6\30B9\30C8']) AS mentions FROM unnest(ARRAY[U&'M\00FCLLER@B\00FCCHER.example', U&'Herr <m\00FCller@b\00FCcher.EXAMPLE>',
	U&'\300C\7528\6237@\4F8B\3048.\30C6\30B9\30C8\300D,a@b.c', U&'m\00DCller@b\00FCcher.example', U&'<dm\00FCller@b\00FCcher.example>', U&'<\6211\7528\6237@\4F8B\3048.\30C6\30B9\30C8>', U&'<\7528\6237@\4F8B\3048.\30C6\30B9\30C8\30C6>']) WITH ORDINALITY u (text, n) ORDER BY n;
SELECT value, contacts_internal.mentions_address(value, '{b@x.org,ann@x.org,""}') AS mentions FROM unnest(ARRAY['{"a":{"b":["x",{"ann@x.org":1}]}}', '["x", null, "B@x.org"]', '{"a":1}', '[]', '"@"', 'null', '1']::jsonb[]) value;
SELECT contacts_internal.mentions_address('"ann@x.org"', '{}') AS nobody, contacts_internal.mentions_address(NULL, '{ann@x.org}') AS nothing;

-- Earlier addresses, and a duplicate's: rows of imports that failed or wait, events, what deliveries say.
INSERT INTO erase_staging VALUES ('first@needle.example', 'needle', 'x'), ('second@needle.example', 'needle', 'x'), ('Third <THIRD@needle.example>', 'needle', 'x'), ('mailto:double@needle.example', 'needle', 'x'),
	('double@needle.example', 'needle', 'x'), ('of-another@example.com', 'x', 'x');
CALL contacts.import('erase_staging');
CALL load('FIRST@needle.example', 'of-another@example.com', 'second@needle.example;third@needle.example', 'double@needle.example', 'xfirst@example.com');
SELECT contact_upsert('{"email_address":"first@needle.example"}') IS NOT NULL AS made;
SELECT contacts.change_address('first@needle.example', 'second@needle.example') IS NOT NULL AS changed;
UPDATE contacts.contact SET email_address = 'third@needle.example';
SELECT contact_upsert(jsonb_build_object('email_address', 'double@needle.example', 'fields', jsonb_build_object('note', 'needle ' || i))) IS NOT NULL AS made FROM generate_series(1, 3) i;
SELECT contacts.fail('dead', lease, event_id, 'needle') AS dead FROM contacts.claim('dead', 1);
SELECT count(*) AS leased FROM contacts.claim('mailer', 1);
SELECT id AS double FROM contacts.contact WHERE email_address = 'double@needle.example' \gset
SELECT id AS third FROM contacts.contact WHERE email_address = 'third@needle.example' \gset
INSERT INTO contacts.import_kept (workspace_id, import_id, contact_id, code, message) VALUES (1, 1, :'double', 'X', 'needle');
SELECT contacts.merge('double@needle.example', 'third@needle.example') #>> '{data,data,note}' AS note;
SELECT contact_version, changes -> 'email_address' AS addresses FROM contacts.history WHERE contact_id = :'third' AND changes ? 'email_address' ORDER BY history_id;
SELECT * FROM pg_temp.find('needle', :'double', :'third');
SELECT r #>> '{row,email_address}' AS exported, jsonb_typeof(r -> 'error') AS error FROM jsonb_array_elements(contacts.export('third@needle.example') -> 'import_rows') WITH ORDINALITY e (r, n) ORDER BY n;
SELECT contacts.erase('third@needle.example') AS erased;
SELECT contacts.export('third@needle.example') AS nothing, contacts.export('double@needle.example') AS nothing_of_the_duplicate;
SELECT * FROM pg_temp.find('needle', :'double', :'third');
SELECT rows FROM contacts.import_chunk;
SELECT row FROM contacts.import_error;
DELETE FROM contacts.import_progress;

-- In another form, of an address beyond ASCII, too; what is another address stays.
TRUNCATE erase_staging;
INSERT INTO erase_staging VALUES ('Old Person <Old@needle.example>', 'needle', 'x'), ('mailto:old@needle.example', 'needle', 'x'), ('old@needle.example,new@needle.example', 'needle', 'x'),
	(U&'\00FCser\00A7 <\00FCser@needle.example>', 'needle', 'x'), ('cold@x.example', 'x', 'y'), ('Cold <cold@needle.example>', 'x', 'x'), ('old@needle.example.org', 'x', 'y'), ('e@x.example', 'x', 'old@needle.example');
CALL contacts.import('erase_staging');
CALL load('Old@needle.example', 'Old Person <Old@needle.example>', 'cold@needle.example', 'Cold <cold@needle.example>', U&'<\00FCser@needle.example>', 'old@needle.example.org', 'gold@x.example, ''old@needle.example''');
SELECT contact_upsert('{"email_address":"old@needle.example"}') IS NOT NULL AS made;
SELECT r #>> '{row,email_address}' AS exported, jsonb_typeof(r -> 'error') AS error FROM jsonb_array_elements(contacts.export('old@needle.example') -> 'import_rows') WITH ORDINALITY e (r, n) ORDER BY n;
SELECT contacts.erase('OLD@needle.example') AS erased, contacts.erase(U&'\00FCser@needle.example') AS nobody;
SELECT row -> 'email_address' AS failed FROM contacts.import_error ORDER BY row_number;
SELECT r -> 'email_address' AS waits FROM contacts.import_chunk, unnest(rows) WITH ORDINALITY u (r, n) ORDER BY n;
DELETE FROM contacts.import_progress;

-- An earlier address that another contact has by now is that one's, and its rows stay; until it is erased, too.
SELECT contact_upsert('{"email_address":"given-up@example.com"}') IS NOT NULL AS made;
SELECT contacts.change_address('given-up@example.com', 'moved@example.com') IS NOT NULL AS changed;
SELECT contact_upsert('{"email_address":"given-up@example.com"}') IS NOT NULL AS made;
CALL load('given-up@example.com', 'moved@example.com');
SELECT contacts.erase('moved@example.com') AS erased;
SELECT rows FROM contacts.import_chunk;
SELECT contacts.erase('given-up@example.com') AS erased;
SELECT rows FROM contacts.import_chunk;
DELETE FROM contacts.import_progress;

-- What a plain DELETE has left is found by an address that the contact had; nothing of a contact that is there.
SELECT contact_upsert(jsonb_build_object('email_address', e, 'fields', jsonb_build_object('note', 'needle ' || i))) IS NOT NULL AS made
	FROM unnest('{gone@example.com,stays@example.com}'::text[]) e, generate_series(1, 2) i;
SELECT contacts.change_address('gone@example.com', 'moved@example.com') IS NOT NULL AS changed, contacts.change_address('stays@example.com', 'there@example.com') IS NOT NULL AS changed;
DELETE FROM contacts.contact WHERE email_address = 'moved@example.com';
SELECT contact_upsert('{"email_address":"gone@example.com"}') IS NOT NULL AS made;
SELECT jsonb_array_length(e -> 'history') AS history, jsonb_path_query_array(e, '$.events[*].detail.field.new') AS events FROM contacts.export('gone@example.com') e;
SELECT jsonb_array_length(e -> 'history') AS history, jsonb_path_query_array(e, '$.events[*].detail.field.new') AS events FROM contacts.export('moved@example.com') e;
SELECT contacts.erase('stays@example.com') AS nobody, contacts.erase('gone@example.com') AS erased;
SELECT changes #>> '{email_address,new}' AS email_address, changes #>> '{fields,note,new}' AS note FROM contacts.history ORDER BY history_id;
SELECT detail #>> '{field,new}' AS event, (SELECT count(*) FROM contacts.delivery d WHERE d.event_id = e.event_id) AS deliveries FROM contacts.event e;

-- With less history earlier addresses are not known.
SELECT contacts.define_workspace('default', history => 'status');
SELECT contact_upsert('{"email_address":"before@example.com"}') IS NOT NULL AS made;
SELECT contacts.change_address('before@example.com', 'after@example.com') IS NOT NULL AS changed;
CALL load('before@example.com');
SELECT contacts.erase('after@example.com') AS erased;
SELECT rows[1] ->> 'email_address' AS not_known FROM contacts.import_chunk;
SELECT contacts.erase('before@example.com') AS nobody;
SELECT rows FROM contacts.import_chunk;
DROP TABLE erase_staging;
DROP PROCEDURE load;
