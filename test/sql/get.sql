-- docs/api.md, "Reading": contacts.get, and what a parameter contact can be.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts_internal.contact_id('tywin@example.com', 1);
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_workspace('theirs') AS theirs;
SELECT contact_upsert('{"email_address":"tywin@example.com"}') #>> '{data,id}' AS id \gset
SELECT contacts.upsert('{"email_address":"tywin@example.com"}', workspace_id => 2) #>> '{data,id}' AS their_id \gset

-- An id is taken as it is, there or not; an address as the call normalises it; all else is no contact.
SELECT given, CASE i.id WHEN :'id' THEN 'id' WHEN :'their_id' THEN 'their id' ELSE i.id END AS id
FROM unnest(ARRAY['tywin@example.com', E'\t Tywin@EXAMPLE.com ', 'nobody@example.com', 'tywin', '', NULL, repeat('a', 24), repeat('A', 24), repeat('a', 25),
	repeat('g', 24), 'tywin@example.com@']) AS given, contacts_internal.contact_id(given, 1) AS i (id);
SELECT contacts_internal.contact_id(:'id', 1) = :'id' AS id, contacts_internal.contact_id('tywin@example.com', 2) = :'their_id' AS their_id,
	contacts_internal.contact_id('tywin@example.com', 3) AS no_workspace, contacts_internal.contact_id('tywin@example.com', NULL) AS no_workspace;

-- The answer of the call, with the version beside data; or null.
CREATE FUNCTION pg_temp.same(contact text, answer jsonb, workspace bigint DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN contacts.get(contact, workspace) - 'version' = answer THEN 'same, version ' || (contacts.get(contact, workspace) ->> 'version') ELSE 'different' END
$$;
SELECT contacts.define_field('age', 'Age', 'NUMBER'), contacts.define_field('gone', 'Gone'), contacts.define_tag('vip'), contacts.define_tag('lost');
SELECT contact_upsert('{"email_address":"tywin@example.com","fields":{"age":56.50,"gone":"x"},"tags":["vip","lost"],"status":"CLEANED"}') AS answer \gset
SELECT contacts.record(:'id', 'total_opens', 3);
DELETE FROM contacts.field WHERE merge_tag = 'gone';
UPDATE contacts.contact SET data = data || '{"gone": "x"}' WHERE id = :'id';
DELETE FROM contacts.tag WHERE name = 'lost';
SELECT contacts.get(:'id') #- '{data,id}' #- '{data,created_at}' #- '{data,updated_at}' AS contact;
SELECT contact_upsert('{"email_address":"tywin@example.com","partial_update":true}') AS answer \gset
SELECT pg_temp.same(:'id', :'answer'), pg_temp.same(' TYWIN@example.com', :'answer'), pg_temp.same('tywin@example.com', :'answer', 1);
SELECT contacts.get('tywin@example.com', workspace_id => 2) #>> '{data,id}' = :'their_id' AS theirs, contacts.get(:'their_id') AS not_ours,
	contacts.get(:'id', 2) AS not_theirs;
SELECT given, contacts.get(given) FROM unnest(ARRAY['nobody@example.com', 'tywin', '', NULL, repeat('a', 24), repeat('A', 24)]) AS given;
SELECT contacts.get(:'id', workspace_id => 3);
SELECT contacts.get('nobody', workspace_id => -1);
BEGIN READ ONLY;
SELECT contacts.get(:'id') ->> 'version' AS version;
COMMIT;
-- What the statement itself writes it does not see; the next one does.
SELECT contact_upsert('{"email_address":"sansa@example.com"}') IS NOT NULL AS made, contacts.get('sansa@example.com') AS before;
SELECT contacts.get('sansa@example.com') ->> 'version' AS version;
-- In a parallel query, in a session that knows no definitions yet.
\c -
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT set_config(CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END, 'on', false);
SELECT email_address, contacts.get(id) #>> '{data,data,email_address}' AS got, contacts.get(email_address) ->> 'version' AS version
FROM contacts.contact WHERE workspace_id = 1 ORDER BY 1;
