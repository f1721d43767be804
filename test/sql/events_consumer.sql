-- Consumers: subscribe, claim, ack, fail, release, retry, purge, and who may do it. Two sessions at once: test/specs.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
\set SHOW_CONTEXT never
SELECT contacts.claim('mailer');
SELECT contacts.subscribe('mailer');
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT contacts.define_tag('vip'), contacts.define_tag('gold'), contacts.define_field('city', 'City', tracked => true);
INSERT INTO contacts.contact (workspace_id, id, email_address) VALUES
	(1, 'aaaaaaaaaaaaaaaaaaaaaaaa', 'a@example.com'), (1, 'bbbbbbbbbbbbbbbbbbbbbbbb', 'b@example.com');

-- Raises events: a tag that is added or removed.
CREATE FUNCTION pg_temp.tag(verb text, email text, tag text) RETURNS boolean LANGUAGE sql
	AS $$ SELECT contact_upsert(jsonb_build_object('email_address', email, 'partial_update', true, verb || '_tags', jsonb_build_array(tag))) IS NOT NULL $$;
-- What a claim hands out, without what differs from run to run.
CREATE FUNCTION pg_temp.claim(consumer text, max integer DEFAULT 100, lease interval DEFAULT '1 h', workspace_id bigint DEFAULT 1)
	RETURNS TABLE (event_id bigint, lease bigint, attempts integer, contact text, version bigint, type contacts.event_type) LANGUAGE sql
	AS $$ SELECT c.event_id, c.lease, c.attempts, left(c.contact_id, 1), c.contact_version, c.type FROM contacts.claim(consumer, max, lease, workspace_id) c $$;
-- Time passes.
CREATE FUNCTION pg_temp.pass(span interval) RETURNS void LANGUAGE sql
	AS $$ UPDATE contacts.delivery SET leased_until = leased_until - span, due_at = due_at - span $$;

-- Registering: from then on, or the log too; safe to repeat; every type or some.
SELECT pg_temp.tag('add', 'a@example.com', 'vip');
SELECT contacts.subscribe('mailer') AS id;
SELECT contacts.subscribe('mailer') AS same;
SELECT contacts.subscribe('late', from_beginning => true) AS id;
SELECT contacts.subscribe('removals', '{TAG_REMOVED}') AS id;
SELECT contacts.subscribe('every one''s "own"', workspace_id => 0) AS id;
SELECT pg_temp.tag('remove', 'a@example.com', 'vip');
SELECT workspace_id, consumer, pending, leased, dead FROM contacts.event_lag ORDER BY consumer;
SELECT contacts.subscribe('late', '{TAG_ADDED}', from_beginning => true, max_attempts => 3) AS changed;
SELECT name, types, max_attempts, active FROM contacts.consumer ORDER BY consumer_id;
SELECT count(*) AS nothing_queued_again FROM contacts.delivery WHERE consumer_id = 2;

-- One contact's events come one after the other, others' meanwhile.
SELECT pg_temp.tag('add', 'a@example.com', 'vip'), pg_temp.tag('add', 'b@example.com', 'vip'), pg_temp.tag('add', 'a@example.com', 'gold');
SELECT * FROM pg_temp.claim('mailer');
SELECT * FROM pg_temp.claim('mailer');
SELECT contacts.ack('mailer', 1, '{2}');
SELECT * FROM pg_temp.claim('mailer');
SELECT contacts.ack('mailer', 1, '{4,4,4}') AS one, contacts.ack('mailer', 2, '{3}') AS one;
SELECT * FROM pg_temp.claim('mailer', 1);
SELECT * FROM pg_temp.claim('mailer');

-- Acknowledging twice, somebody else's, with another lease or none, nothing: a no-op.
SELECT contacts.ack('mailer', 2, '{3}') AS twice, contacts.ack('late', 3, '{5}') AS of_another_consumer,
	contacts.ack('mailer', 2, '{5}') AS of_another_lease, contacts.ack('mailer', 999, '{5}') AS unknown,
	contacts.ack('mailer', 3, '{}') AS nothing, contacts.ack('mailer', 3, '{NULL,6}') AS unknown_events;
SELECT contacts.ack('late', 0, '{1}') AS never_leased, contacts.fail('late', 0, 1, 'x') AS never_leased, contacts.release('late', 0, '{1}') AS never_leased;
SELECT contacts.fail('mailer', 2, 5, 'x') AS of_another_lease, contacts.fail('mailer', 3, 6, 'x') AS unknown_event;
-- A lease that ran out still acknowledges ...
SELECT pg_temp.pass('2 h');
SELECT contacts.ack('mailer', 3, '{5}') AS one;
-- ... unless somebody else has claimed the event meanwhile.
SELECT * FROM pg_temp.claim('late', 1);
SELECT pg_temp.pass('2 h');
SELECT * FROM pg_temp.claim('late', 1);
SELECT contacts.ack('late', 4, '{1}') AS none, contacts.fail('late', 4, 1, 'x') AS none, contacts.release('late', 4, '{1}') AS none, contacts.ack('late', 5, '{1}') AS one;

-- Failing: later again, then dead, and the contact goes on; brought back, maybe after later ones.
SELECT * FROM pg_temp.claim('late');
SELECT contacts.ack('late', 6, '{4}') AS the_other;
SELECT clock_timestamp() AS before \gset
SELECT contacts.fail('late', 6, 2, 'first'), contacts.fail('late', 6, 2, 'twice') AS twice;
SELECT attempts, last_error, dead, leased_until, due_at BETWEEN :'before'::timestamptz + '0.5 s' AND clock_timestamp() + '1 s' AS delay FROM contacts.delivery WHERE last_error IS NOT NULL;
SELECT pg_temp.pass('-10 min');
SELECT * FROM pg_temp.claim('late');
SELECT pg_temp.pass('10 min 1 s');
SELECT * FROM pg_temp.claim('late');
SELECT clock_timestamp() AS before \gset
SELECT contacts.fail('late', 7, 2, 'second');
SELECT due_at BETWEEN :'before'::timestamptz + '1 s' AND clock_timestamp() + '2 s' AS delay FROM contacts.delivery WHERE last_error IS NOT NULL;
SELECT pg_temp.pass('2 s');
SELECT * FROM pg_temp.claim('late');
SELECT contacts.fail('late', 8, 2, repeat('x', 2000));
SELECT attempts, length(last_error), dead, due_at FROM contacts.delivery WHERE last_error IS NOT NULL;
SELECT pg_temp.pass('1 day');
SELECT * FROM pg_temp.claim('late');
SELECT workspace_id, consumer, pending, leased, dead, oldest_age > '0' AS has_age FROM contacts.event_lag ORDER BY consumer;
SELECT contacts.retry_dead('late', 3) AS not_dead, contacts.retry_dead('mailer') AS none, contacts.retry_dead('late') AS one;
SELECT * FROM pg_temp.claim('late');
SELECT contacts.ack('late', 10, '{2}');
-- The back-off grows to an hour and no further.
UPDATE contacts.consumer SET max_attempts = 1000 WHERE name = 'late';
SELECT * FROM pg_temp.claim('late');
UPDATE contacts.delivery SET attempts = 500 WHERE consumer_id = 2 AND event_id = 3;
SELECT clock_timestamp() AS before \gset
SELECT contacts.fail('late', l.lease, 3, NULL) FROM contacts.delivery l WHERE consumer_id = 2 AND event_id = 3;
SELECT due_at BETWEEN :'before'::timestamptz + '30 min' AND clock_timestamp() + '1 h' AS delay FROM contacts.delivery WHERE consumer_id = 2 AND event_id = 3;
-- A worker that dies each time is no better than one that says so: it is known from the second time on.
UPDATE contacts.consumer SET max_attempts = 2 WHERE name = 'removals';
SELECT * FROM pg_temp.claim('removals'); SELECT pg_temp.pass('2 h');
SELECT * FROM pg_temp.claim('removals'); SELECT pg_temp.pass('2 h');
SELECT * FROM pg_temp.claim('removals'); SELECT pg_temp.pass('2 h');
SELECT * FROM pg_temp.claim('removals');
SELECT attempts, dead, last_error FROM contacts.delivery WHERE consumer_id = 3;
-- A lease that is prolonged does not run out, nor is one shortened; with another lease nothing happens.
SELECT contacts.retry_dead('removals') AS revived;
SELECT * FROM pg_temp.claim('removals', 1, '10 min');
SELECT contacts.extend('removals', lease, '2 h') AS one, contacts.extend('removals', lease, '1 min') AS one, contacts.extend('removals', lease - 1, '1 h') AS none,
	contacts.extend('removals', 0, '1 h') AS none FROM contacts.delivery WHERE consumer_id = 3;
SELECT pg_temp.pass('1 h');
SELECT * FROM pg_temp.claim('removals');
SELECT leased_until BETWEEN clock_timestamp() + '55 min' AND clock_timestamp() + '1 h' AS extended FROM contacts.delivery WHERE consumer_id = 3;
SELECT contacts.fail('removals', lease, 2, 'x'), contacts.fail('removals', lease, 2, 'x') AS twice FROM contacts.delivery WHERE consumer_id = 3;
UPDATE contacts.delivery SET due_at = 'infinity', dead = true WHERE consumer_id = 3;
-- Given back, it is as if it had never been claimed.
SELECT contacts.retry_dead('removals');
SELECT * FROM pg_temp.claim('removals');
SELECT contacts.release('removals', lease, '{2}') FROM contacts.delivery WHERE consumer_id = 3;
SELECT attempts, lease, leased_until FROM contacts.delivery WHERE consumer_id = 3;

-- A consumer that acknowledges in the transaction of its effect sees each event exactly once.
CREATE TABLE effect (event_id bigint);
CREATE FUNCTION pg_temp.work() RETURNS bigint LANGUAGE sql
	AS $$ WITH c AS MATERIALIZED (SELECT * FROM contacts.claim('every one''s "own"', 1, workspace_id => 0)),
		e AS (INSERT INTO effect SELECT event_id FROM c RETURNING event_id)
		SELECT contacts.ack('every one''s "own"', lease, ARRAY[event_id], 0) FROM c $$;
BEGIN; SELECT pg_temp.work(); ROLLBACK;
SELECT pg_temp.work() FROM generate_series(1, 3);
BEGIN; SELECT pg_temp.work(); ROLLBACK;
SELECT pg_temp.work() FROM generate_series(1, 3);
SELECT array_agg(event_id) AS effects FROM effect;

-- Paused: no new events, but the old ones. Removed: no trace.
UPDATE contacts.consumer SET active = false WHERE name = 'mailer';
SELECT pg_temp.tag('remove', 'b@example.com', 'vip');
SELECT count(*) AS none FROM contacts.delivery d JOIN contacts.consumer c USING (consumer_id) WHERE c.name = 'mailer';
SELECT contacts.subscribe('mailer') AS active_again;
SELECT pg_temp.tag('add', 'b@example.com', 'gold');
SELECT * FROM pg_temp.claim('mailer');
SELECT contacts.unsubscribe('mailer');
SELECT count(*) AS none FROM contacts.delivery WHERE consumer_id = 1;
SELECT contacts.unsubscribe('mailer');

-- The log goes when it is old and nobody needs it, a batch at a time.
SELECT contacts.purge_events('1 day') AS too_young, contacts.purge_events('0') AS unneeded;
SELECT event_id, array_agg(consumer_id ORDER BY consumer_id) AS needed_by FROM contacts.event e JOIN contacts.delivery USING (event_id) GROUP BY 1 ORDER BY 1;
SELECT contacts.unsubscribe(name, workspace_id) FROM contacts.consumer;
SELECT contacts.purge_events('0', 2) AS two, contacts.purge_events('0', 100) AS rest, count(*) AS before FROM contacts.event;
-- What nobody can ever consume goes, too: of a consumer, an event or a workspace that is gone.
SELECT contacts.subscribe('orphans') AS id \gset
INSERT INTO contacts.delivery (workspace_id, consumer_id, event_id, contact_id, contact_version, ordinal) VALUES
	(1, 999, 1, 'aaaaaaaaaaaaaaaaaaaaaaaa', 1, 1), (1, :id, 999, 'aaaaaaaaaaaaaaaaaaaaaaaa', 1, 1), (99, :id, 999, 'aaaaaaaaaaaaaaaaaaaaaaaa', 1, 1);
INSERT INTO contacts.event (workspace_id, contact_id, contact_version, ordinal, type) VALUES (99, 'aaaaaaaaaaaaaaaaaaaaaaaa', 1, 1, 'TAG_ADDED');
SELECT * FROM pg_temp.claim('orphans');
SELECT contacts.purge_events('1 day') AS one, contacts.purge_events('1 day') AS none;
SELECT contacts.unsubscribe('orphans');
SELECT (SELECT count(*) FROM contacts.event) AS events, (SELECT count(*) FROM contacts.delivery) AS deliveries;

-- What is sent and printed.
SELECT contacts.subscribe('printer');
SELECT contact_upsert('{"email_address":"b@example.com","partial_update":true,"tags":[],"fields":{"city":"Köln \"\\"}}') IS NOT NULL AS done;
SELECT contact_upsert('{"email_address":"new@example.com","status":"UNCONFIRMED"}') IS NOT NULL AS done;
UPDATE contacts.event SET created_at = '2026-01-02 03:04:05.678+06';
UPDATE contacts.event SET contact_id = 'cccccccccccccccccccccccc' WHERE type = 'CONTACT_SUBSCRIBED_PENDING';
SET TimeZone = 'Asia/Kolkata'; SET DateStyle = 'German';
SELECT contacts_internal.event_line(c) FROM contacts.claim('printer') c;
SELECT contacts.ack('printer', lease, ARRAY[event_id]) FROM contacts.delivery WHERE lease > 0;
SELECT contacts_internal.event_line(c) FROM contacts.claim('printer') c;
SELECT contacts.ack('printer', lease, ARRAY[event_id]) FROM contacts.delivery WHERE lease > 0;
-- The least and the most that an attribute can be.
SELECT contacts_internal.event_line(e) FROM (VALUES
	(ROW(-9223372036854775808, 1, -2147483648, 0, E'\u0001"\\', 9223372036854775807, 2147483647, 'TAG_ADDED', '[]', '0001-01-01 00:00:00+00', '')::contacts.claimed_event),
	(ROW(1, 1, 0, 1, '', 1, 1, 'TAG_ADDED', '"x"', 'infinity', E'\t')::contacts.claimed_event),
	(ROW(1, 1, 0, 1, '', 1, 1, 'TAG_ADDED', '1.50', '12345-12-31 23:59:59.999999+00', NULL)::contacts.claimed_event)) v (e);
SELECT contacts_internal.event_line(NULL) IS NULL AS none, contacts_internal.event_line(ROW(1, NULL, NULL, 1, NULL, 1, 1, NULL, NULL, NULL, NULL)) AS nulls;
RESET TimeZone; RESET DateStyle;
SELECT contacts.subscribe('relay');
SELECT pg_temp.tag('remove', 'a@example.com', 'vip'), pg_temp.tag('add', 'a@example.com', 'vip');
SELECT contacts.relay('relay', 'channel') AS one, contacts.relay('relay', 'channel') AS one, contacts.relay('relay', 'channel') AS none;

-- Nonsense.
SELECT contacts.subscribe(NULL);
SELECT contacts.subscribe('');
SELECT contacts.subscribe(repeat('x', 65));
SELECT contacts.subscribe('x', '{}');
SELECT contacts.subscribe('x', '{NULL}');
SELECT contacts.subscribe('x', '{TAG_EATEN}');
SELECT contacts.subscribe('x', workspace_id => 99);
SELECT contacts.subscribe('x', max_attempts => 0);
BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT contacts.subscribe('x', from_beginning => true); ROLLBACK;
SELECT contacts.claim('nobody');
SELECT contacts.claim('x''; DROP TABLE contacts.event; --"');
SELECT contacts.claim(NULL);
SELECT contacts.claim('printer', workspace_id => 2);
SELECT contacts.claim('printer', 0);
SELECT contacts.claim('printer', NULL);
SELECT contacts.claim('printer', 1, '0');
SELECT contacts.claim('printer', 1, '-1 s');
SELECT contacts.claim('printer', 1, NULL);
SELECT contacts.claim('printer', 1, '1 year');
SELECT contacts.ack('nobody', 1, '{1}');
SELECT contacts.ack('printer', NULL, '{1}');
SELECT contacts.ack('printer', 1, NULL);
SELECT contacts.fail('nobody', 1, 1, 'x');
SELECT contacts.fail('printer', NULL, 1, 'x');
SELECT contacts.fail('printer', 1, NULL, 'x');
SELECT contacts.release('printer', NULL, '{1}');
SELECT contacts.release('printer', 1, NULL);
SELECT contacts.extend('nobody', 1, '1 s');
SELECT contacts.extend('printer', NULL, '1 s');
SELECT contacts.extend('printer', 1, '0');
SELECT contacts.extend('printer', 1, '2 days');
SELECT contacts.relay('printer', NULL);
SELECT contacts.relay('printer', '');
SELECT contacts.relay('printer', repeat('x', 64));
SELECT contacts.relay('printer', 'x', 0);
SELECT contacts.retry_dead('nobody');
SELECT contacts.unsubscribe(NULL);
SELECT contacts.purge_events(NULL);
BEGIN READ ONLY;
SELECT contacts.purge_events('1 day');
ROLLBACK;
SELECT contacts.purge_events('-1 s');
SELECT contacts.purge_events('1 s', 0);
\set VERBOSITY sqlstate
SELECT contacts.claim('nobody');
SELECT contacts.claim('printer', 0);
SELECT contacts.ack('printer', NULL, '{1}');
\set VERBOSITY default

-- Members: their own consumers, and no others; but their events reach the consumers of every workspace.
SELECT contacts.define_workspace('theirs') AS theirs;
SELECT contacts.define_tag('t', workspace_id => 2) IS NOT NULL AS tag;
SELECT contacts.subscribe('theirs', workspace_id => 2) IS NOT NULL AS id, contacts.subscribe('every', workspace_id => 0) IS NOT NULL AS id;
SELECT contacts.upsert('{"email_address":"a@example.com","status":"UNCONFIRMED"}', workspace_id => 2) IS NOT NULL AS done;
CREATE ROLE regress_contacts_consumer;
CREATE ROLE regress_contacts_nobody;
SET ROLE regress_contacts_nobody;
SELECT contacts.claim('printer');
TABLE contacts.event_lag;
RESET ROLE;
SELECT contacts.grant_access('regress_contacts_consumer', 1);
SET ROLE regress_contacts_consumer;
SELECT pg_temp.tag('remove', 'a@example.com', 'vip');
SELECT contacts.subscribe('mine');
RESET ROLE;
-- registering is the owner's, and of members whom he lets
GRANT EXECUTE ON FUNCTION contacts.subscribe, contacts.unsubscribe TO regress_contacts_consumer;
SET ROLE regress_contacts_consumer;
SELECT contacts.subscribe('mine') IS NOT NULL AS id, contacts.subscribe('mine', from_beginning => true, max_attempts => 7) IS NOT NULL AS same;
SELECT pg_temp.tag('add', 'a@example.com', 'vip');
SELECT workspace_id, consumer, pending, dead FROM contacts.event_lag ORDER BY consumer;
SELECT attempts, contact, type FROM pg_temp.claim('mine');
SELECT contacts.ack('mine', lease, ARRAY[event_id]) FROM contacts.delivery WHERE lease > 0;
SELECT contacts.subscribe('theirs', workspace_id => 2);
SELECT contacts.claim('theirs', workspace_id => 2);
SELECT contacts.subscribe('every', workspace_id => 0);
SELECT contacts.claim('every', workspace_id => 0);
SELECT contacts.unsubscribe('every', workspace_id => 0);
SELECT contacts.purge_events('0');
UPDATE contacts.consumer SET active = false WHERE workspace_id <> 1;
DELETE FROM contacts.consumer WHERE workspace_id <> 1;
WITH d AS (DELETE FROM contacts.delivery RETURNING consumer_id) SELECT DISTINCT name FROM d JOIN contacts.consumer USING (consumer_id) ORDER BY 1;
DELETE FROM contacts.event;
UPDATE contacts.event SET detail = '{}';
INSERT INTO contacts.event (workspace_id, contact_id, contact_version, ordinal, type) VALUES (2, 'x', 1, 1, 'TAG_ADDED');
INSERT INTO contacts.delivery (workspace_id, consumer_id, event_id, contact_id, contact_version, ordinal) VALUES (2, 1, 1, 'x', 1, 1);
SELECT contacts.unsubscribe('mine');
SELECT contacts.unsubscribe('theirs', workspace_id => 2);
RESET ROLE;
REVOKE EXECUTE ON FUNCTION contacts.subscribe, contacts.unsubscribe FROM regress_contacts_consumer;
SELECT workspace_id, consumer, pending FROM contacts.event_lag ORDER BY consumer;
SELECT contacts.revoke_access('regress_contacts_consumer', 1);

-- An event that somebody has deleted takes no other of its page with it.
SELECT contacts.subscribe('holes') AS holes \gset
SELECT pg_temp.tag('remove', 'a@example.com', 'vip') AS removed, pg_temp.tag('add', 'a@example.com', 'vip') AS added;
SELECT contact_upsert('{"email_address":"b@example.com","partial_update":true,"fields":{"city":"Rome"}}') IS NOT NULL AS done;
DELETE FROM contacts.event WHERE event_id = (SELECT min(event_id) FROM contacts.delivery WHERE consumer_id = :holes);
SELECT contact, type FROM pg_temp.claim('holes') ORDER BY 1, 2;
SELECT count(*) AS left FROM contacts.delivery WHERE consumer_id = :holes;
SELECT contacts.ack('holes', max(lease), array_agg(event_id)) FROM contacts.delivery WHERE consumer_id = :holes;
-- Where triggers do not fire, as in a restore, the delivery stays; claim() takes it away.
SELECT pg_temp.tag('remove', 'a@example.com', 'vip') AS removed, pg_temp.tag('add', 'a@example.com', 'vip') AS added;
SELECT contact_upsert('{"email_address":"b@example.com","partial_update":true,"fields":{"city":"Bari"}}') IS NOT NULL AS done;
SET session_replication_role = replica;
DELETE FROM contacts.event WHERE event_id = (SELECT min(event_id) FROM contacts.delivery WHERE consumer_id = :holes);
RESET session_replication_role;
SELECT count(*) AS orphans FROM contacts.delivery d WHERE consumer_id = :holes AND NOT EXISTS (SELECT FROM contacts.event e WHERE e.event_id = d.event_id);
CREATE FUNCTION pg_temp.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON contacts.delivery FOR EACH ROW EXECUTE FUNCTION pg_temp.keep();
SELECT contact, type FROM pg_temp.claim('holes') ORDER BY 1, 2;
DROP TRIGGER keep ON contacts.delivery;
SELECT contact, type FROM pg_temp.claim('holes') ORDER BY 1, 2;
SELECT contact, type FROM pg_temp.claim('holes') ORDER BY 1, 2;
SELECT count(*) AS left FROM contacts.delivery WHERE consumer_id = :holes;
UPDATE contacts.delivery SET attempts = 1000, leased_until = clock_timestamp() - interval '1 s' WHERE consumer_id = :holes;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON contacts.delivery FOR EACH ROW EXECUTE FUNCTION pg_temp.keep();
SELECT contact, type FROM pg_temp.claim('holes') ORDER BY 1, 2;
DROP TRIGGER keep ON contacts.delivery;
SELECT contact, type FROM pg_temp.claim('holes') ORDER BY 1, 2;
SELECT count(*) AS dead FROM contacts.delivery WHERE consumer_id = :holes AND dead AND last_error = 'The lease ran out.';
SELECT contacts.unsubscribe('holes');

-- The type of what is claimed, changed by somebody who may.
BEGIN;
SAVEPOINT s;
ALTER TYPE contacts.claimed_event ADD ATTRIBUTE more text;
SELECT * FROM contacts.claim('printer');
ROLLBACK TO s;
ALTER TYPE contacts.claimed_event DROP ATTRIBUTE type;
SELECT * FROM contacts.claim('printer');
ROLLBACK TO s;
-- It can be undone.
ALTER TYPE contacts.claimed_event ADD ATTRIBUTE more text;
ALTER TYPE contacts.claimed_event DROP ATTRIBUTE more;
SELECT contact_upsert('{"email_address":"a@example.com","partial_update":true,"fields":{"city":"Oslo"}}') IS NOT NULL AS done;
SELECT c.type, c.attempts, contacts_internal.event_line(c)::jsonb - '{event_id,lease,contact_id,created_at}'::text[] AS line FROM contacts.claim('printer') c;
ROLLBACK;

-- A workspace takes its events and consumers with it.
DELETE FROM contacts.workspace WHERE workspace_id = 1;
SELECT workspace_id, consumer, pending FROM contacts.event_lag ORDER BY consumer;
SELECT DISTINCT workspace_id FROM contacts.event UNION ALL SELECT DISTINCT workspace_id FROM contacts.delivery;
DROP ROLE regress_contacts_consumer;
DROP ROLE regress_contacts_nobody;
DROP TABLE effect;
