-- docs/api.md, "Another address": contacts.change_address() keeps the contact; under "guarded" no opted-out address is mailed by it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
\set SHOW_CONTEXT never
SELECT contacts.change_address('a@example.com', 'b@example.com');
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('name', 'Name', tracked => true), contacts.define_tag('vip'), contacts.define_workspace('default', history => 'all'),
	contacts.define_workspace('guarded', 'guarded') AS guarded;
INSERT INTO contacts.contact (workspace_id, id, email_address, created_at, updated_at) VALUES (1, '0123456789abcdef01234567', 'old@example.com', '2020-01-01', '2020-01-01');
SELECT contact_upsert('{"email_address":"old@example.com","fields":{"name":"N"},"tags":["vip"]}') IS NOT NULL AS made;
SELECT contacts.record('0123456789abcdef01234567', 'total_opens', 3);
SELECT contact_upsert('{"email_address":"taken@example.com"}') IS NOT NULL AS made;

-- id, data, tags, statistics, creation and history stay; the answer is that of the call.
SELECT jsonb_pretty(contacts.change_address('Old@example.com', E' NEW@Example.com\t') #- '{data,updated_at}' #- '{data,created_at}') AS answer;
SELECT id = '0123456789abcdef01234567' AS same, email_address, version, created_at < now() - interval '1 year' AS old, updated_at > now() - interval '1 hour' AS touched FROM contacts.contact ORDER BY 2;
SELECT contact_version, changed_by = current_user AS by_me, import_id, changes FROM contacts.history WHERE contact_id = '0123456789abcdef01234567' ORDER BY history_id;
SELECT count(*) AS events FROM contacts.event;
-- The same address, also in another case: unchanged.
SELECT contacts.change_address('0123456789abcdef01234567', 'new@EXAMPLE.com') #>> '{data,data,email_address}' AS same;
SELECT version FROM contacts.contact WHERE id = '0123456789abcdef01234567';
SELECT count(*) AS history FROM contacts.history;
-- By hand it is the same.
UPDATE contacts.contact SET email_address = 'hand@example.com' WHERE email_address = 'new@example.com';
SELECT contact_version, changes FROM contacts.history ORDER BY history_id DESC LIMIT 1;
SELECT contacts.define_workspace('default', history => 'status');
SELECT contacts.change_address('hand@example.com', 'new@example.com') #>> '{data,data,email_address}' AS changed;
SELECT count(*) AS history FROM contacts.history WHERE changes ? 'email_address';

-- Errors, and nothing is written.
SELECT contacts.change_address('new@example.com', 'taken@example.com');
SELECT contacts.change_address('nobody@example.com', 'b@example.com');
SELECT contacts.change_address('ffffffffffffffffffffffff', 'b@example.com');
SELECT contacts.change_address('neither', 'b@example.com');
SELECT contacts.change_address(NULL, 'b@example.com');
SELECT contacts.change_address('new@example.com', NULL);
SELECT contacts.change_address('new@example.com', '  ');
SELECT contacts.change_address('new@example.com', 'nobody');
SELECT contacts.change_address('nobody@example.com', 'nobody');
SELECT contacts.change_address('new@example.com', 'b@example.com', 2);
SELECT contacts.change_address('new@example.com', 'b@example.com', 77);
BEGIN READ ONLY;
SELECT contacts.change_address('new@example.com', 'b@example.com');
ROLLBACK;
CREATE FUNCTION pg_temp.state_of(call text) RETURNS TABLE (state text, detail jsonb, constraint_name text) LANGUAGE plpgsql AS $$
DECLARE d text;
BEGIN
	EXECUTE call;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, d = PG_EXCEPTION_DETAIL, constraint_name = CONSTRAINT_NAME;
	detail := CASE WHEN d LIKE '{%' THEN d::jsonb END; RETURN NEXT;
END $$;
SELECT * FROM pg_temp.state_of($$SELECT contacts.change_address('new@example.com', 'taken@example.com')$$);
SELECT * FROM pg_temp.state_of($$SELECT contacts.change_address('nobody@example.com', 'b@example.com')$$);
-- a unique index of the user's own is no address that is taken
CREATE UNIQUE INDEX ON contacts.contact (workspace_id, lower(split_part(email_address, '@', 1)));
SELECT * FROM pg_temp.state_of($$SELECT contacts.change_address('new@example.com', 'taken@other.example.com')$$);
DROP INDEX contacts.contact_workspace_id_lower_idx;
-- a trigger that keeps the row
CREATE FUNCTION pg_temp.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keep BEFORE UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION pg_temp.keep();
SELECT contacts.change_address('new@example.com', 'b@example.com');
DROP TRIGGER keep ON contacts.contact;
SELECT email_address, version FROM contacts.contact ORDER BY 1;
-- a policy that hides the contact from an UPDATE alone
CREATE ROLE regress_contacts_app;
SELECT contacts.grant_access('regress_contacts_app', 1);
CREATE POLICY keep ON contacts.contact AS RESTRICTIVE FOR UPDATE USING (email_address <> 'new@example.com');
SET ROLE regress_contacts_app;
SELECT contacts.change_address('new@example.com', 'b@example.com');
SELECT contacts.change_address('nobody@example.com', 'b@example.com');
RESET ROLE;
DROP POLICY keep ON contacts.contact;
-- where no trigger leaves a suppression or keeps the version
SET session_replication_role = replica;
SELECT contacts.change_address('new@example.com', 'b@example.com');
RESET session_replication_role;
ALTER TABLE contacts.contact DISABLE TRIGGER address_changed;
SELECT contacts.change_address('new@example.com', 'b@example.com');
ALTER TABLE contacts.contact ENABLE ALWAYS TRIGGER address_changed;
SET session_replication_role = replica;
SELECT contacts.change_address('new@example.com', 'b@example.com');
RESET session_replication_role;
ALTER TABLE contacts.contact ENABLE TRIGGER address_changed;

-- A trigger of the user's own finds what it finds in an upsert; operators of the user's own change nothing.
CREATE TABLE address_log (address text);
CREATE FUNCTION note_address() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO address_log VALUES (NEW.email_address); RETURN NULL; END $$;
CREATE TRIGGER note_address AFTER UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION note_address();
SELECT contact_upsert('{"email_address":"new@example.com","fields":{"name":"O"}}') #>> '{data,data,name}' AS name;
CREATE SCHEMA change_address_own;
CREATE FUNCTION change_address_own.never(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE FUNCTION change_address_own.never(bigint, bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE FUNCTION change_address_own.never(contacts.status, contacts.status) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE FUNCTION change_address_own.coalesce(bigint, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 77::bigint';
CREATE FUNCTION change_address_own.now() RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT 'infinity'::timestamptz $$;
CREATE OPERATOR change_address_own.= (LEFTARG = text, RIGHTARG = text, FUNCTION = change_address_own.never);
CREATE OPERATOR change_address_own.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = change_address_own.never);
CREATE OPERATOR change_address_own.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = change_address_own.never);
CREATE OPERATOR change_address_own.= (LEFTARG = contacts.status, RIGHTARG = contacts.status, FUNCTION = change_address_own.never);
CREATE DOMAIN change_address_own.text AS pg_catalog.text CHECK (false);
SET search_path = change_address_own, pg_catalog, public;
SELECT contacts.change_address('new@example.com', 'b@example.com') OPERATOR(pg_catalog.#>>) '{data,data,email_address}' AS changed;
RESET search_path;
SELECT contacts.change_address('b@example.com', 'new@example.com') #>> '{data,data,email_address}' AS changed;
TABLE address_log;
DROP TRIGGER note_address ON contacts.contact;

-- Who has opted out is not mailed under another address, nor whoever had that one; "api" takes no part in it.
INSERT INTO contacts.contact (workspace_id, email_address, status)
	SELECT w, lower(s) || '@example.com', s::contacts.status FROM generate_series(1, 2) w, unnest('{SUBSCRIBED,UNSUBSCRIBED,UNCONFIRMED,CLEANED}'::text[]) s;
SELECT contacts.erase('gone@example.com', true, w) FROM generate_series(1, 2) w;
SELECT contacts.change_address('subscribed@example.com', 'gone@example.com', 1) #>> '{data,status}' AS api;
SELECT contacts.change_address('subscribed@example.com', 'gone@example.com', 2);
SET search_path = change_address_own, pg_catalog, public;
SELECT contacts.change_address('subscribed@example.com', 'gone@example.com', 2);
RESET search_path;
SELECT contacts.change_address('unconfirmed@example.com', 'gone@example.com', 2);
SELECT contacts.change_address('unsubscribed@example.com', 'gone@example.com', 2) #>> '{data,status}' AS not_mailed;
SELECT contacts.change_address('cleaned@example.com', 'clean@example.com', 2) #>> '{data,status}' AS status;
SELECT reason, status, address_hash = sha256('unsubscribed@example.com') AS unsubscribed, address_hash = sha256('cleaned@example.com') AS cleaned, address_hash = sha256('gone@example.com') AS gone
	FROM contacts.suppression WHERE workspace_id = 2 ORDER BY 3, 4, 5;
DELETE FROM contacts.contact WHERE workspace_id = 2 AND email_address = 'gone@example.com';
SELECT contacts.lift_suppression('gone@example.com', 2) AS lifted;
SELECT contacts.change_address('subscribed@example.com', 'gone@example.com', 2) #>> '{data,status}' AS with_consent;
-- the address that was left is free again
SELECT contacts.upsert('{"email_address":"subscribed@example.com"}', 2) #>> '{data,status}' AS new;
SET client_min_messages = warning;
SELECT contacts.revoke_access('regress_contacts_app', 1);
DROP ROLE regress_contacts_app;
DROP SCHEMA change_address_own CASCADE;
DROP FUNCTION note_address;
DROP TABLE address_log;
