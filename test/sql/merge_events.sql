-- docs/api.md, "Two contacts become one": the events of a duplicate follow it, waiting, leased, failed and dead ones; each is still
-- handed out once, and in order behind those that the contact has already.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('nnn', 'N', tracked => true), contacts.define_field('mmm', 'M', tracked => true);
SELECT contacts.subscribe('waiting'), contacts.subscribe('leased'), contacts.subscribe('failed'), contacts.subscribe('dead', max_attempts => 1),
	contacts.subscribe('lapsed'), contacts.subscribe('every', workspace_id => 0);
CREATE FUNCTION pg_temp.set(name text, n text) RETURNS void LANGUAGE sql AS $$
	SELECT contact_upsert(jsonb_build_object('email_address', name || '@example.com', 'fields', jsonb_build_object('nnn', n), 'partial_update', true)) $$;
-- drain claims until there is nothing, a page at a time: the events of a page in one pair of brackets.
CREATE FUNCTION pg_temp.drain(consumer text, workspace_id bigint DEFAULT 1) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	page text;
	pages text := '';
BEGIN
	FOR i IN 1 .. 50 LOOP
		WITH claimed AS MATERIALIZED (SELECT * FROM contacts.claim(consumer, 100, workspace_id => drain.workspace_id))
		SELECT string_agg(concat_ws(' ', split_part(email_address, '@', 1), detail #>> '{field,merge_tag}', detail #>> '{field,new}'), ', '
				ORDER BY contacts.ack(consumer, lease, ARRAY[event_id], drain.workspace_id), event_id) INTO page FROM claimed;
		EXIT WHEN page IS NULL;
		pages := pages || '[' || page || ']';
	END LOOP;
	RETURN pages;
END $$;
CREATE FUNCTION pg_temp.due() RETURNS void LANGUAGE sql AS $$ UPDATE contacts.delivery SET due_at = now() - interval '1 s' WHERE due_at < 'infinity' $$;

-- Events of the two by turns: those of the contact that stays have the higher versions.
SELECT pg_temp.set('into', '0'), pg_temp.set('into', '0a'), pg_temp.set('into', '0b'), pg_temp.set('into', '0c'), pg_temp.set('duplicate', '0');
DELETE FROM contacts.event;
SELECT pg_temp.set('into', 'i1');
SELECT pg_temp.set('duplicate', 'd1');
SELECT pg_temp.set('into', 'i2');
SELECT pg_temp.set('duplicate', 'd2');
SELECT contact_upsert('{"email_address":"duplicate@example.com","fields":{"mmm":"new"},"partial_update":true}') IS NOT NULL AS made;
SELECT pg_temp.set('other', '0'), pg_temp.set('other', 'o1');
SELECT id AS duplicate_id FROM contacts.contact WHERE email_address = 'duplicate@example.com' \gset
SELECT id AS into_id FROM contacts.contact WHERE email_address = 'into@example.com' \gset
SELECT lease, array_agg(event_id) AS events FROM contacts.claim('leased') GROUP BY 1 \gset
SELECT count(contacts.fail('failed', lease, event_id, 'duplicate@example.com is full')) AS failed FROM contacts.claim('failed');
SELECT count(contacts.fail('dead', lease, event_id, 'duplicate@example.com is full')) AS dead FROM contacts.claim('dead');
-- The back-off of a second does not pass before it is to.
UPDATE contacts.delivery SET due_at = due_at + interval '1 h' WHERE due_at < 'infinity';
SELECT count(*) AS lapsed FROM contacts.claim('lapsed', lease => '1 ms');
SELECT pg_sleep(0.01) IS NOT NULL AS slept;
SELECT contacts.merge('duplicate@example.com', 'into@example.com') #>> '{data,data}' AS merged;
SELECT contact_id = :'into_id' AS of_into, contact_version, ordinal, detail #>> '{field,new}' AS new FROM contacts.event ORDER BY contact_id = :'into_id' DESC, contact_version, ordinal;
SELECT count(*) FILTER (WHERE contact_id = :'duplicate_id') AS of_duplicate, count(*) FILTER (WHERE (d.contact_id, d.contact_version, d.ordinal) <> (e.contact_id, e.contact_version, e.ordinal)) AS unlike
	FROM contacts.delivery d JOIN contacts.event e USING (workspace_id, event_id, contact_id);
SELECT pg_temp.set('into', 'i3');
SELECT pg_temp.drain('waiting') AS waiting;
SELECT pg_temp.drain('every', 0) AS every_workspace;
-- What is leased can be acknowledged, and no other claim has it; then come the others.
SELECT pg_temp.drain('leased') AS nothing_yet;
SELECT contacts.ack('leased', :lease, :'events') AS acknowledged;
SELECT pg_temp.drain('leased') AS leased;
SELECT pg_temp.drain('lapsed') AS lapsed;
-- What has failed holds up what comes behind it, and nothing else; no two wait for each other.
SELECT pg_temp.drain('failed') AS nothing_yet;
SELECT pg_temp.due();
SELECT pg_temp.drain('failed') AS failed;
SELECT pg_temp.drain('dead') AS others;
SELECT contacts.retry_dead('dead') AS revived;
SELECT pg_temp.drain('dead') AS dead;
SELECT count(*) AS deliveries FROM contacts.delivery;
-- A consumer from the beginning gets them in the same order.
SELECT contacts.subscribe('late', from_beginning => true) IS NOT NULL AS subscribed;
SELECT pg_temp.drain('late') AS late;

-- The other way round: the duplicate has the higher versions, has been merged before, and nothing of it is new.
SELECT pg_temp.set('second', '0'), pg_temp.set('second', 's1');
SELECT contacts.fail('failed', lease, event_id, 'once') AS failed FROM contacts.claim('failed');
SELECT contacts.merge('into@example.com', 'second@example.com') #>> '{data,data}' AS merged;
SELECT pg_temp.set('second', 's2');
SELECT pg_temp.due();
SELECT pg_temp.drain('failed') AS failed, pg_temp.drain('late') AS late, pg_temp.drain('waiting') AS waiting;
SELECT contact_version, ordinal, detail #>> '{field,new}' AS new FROM contacts.event e JOIN contacts.contact c ON c.id = e.contact_id WHERE c.email_address = 'second@example.com' ORDER BY 1, 2;

-- And so an erasure finds them.
SELECT contacts.erase('second@example.com') AS erased;
SELECT detail #>> '{field,new}' AS new FROM contacts.event;
SELECT count(*) AS deliveries_of_others FROM contacts.delivery d JOIN contacts.contact c ON c.id = d.contact_id;
SELECT count(*) AS deliveries_left FROM contacts.delivery d WHERE NOT EXISTS (SELECT FROM contacts.contact c WHERE c.id = d.contact_id);
