-- docs/api.md, "Suppressions": an address whose contact had opted out stays known when the contact is gone, whatever removes it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.lift_suppression('a@example.com');
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_workspace('guarded', 'guarded') AS guarded;
CREATE FUNCTION pg_temp.fill(workspace bigint DEFAULT 1) RETURNS void LANGUAGE sql AS $$
	INSERT INTO contacts.contact (workspace_id, email_address, status)
		SELECT workspace, lower(s::text) || '@example.com', s FROM unnest(enum_range(NULL::contacts.status)) s ON CONFLICT DO NOTHING $$;
CREATE FUNCTION pg_temp.suppressed() RETURNS TABLE (workspace_id bigint, address text, status contacts.status, reason text) LANGUAGE sql AS $$
	SELECT s.workspace_id, a.address, s.status, s.reason
	FROM contacts.suppression s LEFT JOIN (SELECT lower(u::text) || d FROM unnest(enum_range(NULL::contacts.status)) u, unnest('{@example.com,@old.example.com}'::text[]) d
		UNION ALL VALUES ('new@example.com'), ('jürgen@example.com')) a (address) ON sha256(convert_to(a.address, 'UTF8')) = s.address_hash ORDER BY 1, 2 $$;

-- A plain DELETE, of one and of many; an address that is changed by hand; erase.
SELECT pg_temp.fill();
DELETE FROM contacts.contact;
SELECT * FROM pg_temp.suppressed();
DELETE FROM contacts.suppression;
SELECT pg_temp.fill();
UPDATE contacts.contact SET email_address = replace(email_address, '@', '@old.');
SELECT * FROM pg_temp.suppressed();
UPDATE contacts.contact SET email_address = email_address, status = status;
UPDATE contacts.contact SET data = '{}', status = 'COMPLAINED' WHERE status = 'CLEANED';
SELECT count(*) AS as_before FROM contacts.suppression;
DELETE FROM contacts.suppression;
SELECT email_address, contacts.erase(email_address) AS erased FROM contacts.contact ORDER BY 1;
SELECT * FROM pg_temp.suppressed();
-- The stricter status of two stays; the time is that of the last.
SELECT contacts.erase('complained@old.example.com', suppress => true) AS nobody_there;
INSERT INTO contacts.contact (workspace_id, email_address, status) VALUES (1, 'unsubscribed@old.example.com', 'COMPLAINED');
DELETE FROM contacts.contact;
SELECT * FROM pg_temp.suppressed();
DELETE FROM contacts.suppression;

-- erase: suppress as it is asked for; never is an opt-out forgotten.
SELECT pg_temp.fill();
SELECT contacts.erase('subscribed@example.com', suppress => true) AS erased, contacts.erase('unconfirmed@example.com', suppress => false) AS erased;
SELECT contacts.erase('complained@example.com', suppress => false);
SELECT contacts.erase('complained@example.com', suppress => true) AS erased;
SELECT contacts.erase(' New@Example.com ', suppress => true) AS nobody, contacts.erase('jürgen@example.com', true) AS nobody, contacts.erase('000000000000000000000000', true) AS no_id;
SELECT contacts.erase(NULL);
SELECT contacts.erase('a@example.com', workspace_id => 77);
SELECT * FROM pg_temp.suppressed();
SELECT email_address FROM contacts.contact ORDER BY 1;

-- lift_suppression: where there was one, once; the address as the call normalises it.
SELECT contacts.lift_suppression(' NEW@example.com') AS lifted, contacts.lift_suppression('new@example.com') AS again, contacts.lift_suppression('jürgen@example.com') AS lifted;
SELECT contacts.lift_suppression('new@example.com', 2) AS of_another_workspace;
SELECT contacts.lift_suppression('new@example.com', 77);
SELECT contacts.lift_suppression('new@example.com', 0);
SELECT contacts.lift_suppression(NULL);
SELECT contacts.lift_suppression(' ');
SELECT contacts.lift_suppression('nobody');
SELECT count(*) FROM contacts.suppression;

-- A row that is moved to another workspace leaves its address, and where that is in another partition, it is deleted; under session_replication_role = replica rows come by replication.
DELETE FROM contacts.suppression;
UPDATE contacts.contact SET workspace_id = 2;
SELECT workspace_id, address, status, reason IN ('change_address', 'delete') AS reason FROM pg_temp.suppressed();
DELETE FROM contacts.suppression;
SET session_replication_role = replica;
DELETE FROM contacts.contact WHERE workspace_id = 2;
RESET session_replication_role;
SELECT count(*) AS by_replication FROM contacts.suppression;

-- A workspace that is deleted leaves nothing.
SELECT pg_temp.fill(2), pg_temp.fill(1);
DELETE FROM contacts.contact WHERE email_address = 'cleaned@example.com';
DELETE FROM contacts.workspace WHERE workspace_id = 2;
SELECT * FROM pg_temp.suppressed();

-- A DELETE that is rolled back has left nothing.
BEGIN;
DELETE FROM contacts.contact;
SELECT count(*) FROM contacts.suppression;
ROLLBACK;
SELECT count(*) FROM contacts.suppression;
-- A row that is none.
\set VERBOSITY terse
INSERT INTO contacts.suppression VALUES (1, 'x', 'CLEANED', 'delete');
\set VERBOSITY default

-- Partitions: also where a partition is named.
ALTER TABLE contacts.statistics DROP CONSTRAINT statistics_workspace_id_contact_id_fkey;
ALTER TABLE contacts.contact RENAME TO contact_whole;
CREATE TABLE contacts.contact (LIKE contacts.contact_whole INCLUDING ALL) PARTITION BY HASH (workspace_id);
CREATE TABLE contacts.contact_even PARTITION OF contacts.contact FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE contacts.contact_odd PARTITION OF contacts.contact FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT contacts.install() IS NOT NULL AS installed;
DELETE FROM contacts.suppression;
SELECT contacts.define_workspace('third') AS third;
SELECT pg_temp.fill(1), pg_temp.fill(3);
DELETE FROM contacts.contact_even WHERE status = 'CLEANED';
DELETE FROM contacts.contact_odd WHERE status = 'CLEANED';
UPDATE contacts.contact SET email_address = replace(email_address, '@', '@old.') WHERE status = 'COMPLAINED';
UPDATE contacts.contact SET workspace_id = 3, email_address = 'moved@example.com' WHERE workspace_id = 1 AND status = 'UNSUBSCRIBED';
SELECT contacts.erase('unsubscribed@example.com', workspace_id => 3) AS erased;
SELECT * FROM pg_temp.suppressed();

-- Who may: members of the workspace, with their rights on contacts; a role that may only read erases nothing.
CREATE ROLE regress_erase_member;
CREATE ROLE regress_erase_reader;
SELECT contacts.grant_access('regress_erase_member', 1), contacts.grant_access('regress_erase_reader', 1);
REVOKE INSERT, UPDATE, DELETE ON contacts.contact FROM regress_erase_reader;
INSERT INTO contacts.import_progress (workspace_id, staging_table) VALUES (1, 'x');
INSERT INTO contacts.import_error (workspace_id, import_id, row_number, row, code, message, error)
	SELECT 1, import_id, 1, '{"email_address":"subscribed@example.com"}', 'X', 'x', '{}' FROM contacts.import_progress;
SELECT contact_upsert('{"email_address":"subscribed@example.com","status":"UNCONFIRMED"}') IS NOT NULL AS made;
SET ROLE regress_erase_reader;
SELECT contacts.erase('subscribed@example.com');
SELECT contacts.erase('nobody@example.com');
SELECT contacts.change_address('subscribed@example.com', 'x@example.com');
SELECT contacts.merge('subscribed@example.com', 'unconfirmed@example.com');
SELECT count(*) AS seen FROM contacts.suppression;
SET ROLE regress_erase_member;
BEGIN READ ONLY;
SELECT contacts.erase('subscribed@example.com');
ROLLBACK;
BEGIN READ ONLY;
SELECT contacts.change_address('subscribed@example.com', 'x@example.com');
ROLLBACK;
SELECT contacts.erase('subscribed@example.com', workspace_id => 3);
SELECT contacts.lift_suppression('cleaned@example.com', 3);
DELETE FROM contacts.suppression;
RESET ROLE;
SELECT count(*) AS nothing_half_done FROM contacts.import_error;
-- a policy or a trigger of the user's own keeps a contact: then all of it stays
CREATE POLICY kept ON contacts.contact AS RESTRICTIVE FOR DELETE USING (email_address <> 'subscribed@example.com');
SET ROLE regress_erase_member;
SELECT contacts.erase('subscribed@example.com');
SELECT contacts.erase(id) FROM contacts.contact WHERE email_address = 'subscribed@example.com';
RESET ROLE;
DROP POLICY kept ON contacts.contact;
SET ROLE regress_erase_member;
SELECT contacts.erase('subscribed@example.com', true) AS erased, contacts.lift_suppression('subscribed@example.com') AS lifted;
DELETE FROM contacts.contact WHERE status = 'UNCONFIRMED';
RESET ROLE;
SELECT count(*) AS import_errors FROM contacts.import_error;
SELECT contacts.revoke_access('regress_erase_member', 1), contacts.revoke_access('regress_erase_reader', 1);
DROP ROLE regress_erase_member;
DROP ROLE regress_erase_reader;
