-- Where tables are partitioned, a call for a workspace that the session comes back to locks and opens that workspace's partitions alone.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install(partitions => 8) IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT count(contacts.define_workspace('workspace ' || n)) AS workspaces FROM generate_series(2, 70) n;
SELECT count(contacts.define_field('score', 'Score', 'NUMBER', workspace_id => n)) AS fields FROM generate_series(1, 70) n;
-- How many partitions of a table the call locks, beside what the transaction has locked before; what it locks is let go again.
CREATE FUNCTION pg_temp.locked(request jsonb, workspace_id bigint, OUT contacts bigint, OUT statistics bigint) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM contacts.upsert(request, workspace_id);
	SELECT count(*) FILTER (WHERE p.inhparent = 'contacts.contact'::regclass), count(*) FILTER (WHERE p.inhparent = 'contacts.statistics'::regclass) INTO contacts, statistics
		FROM (SELECT DISTINCT l.relation FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation') l JOIN pg_inherits p ON p.inhrelid = l.relation;
	RAISE SQLSTATE 'ROLLB';
EXCEPTION WHEN SQLSTATE 'ROLLB' THEN
END $$;
SET contact_upsert.fast_path = off;
SELECT contacts.upsert('{"email_address":"a@example.com","fields":{"score":1}}', n) IS NOT NULL AS made FROM generate_series(1, 70) n GROUP BY 1;
-- three calls make the plans: of the look-up, then of the update too
SELECT contacts.upsert(('{"email_address":"a@example.com","fields":{"score":' || n || '}}')::jsonb, 3) #>> '{data,data,score}' AS score FROM generate_series(2, 4) n;
SELECT * FROM pg_temp.locked('{"email_address":"a@example.com","fields":{"score":5}}', 3);
SELECT * FROM pg_temp.locked('{"email_address":"a@example.com","fields":{"score":4}}', 3);
-- one that comes for the first time has the plan for all
SELECT * FROM pg_temp.locked('{"email_address":"a@example.com","fields":{"score":5}}', 4);

-- Workspaces by turns, more than there are plans for, each of them right: what a call reads and changes is its own workspace's.
DO $$
DECLARE
	answer jsonb;
BEGIN
	FOR i IN 1..600 LOOP
		-- now one of many, now one of two that share a slot, now the same again
		answer := contacts.upsert(jsonb_build_object('email_address', 'a@example.com', 'fields', jsonb_build_object('score', i)), CASE i % 4 WHEN 0 THEN 1 + i * 37 % 70 WHEN 1 THEN 5 + i % 3 * 32 ELSE 2 END);
		IF (answer #>> '{data,data,score}')::int <> i THEN
			RAISE EXCEPTION 'call %: %', i, answer;
		END IF;
	END LOOP;
END $$;
SELECT sum(version) AS versions, count(*) FROM contacts.contact;
SELECT workspace_id, version FROM contacts.contact WHERE workspace_id IN (2, 5, 37, 69) ORDER BY 1;

-- A change of the tables is seen, another role and its policies are, a partition that is gone is missed.
ALTER TABLE contacts.contact ADD CONSTRAINT regress_score CHECK (data -> 'score' <> '666');
\set VERBOSITY terse
SELECT contacts.upsert('{"email_address":"a@example.com","fields":{"score":666}}', 2);
\set VERBOSITY default
CREATE ROLE regress_plans_member;
SELECT contacts.grant_access('regress_plans_member', 2);
SET ROLE regress_plans_member;
SELECT contacts.upsert('{"email_address":"a@example.com","fields":{"score":1}}', 2) #>> '{data,data,score}' AS score FROM generate_series(1, 3);
SELECT contacts.upsert('{"email_address":"a@example.com","fields":{"score":1}}', 3);
RESET ROLE;
CREATE POLICY regress_hide ON contacts.contact AS RESTRICTIVE TO regress_plans_member USING (email_address <> 'a@example.com');
SET ROLE regress_plans_member;
SELECT contacts.upsert('{"email_address":"a@example.com","fields":{"score":2}}', 2);
RESET ROLE;
DROP POLICY regress_hide ON contacts.contact;
SELECT contacts.revoke_access('regress_plans_member', 2);
DROP ROLE regress_plans_member;
SELECT tableoid::regclass AS part FROM contacts.contact WHERE workspace_id = 2 \gset
BEGIN;
ALTER TABLE contacts.contact DETACH PARTITION :part;
SAVEPOINT s;
SELECT contacts.upsert('{"email_address":"a@example.com","fields":{"score":3}}', 2);
ROLLBACK TO s;
ROLLBACK;
SELECT contacts.upsert('{"email_address":"a@example.com","fields":{"score":3}}', 2) #>> '{data,data,score}' AS score;

-- A trigger that calls for a workspace of the same slot, while the plan in it is at work
CREATE FUNCTION regress_other() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..3 LOOP
		PERFORM contacts.upsert(jsonb_build_object('email_address', 'b@example.com', 'fields', NEW.data || jsonb_build_object('score', i)), NEW.workspace_id + 32);
	END LOOP;
	RETURN NULL;
END $$;
CREATE TRIGGER regress_other AFTER UPDATE ON contacts.contact FOR EACH ROW WHEN (NEW.workspace_id < 32) EXECUTE FUNCTION regress_other();
SELECT contacts.upsert(('{"email_address":"a@example.com","fields":{"score":' || n || '}}')::jsonb, 7) #>> '{data,data,score}' AS score FROM generate_series(1001, 1004) n;
SELECT workspace_id, version, data FROM contacts.contact WHERE workspace_id IN (7, 39) AND (workspace_id, email_address) IN ((7, 'a@example.com'), (39, 'b@example.com')) ORDER BY 1;
DROP TRIGGER regress_other ON contacts.contact;
DROP FUNCTION regress_other();

-- The extension anew, with another oid for each type
SET client_min_messages = warning;
DROP EXTENSION contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install(partitions => 2) IS NOT NULL AS installed;
SELECT contacts.upsert('{"email_address":"a@example.com","status":"UNCONFIRMED"}', 1) #>> '{data,status}' AS status;
SELECT contacts.upsert(('{"email_address":"a@example.com","status":"' || s || '"}')::jsonb, 1) #>> '{data,status}' AS status FROM unnest('{CLEANED,SUBSCRIBED,COMPLAINED}'::text[]) s;
DROP EXTENSION contact_upsert CASCADE;
