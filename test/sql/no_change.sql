-- A request that changes nothing costs one index read: no tuple, no lock, no WAL, no transaction id, no event.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT contacts.define_field('name', 'Name', tracked => true), contacts.define_tag('vip');
SELECT contact_upsert('{"email_address":"a@example.com","fields":{"name":"A"},"tags":[1]}') IS NOT NULL AS made;
SELECT ctid, xmin, version, updated_at FROM contacts.contact \gset before_
SELECT pg_sleep(0.01);
CHECKPOINT;

-- What the statement itself writes, since background processes move the position of the WAL, too.
CREATE FUNCTION pg_temp.wal_records(request jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, WAL, FORMAT JSON) SELECT contact_upsert($1)' INTO plan USING request;
	RETURN plan -> 0 -> 'Plan' ->> 'WAL Records';
END $$;

BEGIN;
SELECT contact_upsert('{"email_address":"a@example.com","fields":{"name":"A"},"tags":[1]}') IS NOT NULL AS answered;
SELECT sum(pg_temp.wal_records('{"email_address":"a@example.com","fields":{"name":"A"},"tags":[1]}')) AS wal_records,
	sum(pg_temp.wal_records('{"email_address":"a@example.com","partial_update":true}')) AS wal_records
FROM generate_series(1, 100);
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
SELECT relation::regclass, mode FROM pg_locks
WHERE pid = pg_backend_pid() AND relation IN (SELECT oid FROM pg_class WHERE relnamespace = 'contacts'::regnamespace AND relkind = 'r')
	AND mode <> 'AccessShareLock';
COMMIT;
SELECT c.ctid = :'before_ctid' AND c.xmin = :'before_xmin' AND c.version = :before_version AND c.updated_at = :'before_updated_at' AS untouched
FROM contacts.contact c;
SELECT count(*) AS events FROM contacts.event;

-- The same for preview, which never writes.
BEGIN;
SELECT outcome FROM contacts.preview('{"email_address":"a@example.com","fields":{"name":"B"},"tags":["new"],"create_tags":true}');
SELECT outcome FROM contacts.preview('{"email_address":"new@example.com"}');
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
COMMIT;
SELECT count(*) AS contacts, (SELECT count(*) FROM contacts.tag) AS tags FROM contacts.contact;

-- The counterpart: a change does all of that.
BEGIN;
SELECT pg_temp.wal_records('{"email_address":"a@example.com","fields":{"name":"B"}}') > 0 AS wal;
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
COMMIT;
SELECT version = :before_version + 1 AS next_version, updated_at > :'before_updated_at' AS later FROM contacts.contact;
SELECT count(*) AS events FROM contacts.event;

-- An update that leaves the tags alone stays on its page and touches no index (HOT).
SELECT contact_upsert('{"email_address":"hot@example.com","fields":{"name":"A"}}') IS NOT NULL AS made;
BEGIN;
SELECT sum(pg_stat_get_xact_tuples_updated(t)) AS updated, sum(pg_stat_get_xact_tuples_hot_updated(t)) AS hot
FROM (SELECT DISTINCT tableoid FROM contacts.contact) AS c (t) \gset before_
SELECT contact_upsert('{"email_address":"hot@example.com","fields":{"name":"B"},"partial_update":true}') IS NOT NULL AS answered;
SELECT contact_upsert('{"email_address":"hot@example.com","tags":["vip"],"partial_update":true}') IS NOT NULL AS answered;
SELECT sum(pg_stat_get_xact_tuples_updated(t)) - :before_updated AS updated, sum(pg_stat_get_xact_tuples_hot_updated(t)) - :before_hot AS hot
FROM (SELECT DISTINCT tableoid FROM contacts.contact) AS c (t);
COMMIT;

-- An update names status and tags only where one of them changes: a trigger on those columns does not fire for a field.
CREATE FUNCTION pg_temp.tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE '%: % % % -> % % %', TG_NAME, OLD.status, OLD.tags, OLD.data, NEW.status, NEW.tags, NEW.data;
	RETURN NEW;
END $$;
CREATE TRIGGER tell_status BEFORE UPDATE OF status ON contacts.contact FOR EACH ROW EXECUTE FUNCTION pg_temp.tell();
CREATE TRIGGER tell_tags BEFORE UPDATE OF tags ON contacts.contact FOR EACH ROW EXECUTE FUNCTION pg_temp.tell();
CREATE TRIGGER tell_all BEFORE UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION pg_temp.tell();
CREATE FUNCTION pg_temp.change(members jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT outcome FROM contacts.apply('{"email_address":"hot@example.com","partial_update":true}' || members)
$$;
SELECT pg_temp.change('{"fields":{"name":"C"}}');
SELECT pg_temp.change('{"fields":{"name":"D"},"tags":["vip"]}');
SELECT pg_temp.change('{"add_tags":[]}'), pg_temp.change('{"fields":{"name":"D"},"status":"SUBSCRIBED"}');
SELECT pg_temp.change('{"remove_tags":["vip"]}');
SELECT pg_temp.change('{"fields":{"name":"E"},"status":"UNSUBSCRIBED"}');
SELECT pg_temp.change('{"fields":{"name":null}}');
-- in an array it does
SELECT outcome FROM contacts.upsert_many('[{"email_address":"hot@example.com","partial_update":true,"fields":{"name":"F"}}]');
DROP TRIGGER tell_status ON contacts.contact;
DROP TRIGGER tell_tags ON contacts.contact;
DROP TRIGGER tell_all ON contacts.contact;

-- In a read-only transaction the call is refused at once, whatever the request; preview works.
BEGIN READ ONLY;
SELECT outcome FROM contacts.preview('{"email_address":"new@example.com"}');
\set VERBOSITY sqlstate
SELECT contact_upsert('[]');
ROLLBACK;
BEGIN READ ONLY;
SELECT contacts.upsert('{"email_address":"a@example.com","partial_update":true}', workspace_id => 1);
ROLLBACK;
