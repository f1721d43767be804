-- docs/api.md, "Arrays": what contacts.upsert_many answers and leaves behind.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('name', 'Name', tracked => true), contacts.define_field('score', 'Score', 'NUMBER', tracked => true),
	contacts.define_field('note', 'Note'), contacts.define_field('plan', 'Plan', default_value => '"free"', required => true);
SELECT contacts.define_tag('one'), contacts.define_tag('two'), contacts.define_tag('three');
SELECT contacts.subscribe('mailer') IS NOT NULL AS subscribed;

-- Every outcome, in input order.
SELECT contact_upsert('{"email_address":"zoe@example.com","fields":{"name":"Zoe","score":1.50},"tags":[1]}') #>> '{data,id}' AS zoe \gset
SELECT contact_upsert('{"email_address":"bob@example.com","fields":{"note":"x"}}') #>> '{data,id}' AS bob \gset
SELECT contacts.record(:'bob', 'total_opens', 7, workspace_id => 1);
CREATE TABLE regress_answer AS SELECT * FROM contacts.upsert_many('[
	{"email_address":" Zoe@Example.com ","fields":{"name":"Zoë","note":"y"},"tags":["two",3],"status":"UNSUBSCRIBED"},
	{"email_address":"carl@example.com","status":"UNCONFIRMED","fields":{"score":"12345678901234567890.10"},"tags":[1]},
	{"email_address":"nobody","fields":{"name":"x"}},
	{"email_address":"bob@example.com","fields":{"note":"x"}},
	{"email_address":"anna@example.com"},
	{"email_address":"bob@example.com","fields":{"shoe_size":1}},
	{"email_address":"anna@example.com","fields":{"score":1},"partial_update":true},
	{}
]', workspace_id => 1);
\x on
SELECT "position", outcome, email_address, changes, events, error FROM regress_answer;
\x off
SELECT "position", contact - 'id' - 'created_at' - 'updated_at' AS contact FROM regress_answer;
SELECT string_agg("position"::text, ' ') AS as_returned FROM regress_answer;
SELECT outcome, count(*), bool_and(id ~ '^[0-9a-f]{24}$') AS id, bool_and(changes IS NOT NULL) AS changes,
	bool_and(events IS NOT NULL) AS events,
	bool_and(contact IS NOT NULL) AS contact, bool_and(error IS NOT NULL) AS error
FROM regress_answer GROUP BY outcome ORDER BY outcome;
SELECT count(*) AS ids_that_are_wrong FROM regress_answer a LEFT JOIN contacts.contact c USING (email_address)
WHERE a.outcome <> 'failed' AND (a.id, a.contact ->> 'id') IS DISTINCT FROM (c.id, c.id);
SELECT max(id) FILTER (WHERE email_address = 'zoe@example.com') = :'zoe'
	AND max(id) FILTER (WHERE email_address = 'bob@example.com') = :'bob' AS same_ids
FROM regress_answer WHERE outcome <> 'failed';
SELECT email_address, status, tags, data, version FROM contacts.contact ORDER BY email_address;
SELECT c.email_address, e.contact_version AS version, e.ordinal, e.type, e.detail, d.attempts
FROM contacts.event e JOIN contacts.contact c ON c.id = e.contact_id LEFT JOIN contacts.delivery d ON d.event_id = e.event_id
ORDER BY c.email_address, e.event_id;

-- The row of a bad request says what the single call and its preview say.
CREATE FUNCTION pg_temp.compare(request jsonb) RETURNS TABLE (same_as_preview boolean, error jsonb) LANGUAGE sql AS $$
	SELECT (m.error, m.outcome, m.email_address, m.id) IS NOT DISTINCT FROM (p.error, p.outcome, p.email_address, p.id), m.error
	FROM contacts.upsert_many(jsonb_build_array(request), workspace_id => 1) m, contacts.preview(request, workspace_id => 1) p
$$;
SELECT c.* FROM unnest(ARRAY[
	'null', '1', '"{\"email_address\":\"a@example.com\"}"', '[]', '[[{}]]', '{"email_address":null}', '{"email_address":7}',
	'{"email_address":"a@example.com","fields":{"unknown":1}}', '{"email_address":"a@example.com","status":"subscribed"}',
	'{"email_address":"a@example.com","fields":{"score":"x"}}', '{"email_address":"a@example.com","tags":[99]}',
	'{"email_address":"a@example.com","tags":["no such"]}', '{"email_address":"bob@example.com","fields":{"plan":null},"partial_update":true}',
	'{"email_address":"a@example.com","fields":[1]}', '{"email_address":"a@example.com","partial_update":"yes"}'
]::jsonb[]) r, pg_temp.compare(r) c;

-- The same address again: in order, and each sees the one before. A failed one leaves nothing to be seen.
SELECT "position", outcome, changes, contact -> 'data' AS data, contact -> 'tags' AS tags, error ->> 'code' AS code
FROM contacts.upsert_many('[
	{"email_address":"twice@example.com","fields":{"name":"a"},"tags":[1]},
	{"email_address":"TWICE@example.com","fields":{"name":"b"},"add_tags":[2],"partial_update":true},
	{"email_address":"twice@example.com ","fields":{"name":"lost","score":"x"},"tags":[]},
	{"email_address":"\u00a0twice@EXAMPLE.com","fields":{"name":"b"},"partial_update":true},
	{"email_address":"twice@example.com","fields":{"name":"a"},"tags":[1]},
	{"email_address":"twice@example.com","fields":{"name":"a"},"tags":[1]},
	{"email_address":"twice@example.com","fields":{"score":2},"remove_tags":["one"],"partial_update":true}
]', workspace_id => 1);
SELECT version, tags, data FROM contacts.contact WHERE email_address = 'twice@example.com';
SELECT e.contact_version AS version, e.ordinal, e.type, e.detail FROM contacts.event e JOIN contacts.contact c ON c.id = e.contact_id
WHERE c.email_address = 'twice@example.com' ORDER BY e.event_id;
-- First created, then changed: what it was created with is no change.
SELECT outcome, changes, events FROM contacts.upsert_many('[
	{"email_address":"pending@example.com","status":"UNCONFIRMED","tags":[1]},
	{"email_address":"pending@example.com","status":"SUBSCRIBED","tags":[1,2]}]', workspace_id => 1);
SELECT e.contact_version AS version, e.ordinal, e.type FROM contacts.event e JOIN contacts.contact c ON c.id = e.contact_id
WHERE c.email_address = 'pending@example.com' ORDER BY e.event_id;

-- Tags that requests create exist for all of the array, in the spelling that comes first; those of a failed one stay.
SELECT "position", outcome, jsonb_path_query_array(contact, '$.tags.name') AS tags, changes #> '{tags,added,0,id}' > '3' AS added_id,
	error ->> 'message' AS message
FROM contacts.upsert_many('[
	{"email_address":"y@example.com","tags":["Fresh"]},
	{"email_address":"z@example.com","tags":["fresh","FRESH"],"create_tags":true,"fields":{"score":"x"}},
	{"email_address":"z@example.com","tags":["Fresh","fresh"],"create_tags":true},
	{"email_address":"a@example.com","tags":["FRESH"]},
	{"email_address":"zoe@example.com","add_tags":["fresh","other"],"create_tags":true,"partial_update":true},
	{"email_address":"b@example.com","tags":["unwanted"],"remove_tags":["Unwanted"],"create_tags":true}]', workspace_id => 1);
SELECT name FROM contacts.tag WHERE tag_id > 3 ORDER BY tag_id;
-- The same among tags whose ids were given by hand.
BEGIN;
INSERT INTO contacts.tag (workspace_id, tag_id, name) OVERRIDING SYSTEM VALUE VALUES (1, 1000000, 'given');
SELECT outcome, jsonb_path_query_array(contact, '$.tags.name') AS tags FROM contacts.upsert_many('[
	{"email_address":"y@example.com","tags":["given"]},
	{"email_address":"z@example.com","add_tags":[1000000],"create_tags":true,"partial_update":true},
	{"email_address":"x@example.com","tags":["later"],"create_tags":true},
	{"email_address":"y@example.com","tags":["given","LATER"]}]', workspace_id => 1);
ROLLBACK;

-- on_error => 'stop': the first bad one by position, whatever the order of addresses; nothing is written.
SELECT count(*) AS contacts, sum(version) AS versions, (SELECT count(*) FROM contacts.event) AS events,
	(SELECT count(*) FROM contacts.tag) AS tags
FROM contacts.contact \gset before_
CREATE FUNCTION pg_temp.stopped(requests jsonb) RETURNS TABLE (
	state text, message text, detail text, hint text, object text) LANGUAGE plpgsql AS $$
DECLARE
	schema_name text; table_name text; column_name text; constraint_name text;
BEGIN
	PERFORM contacts.upsert_many(requests, 'stop', workspace_id => 1);
	state := '00000';
	RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
		schema_name = SCHEMA_NAME, table_name = TABLE_NAME, column_name = COLUMN_NAME, constraint_name = CONSTRAINT_NAME;
	object := concat_ws(' ', nullif(schema_name, ''), nullif(table_name, ''), nullif(column_name, ''), nullif(constraint_name, ''));
	RETURN NEXT;
END $$;
\x on
SELECT * FROM pg_temp.stopped('[{"email_address":"new1@example.com","tags":["new tag"],"create_tags":true},
	{"email_address":"zoe@example.com","status":"CLEANED","tags":[1]},
	{"email_address":"z@example.com","fields":{"score":"x"}},
	{"email_address":"b@example.com","fields":{"unknown":1}}, 7]');
SELECT * FROM pg_temp.stopped('[{"email_address":"b@example.com","fields":{"unknown":1}}, {"email_address":"z@example.com","status":"?"},
	{"email_address":"a@example.com","fields":{"score":"x"}}, 7]');
SELECT * FROM pg_temp.stopped('[7]');
SELECT * FROM pg_temp.stopped('["{}"]');
SELECT * FROM pg_temp.stopped('[{"email_address":"new1@example.com"},{}]');
SELECT * FROM pg_temp.stopped('[{"email_address":"new1@example.com"},{"email_address":"zoe@example.com"},
	{"email_address":"new1@example.com","tags":[99]}]');
\x off
-- A request may be bad only because of one before it.
SELECT contacts.define_workspace('default', 'guarded');
SELECT state, message, detail FROM pg_temp.stopped('[{"email_address":"new1@example.com","status":"UNSUBSCRIBED"},
	{"email_address":"New1@example.com","status":"SUBSCRIBED"}]');
SELECT count(*) = :before_contacts AND sum(version) = :before_versions AND (SELECT count(*) FROM contacts.event) = :before_events
	AND (SELECT count(*) FROM contacts.tag) = :before_tags AS nothing_was_written
FROM contacts.contact;
SELECT "position", outcome, contact ->> 'status' AS status, error ->> 'code' AS code FROM contacts.upsert_many('[
	{"email_address":"guard@example.com","status":"UNSUBSCRIBED"},
	{"email_address":"guard@example.com","status":"SUBSCRIBED","fields":{"name":"refused"}},
	{"email_address":"guard@example.com","fields":{"name":"kept"}},
	{"email_address":"guard@example.com","status":"SUBSCRIBED","resubscribe":true},
	{"email_address":"guard@example.com","status":"UNCONFIRMED"}]', workspace_id => 1);
SELECT status, data, version FROM contacts.contact WHERE email_address = 'guard@example.com';
SELECT contacts.define_workspace('default', 'api');
-- Without a bad one, 'stop' is as 'continue'.
SELECT "position", outcome FROM contacts.upsert_many('[{"email_address":"bob@example.com","partial_update":true},
	{"email_address":"new1@example.com"}]', 'stop', workspace_id => 1);

-- In the workspace of the setting.
SELECT contacts.define_workspace('second') AS workspace_id;
SET contact_upsert.workspace_id = 2;
SELECT "position", outcome, contacts_internal.current_workspace() FROM contacts.upsert_many('[{"email_address":"bob@example.com"},
	{"email_address":"bob@example.com","tags":[1]}]');
SELECT "position", outcome FROM contacts.upsert_many('[{"email_address":"carl@example.com"}]', on_error => 'stop');
SELECT "position", outcome FROM contacts.upsert_many('[{"email_address":"dora@example.com"}]'::jsonb, 'stop');
SELECT contacts.upsert_many(requests => '[{"email_address":"emil@example.com"},{}]', on_error => 'stop');
RESET contact_upsert.workspace_id;
SELECT "position", outcome
	FROM contacts.upsert_many(on_error => 'continue', requests => '[{"email_address":"fritz@example.com"}]', workspace_id => 2);
SELECT workspace_id, string_agg(email_address, ' ' ORDER BY email_address) AS contacts FROM contacts.contact GROUP BY 1 ORDER BY 1;

-- However it is called, everything is written once.
SELECT outcome FROM contacts.upsert_many('[{"email_address":"l1@example.com"},{"email_address":"l2@example.com"}]', workspace_id => 2) LIMIT 1;
SELECT (r).outcome, (r).email_address FROM (SELECT contacts.upsert_many('[{"email_address":"l1@example.com"},
	{"email_address":"l3@example.com"}]', workspace_id => 2) OFFSET 0) s (r);
SELECT email_address, version FROM contacts.contact WHERE email_address LIKE 'l_@example.com' ORDER BY 1;
PREPARE many AS SELECT outcome FROM contacts.upsert_many($1, $2, workspace_id => $3);
EXECUTE many ('[{"email_address":"l4@example.com"}]', 'stop', 2);
EXECUTE many ('[{"email_address":"l4@example.com"}]', 'continue', 2);
SELECT w, r.outcome FROM (VALUES (1::bigint), (2)) s (w), contacts.upsert_many('[{"email_address":"l4@example.com"}]', workspace_id => w) r;

-- An array that changes nothing writes nothing.
SELECT ctid AS at, xmin AS by FROM contacts.contact WHERE email_address = 'zoe@example.com' \gset
BEGIN;
SELECT outcome, count(*) FROM contacts.upsert_many('[{"email_address":"zoe@example.com","partial_update":true},
	{"email_address":"bob@example.com","fields":{"note":"x"}},{"email_address":"bob@example.com","partial_update":true},
		{"email_address":"nobody"},{}]', workspace_id => 1)
GROUP BY 1 ORDER BY 1;
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
SELECT relation::regclass, mode FROM pg_locks
WHERE pid = pg_backend_pid() AND relation IN (SELECT oid FROM pg_class WHERE relnamespace = 'contacts'::regnamespace AND relkind = 'r')
	AND mode <> 'AccessShareLock';
COMMIT;
SELECT ctid = :'at' AND xmin = :'by' AS untouched FROM contacts.contact WHERE email_address = 'zoe@example.com';

-- A definition that this transaction has changed, and one that it takes back.
BEGIN;
SELECT contacts.define_field('later', 'Later');
SELECT outcome FROM contacts.upsert_many('[{"email_address":"bob@example.com","fields":{"later":"x"},"partial_update":true}]', workspace_id => 1);
ROLLBACK;
SELECT outcome, error ->> 'message' AS message
	FROM contacts.upsert_many('[{"email_address":"bob@example.com","fields":{"later":"x"},"partial_update":true}]', workspace_id => 1);
-- A rollback to a savepoint takes the whole array back.
BEGIN;
SAVEPOINT s;
SELECT outcome FROM contacts.upsert_many('[{"email_address":"s1@example.com","status":"UNCONFIRMED"},
	{"email_address":"bob@example.com","tags":[3]}]', workspace_id => 1);
ROLLBACK TO s;
SELECT outcome FROM contacts.upsert_many('[{"email_address":"s1@example.com"}]', workspace_id => 1);
COMMIT;
SELECT email_address, version, tags, (SELECT count(*) FROM contacts.event e WHERE e.contact_id = c.id) AS events
FROM contacts.contact c WHERE workspace_id = 1 AND email_address IN ('s1@example.com', 'bob@example.com') ORDER BY 1;
-- No name is looked up in the search_path.
SET search_path = pg_temp, public, contacts, pg_catalog;
CREATE TABLE pg_temp.contact (nothing int);
CREATE FUNCTION public.jsonb_array_elements(jsonb) RETURNS SETOF jsonb LANGUAGE sql AS 'SELECT NULL::jsonb WHERE false';
SELECT r.outcome FROM contacts.upsert_many('[{"email_address":"path@example.com"},
	{"email_address":"path@example.com","tags":["one"]}]', workspace_id => 1) r;
DROP FUNCTION public.jsonb_array_elements(jsonb);
DROP TABLE pg_temp.contact;
RESET search_path;

-- A member of workspace 2 has the function, and workspace 2 alone.
CREATE ROLE regress_contacts_many;
SELECT contacts.grant_access('regress_contacts_many', 2);
SET ROLE regress_contacts_many;
SELECT outcome FROM contacts.upsert_many('[{"email_address":"role@example.com","status":"UNCONFIRMED"},
	{"email_address":"role@example.com","tags":["r"],"create_tags":true}]', workspace_id => 2);
SELECT contacts.upsert_many('[{"email_address":"role@example.com"}]', workspace_id => 1);
SELECT contacts.upsert_many('[{"email_address":"role@example.com"}]');
RESET ROLE;
SELECT contacts.revoke_access('regress_contacts_many', 2);
SET ROLE regress_contacts_many;
SELECT contacts.upsert_many('[]', workspace_id => 2);
RESET ROLE;
DROP ROLE regress_contacts_many;

-- Triggers of the user's own: what they choose is answered, what they refuse fails alone, and what they write is seen.
CREATE FUNCTION regress_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.email_address LIKE 'none%' THEN
		RETURN NULL;
	ELSIF NEW.email_address LIKE 'raise%' THEN
		RAISE 'not this one';
	ELSIF NEW.email_address LIKE 'id%' AND TG_OP = 'INSERT' THEN
		NEW.id := repeat(substr(NEW.email_address, 3, 1), 24);
	ELSIF NEW.email_address LIKE 'call%' THEN
		PERFORM contacts.upsert_many(jsonb_build_array(
			jsonb_build_object('email_address', 'by.' || NEW.email_address, 'tags', jsonb_build_array('by trigger'), 'create_tags', true), '{}'), workspace_id => NEW.workspace_id);
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER regress_trigger BEFORE INSERT OR UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_trigger();
SELECT outcome, id, contact ->> 'id' AS contact_id, changes #>> '{tags,added,0,name}' AS added
	FROM contacts.upsert_many('[{"email_address":"idb@example.com","status":"UNCONFIRMED"},{"email_address":"ida@example.com"},
	{"email_address":"idb@example.com","tags":["by trigger"],"create_tags":true,"partial_update":true}]', workspace_id => 2) ORDER BY "position";
SELECT contact_id, contact_version AS version, type FROM contacts.event WHERE contact_id ~ '^(a+|b+)$' ORDER BY event_id;
SELECT outcome, email_address FROM contacts.upsert_many('[{"email_address":"call@example.com"},
	{"email_address":"call@example.com","status":"CLEANED"}]', workspace_id => 2);
SELECT email_address, version, status FROM contacts.contact WHERE email_address LIKE '%call@example.com' ORDER BY 1;
SELECT outcome, error FROM contacts.upsert_many('[{"email_address":"before@example.com"},{"email_address":"none@example.com"}]', workspace_id => 2);
SELECT outcome, error FROM contacts.upsert_many('[{"email_address":"behind@example.com"},{"email_address":"raise@example.com"}]', workspace_id => 2);
SELECT email_address FROM contacts.contact WHERE email_address IN ('before@example.com', 'behind@example.com') ORDER BY 1;
DROP TRIGGER regress_trigger ON contacts.contact;
DROP FUNCTION regress_trigger();
-- A trigger on INSERT is for new contacts, as it is when the requests come one by one.
CREATE FUNCTION regress_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.data := NEW.data || '{"note":"new"}'; RETURN NEW; END $$;
CREATE TRIGGER regress_insert BEFORE INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_insert();
SELECT outcome FROM contacts.upsert_many('[{"email_address":"anna@example.com","status":"CLEANED","partial_update":true},
	{"email_address":"inserted@example.com"}]', workspace_id => 1);
SELECT email_address, data FROM contacts.contact WHERE email_address IN ('anna@example.com', 'inserted@example.com') ORDER BY 1;
DROP TRIGGER regress_insert ON contacts.contact;
DROP FUNCTION regress_insert();
-- So are a column and a constraint of the user's own that a new contact does not meet.
ALTER TABLE contacts.contact ADD owner text;
UPDATE contacts.contact SET owner = 'me';
ALTER TABLE contacts.contact ALTER owner SET NOT NULL;
SELECT outcome FROM contacts.upsert_many('[{"email_address":"anna@example.com","status":"UNSUBSCRIBED","partial_update":true}]', workspace_id => 1);
SELECT outcome, error ->> 'message' AS message FROM contacts.upsert_many('[{"email_address":"nobodys@example.com"}]', workspace_id => 1);
ALTER TABLE contacts.contact ALTER owner DROP NOT NULL, ADD CONSTRAINT regress_owned CHECK (owner IS NOT NULL);
SELECT outcome FROM contacts.upsert_many('[{"email_address":"anna@example.com","status":"CLEANED","partial_update":true}]', workspace_id => 1);
SELECT outcome, error ->> 'message' AS message FROM contacts.upsert_many('[{"email_address":"nobodys@example.com"}]', workspace_id => 1);
ALTER TABLE contacts.contact DROP owner;
DROP TABLE regress_answer;
