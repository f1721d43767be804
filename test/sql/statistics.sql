-- contacts.record adds to the statistics, and the answer shows them.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contact_upsert('{"email_address":"a@example.com"}') #>> '{data,id}' AS id \gset
SELECT contacts.record(1, :'id', c) FROM unnest(ARRAY['total_opens', 'total_clicks', 'total_bounces', 'total_delivered']) c;
SELECT contacts.record(1, :'id', 'total_opens', 41), contacts.record(1, :'id', 'total_delivered', 0);
SELECT contact_upsert('{"email_address":"a@example.com","partial_update":true}') #> '{data,statistics}' AS statistics;
SELECT contact_upsert('{"email_address":"a@example.com","status":"CLEANED"}') #> '{data,statistics}' AS statistics;
SELECT (contacts.preview('{"email_address":"a@example.com"}')).contact -> 'statistics' AS statistics;
SELECT contacts.record(1, :'id', 'opens');
SELECT contacts.record(1, :'id', NULL);
SELECT contacts.record(1, :'id', 'total_opens', NULL);
SELECT contacts.record(1, :'id', 'total_bounces', -2);
SELECT contacts.record(1, :'id', 'total_opens', 9223372036854775807);
SELECT contacts.record(1, '000000000000000000000000', 'total_opens');
SELECT contacts.record(NULL, NULL, 'total_opens');
INSERT INTO contacts.statistics (workspace_id, contact_id) VALUES (1, '000000000000000000000000');
SELECT total_opens, total_clicks, total_bounces, total_delivered FROM contacts.statistics;
DELETE FROM contacts.contact;
SELECT count(*) FROM contacts.statistics;
