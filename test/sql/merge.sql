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
-- with another value it works, and of the one that stays nothing is lost
SELECT contact_upsert('{"email_address":"other@example.com","fields":{"size":"S"},"partial_update":true}') IS NOT NULL AS made;
SELECT contacts.merge('other@example.com', 'into@example.com') #> '{data,data}' AS data;

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
-- A duplicate that has nothing more leaves the other as it is.
INSERT INTO contacts.contact (workspace_id, email_address) VALUES (1, 'a@example.com'), (1, 'b@example.com');
SELECT contacts.merge('a@example.com', 'b@example.com') #>> '{data,data,email_address}' AS stays;
SELECT email_address, version FROM contacts.contact;
