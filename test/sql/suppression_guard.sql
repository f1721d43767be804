-- docs/api.md, "Suppressions": under "guarded" a suppressed address is mailed again only with "resubscribe": true, on every path.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_workspace('default', 'guarded') AS guarded, contacts.define_workspace('api', 'api') AS api, contacts.define_field('name', 'Name', tracked => true);
SELECT contacts.erase(n || '@example.com', true, w) FROM generate_series(1, 2) w, unnest('{a,b,c,d,e,f,g}'::text[]) n;
SELECT count(*) AS suppressed FROM contacts.suppression WHERE workspace_id = 1;

-- The single call: refused; with a status that is not mailed made; with consent made, and the suppression is gone.
SELECT contact_upsert('{"email_address":"A@example.com"}');
SELECT contact_upsert('{"email_address":"a@example.com","status":"UNCONFIRMED","partial_update":true}');
SELECT contact_upsert('{"email_address":"a@example.com","resubscribe":false}');
SELECT outcome, error ->> 'code' AS code, id, version FROM contacts.preview('{"email_address":"a@example.com"}');
SELECT outcome, contact ->> 'status' AS status FROM contacts.preview('{"email_address":"a@example.com","resubscribe":true}');
SELECT outcome, contact ->> 'status' AS status FROM contacts.preview('{"email_address":"a@example.com","status":"CLEANED"}');
SELECT count(*) AS suppressed FROM contacts.suppression WHERE workspace_id = 1;
SELECT contact_upsert('{"email_address":"a@example.com","status":"UNSUBSCRIBED"}') #>> '{data,status}' AS status;
SELECT contact_upsert('{"email_address":"a@example.com"}') #>> '{data,status}' AS stays;
SELECT contact_upsert('{"email_address":"a@example.com","status":"SUBSCRIBED"}');
SELECT count(*) AS suppressed FROM contacts.suppression WHERE workspace_id = 1;
SELECT contact_upsert('{"email_address":"a@example.com","status":"SUBSCRIBED","resubscribe":true}') #>> '{data,status}' AS status;
SELECT count(*) AS one_less FROM contacts.suppression WHERE workspace_id = 1;
SELECT contact_upsert('{"email_address":"b@example.com","resubscribe":true}') #>> '{data,status}' AS status;
SELECT count(*) AS one_less FROM contacts.suppression WHERE workspace_id = 1;
DELETE FROM contacts.contact;
SELECT contact_upsert('{"email_address":"b@example.com"}') #>> '{data,status}' AS had_consented;
-- check 9 comes behind the others
SELECT contact_upsert('{"email_address":"c@example.com","fields":{"nothing":1}}');

-- An array: each request by the rule; the first of an address does not count for the second.
SELECT position, outcome, email_address, version, error ->> 'code' AS code, contact ->> 'status' AS status FROM contacts.upsert_many('[
	{"email_address":"C@example.com"}, {"email_address":"c@example.com","status":"CLEANED"}, {"email_address":"c@example.com","fields":{"name":"x"},"partial_update":true},
	{"email_address":"c@example.com","status":"SUBSCRIBED"}, {"email_address":"free@example.com"}, {"email_address":"b@example.com"},
	{"email_address":"d@example.com","resubscribe":true}, {"email_address":"d@example.com","fields":{"name":"y"}}, {"email_address":"e@example.com"}]');
SELECT contacts.upsert_many('[{"email_address":"new@example.com"},{"email_address":"e@example.com"}]', 'stop');
SELECT email_address, status FROM contacts.contact ORDER BY 1;
SELECT count(*) AS one_less FROM contacts.suppression WHERE workspace_id = 1;
-- An array from opted out to mailed.
SELECT outcome, contact ->> 'status' AS status FROM contacts.upsert_many('[{"email_address":"c@example.com","status":"SUBSCRIBED","resubscribe":true}]');
SELECT count(*) AS one_less FROM contacts.suppression WHERE workspace_id = 1;

-- An import and an import view.
CREATE TABLE guard_staging AS SELECT * FROM (VALUES ('e@example.com', NULL), ('f@example.com', 'UNSUBSCRIBED'), ('fresh@example.com', NULL)) v (email_address, status);
\set VERBOSITY terse
CALL contacts.import('guard_staging');
\set VERBOSITY default
SELECT row ->> 'email_address' AS email_address, code FROM contacts.import_error;
SELECT contacts.create_import_view('guard_view') IS NOT NULL AS made;
INSERT INTO guard_view (email_address) VALUES ('e@example.com');
INSERT INTO guard_view (email_address, status) VALUES ('g@example.com', 'UNSUBSCRIBED');
DROP VIEW guard_view;
DROP TABLE guard_staging;
SELECT email_address, status FROM contacts.contact ORDER BY 1;

-- Modes: what leaves the contact alone asks nothing.
SELECT outcome, error ->> 'code' AS code FROM contacts.upsert_many('[{"email_address":"e@example.com","mode":"update"},{"email_address":"e@example.com","mode":"create"},
	{"email_address":"e@example.com","mode":"fill"},{"email_address":"e@example.com","if_version":7}]');

-- Under "api" a suppression has no effect, and stays.
SELECT contacts.upsert('{"email_address":"a@example.com"}', 2) #>> '{data,status}' AS api;
SELECT outcome FROM contacts.upsert_many('[{"email_address":"b@example.com"},{"email_address":"c@example.com","resubscribe":true}]', workspace_id => 2);
SELECT count(*) AS suppressed FROM contacts.suppression WHERE workspace_id = 2;

-- A present contact, and every contact under "api", costs no look at suppressions.
CREATE FUNCTION pg_temp.looks() RETURNS bigint LANGUAGE sql AS $$
	SELECT pg_stat_get_xact_numscans('contacts.suppression'::regclass) + (SELECT sum(pg_stat_get_xact_numscans(indexrelid)) FROM pg_index WHERE indrelid = 'contacts.suppression'::regclass) $$;
CREATE FUNCTION pg_temp.looks_of(call text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE before bigint := pg_temp.looks();
BEGIN
	EXECUTE call;
	RETURN pg_temp.looks() - before;
END $$;
SELECT pg_temp.looks_of($$SELECT contact_upsert('{"email_address":"free@example.com","fields":{"name":"1"}}')$$) AS guarded_update,
	pg_temp.looks_of($$SELECT contact_upsert('{"email_address":"free@example.com","fields":{"name":"1"}}')$$) AS guarded_unchanged,
	pg_temp.looks_of($$SELECT contacts.upsert('{"email_address":"free@example.com"}', 2)$$) AS api_create,
	pg_temp.looks_of($$SELECT contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', 'm' || i || '@example.com')) FROM generate_series(1, 100) i), workspace_id => 2)$$) AS api_many,
	pg_temp.looks_of($$SELECT contact_upsert('{"email_address":"looked@example.com"}')$$) > 0 AS guarded_create;
