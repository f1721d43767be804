-- An event that was committed is handed out however its id came, and an id that is in use already is no error. What a worker
-- that dies leaves behind costs nobody but the event that killed it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('nn', 'N', 'NUMBER', tracked => true), contacts.define_workspace('other') AS other;
SELECT contacts.define_field('nn', 'N', 'NUMBER', tracked => true, workspace_id => 2);
SELECT contacts.subscribe('c') AS c, contacts.subscribe('every', workspace_id => 0) AS every;
CREATE FUNCTION pg_temp.write(email text, n int, workspace_id bigint DEFAULT 1) RETURNS bigint LANGUAGE sql AS $$
	SELECT contacts.upsert(jsonb_build_object('email_address', email, 'fields', jsonb_build_object('nn', n)), workspace_id => workspace_id);
	SELECT max(event_id) FROM contacts.event e WHERE e.workspace_id = write.workspace_id AND e.detail #>> '{field,new}' = n::text $$;
-- What a claim hands out, and acknowledges at once.
CREATE FUNCTION pg_temp.work(consumer text DEFAULT 'c', workspace_id bigint DEFAULT 1) RETURNS text LANGUAGE plpgsql AS $$
DECLARE c record; done text := '';
BEGIN
	FOR c IN SELECT * FROM contacts.claim(consumer, workspace_id => workspace_id) LOOP
		done := done || ' ' || (c.detail #>> '{field,new}');
		PERFORM contacts.ack(consumer, c.lease, ARRAY[c.event_id], workspace_id => workspace_id);
	END LOOP;
	RETURN done;
END $$;

-- A second passes, so that a claim moves on what it begins to look at.
\set pass 'UPDATE contacts.low_water_mark SET raised_at = ''-infinity'';'
-- Whatever is below what was seen last: ids that start over, that a session had in its cache, that another server gave out.
SELECT contacts.upsert('{"email_address":"a@example.com"}') IS NOT NULL AS a, contacts.upsert('{"email_address":"b@example.com"}') IS NOT NULL AS b,
	contacts.upsert('{"email_address":"a@example.com"}', workspace_id => 2) IS NOT NULL AS a2;
SELECT setval('contacts.event_event_id_seq', 1000) AS far;
SELECT pg_temp.write('a@example.com', 1) AS id;
:pass
SELECT pg_temp.work();
SELECT pg_temp.write('a@example.com', 2) AS id;
:pass
SELECT pg_temp.work();
:pass
SELECT pg_temp.work();
SELECT setval('contacts.event_event_id_seq', 10) AS back;
SELECT pg_temp.write('a@example.com', 3) AS id;
:pass
SELECT pg_temp.work();
TRUNCATE contacts.event RESTART IDENTITY;
SELECT count(*) AS nothing_left FROM contacts.delivery;
SELECT pg_temp.write('a@example.com', 4) AS id, pg_temp.write('b@example.com', 5) AS id;
:pass
SELECT pg_temp.work();
-- A contact's events come in the order of its versions, not of their ids.
SELECT setval('contacts.event_event_id_seq', 100) AS ahead;
SELECT pg_temp.write('a@example.com', 6) AS id;
SELECT setval('contacts.event_event_id_seq', 50) AS back;
SELECT pg_temp.write('a@example.com', 7) AS id, pg_temp.write('a@example.com', 8) AS id;
:pass
SELECT pg_temp.work(), pg_temp.work(), pg_temp.work();

-- Behind the data: the sequence is moved past every id in use, also of other workspaces. One event, several, an array.
SELECT pg_temp.write('a@example.com', 9, 2) AS id;
SELECT setval('contacts.event_event_id_seq', 1, false) AS behind;
SELECT pg_temp.write('a@example.com', 10) AS id, pg_temp.write('b@example.com', 11) AS id;
SELECT setval('contacts.event_event_id_seq', 1, false) AS behind;
SELECT outcome FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', e || '@example.com', 'fields', jsonb_build_object('nn', 12)))
	FROM unnest('{a,b}'::text[]) e));
SELECT event_id, contact_version, ordinal FROM contacts.event ORDER BY event_id DESC LIMIT 2;
SELECT setval('contacts.event_event_id_seq', 1, false) AS behind;
ALTER SEQUENCE contacts.event_event_id_seq CACHE 10;
SELECT pg_temp.write('a@example.com', 13) AS id, pg_temp.write('b@example.com', 14) AS id;
ALTER SEQUENCE contacts.event_event_id_seq CACHE 1;
SELECT pg_temp.work(), pg_temp.work(), pg_temp.work();
-- A deleted event takes its deliveries with it, so that they are in no later event's way when its id comes again.
DELETE FROM contacts.event WHERE workspace_id = 1;
SELECT count(*) AS none FROM contacts.delivery WHERE workspace_id = 1;
SELECT setval('contacts.event_event_id_seq', 1, false) AS again;
SELECT pg_temp.write('a@example.com', 15) AS id;
SELECT pg_temp.work(), pg_temp.work('every', 0), pg_temp.work('every', 0);
-- A trigger that swallows the event is still called one.
CREATE FUNCTION pg_temp.swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER swallow BEFORE INSERT ON contacts.event FOR EACH ROW EXECUTE FUNCTION pg_temp.swallow();
SELECT pg_temp.write('a@example.com', 16);
SELECT contacts.upsert_many('[{"email_address":"a@example.com","fields":{"nn":16}},{"email_address":"b@example.com","fields":{"nn":16}}]');
-- So is one that swallows one of two and makes the other another event, which is not known again.
CREATE FUNCTION pg_temp.swallow_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.contact_id = (SELECT id FROM contacts.contact WHERE workspace_id = 1 AND email_address = 'a@example.com') THEN RETURN NULL; END IF;
	NEW.ordinal := NEW.ordinal + 1;
	RETURN NEW;
END $$;
DROP TRIGGER swallow ON contacts.event;
CREATE TRIGGER swallow BEFORE INSERT ON contacts.event FOR EACH ROW EXECUTE FUNCTION pg_temp.swallow_first();
SELECT contacts.upsert_many('[{"email_address":"a@example.com","fields":{"nn":16}},{"email_address":"b@example.com","fields":{"nn":16}}]');
DROP TRIGGER swallow ON contacts.event;
-- One that makes each another event is the owner's to answer for: it is stored, and delivered, as the trigger left it.
CREATE FUNCTION pg_temp.renumber() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.ordinal := NEW.ordinal + 1; RETURN NEW; END $$;
CREATE TRIGGER renumber BEFORE INSERT ON contacts.event FOR EACH ROW EXECUTE FUNCTION pg_temp.renumber();
SELECT pg_temp.write('a@example.com', 17) IS NOT NULL AS stored;
SELECT outcome FROM contacts.upsert_many('[{"email_address":"a@example.com","fields":{"nn":18}},{"email_address":"b@example.com","fields":{"nn":18}}]');
SELECT e.contact_version, e.ordinal, detail #>> '{field,new}' AS new, d.event_id IS NOT NULL AS is_delivered
FROM contacts.event e LEFT JOIN contacts.delivery d USING (workspace_id, event_id) WHERE (detail #>> '{field,new}')::int IN (17, 18) ORDER BY 3, 1;
DROP TRIGGER renumber ON contacts.event;

-- Consumers' ids are unique among all workspaces, wherever their sequence is.
SELECT setval('contacts.consumer_consumer_id_seq', 1, false) AS behind;
SELECT contacts.subscribe('d', workspace_id => 2) AS id, contacts.subscribe('e') AS id;
INSERT INTO contacts.consumer (workspace_id, consumer_id, name) OVERRIDING SYSTEM VALUE VALUES (2, 1, 'f') RETURNING consumer_id <> 1 AS another;
SELECT count(*) = count(DISTINCT consumer_id) AS are_unique FROM contacts.consumer;

-- Events of two workspaces with one id: a lease never holds both, and what is done to one is not done to the other.
DELETE FROM contacts.delivery;
TRUNCATE contacts.event;
SELECT setval('contacts.event_event_id_seq', 5000, false) AS same;
SELECT pg_temp.write('a@example.com', 20) AS id;
SELECT setval('contacts.event_event_id_seq', 5000, false) AS same;
SELECT pg_temp.write('a@example.com', 21, 2) AS id;
SELECT workspace_id, event_id, lease FROM contacts.claim('every', workspace_id => 0);
SELECT workspace_id, event_id, lease FROM contacts.claim('every', workspace_id => 0);
SELECT workspace_id, event_id, lease FROM contacts.claim('every', workspace_id => 0);
SELECT contacts.ack('every', max(lease), '{5000}', workspace_id => 0) AS one FROM contacts.delivery d JOIN contacts.consumer c USING (consumer_id) WHERE c.name = 'every';
SELECT d.workspace_id, d.event_id FROM contacts.delivery d JOIN contacts.consumer c USING (consumer_id) WHERE c.name = 'every';
SELECT contacts.unsubscribe('every', workspace_id => 0);
-- The same contact id in two workspaces: neither holds up the other.
SELECT contacts.subscribe('every', workspace_id => 0) IS NOT NULL AS again;
INSERT INTO contacts.contact (workspace_id, id, email_address) VALUES (1, repeat('c', 24), 'c@example.com'), (2, repeat('c', 24), 'c@example.com');
SELECT pg_temp.write('c@example.com', 30) IS NOT NULL AS one, pg_temp.write('c@example.com', 31, 2) IS NOT NULL AS two;
SELECT workspace_id, contact_id, detail #>> '{field,new}' AS n FROM contacts.claim('every', workspace_id => 0) ORDER BY 1;
SELECT contacts.unsubscribe('every', workspace_id => 0);

-- Deliveries that another server queued: its transaction ids say nothing here, so their order is that of the versions alone.
DELETE FROM contacts.delivery;
SELECT pg_temp.write('a@example.com', 40) IS NOT NULL AS one, pg_temp.write('b@example.com', 41) IS NOT NULL AS two;
UPDATE contacts.delivery SET queued_xid = 1000000000000000 WHERE consumer_id = 1;
UPDATE contacts.low_water_mark SET server = 1, queued_xid = 900000000000000;
SELECT pg_temp.write('a@example.com', 42) IS NOT NULL AS three;
SELECT pg_temp.work(), pg_temp.work(), pg_temp.work();

-- The worker that dies over one poisoned event of 201: it costs itself its attempts, and each other one at most one.
SELECT count(*) FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', 'p' || i || '@example.com')) FROM generate_series(1, 201) i));
SELECT contacts.subscribe('mortal', max_attempts => 3) IS NOT NULL AS subscribed;
SELECT count(*) FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', 'p' || i || '@example.com', 'fields', jsonb_build_object('nn', i)))
	FROM generate_series(1, 201) i));
CREATE TABLE handed_out (n int, attempts int, deaths int);
DO $$
DECLARE
	deaths int := 0;
	died boolean;
BEGIN
	FOR i IN 1..1000 LOOP
		CREATE TEMP TABLE page ON COMMIT DROP AS SELECT * FROM contacts.claim('mortal', 1000, '1 h');
		EXIT WHEN NOT EXISTS (SELECT FROM page);
		INSERT INTO handed_out SELECT (detail #>> '{field,new}')::int, attempts, deaths FROM page;
		died := EXISTS (SELECT FROM page WHERE detail #>> '{field,new}' = '100');
		IF died THEN
			-- its lease runs out
			deaths := deaths + 1;
			UPDATE contacts.delivery SET leased_until = now() - interval '1 s' WHERE lease > 0;
		ELSE
			PERFORM contacts.ack('mortal', lease, array_agg(event_id)) FROM page GROUP BY lease;
		END IF;
		DROP TABLE page;
	END LOOP;
END $$;
SELECT count(*) AS handed_out, max(deaths) AS deaths FROM handed_out;
SELECT n = 100 AS poisoned, max(attempts) AS attempts, max(times) AS times FROM (SELECT n, max(attempts) AS attempts, count(*) AS times FROM handed_out GROUP BY n) t GROUP BY 1 ORDER BY 1;
SELECT dead, attempts, last_error, e.detail #>> '{field,new}' AS n FROM contacts.delivery d JOIN contacts.event e USING (workspace_id, event_id) JOIN contacts.consumer c USING (consumer_id) WHERE c.name = 'mortal';
-- What has failed and comes again together counts one each time, too, and its page is as large as it was.
SELECT contacts.subscribe('failing', max_attempts => 3) IS NOT NULL AS subscribed;
SELECT count(*) FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', 'p' || i || '@example.com', 'fields', jsonb_build_object('nn', -i)))
	FROM generate_series(1, 5) i));
SELECT count(contacts.fail('failing', lease, event_id, 'x')) FROM contacts.claim('failing');
UPDATE contacts.delivery SET due_at = now() WHERE due_at < 'infinity';
SELECT attempts, count(*) FROM contacts.claim('failing') GROUP BY 1;
UPDATE contacts.delivery SET leased_until = now() - interval '1 s' WHERE lease > 0;
SELECT attempts, count(*) FROM contacts.claim('failing') GROUP BY 1;

-- One event that no notification can hold: it fails, the others are sent.
SELECT contacts.subscribe('relay', max_attempts => 2) IS NOT NULL AS subscribed;
SELECT pg_temp.write('a@example.com', 50) IS NOT NULL AS one, pg_temp.write('b@example.com', 51) IS NOT NULL AS two, pg_temp.write('c@example.com', 52) IS NOT NULL AS three;
UPDATE contacts.event SET contact_id = repeat('x', 8000) WHERE detail #>> '{field,new}' = '51';
SELECT contacts.relay('relay', 'channel') AS three;
SELECT d.attempts, d.dead, d.last_error FROM contacts.delivery d JOIN contacts.consumer c USING (consumer_id) WHERE c.name = 'relay';
UPDATE contacts.delivery SET due_at = now() WHERE due_at < 'infinity';
SELECT contacts.relay('relay', 'channel') AS one, contacts.relay('relay', 'channel') AS none;
SELECT d.attempts, d.dead, d.last_error FROM contacts.delivery d JOIN contacts.consumer c USING (consumer_id) WHERE c.name = 'relay';
-- Events of two workspaces with one id: where one is too long, the other has not failed.
SELECT contacts.subscribe('relay all', max_attempts => 2, workspace_id => 0) IS NOT NULL AS subscribed;
SELECT setval('contacts.event_event_id_seq', 6000, false) AS same;
SELECT pg_temp.write('a@example.com', 60) AS id;
SELECT setval('contacts.event_event_id_seq', 6000, false) AS same;
SELECT pg_temp.write('a@example.com', 61, 2) AS id;
UPDATE contacts.event SET contact_id = repeat('x', 8000) WHERE detail #>> '{field,new}' = '60';
SELECT contacts.relay('relay all', 'channel', workspace_id => 0) AS one;
SELECT d.workspace_id, d.attempts, d.dead, d.last_error FROM contacts.delivery d JOIN contacts.consumer c USING (consumer_id) WHERE c.name = 'relay all' ORDER BY 1;
SELECT contacts.relay('relay all', 'channel', workspace_id => 0) AS one;
SELECT d.workspace_id, d.attempts, d.dead, d.last_error FROM contacts.delivery d JOIN contacts.consumer c USING (consumer_id) WHERE c.name = 'relay all' ORDER BY 1;
DROP TABLE handed_out;

-- A lease whose number an earlier claim of this session had, too, because the sequence was restarted: the later claim counts.
SELECT contacts.subscribe('again') IS NOT NULL AS subscribed;
SELECT pg_temp.write('a@example.com', 70) IS NOT NULL AS one, pg_temp.write('b@example.com', 71) IS NOT NULL AS two;
SELECT min(lease) AS first, array_agg(event_id) AS ids FROM contacts.claim('again') \gset
SELECT contacts.release('again', :first, :'ids') AS released;
SELECT pg_temp.write('c@example.com', 72) IS NOT NULL AS three;
SELECT setval('contacts.delivery_lease_seq', :first, false) = :first AS restarted;
SELECT min(lease) = :first AS same, count(*) FROM contacts.claim('again');
SELECT contacts.extend('again', :first, '10 min') AS three;
