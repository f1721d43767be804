-- contacts.undo_import(): what has become of a contact since the import, by all that may change it, and what its undo makes of that.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('name', 'Name'), contacts.define_field('city', 'City'), contacts.define_field('gone', 'Gone'), contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE', ARRAY['S', 'M']),
	contacts.define_tag('vip'), contacts.define_workspace('default', 'guarded', 'all');
CREATE FUNCTION pg_temp.id(name text) RETURNS text LANGUAGE sql AS $$ SELECT id FROM contacts.contact WHERE email_address = name || '@example.com' $$;
CREATE FUNCTION pg_temp.ask(name text, request jsonb) RETURNS boolean LANGUAGE sql AS $$
	SELECT contact_upsert(jsonb_build_object('email_address', name || '@example.com', 'partial_update', true) || request) IS NOT NULL $$;
-- Contacts that are there; those of .c are created by the import.
SELECT count(*) FILTER (WHERE pg_temp.ask(name, '{"fields":{"name":"old"}}')) FROM unnest(ARRAY['plain', 'proof', 'proof.before', 'proof.between', 'into', 'into.none', 'other.all', 'other.none', 'address', 'by.hand', 'gone', 'gone.proof', 'gone.other', 'size']) name;
SELECT pg_temp.ask('size', '{"fields":{"size":"S"}}'), pg_temp.ask('proof.before', '{"evidence":{"form":1}}');
CREATE TABLE list AS SELECT name || '@example.com' AS email_address, CASE WHEN name ~ 'proof' THEN 'UNSUBSCRIBED' WHEN name = 'opted.out.c' THEN 'UNSUBSCRIBED' END AS status,
		'new' AS name, CASE WHEN name ~ 'gone' THEN 'x' END AS gone, CASE WHEN name = 'size' THEN 'M' END AS size
	FROM unnest(ARRAY['plain', 'plain.c', 'proof', 'proof.c', 'proof.before', 'proof.between', 'into', 'into.c', 'into.none', 'into.none.c', 'duplicate.c', 'duplicate.none.c', 'address', 'address.c', 'address.none.c',
		'by.hand', 'by.hand.c', 'gone', 'gone.c', 'gone.proof', 'gone.proof.c', 'gone.other', 'gone.address.c', 'gone.into.c', 'size', 'opted.out.c', 'triggered.c', 'again.c']) name
	UNION ALL SELECT 'proof.between@example.com', NULL, 'newer', NULL, NULL;
CALL contacts.import('list');

-- Proof of what is so already: by the person herself, once more.
SELECT pg_temp.ask(name, '{"status":"UNSUBSCRIBED","source":"preference centre","evidence":{"clicked":"unsubscribe"}}') FROM unnest(ARRAY['proof', 'proof.c', 'gone.proof', 'gone.proof.c']) name;
SELECT contact_version, source, import_id, changes, evidence FROM contacts.history WHERE contact_id = pg_temp.id('proof') ORDER BY history_id;
-- It came between two rows of the import.
INSERT INTO contacts.history (workspace_id, contact_id, contact_version, changed_by, evidence) VALUES (1, pg_temp.id('proof.between'), 2, current_user, '{"between":1}');
-- Another contact has been merged into it, or it into another, with nothing of it that changes the one that stays.
SELECT count(*) FILTER (WHERE pg_temp.ask(name, '{"fields":{"name":"older"}}')) FROM unnest(ARRAY['d1', 'd2', 'd3', 'd4', 'd5']) name;
SELECT contacts.record(pg_temp.id('d1'), 'total_opens', 5);
SELECT count(contacts.merge(duplicate || '@example.com', into_contact || '@example.com')) FROM (VALUES ('d1', 'into.c'), ('d2', 'into'), ('duplicate.c', 'other.all')) m (duplicate, into_contact);
SELECT contacts.change_address(name || '@example.com', name || '.moved@example.com') IS NOT NULL AS moved FROM unnest(ARRAY['address', 'address.c']) name;
-- The same where no history is kept.
SELECT contacts.define_workspace('default', history => 'none');
SELECT count(contacts.merge(duplicate || '@example.com', into_contact || '@example.com')) FROM (VALUES ('d3', 'into.none.c'), ('d4', 'into.none'), ('d5', 'gone.into.c'), ('duplicate.none.c', 'other.none')) m (duplicate, into_contact);
SELECT contacts.change_address(name || '@example.com', name || '.moved@example.com') IS NOT NULL AS moved FROM unnest(ARRAY['address.none.c', 'gone.address.c']) name;
SELECT pg_temp.ask('gone.other', '{"fields":{"city":"Paris"}}');
UPDATE contacts.contact SET tags = '{1}' WHERE email_address LIKE 'by.hand%';
-- Deleted, and made again: another contact.
DELETE FROM contacts.contact WHERE email_address = 'again.c@example.com';
SELECT pg_temp.ask('again.c', '{}');
-- The definitions have changed, and rules of the user's are new.
DELETE FROM contacts.field WHERE merge_tag = 'gone';
SELECT contacts.define_field('size', options => ARRAY['M', 'L']);
CREATE FUNCTION pg_temp.stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER stay BEFORE DELETE ON contacts.contact FOR EACH ROW WHEN (OLD.email_address = 'triggered.c@example.com') EXECUTE FUNCTION pg_temp.stay();

SELECT count(*) AS contacts FROM contacts.contact;
CALL contacts.undo_import(1, dry_run => true);
CALL contacts.undo_import(1);
SELECT coalesce(c.email_address, 'none') AS email_address, k.code, k.message FROM contacts.import_kept k LEFT JOIN contacts.contact c ON c.id = k.contact_id ORDER BY 1;
SELECT email_address, status, data, version FROM contacts.contact ORDER BY 1;
SELECT c.email_address, s.total_opens FROM contacts.statistics s JOIN contacts.contact c ON c.id = s.contact_id;
-- What had opted out leaves that behind.
SELECT status, reason, address_hash = sha256('opted.out.c@example.com') AS of_opted_out FROM contacts.suppression;
SELECT contacts.upsert('{"email_address":"opted.out.c@example.com"}');
SELECT contacts.lift_suppression('opted.out.c@example.com');
SELECT pg_temp.ask('opted.out.c', '{}');
DROP TABLE list;

-- A part of its history is gone: what an undo knew would be wrong.
INSERT INTO contacts.contact (workspace_id, email_address, data) VALUES (1, 'purged@example.com', '{"name":"before"}');
CREATE TABLE twice AS SELECT 'purged@example.com' AS email_address, n AS name FROM unnest(ARRAY['first', 'second']) n;
CALL contacts.import('twice');
SELECT max(import_id) AS import_id FROM contacts.import_progress \gset
SELECT count(contacts.purge_history('0', 1)) > 0 AS purged FROM generate_series(1, (SELECT count(*) - 1 FROM contacts.history));
SELECT count(*) FROM contacts.history WHERE import_id = :import_id;
CALL contacts.undo_import(:import_id);
SELECT state, history_purged_at IS NOT NULL AS purged FROM contacts.import_progress WHERE import_id = :import_id;
SELECT data FROM contacts.contact WHERE email_address = 'purged@example.com';
DROP TABLE twice;
