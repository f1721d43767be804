-- docs/api.md, "Behaviour": create, replace, merge, nothing; the status policy; changes and events.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('first_name', 'First Name', tracked => true);
SELECT contacts.define_field('score', 'Score', 'NUMBER', tracked => true);
SELECT contacts.define_field('note', 'Note');
SELECT contacts.define_field('house', 'House', required => true, tracked => true);
SELECT contacts.define_tag('one'), contacts.define_tag('two'), contacts.define_tag('three');

-- Previews the request, runs it, and compares the two; then shows what happened.
CREATE FUNCTION pg_temp.run(request jsonb) RETURNS TABLE (
	outcome contacts.outcome, status text, tags jsonb, data jsonb, version bigint, changes jsonb, events jsonb)
LANGUAGE plpgsql AS $$
DECLARE
	preview contacts.upsert_result := contacts.preview('{"email_address":"arya@example.com"}' || request);
	answer jsonb;
	logged jsonb;
BEGIN
	IF preview.outcome = 'failed' THEN
		RAISE '%', preview.error ->> 'message';
	END IF;
	answer := contact_upsert('{"email_address":"arya@example.com"}' || request) -> 'data';
	IF preview.contact - 'id' - 'tags' <> answer - 'id' - 'tags' THEN
		RAISE 'preview says % and the call %', preview.contact, answer;
	END IF;
	SELECT preview.outcome, answer ->> 'status', jsonb_path_query_array(answer, '$.tags.id'), (answer -> 'data') - 'email_address',
			c.version, preview.changes, preview.events
		INTO outcome, status, tags, data, version, changes, events
		FROM contacts.contact c WHERE c.email_address = 'arya@example.com';
	SELECT coalesce(jsonb_agg(jsonb_build_object('type', e.type) || e.detail ORDER BY e.ordinal), '[]') INTO logged
		FROM contacts.event e JOIN contacts.contact c ON c.id = e.contact_id AND c.version = e.contact_version
		WHERE c.email_address = 'arya@example.com' AND preview.outcome <> 'unchanged';
	IF logged <> preview.events THEN
		RAISE 'preview says % and the outbox %', preview.events, logged;
	END IF;
	RETURN NEXT;
END $$;
\x on
-- not found
SELECT * FROM pg_temp.run('{"fields":{"first_name":"Arya"},"partial_update":true}');
SELECT * FROM pg_temp.run('{"fields":{"first_name":"Arya","house":"Stark","score":1.50},"tags":[1],"status":"UNCONFIRMED","partial_update":true}');
-- nothing would change
SELECT * FROM pg_temp.run('{"partial_update":true}');
SELECT * FROM pg_temp.run('{"fields":{"first_name":"Arya","house":"Stark","score":"1.5"},"tags":[1,1],"status":"UNCONFIRMED"}');
SELECT * FROM pg_temp.run('{"fields":{"note":""},"remove_tags":[2],"partial_update":true}');
-- found, partial: what is omitted stays
SELECT * FROM pg_temp.run('{"fields":{"score":2},"partial_update":true}');
SELECT * FROM pg_temp.run('{"status":"SUBSCRIBED","partial_update":true}');
SELECT * FROM pg_temp.run('{"tags":[2,3],"partial_update":true}');
SELECT * FROM pg_temp.run('{"add_tags":[1],"remove_tags":[2],"fields":{"note":"x","first_name":null},"partial_update":true}');
SELECT * FROM pg_temp.run('{"fields":{"house":""},"partial_update":true}');
SELECT * FROM pg_temp.run('{"tags":[],"partial_update":true}');
-- found, full: what is omitted goes
SELECT * FROM pg_temp.run('{"status":"CLEANED","fields":{"first_name":"A.","house":"Stark"},"tags":[3]}');
SELECT * FROM pg_temp.run('{"fields":{"house":"Stark"}}');
SELECT * FROM pg_temp.run('{"fields":{"first_name":"A."}}');
-- more than one event, in order
SELECT * FROM pg_temp.run('{"fields":{"first_name":"B.","house":"Faceless","score":3,"note":"y"},"tags":[3,1]}');
SELECT * FROM pg_temp.run('{"fields":{"house":"Stark"},"tags":[2]}');
\x off

-- status_policy
SELECT contacts.define_workspace('default', 'guarded');
CREATE FUNCTION pg_temp.policy(old contacts.status, request jsonb) RETURNS text LANGUAGE sql AS $$
	UPDATE contacts.contact SET status = old WHERE email_address = 'arya@example.com';
	SELECT coalesce(p.error ->> 'code', p.contact ->> 'status')
	FROM contacts.preview('{"email_address":"arya@example.com","fields":{"house":"Stark"}}' || request) p
$$;
SELECT old,
	pg_temp.policy(old, '{}') AS omitted,
	pg_temp.policy(old, '{"partial_update":true}') AS partial,
	pg_temp.policy(old, '{"status":"SUBSCRIBED"}') AS subscribed,
	pg_temp.policy(old, '{"status":"UNCONFIRMED","partial_update":true}') AS unconfirmed,
	pg_temp.policy(old, '{"status":"UNSUBSCRIBED"}') AS unsubscribed,
	pg_temp.policy(old, '{"status":"SUBSCRIBED","resubscribe":true}') AS resubscribed,
	pg_temp.policy(old, '{"resubscribe":true}') AS only_resubscribe,
	pg_temp.policy(old, '{"status":"UNCONFIRMED","resubscribe":true}') AS unconfirmed_again
FROM unnest(enum_range(NULL::contacts.status)) old;
SELECT contacts.define_workspace('default', 'api');
SELECT old, pg_temp.policy(old, '{}') AS omitted, pg_temp.policy(old, '{"status":"SUBSCRIBED"}') AS subscribed,
	pg_temp.policy(old, '{"status":"UNCONFIRMED"}') AS unconfirmed
FROM unnest(enum_range(NULL::contacts.status)) old;
