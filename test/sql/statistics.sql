-- contacts.record adds to the statistics, and the answer shows them.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contact_upsert('{"email_address":"a@example.com"}') #>> '{data,id}' AS id \gset
SELECT contacts.record(:'id', c, workspace_id => 1) FROM unnest(ARRAY['total_opens', 'total_clicks', 'total_bounces', 'total_delivered']) c;
SELECT contacts.record(:'id', 'total_opens', 41, workspace_id => 1), contacts.record(:'id', 'total_delivered', 0, workspace_id => 1);
SELECT contact_upsert('{"email_address":"a@example.com","partial_update":true}') #> '{data,statistics}' AS statistics;
SELECT contact_upsert('{"email_address":"a@example.com","status":"CLEANED"}') #> '{data,statistics}' AS statistics;
SELECT (contacts.preview('{"email_address":"a@example.com"}')).contact -> 'statistics' AS statistics;
SELECT contacts.record(:'id', 'opens', workspace_id => 1);
SELECT contacts.record(:'id', NULL, workspace_id => 1);
SELECT contacts.record(:'id', 'total_opens', NULL, workspace_id => 1);
SELECT contacts.record(:'id', 'total_bounces', -2, workspace_id => 1);
SELECT contacts.record(:'id', 'total_opens', 9223372036854775807, workspace_id => 1);
SELECT contacts.record('000000000000000000000000', 'total_opens', workspace_id => 1);
SELECT contacts.record(NULL, 'total_opens');
INSERT INTO contacts.statistics (workspace_id, contact_id) VALUES (1, '000000000000000000000000');
SELECT total_opens, total_clicks, total_bounces, total_delivered FROM contacts.statistics;
DELETE FROM contacts.contact;
SELECT count(*) FROM contacts.statistics;
BEGIN READ ONLY;
SELECT contacts.record(:'id', 'total_opens');
ROLLBACK;
