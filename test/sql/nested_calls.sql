-- Triggers of the user's own that call back while an upsert is under way: the outer call's definitions stay valid, its
-- answer is right, and a trigger that suppresses the row is an error.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('name', 'Name', tracked => true);
CREATE SEQUENCE regress_calls;
CREATE FUNCTION regress_copy() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	n text := nextval('regress_calls');
BEGIN
	IF NEW.email_address NOT LIKE 'copy%' THEN
		PERFORM contacts.define_field('extra_' || n, 'Extra ' || n);
		ANALYZE contacts.contact; -- makes the plans invalid, also the one that is being executed
		PERFORM contact_upsert(jsonb_build_object('email_address', 'copy.' || NEW.email_address, 'create_tags', true,
			'tags', jsonb_build_array('tag ' || n), 'fields', jsonb_build_object('name', n, 'extra_' || n, 'x')));
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER regress_before BEFORE INSERT OR UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_copy();
CREATE TRIGGER regress_after AFTER INSERT OR UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_copy();
CREATE FUNCTION pg_temp.call(request jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT contact_upsert('{"email_address":"a@example.com"}' || request) #- '{data,id}' #- '{data,created_at}' #- '{data,updated_at}' #- '{data,statistics}'
$$;
SELECT pg_temp.call('{"fields":{"name":"one"},"tags":["new"],"create_tags":true}');
SELECT pg_temp.call('{"fields":{"name":"two"},"tags":["new"]}');
SELECT pg_temp.call('{"fields":{"name":"two"},"tags":["new"]}') AS unchanged;
SELECT email_address, version, data FROM contacts.contact ORDER BY email_address;
SELECT c.email_address, e.contact_version, e.ordinal, e.type FROM contacts.event e JOIN contacts.contact c ON c.id = e.contact_id ORDER BY 1, 2, 3;
DROP TRIGGER regress_before ON contacts.contact;
DROP TRIGGER regress_after ON contacts.contact;

-- a trigger that chooses the id
CREATE FUNCTION regress_id() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := repeat('a', 24); RETURN NEW; END $$;
CREATE TRIGGER regress_id BEFORE INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_id();
SELECT contact_upsert('{"email_address":"id@example.com","status":"UNCONFIRMED"}') #>> '{data,id}' AS id;
SELECT contact_id FROM contacts.event WHERE type = 'CONTACT_SUBSCRIBED_PENDING';
DROP TRIGGER regress_id ON contacts.contact;

-- an index of the user's own: its own error
CREATE UNIQUE INDEX ON contacts.contact (workspace_id, (data ->> 'name'));
SELECT contact_upsert('{"email_address":"twin@example.com","fields":{"name":"two"}}');
DROP INDEX contacts.contact_workspace_id_expr_idx;

-- columns that are no longer what they were: an error, and never a crash
BEGIN;
ALTER TABLE contacts.statistics ALTER total_opens DROP NOT NULL;
INSERT INTO contacts.statistics (workspace_id, contact_id, total_opens) SELECT 1, id, NULL FROM contacts.contact;
SELECT pg_temp.call('{}');
ROLLBACK;
BEGIN;
DROP INDEX contacts.contact_tags_idx;
ALTER TABLE contacts.contact ALTER tags DROP DEFAULT, ALTER tags TYPE bigint USING 4242;
SELECT pg_temp.call('{}');
ROLLBACK;
BEGIN;
ALTER TABLE contacts.contact ALTER data DROP DEFAULT, ALTER data TYPE bytea USING '\xff';
SELECT pg_temp.call('{}');
ROLLBACK;
BEGIN;
ALTER TABLE contacts.contact ALTER version DROP NOT NULL;
UPDATE contacts.contact SET version = NULL;
UPDATE contacts.contact SET email_address = 'moved.' || email_address WHERE email_address <> 'a@example.com';
SELECT bool_and(email_address LIKE 'moved.%') AS moved FROM contacts.contact WHERE email_address <> 'a@example.com';
SELECT pg_temp.call('{}');
ROLLBACK;
BEGIN;
ALTER TABLE contacts.contact ALTER email_address DROP NOT NULL, ALTER status DROP NOT NULL;
UPDATE contacts.contact SET email_address = NULL WHERE email_address = 'a@example.com';
UPDATE contacts.contact SET email_address = 'b@example.com', status = NULL WHERE email_address IS NULL;
UPDATE contacts.contact SET email_address = NULL WHERE status IS NULL;
DELETE FROM contacts.contact WHERE status IS NULL;
SELECT count(*) FILTER (WHERE email_address IN ('a@example.com', 'b@example.com')) AS "there" FROM contacts.contact;
ROLLBACK;

-- a status that has another name is an error, also where it was looked up before
SELECT pg_temp.call('{"email_address":"status@example.com","status":"UNCONFIRMED"}') #>> '{data,status}' AS status;
BEGIN;
ALTER TYPE contacts.status RENAME VALUE 'UNSUBSCRIBED' TO 'GONE';
SAVEPOINT s;
SELECT pg_temp.call('{"email_address":"renamed@example.com","status":"UNSUBSCRIBED"}');
ROLLBACK TO s;
SELECT pg_temp.call('{"email_address":"status@example.com","status":"UNSUBSCRIBED"}');
ROLLBACK TO s;
UPDATE contacts.contact SET status = 'GONE' WHERE email_address = 'status@example.com';
SELECT pg_temp.call('{"email_address":"status@example.com"}');
ROLLBACK;
SELECT pg_temp.call('{"email_address":"status@example.com","status":"UNSUBSCRIBED"}') #>> '{data,status}' AS status;

-- a trigger that refuses what is written
CREATE FUNCTION regress_suppress() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER regress_suppress BEFORE INSERT OR UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_suppress();
SELECT pg_temp.call('{"fields":{"name":"three"}}');
SELECT contact_upsert('{"email_address":"new@example.com"}');
SELECT pg_temp.call('{"fields":{"name":"two"},"tags":["new"]}') AS unchanged;
DROP TRIGGER regress_suppress ON contacts.contact;
CREATE TRIGGER regress_suppress BEFORE INSERT ON contacts.event FOR EACH ROW EXECUTE FUNCTION regress_suppress();
SELECT pg_temp.call('{"fields":{"name":"three"},"tags":["new"]}');
DROP TRIGGER regress_suppress ON contacts.event;
SELECT data FROM contacts.contact WHERE email_address = 'a@example.com';

-- caught errors and subtransactions around the call
DO $$
BEGIN
	FOR i IN 1..5 LOOP
		BEGIN
			PERFORM contact_upsert(jsonb_build_object('email_address', 'a@example.com', 'partial_update', true, 'fields', jsonb_build_object('name', 'loop ' || i)));
			IF i % 2 = 0 THEN
				PERFORM contact_upsert('{"email_address":"a@example.com","fields":{"unknown":1}}');
			END IF;
		EXCEPTION WHEN data_exception THEN
			NULL;
		END;
	END LOOP;
END $$;
SELECT data, (SELECT count(*) FROM contacts.event e WHERE e.contact_id = c.id AND e.detail #>> '{field,new}' LIKE 'loop%') AS events
FROM contacts.contact c WHERE email_address = 'a@example.com';
DROP SEQUENCE regress_calls;

-- after the extension was dropped and created, contacts.status is another type, and statements that had it are prepared anew
SET client_min_messages = warning;
DROP EXTENSION contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT pg_temp.call('{"status":"UNCONFIRMED"}') #>> '{data,status}' AS created;
SELECT pg_temp.call('{"status":"UNSUBSCRIBED"}') #>> '{data,status}' AS changed;
