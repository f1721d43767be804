-- The rules of a contact hold for every writer, past the functions too.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, 'direct@example.com') RETURNING id ~ '^[0-9a-f]{24}$' AS object_id, status, tags, data, version;
\set VERBOSITY terse
INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, 'Direct@example.com');
INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, 'nobody');
INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, 'direct@example.com');
INSERT INTO contacts.contact (workspace_id, email_address, id) VALUES (1, 'a@b.c', 'DEADBEEFDEADBEEFDEADBEEF');
INSERT INTO contacts.contact (workspace_id, email_address, id) VALUES (1, 'a@b.c', 'deadbeef');
INSERT INTO contacts.contact (workspace_id, email_address, tags) VALUES (1, 'a@b.c', '{2,1}');
INSERT INTO contacts.contact (workspace_id, email_address, tags) VALUES (1, 'a@b.c', '{1,1}');
INSERT INTO contacts.contact (workspace_id, email_address, tags) VALUES (1, 'a@b.c', '{1,NULL}');
INSERT INTO contacts.contact (workspace_id, email_address, tags) VALUES (1, 'a@b.c', '{{1},{2}}');
INSERT INTO contacts.contact (workspace_id, email_address, data) VALUES (1, 'a@b.c', '[]');
INSERT INTO contacts.contact (workspace_id, email_address, data) VALUES (1, 'a@b.c', '{"email_address":"a@b.c"}');
INSERT INTO contacts.contact (workspace_id, email_address, data) VALUES (1, 'a@b.c', '{"x":null}');
INSERT INTO contacts.contact (workspace_id, email_address, data) VALUES (1, 'a@b.c', '{"x":""}');
INSERT INTO contacts.contact (workspace_id, email_address, data) VALUES (1, 'a@b.c', '{"x":[]}');
INSERT INTO contacts.contact (workspace_id, email_address, data) VALUES (1, 'a@b.c', '{"x":{"a":1}}');
INSERT INTO contacts.contact (workspace_id, email_address, data) VALUES (1, 'a@b.c', '{"x":[1]}');
INSERT INTO contacts.contact (workspace_id, email_address, data) VALUES (1, 'a@b.c', '{"x":["a",["b"]]}');
INSERT INTO contacts.contact (workspace_id, email_address, data) VALUES (1, 'a@b.c', jsonb_build_object('x', repeat('x', 1048576)));
INSERT INTO contacts.contact (workspace_id, email_address, version) VALUES (1, 'a@b.c', 0);
INSERT INTO contacts.contact (workspace_id, email_address, created_at) VALUES (1, 'a@b.c', '0001-12-31 23:59:59+00 BC');
INSERT INTO contacts.contact (workspace_id, email_address, updated_at) VALUES (1, 'a@b.c', 'infinity');
-- a column that must not be null says so itself
INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, NULL);
INSERT INTO contacts.contact (workspace_id, email_address, tags) VALUES (1, 'a@b.c', NULL);

-- What a statement is answered, with the names that the error carries. What it writes is taken back.
CREATE FUNCTION pg_temp.try(statements text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	schema_is text;
	table_is text;
	column_is text;
	constraint_is text;
	versions text;
BEGIN
	EXECUTE statements;
	versions := (SELECT string_agg(concat_ws(' ', c.email_address, c.version), ', ' ORDER BY c.email_address) FROM contacts.contact c);
	RAISE SQLSTATE 'ROLLB';
EXCEPTION WHEN SQLSTATE 'ROLLB' THEN
	RETURN versions;
WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, schema_is = SCHEMA_NAME, table_is = TABLE_NAME, column_is = COLUMN_NAME, constraint_is = CONSTRAINT_NAME;
	RETURN format('%s %s (%s.%s.%s %s)', SQLSTATE, substring(message FOR 100), schema_is, table_is, column_is, constraint_is);
END $$;
SELECT pg_temp.try(format('UPDATE contacts.contact SET %s', assignment)) FROM unnest(ARRAY['email_address = ''Direct@example.com''', 'id = ''x''', 'tags = ''{2,1}''',
	'data = ''[]''', 'version = -1', 'created_at = ''-infinity''', 'updated_at = ''10000-01-01 00:00:00+00''', 'status = ''CLEANED''', 'tags = NULL']) assignment;
\copy contacts.contact (workspace_id, email_address) FROM stdin
1	good@example.com
1	Bad@example.com
\.
-- INSERT .. ON CONFLICT: the row that is proposed, and the one that it makes of another
SELECT pg_temp.try(format('INSERT INTO contacts.contact AS c (workspace_id, email_address, tags) VALUES (1, %L, %L) ON CONFLICT (workspace_id, email_address) DO %s',
	address, tags, action)) FROM (VALUES ('Direct@example.com', '{}', 'NOTHING'), ('direct@example.com', '{2,1}', 'NOTHING'), ('direct@example.com', '{2,1}', 'UPDATE SET tags = ''{1}'''),
	('direct@example.com', '{2}', 'UPDATE SET tags = excluded.tags || 1::bigint'), ('direct@example.com', '{2}', 'UPDATE SET tags = excluded.tags'),
	('direct@example.com', '{2}', 'UPDATE SET tags = excluded.tags, version = c.version + 4')) t (address, tags, action);
SELECT pg_temp.try('MERGE INTO contacts.contact c USING (VALUES (1)) s ON true WHEN MATCHED THEN UPDATE SET email_address = ''x''');
-- a large row, which is stored elsewhere
SELECT pg_temp.try(format('UPDATE contacts.contact SET data = %L; UPDATE contacts.contact SET status = ''CLEANED''; UPDATE contacts.contact SET data = data || ''{"y":""}''',
	(SELECT jsonb_object_agg('x' || i, md5(i::text)) FROM generate_series(1, 2000) i)));

-- Replication and pg_restore --disable-triggers write under this setting: the rules hold, and versions come from elsewhere.
SET session_replication_role = replica;
SELECT pg_temp.try('INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, ''nobody'')');
SELECT pg_temp.try('UPDATE contacts.contact SET tags = ''{2,1}''');
SELECT pg_temp.try('UPDATE contacts.contact SET status = ''CLEANED''');
RESET session_replication_role;

-- Triggers of the user's come before ours, so that what they make of the row is checked.
CREATE FUNCTION regress_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW := jsonb_populate_record(NEW, TG_ARGV[0]::jsonb);
	RETURN NEW;
END $$;
CREATE FUNCTION pg_temp.try_trigger(trigger_name text, timing text, change text, also text DEFAULT '') RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.try(format('CREATE TRIGGER %I %s ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_change(%L); %s;
		UPDATE contacts.contact SET status = ''CLEANED''; INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, ''new@example.com'')',
		trigger_name, timing, change, also))
$$;
SELECT pg_temp.try_trigger('a', 'BEFORE INSERT', '{"tags":[2,1]}') AS insert, pg_temp.try_trigger('zz', 'BEFORE UPDATE', '{"email_address":"X"}') AS update;
SELECT pg_temp.try_trigger('zz', 'BEFORE INSERT OR UPDATE', '{"tags":[1,2]}') AS good, pg_temp.try_trigger('zz', 'BEFORE UPDATE', '{"version":1}') AS version_kept;
-- One behind it could change what has been checked, and nothing is written.
SELECT pg_temp.try_trigger('zzzz', 'BEFORE INSERT', '{}');
SELECT pg_temp.try_trigger('zzzz', 'BEFORE UPDATE OF status', '{}');
SELECT pg_temp.try_trigger('zzzz', 'BEFORE DELETE', '{}') AS delete, pg_temp.try_trigger('zzzz', 'AFTER INSERT OR UPDATE', '{}') AS after,
	pg_temp.try_trigger('zzzz', 'BEFORE INSERT OR UPDATE', '{"tags":[2,1]}', 'ALTER TABLE contacts.contact DISABLE TRIGGER zzzz') AS disabled;
BEGIN;
CREATE TRIGGER zzzz BEFORE INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_change('{}');
\set VERBOSITY default
SELECT contact_upsert('{"email_address":"new@example.com"}');
\set VERBOSITY terse
ROLLBACK;
BEGIN;
CREATE TRIGGER zzzz BEFORE INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_change('{}');
SELECT contacts.upsert_many('[{"email_address":"new@example.com"}]');
ROLLBACK;
DROP FUNCTION regress_change();

-- Columns of other types and in other places
SELECT change, pg_temp.try(format('ALTER TABLE contacts.contact %s; INSERT INTO contacts.contact (workspace_id, email_address, %s', change, bad)) FROM (VALUES
	('ALTER id TYPE varchar(24)', 'id) VALUES (1, ''new@example.com'', ''x'')'), ('ALTER id TYPE varchar(24)', 'version) VALUES (1, ''new@example.com'', 7)'),
	('ADD mine text GENERATED ALWAYS AS (lower(email_address)) STORED', 'version) VALUES (1, ''new@example.com'', 7)'),
	('DROP created_at; ALTER TABLE contacts.contact ADD created_at timestamptz', 'created_at) VALUES (1, ''new@example.com'', ''infinity'')'),
	('ALTER updated_at DROP NOT NULL', 'tags, updated_at) VALUES (1, ''new@example.com'', ''{2,1}'', NULL)'), ('ALTER version TYPE numeric', 'version) VALUES (1, ''new@example.com'', 7)'),
	('DROP updated_at', 'version) VALUES (1, ''new@example.com'', 7)'), ('ALTER data TYPE text', 'version) VALUES (1, ''new@example.com'', 7)')) t (change, bad);
\set VERBOSITY default
BEGIN;
ALTER TABLE contacts.contact ALTER version TYPE numeric;
INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, 'new@example.com');
ROLLBACK;
\set VERBOSITY terse

-- Who switches the trigger off has no rules, as after DROP CONSTRAINT. install() brings back what is missing, and has it fire always.
CREATE VIEW pg_temp.firing AS SELECT tgrelid::regclass AS table, tgname, tgenabled FROM pg_trigger WHERE tgname = 'zzz_contact_is_valid' AND tgrelid::regclass::text !~ 'contact_\d' ORDER BY 1;
CREATE FUNCTION pg_temp.install_behind(statement text) RETURNS SETOF pg_temp.firing LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	PERFORM contacts.install();
	RETURN QUERY TABLE pg_temp.firing;
END $$;
TABLE pg_temp.firing;
SELECT statement, f.* FROM unnest(ARRAY['ALTER TABLE contacts.contact DISABLE TRIGGER ALL', 'ALTER TABLE contacts.contact ENABLE TRIGGER ALL',
	'DROP TRIGGER zzz_contact_is_valid ON contacts.contact']) statement, pg_temp.install_behind(statement) f;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'contacts.tag'::regclass AND tgenabled = 'A';

-- Rows that no trigger has seen: the function tells. Where there can be no trigger it serves as a constraint.
BEGIN;
ALTER TABLE contacts.contact DISABLE TRIGGER zzz_contact_is_valid;
INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, 'Unseen@example.com');
ALTER TABLE contacts.contact ENABLE ALWAYS TRIGGER zzz_contact_is_valid;
SELECT pg_temp.try('SELECT contacts_internal.check_contact(id, email_address, tags, data, version, created_at, updated_at) FROM contacts.contact');
SELECT pg_temp.try('UPDATE contacts.contact SET status = ''CLEANED''');
ROLLBACK;
SELECT count(*) FROM contacts.contact WHERE contacts_internal.check_contact(id, email_address, tags, data, version, created_at, updated_at);
SELECT contacts_internal.check_contact(NULL, NULL, NULL, NULL, NULL, NULL, NULL) AS nothing;
SELECT pg_temp.try('DROP TRIGGER zzz_contact_is_valid ON contacts.contact; ALTER TABLE contacts.contact ADD CONSTRAINT contact_is_valid
	CHECK (contacts_internal.check_contact(id, email_address, tags, data, version, created_at, updated_at)); UPDATE contacts.contact SET email_address = ''X''');

-- A change of a column's type writes rows anew, and fires no trigger. Whoever reads data that is no object is told.
CREATE TABLE pg_temp.readers (call text);
INSERT INTO pg_temp.readers VALUES
	('contact_upsert(''{"email_address": "mended@example.com", "partial_update": true}'')'),
	('contacts.preview(''{"email_address": "mended@example.com"}'')'),
	('contacts.upsert_many(''[{"email_address": "mended@example.com"}]'')'),
	('contacts.get(''mended@example.com'')'),
	('count(*) FROM contacts.search(''{}'')'),
	('count(*) FROM contacts.export(''mended@example.com'')');
SELECT contact_upsert('{"email_address": "mended@example.com"}') IS NOT NULL AS made;
\set VERBOSITY terse
BEGIN;
ALTER TABLE contacts.contact ALTER data TYPE jsonb USING '[1, "x", {"y": [null]}]';
SELECT call, regexp_replace(pg_temp.try('SELECT ' || call), '[0-9a-f]{24}', '<id>') FROM pg_temp.readers;
UPDATE contacts.contact SET data = '{}';
SELECT call, pg_temp.try('SELECT ' || call) FROM pg_temp.readers WHERE call LIKE 'count%';
ROLLBACK;
DELETE FROM contacts.contact WHERE email_address = 'mended@example.com';

-- Partitions: the trigger is on each, and fires always. A table that is attached gets it, and its rows stay unseen.
CREATE TABLE contacts.parts (LIKE contacts.contact INCLUDING ALL) PARTITION BY LIST (workspace_id);
DROP TABLE contacts.contact CASCADE;
ALTER TABLE contacts.parts RENAME TO contact;
CREATE TABLE contacts.part_1 PARTITION OF contacts.contact FOR VALUES IN (1);
SELECT contacts.install() IS NOT NULL AS installed;
CREATE TABLE contacts.part_2 PARTITION OF contacts.contact FOR VALUES IN (2);
CREATE TABLE contacts.part_3 (LIKE contacts.contact INCLUDING ALL);
INSERT INTO contacts.part_3 (workspace_id, email_address) VALUES (3, 'Unseen@example.com');
ALTER TABLE contacts.contact ATTACH PARTITION contacts.part_3 FOR VALUES IN (3);
TABLE pg_temp.firing;
SELECT pg_temp.try(format('INSERT INTO contacts.%s (workspace_id, email_address) VALUES (%s, ''X'')', t, w)) FROM (VALUES ('contact', 1), ('contact', 2), ('contact', 3), ('part_1', 1), ('part_2', 2), ('part_3', 3)) p (t, w);
SELECT pg_temp.try('SELECT contacts_internal.check_contact(id, email_address, tags, data, version, created_at, updated_at) FROM contacts.contact');
SELECT pg_temp.try('UPDATE contacts.contact SET status = ''CLEANED''');
DELETE FROM contacts.contact;
INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, 'a@example.com');
SELECT pg_temp.try('UPDATE contacts.contact SET workspace_id = 2, email_address = ''X''');
SELECT pg_temp.try('UPDATE contacts.contact SET workspace_id = 2');
SET session_replication_role = replica;
SELECT pg_temp.try('INSERT INTO contacts.contact (workspace_id, email_address) VALUES (2, ''X'')');
RESET session_replication_role;
CREATE FUNCTION regress_same() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER zzzz BEFORE INSERT ON contacts.part_2 FOR EACH ROW EXECUTE FUNCTION regress_same();
SELECT pg_temp.try(format('INSERT INTO contacts.contact (workspace_id, email_address) VALUES (%s, ''b@example.com'')', workspace)) FROM generate_series(1, 2) workspace;
DROP FUNCTION regress_same() CASCADE;
SELECT statement, f.* FROM unnest(ARRAY['ALTER TABLE contacts.part_2 ENABLE TRIGGER ALL', 'ALTER TABLE contacts.contact ENABLE TRIGGER ALL']) statement, pg_temp.install_behind(statement) f;
