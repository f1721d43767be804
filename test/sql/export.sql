-- docs/api.md, "Reading": contacts.export has all that is held of a person, and what is left of one who is gone.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET TimeZone = 'Pacific/Auckland';
SELECT contacts.define_workspace('theirs') AS theirs, contacts.define_workspace('default', 'guarded', history => 'all') AS ours;
SELECT contacts.define_field('age', 'Age', 'NUMBER', tracked => true), contacts.subscribe('mailer'), contacts.subscribe('every', workspace_id => 0), contacts.define_tag('vip');
-- Another person, and the same one in another workspace: nothing of theirs is in what follows.
SELECT contact_upsert('{"email_address":"other@example.com","status":"UNCONFIRMED","fields":{"age":13},"tags":["vip"]}') IS NOT NULL AS made,
	contacts.upsert('{"email_address":"tywin@example.com","status":"UNCONFIRMED"}', workspace_id => 2) IS NOT NULL AS made;
SELECT contact_upsert('{"email_address":"tywin@example.com","status":"UNCONFIRMED","fields":{"age":56}}') #>> '{data,id}' AS id \gset
SELECT contact_upsert('{"email_address":"tywin@example.com","status":"UNSUBSCRIBED","fields":{"age":57}}') IS NOT NULL AS changed;
SELECT count(contacts.fail('mailer', lease, event_id, 'bounced: tywin@example.com')) AS failed FROM contacts.claim('mailer', 1) WHERE contact_id = :'id';
SELECT count(contacts.fail('mailer', lease, event_id, 'bounced: tywin@example.com')) AS failed FROM contacts.claim('mailer', 10) WHERE contact_id = :'id';
SELECT contacts.record(:'id', 'total_bounces');
INSERT INTO contacts.import_progress (workspace_id, staging_table, total) VALUES (1, 'people', 4);
INSERT INTO contacts.import_chunk (workspace_id, import_id, first_row, rows)
	VALUES (1, 1, 3, ARRAY['{"email_address":"other@example.com"}', '{"email_address":" Tywin@Example.com","age":"58"}']::jsonb[]);
INSERT INTO contacts.import_error (workspace_id, import_id, row_number, "row", code, message, error)
	VALUES (1, 1, 1, '{"email_address":"tywin@example.com","age":"x"}', 'FIELD_INVALID', 'Field', '{"code":"FIELD_INVALID","value":"x"}'),
		(1, 1, 2, '{"email_address":"other@example.com","age":"x"}', 'FIELD_INVALID', 'Field', '{"code":"FIELD_INVALID","value":"x"}');
INSERT INTO contacts.import_kept (workspace_id, import_id, contact_id, code, message) VALUES (1, 1, :'id', 'CHANGED', 'It has changed since.');
CREATE FUNCTION pg_temp.shown(exported jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(regexp_replace(jsonb_pretty(exported), '"[0-9a-f]{24}"', '"<id>"', 'g'),
		'"\d{4}-\d\d-\d\dT[0-9:]+Z"', '"<time>"', 'g'), '"\d{4}-\d\d-\d\dT[0-9:.]+\+00:00"', '"<UTC>"', 'g')
$$;
\pset format unaligned
SELECT replace(pg_temp.shown(contacts.export(' TYWIN@example.com')), to_json(current_user)::text, '"somebody"') AS export;
SELECT contacts.export(:'id', workspace_id => 1) = contacts.export('tywin@example.com') AS by_id;
\pset format aligned
-- A member sees that of its workspace.
CREATE ROLE regress_contacts_member;
SELECT contacts.grant_access('regress_contacts_member', 1);
SELECT contacts.export('tywin@example.com') AS export \gset
SET ROLE regress_contacts_member;
SELECT contacts.export('tywin@example.com') #- '{events}' = :'export'::jsonb #- '{events}' AS same,
	jsonb_path_query_array(contacts.export('tywin@example.com'), '$.events[*].deliveries[*].consumer') AS consumers;
SELECT contacts.export('tywin@example.com', workspace_id => 2);
RESET ROLE;
-- What is left.
DELETE FROM contacts.contact WHERE id = :'id';
SELECT e.key, CASE e.key WHEN 'suppressions' THEN e.value #- '{0,created_at}' WHEN 'import_rows' THEN jsonb_path_query_array(e.value, '$[*].row_number')
	WHEN 'contact' THEN e.value ELSE to_jsonb(jsonb_array_length(e.value)) END AS value FROM jsonb_each(contacts.export('tywin@example.com')) e;
SELECT e.key, CASE jsonb_typeof(e.value) WHEN 'array' THEN jsonb_array_length(e.value)::text ELSE e.value::text END AS value FROM jsonb_each(contacts.export(:'id')) e;
SELECT contacts.upsert('{"email_address":"tywin@example.com","status":"UNSUBSCRIBED"}') #>> '{data,status}' AS again;
SELECT contacts.erase('tywin@example.com');
SELECT contacts.export(:'id') IS NULL AS by_id_nothing, contacts.export('tywin@example.com') - 'suppressions' AS by_address;
-- Of an earlier address, too.
SELECT contacts.define_workspace('default', history => 'all');
SELECT contact_upsert('{"email_address":"maiden@example.com","status":"CLEANED"}') #>> '{data,status}' AS status;
SELECT contacts.change_address('maiden@example.com', 'married@example.com') #>> '{data,status}' AS status;
SELECT contacts.export('married@example.com') #- '{suppressions,0,created_at}' -> 'suppressions' AS suppressions;
SELECT given, contacts.export(given) FROM unnest(ARRAY['nobody@example.com', 'nobody', '', NULL, repeat('0', 24)]) AS given;
SELECT contacts.export('nobody@example.com', workspace_id => 3);
BEGIN READ ONLY;
SELECT contacts.export('other@example.com') #>> '{contact,status}' AS status;
COMMIT;
SELECT contacts.revoke_access('regress_contacts_member', 1);
DROP ROLE regress_contacts_member;
