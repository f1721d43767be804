-- contacts.history: what each level keeps of what a call, an array and an import do.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
\set SHOW_CONTEXT never
SELECT contacts.purge_history('1 day');
SELECT contacts.purge_events('1 day');
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('name', 'Name'), contacts.define_field('size', 'Size', 'DROPDOWN_MULTIPLE', ARRAY['S', 'L']),
	contacts.define_tag('vip'), contacts.define_tag('news');
SELECT history FROM contacts.workspace;
CREATE ROLE history_writer;
SELECT contacts.grant_access('history_writer', workspace_id => 1);
CREATE VIEW pg_temp.history AS
	SELECT h.history_id AS id, coalesce(c.email_address, 'gone') AS email, h.contact_version AS v, h.changed_by = current_user AS by_me,
		h.changed_at = now() AS now, h.source, h.import_id AS import, h.changes, h.evidence
	FROM contacts.history h LEFT JOIN contacts.contact c USING (workspace_id) WHERE c.id = h.contact_id OR c.id IS NULL;

-- each level: a creation, a change of fields, of tags, of the status, of all, nothing
CREATE PROCEDURE pg_temp.run(level contacts.history_level) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM contacts.define_workspace('default', history => level);
	PERFORM contact_upsert(jsonb_build_object('email_address', level || '@example.com', 'fields', '{"name":"x","size":["L","S"]}'::jsonb, 'tags', '["vip"]'::jsonb));
	PERFORM contact_upsert(jsonb_build_object('email_address', level || '@example.com', 'partial_update', true) || change)
	FROM unnest(ARRAY['{"fields":{"name":"y"}}', '{"add_tags":["news"],"remove_tags":["vip"]}', '{"status":"UNSUBSCRIBED"}', '{"status":"UNSUBSCRIBED"}',
		'{"fields":{"name":"z","size":null},"tags":[],"status":"SUBSCRIBED"}']::jsonb[]) change;
	PERFORM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', level::text || n || '@example.com') || r) FROM jsonb_array_elements(
		'[{"fields":{"name":"x"}}, {"fields":{"name":"y"}}, {"fields":{"name":"y"}}, {"status":"CLEANED","partial_update":true}, {"status":"bad"}]') r, generate_series(1, 2) n));
END $$;
BEGIN;
CALL pg_temp.run('none');
SELECT count(*) FROM contacts.history;
CALL pg_temp.run('status');
SELECT * FROM pg_temp.history ORDER BY id;
CALL pg_temp.run('all');
SELECT * FROM pg_temp.history WHERE email LIKE 'all%' ORDER BY id;
COMMIT;

-- source and evidence: at status they make a row of a creation and of a change; evidence makes one even if nothing changes
CREATE PROCEDURE pg_temp.prove(level contacts.history_level) LANGUAGE plpgsql AS $$
DECLARE
	requests jsonb := '[{"source":"form","fields":{"name":"x"}}, {"source":"form","fields":{"name":"y"}}, {"source":"form","fields":{"name":"y"}},
		{"evidence":{"ip":"192.0.2.1","at":[1,{"a":null}],"ok":true},"fields":{"name":"y"}}, {"source":"s","evidence":{"n":1.50},"fields":{"name":"z"}},
		{"mode":"create","evidence":{"again":1}}, {"mode":"create","source":"again"}, {"mode":"fill","evidence":{"fill":1}}, {"evidence":{}}, {"evidence":[],"source":""}, {"evidence":7}]';
BEGIN
	PERFORM contacts.define_workspace('default', history => level);
	FOR i IN 0 .. jsonb_array_length(requests) - 2 LOOP
		PERFORM contact_upsert(jsonb_build_object('email_address', level || '.proof@example.com', 'partial_update', true) || (requests -> i));
	END LOOP;
	PERFORM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', level::text || n || '.proof@example.com', 'partial_update', true) || r)
		FROM jsonb_array_elements(requests) r, generate_series(1, 2) n));
	PERFORM contacts.upsert_many(jsonb_build_array(jsonb_build_object('email_address', level::text || '.none@example.com', 'evidence', '{"x":1}'::jsonb, 'mode', 'update')));
END $$;
CREATE TEMPORARY VIEW proof AS SELECT email, v, source, changes, evidence, id FROM pg_temp.history WHERE email LIKE '%proof%' OR email LIKE '%none%';
BEGIN;
CALL pg_temp.prove('none');
SELECT count(*) FROM pg_temp.proof;
CALL pg_temp.prove('status');
SELECT * FROM pg_temp.proof ORDER BY email, v, id;
CALL pg_temp.prove('all');
-- the same rows, but for changes that have neither
SELECT email, count(*), count(source), count(evidence) FROM pg_temp.proof GROUP BY 1 ORDER BY 1;
COMMIT;
-- proof again is written: by who may change the contact
SET ROLE history_writer;
SELECT contact_upsert('{"email_address":"all.proof@example.com","partial_update":true,"evidence":{"by":"writer"}}') #>> '{data,data,name}' AS name;
RESET ROLE;
SELECT h.changed_by, h.contact_version, h.changes, h.evidence FROM contacts.history h ORDER BY h.history_id DESC LIMIT 1;
REVOKE UPDATE ON contacts.contact FROM history_writer;
SET ROLE history_writer;
SELECT contact_upsert('{"email_address":"all.proof@example.com","partial_update":true}') #>> '{data,data,name}' AS name;
SELECT contact_upsert('{"email_address":"all.proof@example.com","partial_update":true,"evidence":{"by":"reader"}}');
SELECT outcome FROM contacts.upsert_many('[{"email_address":"all.proof@example.com","partial_update":true,"evidence":{"by":"reader"}}]');
RESET ROLE;
SELECT contacts.grant_access('history_writer', workspace_id => 1);
-- nor is it lost where a policy keeps the contact
CREATE POLICY keep ON contacts.contact AS RESTRICTIVE FOR UPDATE TO history_writer USING (email_address <> 'all.proof@example.com');
SET ROLE history_writer;
SELECT contact_upsert('{"email_address":"all.proof@example.com","partial_update":true,"evidence":{"by":"writer"}}');
SELECT outcome, error ->> 'message' AS message FROM contacts.upsert_many('[{"email_address":"all.proof@example.com","partial_update":true,"evidence":{"by":"writer"}}]');
RESET ROLE;
DROP POLICY keep ON contacts.contact;

-- by whom
SET ROLE history_writer;
SELECT contact_upsert('{"email_address":"by@example.com"}') IS NOT NULL AS created;
SELECT changed_by FROM contacts.history ORDER BY history_id DESC LIMIT 1;
-- a member reads, and writes nothing
INSERT INTO contacts.history (workspace_id, contact_id, contact_version, changed_by) VALUES (1, 'x', 1, 'x');
UPDATE contacts.history SET changes = '{}';
DELETE FROM contacts.history;
TRUNCATE contacts.history;
SELECT contacts.purge_history('0');
RESET ROLE;

-- rolled back with its change, to a savepoint too
SELECT max(history_id) AS last FROM contacts.history \gset
BEGIN;
SELECT contact_upsert('{"email_address":"rolled@example.com"}') IS NOT NULL AS created;
SAVEPOINT s;
SELECT contact_upsert('{"email_address":"rolled@example.com","fields":{"name":"x"}}') IS NOT NULL AS updated;
ROLLBACK TO s;
SELECT contact_upsert('{"email_address":"rolled@example.com","fields":{"name":"y"}}') IS NOT NULL AS updated;
SELECT v, changes FROM pg_temp.history WHERE id > :last ORDER BY id;
ROLLBACK;
SELECT count(*) FROM contacts.history WHERE history_id > :last;

-- nothing changes: nothing is written
BEGIN;
SELECT contact_upsert('{"email_address":"all1@example.com","partial_update":true}') IS NOT NULL AS same, pg_current_xact_id_if_assigned();
COMMIT;

-- the sequence is behind the data
SELECT setval('contacts.history_history_id_seq', 1) AS behind;
SELECT contact_upsert('{"email_address":"behind@example.com"}') IS NOT NULL AS created;
SELECT setval('contacts.history_history_id_seq', :last - 1) = :last - 1 AS nearly_behind;
SELECT outcome FROM contacts.upsert_many('[{"email_address":"behind1@example.com"}, {"email_address":"behind2@example.com"}, {"email_address":"behind2@example.com","tags":["vip"]}]');
SELECT email, v, changes FROM pg_temp.history WHERE email LIKE 'behind%' ORDER BY id;
CREATE FUNCTION pg_temp.keep_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keep_out BEFORE INSERT ON contacts.history FOR EACH ROW EXECUTE FUNCTION pg_temp.keep_out();
SELECT contact_upsert('{"email_address":"kept.out@example.com"}');
SELECT outcome FROM contacts.upsert_many('[{"email_address":"out1@example.com"}, {"email_address":"out2@example.com"}]');
DROP TRIGGER keep_out ON contacts.history;

-- more than are stored at a time
SELECT count(*) FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', 'many' || i || '@example.com')) FROM generate_series(1, 2500) i));
SELECT count(*), count(DISTINCT contact_id) FROM contacts.history h WHERE history_id > :last AND changes #>> '{email_address,new}' LIKE 'many%';

-- purge: by age, a batch at a time; the owner's alone
UPDATE contacts.history SET changed_at = now() - interval '4 years' WHERE history_id IN (SELECT history_id FROM contacts.history ORDER BY 1 LIMIT 5);
SELECT contacts.purge_history('3 years', 3), contacts.purge_history('3 years'), contacts.purge_history('3 years');
SELECT contacts.purge_history(NULL);
SELECT contacts.purge_history('-1 day');
SELECT contacts.purge_history('1 day', 0);
BEGIN READ ONLY;
SELECT contacts.purge_history('1 day');
ROLLBACK;

-- a workspace takes its history with it
SELECT contacts.define_workspace('second', history => 'all') AS second \gset
SELECT contacts.upsert('{"email_address":"second@example.com"}', :second) IS NOT NULL AS created;
SELECT count(*) FROM contacts.history WHERE workspace_id = :second;
DELETE FROM contacts.workspace WHERE workspace_id = :second;
SELECT count(*) FROM contacts.history WHERE workspace_id = :second;
SET client_min_messages = warning;
SELECT contacts.revoke_access('history_writer', workspace_id => 1);
DROP ROLE history_writer;
