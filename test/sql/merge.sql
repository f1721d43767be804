-- docs/api.md, "Two contacts become one": contacts.merge().
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('name', 'Name', tracked => true), contacts.define_field('city', 'City', tracked => true), contacts.define_field('external_id', 'External'),
	contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE', '{S,L}'), contacts.define_tag('one'), contacts.define_tag('two'), contacts.define_tag('three'),
	contacts.define_workspace('default', history => 'all') AS first, contacts.define_workspace('guarded', 'guarded') AS guarded;
-- A second key, as a user of ours has it.
CREATE UNIQUE INDEX merge_external ON contacts.contact (workspace_id, (data ->> 'external_id')) WHERE data ? 'external_id';
SELECT contact_upsert('{"email_address":"into@example.com","fields":{"name":"Into"},"tags":[1,2]}') IS NOT NULL AS made;
SELECT contact_upsert('{"email_address":"duplicate@example.com","fields":{"name":"Duplicate","city":"Paris","external_id":"e7"},"tags":["two","three"]}') IS NOT NULL AS made;
SELECT contact_upsert('{"email_address":"duplicate@example.com","status":"UNSUBSCRIBED","partial_update":true}') IS NOT NULL AS made;
SELECT id AS into_id FROM contacts.contact WHERE email_address = 'into@example.com' \gset
SELECT id AS duplicate_id FROM contacts.contact WHERE email_address = 'duplicate@example.com' \gset
SELECT contacts.record(:'into_id', 'total_opens', 2), contacts.record(:'duplicate_id', 'total_opens', 3), contacts.record(:'duplicate_id', 'total_bounces');
UPDATE contacts.history SET import_id = 1, source = 'file' WHERE contact_id = :'duplicate_id';
UPDATE contacts.contact SET tags = '{2,3,99}', data = data || '{"without_field":"x"}' WHERE id = :'duplicate_id';

-- Blanks are filled, tags added, counters added up, the stricter status stays; through the ordinary path.
SELECT jsonb_path_query(contacts.merge('Duplicate@example.com', :'into_id'), '$.data.keyvalue() ? (@.key != "id" && @.key != "created_at" && @.key != "updated_at").value') AS answer;
SELECT id = :'into_id' AS same, email_address, status, version, data FROM contacts.contact;
SELECT contact_id = :'into_id' AS into_id, contact_version, type, detail FROM contacts.event ORDER BY event_id;
SELECT contact_id = :'into_id' AS into_id, contact_version, source, import_id, changes FROM contacts.history ORDER BY history_id;
SELECT * FROM contacts.statistics WHERE contact_id <> :'into_id';
SELECT status, reason, address_hash = sha256('duplicate@example.com') AS of_duplicate FROM contacts.suppression;

-- Errors, and nothing is written.
SELECT contact_upsert('{"email_address":"other@example.com","fields":{"size":"L"}}') IS NOT NULL AS made;
SELECT contacts.merge('nobody@example.com', 'into@example.com');
SELECT contacts.merge('other@example.com', 'ffffffffffffffffffffffff');
SELECT contacts.merge('neither', 'neither');
SELECT contacts.merge('into@example.com', 'Into@example.com');
SELECT contacts.merge(NULL, 'into@example.com');
SELECT contacts.merge('other@example.com', 'into@example.com', 2);
SELECT contacts.merge('other@example.com', 'into@example.com', 77);
BEGIN READ ONLY;
SELECT contacts.merge('other@example.com', 'into@example.com');
ROLLBACK;
-- statistics that are too large together
SELECT contacts.record((SELECT id FROM contacts.contact WHERE email_address = 'other@example.com'), 'total_opens', 9223372036854775807);
SELECT contacts.merge('other@example.com', 'into@example.com');
DELETE FROM contacts.statistics WHERE contact_id <> :'into_id';
-- a value that is no longer valid
SELECT contacts.define_field('size', 'Size', options => '{S,M}');
SELECT contacts.merge('other@example.com', 'into@example.com');
-- a trigger that keeps the duplicate
CREATE FUNCTION pg_temp.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keep BEFORE DELETE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION pg_temp.keep();
SELECT contacts.merge('other@example.com', 'into@example.com');
DROP TRIGGER keep ON contacts.contact;
SELECT email_address, version FROM contacts.contact ORDER BY 1;
-- a policy that hides the duplicate, or the other, from an UPDATE alone: unlocked, it could opt out unseen meanwhile
CREATE ROLE regress_contacts_app;
SELECT contacts.grant_access('regress_contacts_app', 1);
CREATE POLICY keep ON contacts.contact AS RESTRICTIVE FOR UPDATE USING (email_address <> 'other@example.com');
SELECT contact_upsert('{"email_address":"empty@example.com"}') IS NOT NULL AS made;
SET ROLE regress_contacts_app;
SELECT contacts.merge('other@example.com', 'into@example.com');
SELECT contacts.merge('empty@example.com', 'other@example.com');
SELECT contacts.merge('empty@example.com', 'nobody@example.com');
RESET ROLE;
DROP POLICY keep ON contacts.contact;
DELETE FROM contacts.contact WHERE email_address = 'empty@example.com';
-- where no trigger leaves a suppression or keeps the version
SET session_replication_role = replica;
SELECT contacts.merge('other@example.com', 'into@example.com');
RESET session_replication_role;
ALTER TABLE contacts.contact DISABLE TRIGGER leave_suppression;
SELECT contacts.merge('other@example.com', 'into@example.com');
ALTER TABLE contacts.contact ENABLE TRIGGER leave_suppression;
-- A trigger of the user's own finds what it finds in an upsert; operators of the user's own change nothing.
CREATE TABLE merge_log (what text, address text);
CREATE FUNCTION note_merge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO merge_log VALUES (TG_OP, CASE TG_OP WHEN 'DELETE' THEN OLD.email_address ELSE NEW.email_address END); RETURN NULL; END $$;
CREATE TRIGGER note_merge AFTER UPDATE OR DELETE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION note_merge();
CREATE SCHEMA merge_own;
CREATE FUNCTION merge_own.always(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION merge_own.always(bigint, bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR merge_own.= (LEFTARG = text, RIGHTARG = text, FUNCTION = merge_own.always);
CREATE OPERATOR merge_own.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = merge_own.always);
CREATE DOMAIN merge_own.text AS pg_catalog.text CHECK (false);
-- with another value it works, and of the one that stays nothing is lost
SELECT contact_upsert('{"email_address":"other@example.com","fields":{"size":"S"},"partial_update":true}') IS NOT NULL AS made;
SET search_path = merge_own, pg_catalog, public;
SELECT contacts.merge('other@example.com', 'into@example.com') OPERATOR(pg_catalog.#>) '{data,data}' AS data;
RESET search_path;
SELECT email_address FROM contacts.contact;
TABLE merge_log;
DROP TRIGGER note_merge ON contacts.contact;

-- The stricter of every two, under both policies.
CREATE TABLE merged AS SELECT w, a, b, NULL::text AS status FROM generate_series(1, 2) w, unnest(enum_range(NULL::contacts.status)) a, unnest(enum_range(NULL::contacts.status)) b;
DO $$
DECLARE m record;
BEGIN
	FOR m IN SELECT * FROM merged LOOP
		INSERT INTO contacts.contact (workspace_id, email_address, status) VALUES (m.w, 'a@example.com', m.a), (m.w, 'b@example.com', m.b);
		UPDATE merged SET status = contacts.merge('a@example.com', 'b@example.com', m.w) #>> '{data,status}' WHERE (w, a, b) = (m.w, m.a, m.b);
		DELETE FROM contacts.contact WHERE workspace_id = m.w;
	END LOOP;
END $$;
SELECT a AS duplicate, b AS into_contact, string_agg(status, ', ' ORDER BY w) AS api_and_guarded FROM merged GROUP BY 1, 2 ORDER BY 1, 2;
DROP TABLE merged;
-- A duplicate that has nothing more leaves the other as it is; the version says that there was a merge.
INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, 'a@example.com'), (1, 'b@example.com');
SELECT contacts.merge('a@example.com', 'b@example.com') #>> '{data,data,email_address}' AS stays;
SELECT email_address, version FROM contacts.contact;
-- a trigger that keeps the version
INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, 'a@example.com');
CREATE TRIGGER keep BEFORE UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION pg_temp.keep();
SELECT contacts.merge('a@example.com', 'b@example.com');
DROP TRIGGER keep ON contacts.contact;
DELETE FROM contacts.contact WHERE email_address = 'a@example.com';
-- An undo of the import that has made it keeps it: it is another's contact too.
SELECT contacts.define_workspace('default', history => 'all');
CREATE TABLE merge_staging AS SELECT 'imported@example.com'::text AS email_address;
SET client_min_messages = warning;
CALL contacts.import('merge_staging');
SELECT contacts.merge('b@example.com', 'imported@example.com') #>> '{data,data,email_address}' AS stays;
SELECT max(import_id) AS import_id FROM contacts.import_progress \gset
CALL contacts.undo_import(:import_id);
RESET client_min_messages;
SELECT email_address, version, updated_at > created_at AS updated FROM contacts.contact;
SELECT contacts.erase('imported@example.com');
DROP TABLE merge_staging;

-- A duplicate may have more than a request: 2,100 fields, 1,100 tags, more than half a MiB.
INSERT INTO contacts.field (workspace_id, merge_tag, label, type, "position") SELECT 1, 'many_' || n, 'Many ' || n, 'TEXT', 10 + n FROM generate_series(1, 2100) n;
INSERT INTO contacts.tag (workspace_id, name) SELECT 1, 'many ' || n FROM generate_series(1, 1100) n;
INSERT INTO contacts.contact (workspace_id, email_address, status, tags, data)
	SELECT 1, 'many@example.com', 'CLEANED', (SELECT array_agg(tag_id ORDER BY tag_id) FROM contacts.tag WHERE workspace_id = 1 AND name LIKE 'many %'),
		jsonb_object_agg('many_' || n, repeat('x', CASE WHEN n % 210 = 0 THEN 60000 ELSE 10 END)) FROM generate_series(1, 2100) n;
INSERT INTO contacts.contact (workspace_id, email_address, data) VALUES (1, 'few@example.com', '{"many_1":"stays"}');
CREATE TEMPORARY TABLE many AS SELECT data || '{"many_1":"stays"}' AS data, tags FROM contacts.contact WHERE email_address = 'many@example.com';
SELECT contacts.merge('many@example.com', 'few@example.com') #>> '{data,status}' AS status;
SELECT c.email_address, c.data = m.data AS data, c.tags = m.tags AS tags FROM contacts.contact c, many m;

SET client_min_messages = warning;
SELECT contacts.revoke_access('regress_contacts_app', 1);
DROP ROLE regress_contacts_app;
DROP SCHEMA merge_own CASCADE;
DROP FUNCTION note_merge;
DROP TABLE merge_log;
