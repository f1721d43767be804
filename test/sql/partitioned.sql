-- The tables hold under partitioning by workspace: the same calls on hash-partitioned copies of the large ones.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT contacts.define_field('name', 'Name', tracked => true), contacts.define_tag('vip');
SELECT contacts.define_workspace('second', 'guarded', 'all') AS workspace_id;
SELECT contacts.define_field('name', 'Name', 'NUMBER', workspace_id => 2);
-- this session has its plans before the tables change
SELECT contact_upsert('{"email_address":"before@example.com","fields":{"name":"x"}}') #> '{data,data}' AS data;
SELECT contact_upsert('{"email_address":"before@example.com","fields":{"name":"y"}}') #> '{data,data}' AS data;

SET client_min_messages = warning;
DO $$
DECLARE
	name text;
BEGIN
	ALTER TABLE contacts.statistics DROP CONSTRAINT statistics_workspace_id_contact_id_fkey;
	FOREACH name IN ARRAY ARRAY['contact', 'statistics', 'event', 'delivery', 'history'] LOOP
		EXECUTE format('ALTER TABLE contacts.%1$I RENAME TO %1$s_whole', name);
		EXECUTE format('CREATE TABLE contacts.%1$I (LIKE contacts.%1$s_whole INCLUDING ALL) PARTITION BY HASH (workspace_id)', name);
		FOR i IN 0..2 LOOP
			EXECUTE format('CREATE TABLE contacts.%1$s_part_%2$s PARTITION OF contacts.%1$I FOR VALUES WITH (MODULUS 3, REMAINDER %2$s)', name, i);
		END LOOP;
	END LOOP;
	INSERT INTO contacts.contact SELECT * FROM contacts.contact_whole;
	ALTER TABLE contacts.statistics ADD FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts.contact ON DELETE CASCADE;
END $$;
RESET client_min_messages;
-- Neither triggers nor row level security are copied. install() brings back what is missing, and nothing twice.
CREATE VIEW pg_temp.protection AS SELECT c.relname, c.relrowsecurity AS rls,
		(SELECT string_agg(p.polname, ', ' ORDER BY p.polname) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
		(SELECT string_agg(t.tgname || CASE t.tgenabled WHEN 'O' THEN '' ELSE ' ' || t.tgenabled::text END, ', ' ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal) AS triggers
	FROM pg_class c WHERE c.relnamespace = 'contacts'::regnamespace AND c.relname !~ '_(whole|[0-2])$' AND c.relkind IN ('r', 'p') ORDER BY 1;
\set SHOW_CONTEXT never
SELECT relname FROM pg_temp.protection WHERE NOT rls;
SELECT contacts.change_address('before@example.com', 'after@example.com');
SELECT contacts.merge('before@example.com', 'after@example.com');
-- what is there on a partition does not keep it from the table
CREATE TRIGGER zzz_contact_is_valid BEFORE INSERT OR UPDATE ON contacts.contact_part_1 FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_contact_write();
SELECT contacts.install() IS NOT NULL AS installed;
SELECT contacts.install() IS NOT NULL AS again;
TABLE pg_temp.protection;
SELECT contacts.subscribe('mailer') IS NOT NULL AS subscribed;

-- Versions, opt-outs and changes of address are kept, in partitions in whatever schema.
CREATE SCHEMA partitioned_parts;
ALTER TABLE contacts.contact_part_0 SET SCHEMA partitioned_parts;
ALTER TABLE contacts.contact_part_1 SET SCHEMA partitioned_parts;
ALTER TABLE contacts.contact_part_2 SET SCHEMA partitioned_parts;
SELECT contacts.upsert('{"email_address":"out@example.com","status":"UNSUBSCRIBED"}', 2) #>> '{data,status}' AS status;
SELECT contacts.upsert('{"email_address":"moved@example.com","status":"CLEANED"}', 2) #>> '{data,status}' AS status;
SELECT contacts.change_address('moved@example.com', 'out@example.com', 2);
CREATE UNIQUE INDEX partitioned_own ON contacts.contact (workspace_id, lower(split_part(email_address, '@', 1)));
SELECT contacts.change_address('moved@example.com', 'out@other.example.com', 2);
DROP INDEX contacts.partitioned_own;
SELECT contacts.change_address('moved@example.com', 'here@example.com', 2) #>> '{data,status}' AS status;
UPDATE contacts.contact SET data = '{"name":1}' WHERE email_address = 'here@example.com';
SELECT c.email_address, c.version, h.contact_version, h.changes FROM contacts.contact c JOIN contacts.history h ON (c.workspace_id, c.id) = (h.workspace_id, h.contact_id)
	WHERE c.workspace_id = 2 ORDER BY history_id;
DELETE FROM contacts.contact WHERE email_address = 'out@example.com';
SELECT status, reason FROM contacts.suppression ORDER BY 1;
SELECT contacts.upsert('{"email_address":"out@example.com"}', 2);
SELECT contacts.upsert('{"email_address":"moved@example.com"}', 2);
SELECT contacts.upsert('{"email_address":"other@example.com","fields":{"name":2}}', 2) #>> '{data,status}' AS status;
SELECT contacts.merge('here@example.com', 'other@example.com', 2) #> '{data,status}' AS status;
SELECT status, reason FROM contacts.suppression ORDER BY 1, 2;
DELETE FROM contacts.contact WHERE workspace_id = 2;
DELETE FROM contacts.history WHERE workspace_id = 2;

SELECT contact_upsert('{"email_address":"before@example.com","fields":{"name":"z"}}') #> '{data,data}' AS data;
SELECT contact_upsert('{"email_address":"new@example.com","fields":{"name":"z"},"tags":["vip"]}') #> '{data,data}' AS data;
SELECT contact_upsert('{"email_address":"NEW@example.com","fields":{"name":"z"},"tags":["vip"]}') #>> '{data,data,name}' AS unchanged;
SELECT contact_upsert('{"email_address":"new@example.com","add_tags":["other"],"create_tags":true,"partial_update":true}') #> '{data,tags}' AS tags;
SELECT contacts.upsert('{"email_address":"new@example.com","fields":{"name":7}}', workspace_id => 2) #> '{data,data}' AS data;
SELECT workspace_id, outcome, email_address FROM (VALUES (1::bigint), (2)) w (workspace_id), contacts.upsert_many('[
	{"email_address":"many@example.com","tags":["many"],"create_tags":true}, {"email_address":"many@example.com","fields":{"name":"8"}},
	{"email_address":"new@example.com","fields":{"name":7}}]', workspace_id => workspace_id);
SELECT contacts.record(id, 'total_opens', workspace_id => 1) FROM contacts.contact WHERE workspace_id = 1 AND email_address = 'new@example.com';
SELECT contact_upsert('{"email_address":"new@example.com","partial_update":true}') #> '{data,statistics,total_opens}' AS opens;
SELECT workspace_id, email_address, version, data FROM contacts.contact ORDER BY 1, 2;
SELECT contact_version, type FROM contacts.event ORDER BY event_id;
SELECT count(*) FROM contacts.delivery;
SELECT h.workspace_id, c.email_address, h.contact_version, h.changes #- '{tags,added,0,id}' AS changes
	FROM contacts.history h JOIN contacts.contact c ON (c.workspace_id, c.id) = (h.workspace_id, h.contact_id) ORDER BY history_id;
SELECT type FROM contacts.claim('mailer');
SELECT contacts.get('new@example.com') -> 'version' AS version;
SELECT email_address, version FROM contacts.search('{"tags":{"none":[]}}') ORDER BY 1;
SELECT contacts.record_many('[{"contact":"new@example.com","counter":"total_opens"}]') AS contacts;
SELECT contacts.export('new@example.com') #>> '{contact,data,email_address}' AS exported;
DELETE FROM contacts.field WHERE workspace_id = 1 AND merge_tag = 'name';
SELECT email_address, data FROM contacts.contact WHERE workspace_id = 1 ORDER BY 1;
DELETE FROM contacts.workspace WHERE workspace_id = 1;
SELECT count(*) FROM contacts.contact;
SET client_min_messages = warning;
DROP SCHEMA partitioned_parts CASCADE;
