-- The tables hold under partitioning by workspace: the same calls on hash-partitioned copies of the large ones.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT contacts.define_field('name', 'Name', tracked => true), contacts.define_tag('vip');
SELECT contacts.define_workspace('second', history => 'all') AS workspace_id;
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
			EXECUTE format('CREATE TABLE contacts.%1$s_%2$s PARTITION OF contacts.%1$I FOR VALUES WITH (MODULUS 3, REMAINDER %2$s)', name, i);
		END LOOP;
	END LOOP;
	INSERT INTO contacts.contact SELECT * FROM contacts.contact_whole;
	ALTER TABLE contacts.statistics ADD FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts.contact ON DELETE CASCADE;
END $$;
RESET client_min_messages;
SELECT contacts.subscribe('mailer') IS NOT NULL AS subscribed;

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
