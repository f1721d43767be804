-- docs/api.md, "Modes", "Versions" and "Source and evidence": mode, if_version, source and evidence on every path.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('name', 'Name', required => true, tracked => true), contacts.define_field('size', 'Size'),
	contacts.define_tag('vip'), contacts.define_tag('news');
SELECT contact_upsert('{"email_address":"a@example.com","fields":{"name":"A"},"tags":[1],"status":"UNCONFIRMED"}') IS NOT NULL AS made;
CREATE FUNCTION pg_temp.short(r contacts.upsert_result) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', r.outcome, r.email_address, 'v' || r.version, CASE WHEN r.id IS NULL THEN 'no id' END,
		r.contact ->> 'status', r.contact -> 'data', jsonb_path_query_array(r.contact, '$.tags.name'), r.changes,
		jsonb_path_query_array(r.events, '$.type'), r.error ->> 'code', r.error ->> 'message', r.error ->> 'version')
$$;

-- create leaves a contact alone that exists, update creates none; apply, preview and arrays say so.
SELECT m AS mode, e AS email, pg_temp.short(contacts.preview(r)) AS preview, pg_temp.short(contacts.apply(r)) AS apply,
	(SELECT pg_temp.short(u) FROM contacts.upsert_many(jsonb_build_array(r)) u) AS many
FROM (VALUES ('create', 'A@Example.com'), ('update', 'nobody@example.com')) v (m, e),
	jsonb_build_object('mode', m, 'email_address', e, 'fields', '{"name":"B"}'::jsonb, 'tags', '[2]'::jsonb, 'status', 'SUBSCRIBED') r
\gx
SELECT contact_upsert('{"mode":"create","email_address":"a@example.com","fields":{"name":"B"}}') #> '{data,data}' AS as_it_is;
CREATE FUNCTION pg_temp.raised(request jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text; detail text; hint text; object text; of_table text; of_column text;
BEGIN
	RETURN contact_upsert(request) #>> '{data,status}';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, object = SCHEMA_NAME,
		of_table = TABLE_NAME, of_column = COLUMN_NAME;
	RETURN concat_ws(' | ', SQLSTATE, message, detail, hint, object, of_table, of_column);
END $$;
SELECT pg_temp.raised('{"mode":"update","email_address":"nobody@example.com","fields":{"name":"B"}}');
SELECT contacts.upsert('{"mode":"update","email_address":"nobody@example.com"}');
SELECT count(*) AS contacts, max(version) AS version FROM contacts.contact;

-- They do what they do elsewhere.
SELECT pg_temp.short(contacts.apply('{"mode":"create","email_address":"b@example.com","fields":{"name":"B"},"status":"UNCONFIRMED"}'));
SELECT pg_temp.short(contacts.apply('{"mode":"update","email_address":"b@example.com","fields":{"name":"C"},"partial_update":true}'));
SELECT pg_temp.short(contacts.apply('{"mode":"update","email_address":"b@example.com","fields":{"name":"C"},"status":"SUBSCRIBED"}'));
SELECT pg_temp.short(contacts.apply('{"mode":"upsert","email_address":"b@example.com","fields":{"name":"C"}}'));
SELECT pg_temp.short(contacts.apply('{"mode":"create","email_address":"c@example.com"}'));

-- fill sets what has no value, adds tags, and leaves the rest.
SELECT pg_temp.short(contacts.apply('{"mode":"fill","email_address":"a@example.com","fields":{"name":"Z","size":"L"},"tags":[2],"remove_tags":[1],"status":"CLEANED"}'));
SELECT pg_temp.short(contacts.apply('{"mode":"fill","email_address":"a@example.com","fields":{"name":null,"size":"S"},"tags":[],"partial_update":false}'));
SELECT pg_temp.short(contacts.apply('{"mode":"fill","email_address":"a@example.com","add_tags":["new","vip"],"remove_tags":["new"],"create_tags":true}'));
SELECT pg_temp.short(contacts.apply('{"mode":"fill","email_address":"d@example.com","fields":{"name":"D"},"status":"UNCONFIRMED"}'));
SELECT pg_temp.short(contacts.preview('{"mode":"fill","email_address":"e@example.com"}'));

-- What is left alone is not written: no transaction id, no lock, no tag.
BEGIN;
SELECT outcome FROM contacts.apply('{"mode":"create","email_address":"a@example.com","tags":["made up"],"create_tags":true,"evidence":{"x":1},"source":"s"}');
SELECT outcome FROM contacts.upsert_many('[{"mode":"create","email_address":"a@example.com","tags":["made up"],"create_tags":true,"evidence":{"x":1}},
	{"mode":"update","email_address":"nobody@example.com","tags":["made up, too"],"create_tags":true}]');
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
SELECT relation::regclass, mode FROM pg_locks
WHERE pid = pg_backend_pid() AND relation IN (SELECT oid FROM pg_class WHERE relnamespace = 'contacts'::regnamespace AND relkind = 'r')
	AND mode <> 'AccessShareLock';
COMMIT;
SELECT name FROM contacts.tag ORDER BY tag_id;
-- Of an array, tags are created for those that are not left alone, also by what an earlier request does.
SELECT pg_temp.short(u) FROM contacts.upsert_many('[
	{"mode":"create","email_address":"f@example.com","fields":{"name":"F"},"tags":["one"],"create_tags":true},
	{"mode":"update","email_address":"F@example.com","add_tags":["two"],"create_tags":true,"partial_update":true},
	{"mode":"update","email_address":"nobody@example.com","add_tags":["three"],"create_tags":true},
	{"mode":"create","email_address":"a@example.com","add_tags":["four"],"create_tags":true},
	{"mode":"update","email_address":"a@example.com","add_tags":["five"],"create_tags":true,"partial_update":true}]') u;
SELECT name FROM contacts.tag ORDER BY tag_id;

-- The checks 1 to 7 come before the mode, then required fields and consent; all shapes are checked, also of what is left alone.
CREATE FUNCTION pg_temp.error_of(request jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' | ', p.outcome, p.error ->> 'code', p.error ->> 'field', p.error ->> 'message', p.error ->> 'value',
		p.error ->> 'version', p.error ->> 'hint')
	FROM contacts.preview('{"email_address":"a@example.com","partial_update":true}' || request) p
$$;
SELECT request, pg_temp.error_of(request || '{"mode":"create"}') AS exists, pg_temp.error_of(request || '{"mode":"update","email_address":"nobody@example.com"}') AS missing
FROM (VALUES ('{"fields":{"none":1}}'::jsonb), ('{"status":"x"}'), ('{"tags":[99]}'), ('{"partial_update":1}'), ('{"resubscribe":1}'),
	('{"if_version":"1"}'), ('{"source":1}'), ('{"evidence":1}'), ('{"fields":{"name":null}}'), ('{"if_version":99}')) v (request)
\gx
SELECT request, pg_temp.error_of(request::jsonb) AS error FROM (VALUES
	('{"mode":"CREATE"}'), ('{"mode":"Create"}'), ('{"mode":""}'), ('{"mode":"insert"}'), ('{"mode":1}'), ('{"mode":true}'), ('{"mode":["create"]}'), ('{"mode":{}}'), ('{"mode":null}'),
	('{"if_version":"2"}'), ('{"if_version":-1}'), ('{"if_version":2.5}'), ('{"if_version":9223372036854775808}'), ('{"if_version":1e400}'), ('{"if_version":true}'),
	('{"if_version":[2]}'), ('{"if_version":{}}'), ('{"if_version":null}'), ('{"if_version":9223372036854775807}'),
	('{"source":1}'), ('{"source":["x"]}'), ('{"source":""}'), ('{"source":null}'),
	('{"evidence":"x"}'), ('{"evidence":[1]}'), ('{"evidence":true}'), ('{"evidence":[]}'), ('{"evidence":{}}'), ('{"evidence":null}'),
	('{"ifVersion":1}'), ('{"Mode":"create"}'), ('{"SOURCE":"x"}'), ('{"evi-dence":{}}')) v (request);
SELECT n, pg_temp.error_of(jsonb_build_object('source', repeat('é', n))) AS source FROM (VALUES (127), (128)) v (n);
SELECT n, pg_temp.error_of(jsonb_build_object('evidence', jsonb_build_object('x', repeat('x', n)))) AS evidence FROM (VALUES (8179), (8180), (9 * 1024)) v (n);
SELECT pg_temp.error_of('{"evidence":{"a":[[[[[[1]]]]]]}}') AS deep, pg_temp.error_of('{"evidence":{"a":[[[[[[[1]]]]]]]}}') AS too_deep, pg_temp.error_of('{"evidence":{"a":{"b":[{"c":[1,null,true]}]}}}') AS nested;
SELECT '{"email_address":"a@example.com","evidence":{"x":"\u0000"}}'::jsonb;

-- if_version: the contact must have that version, or with 0 not exist.
SELECT version FROM contacts.contact WHERE email_address = 'a@example.com' \gset
SELECT pg_temp.short(contacts.apply(jsonb_build_object('email_address', 'a@example.com', 'fields', '{"size":"XL"}'::jsonb, 'partial_update', true, 'if_version', :version)));
SELECT pg_temp.raised(jsonb_build_object('email_address', 'a@example.com', 'fields', '{"size":"XS"}'::jsonb, 'partial_update', true, 'if_version', :version));
SELECT pg_temp.raised('{"email_address":"a@example.com","if_version":0,"fields":{"name":"A"}}');
SELECT contacts.apply('{"email_address":"nobody@example.com","if_version":7,"fields":{"name":"A"}}');
-- It is checked even if nothing would change; a number is an integer by its value.
SELECT if_version, outcome, error ->> 'code' AS code FROM (VALUES ('4'), ('4.0'), ('4e0'), ('0.4e1'), ('40e-1'), ('3'), ('5')) v (if_version),
	contacts.preview(('{"email_address":"a@example.com","partial_update":true,"if_version":' || if_version || '}')::jsonb);
SELECT pg_temp.short(contacts.apply('{"email_address":"g@example.com","if_version":0,"fields":{"name":"G"}}'));
-- What is required comes first, then consent, then the version, then the size.
SELECT contacts.define_workspace('guarded', 'guarded') AS guarded;
SELECT contacts.upsert('{"email_address":"a@example.com","status":"UNSUBSCRIBED"}', workspace_id => 2) IS NOT NULL AS made;
SELECT pg_temp.error_of('{"fields":{"name":null},"if_version":1}');
SELECT error ->> 'code' AS code FROM contacts.preview('{"email_address":"a@example.com","status":"SUBSCRIBED","if_version":9}', workspace_id => 2);
SELECT outcome FROM contacts.preview('{"email_address":"a@example.com","status":"SUBSCRIBED","if_version":9,"mode":"create"}', workspace_id => 2);
SELECT outcome, contact ->> 'status' AS status FROM contacts.preview('{"email_address":"a@example.com","status":"SUBSCRIBED","mode":"fill"}', workspace_id => 2);
SELECT error ->> 'code' AS code FROM contacts.preview('{"email_address":"a@example.com","status":"SUBSCRIBED","mode":"update"}', workspace_id => 2);
-- In an array the second request for a contact sees what the first has left.
SELECT pg_temp.short(u) FROM contacts.upsert_many('[
	{"email_address":"h@example.com","if_version":0,"fields":{"name":"H"}},
	{"email_address":"h@example.com","if_version":0,"fields":{"name":"I"}},
	{"email_address":"h@example.com","if_version":1,"fields":{"name":"J"}},
	{"email_address":"h@example.com","if_version":1,"fields":{"name":"K"}},
	{"email_address":"h@example.com","if_version":2,"fields":{"name":"J"}},
	{"email_address":"h@example.com","mode":"create","if_version":7,"fields":{"name":"K"}}]') u;
SELECT contacts.upsert_many('[{"email_address":"h@example.com","if_version":1,"fields":{"name":"K"}}]', 'stop');
-- apply raises what contact_upsert raises, and a role without rights gets neither.
SELECT contacts.apply(NULL);
SELECT contacts.apply('{"email_address":"nobody"}');
SELECT contacts.apply('{"email_address":"a@example.com"}', workspace_id => 99);
BEGIN READ ONLY;
SELECT contacts.apply('{"email_address":"a@example.com","mode":"create"}');
ROLLBACK;

-- contact_upsert.events = off: the owner's changes raise no event; a member's do.
CREATE ROLE regress_contacts_app;
SELECT contacts.grant_access('regress_contacts_app', 1);
SELECT count(*) AS before FROM contacts.event \gset
SELECT contacts.subscribe('all') IS NOT NULL AS subscribed;
SET contact_upsert.events = off;
SELECT pg_temp.short(contacts.preview('{"email_address":"b@example.com","fields":{"name":"E"}}'));
SELECT pg_temp.short(contacts.apply('{"email_address":"b@example.com","fields":{"name":"E"}}'));
SELECT outcome, events FROM contacts.upsert_many('[{"email_address":"b@example.com","fields":{"name":"F"}},{"email_address":"i@example.com","fields":{"name":"I"},"status":"UNCONFIRMED"}]');
SELECT count(*) - :before AS events, (SELECT count(*) FROM contacts.delivery) AS deliveries FROM contacts.event;
SET ROLE regress_contacts_app;
SELECT outcome, jsonb_path_query_array(events, '$.type') AS events FROM contacts.apply('{"email_address":"b@example.com","fields":{"name":"G"}}');
SELECT outcome, jsonb_path_query_array(events, '$.type') AS events FROM contacts.upsert_many('[{"email_address":"b@example.com","fields":{"name":"H"}}]');
RESET ROLE;
SELECT count(*) - :before AS events, (SELECT count(*) FROM contacts.delivery) AS deliveries FROM contacts.event;
RESET contact_upsert.events;
SELECT outcome, jsonb_path_query_array(events, '$.type') AS events FROM contacts.apply('{"email_address":"b@example.com","fields":{"name":"I"}}');
SET contact_upsert.events = 'some';
SELECT contacts.revoke_access('regress_contacts_app', 1);
DROP ROLE regress_contacts_app;

-- Files: an import and an import view have the mode of all their rows.
CREATE TABLE staging (email_address text, name text, size text);
INSERT INTO staging VALUES ('b@example.com', 'Z', 'L'), ('new@example.com', 'N', NULL), ('nobody', 'N', NULL), ('i@example.com', 'I', NULL);
CREATE FUNCTION pg_temp.progress() RETURNS TABLE (id bigint, parameters jsonb, done bigint, created bigint, updated bigint, unchanged bigint, skipped bigint, failed bigint)
	LANGUAGE sql AS $$ SELECT import_id, p.parameters, p.done, p.created, p.updated, p.unchanged, p.skipped, p.failed FROM contacts.import_progress p ORDER BY import_id DESC LIMIT 1 $$;
CALL contacts.import('staging', mode => 'Update');
CALL contacts.import('staging', mode => 'update');
SELECT * FROM pg_temp.progress();
CALL contacts.import('staging', mode => 'update');
CALL contacts.import('staging', mode => 'create', chunk => 1);
SELECT * FROM pg_temp.progress();
UPDATE staging SET name = 'Y', size = 'M';
CALL contacts.import('staging', mode => 'fill');
SELECT * FROM pg_temp.progress();
CALL contacts.import('staging', mode => NULL);
SELECT * FROM pg_temp.progress();
SELECT import_id, done, skipped, failed FROM contacts.import_counts ORDER BY 1;
SELECT contacts.create_import_view('filled', mode => 'FILL');
SELECT contacts.create_import_view('filled', mode => 'fill'), contacts.create_import_view('updated', mode => 'update'), contacts.create_import_view('upserted');
INSERT INTO filled (email_address, name, size) VALUES ('g@example.com', 'Z', 'L'), ('j@example.com', 'J', 'S');
INSERT INTO updated (email_address, name) VALUES ('g@example.com', 'H'), ('k@example.com', 'K');
SELECT email_address, name, size FROM upserted WHERE email_address IN ('g@example.com', 'j@example.com', 'k@example.com') ORDER BY 1;
SELECT contacts.create_import_view('filled', mode => 'update', replace => true);
INSERT INTO filled (email_address, name) VALUES ('g@example.com', 'I'), ('k@example.com', 'K');
SELECT email_address, name, size FROM upserted WHERE email_address IN ('g@example.com', 'k@example.com') ORDER BY 1;
DROP VIEW filled, updated, upserted;
DROP TABLE staging;
