-- contacts.undo_import(): what it restores, deletes and keeps, what it refuses, and the history that an import leaves for it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('name', 'Name', tracked => true), contacts.define_field('must', 'Must', required => true, default_value => '"m"'),
	contacts.define_field('gone', 'Gone'), contacts.define_field('sizes', 'Sizes', 'DROPDOWN_MULTIPLE', ARRAY['S', 'M', 'L']),
	contacts.define_tag('vip'), contacts.define_tag('news'), contacts.define_tag('lost');
SELECT contacts.define_workspace('default', 'guarded', 'none');
SELECT contacts.subscribe('mailer') IS NOT NULL AS subscribed;
CREATE VIEW pg_temp.contact AS SELECT c.email_address, c.status, ARRAY(SELECT t.name FROM contacts.tag t WHERE t.tag_id = ANY (c.tags) ORDER BY 1) AS tags, c.data, c.version
	FROM contacts.contact c WHERE c.workspace_id = 1;
SELECT count(*) FROM contacts.upsert_many('[
	{"email_address":"fields@example.com","fields":{"name":"old","sizes":["S","L"]}}, {"email_address":"tags@example.com","tags":["vip","lost"]},
	{"email_address":"status@example.com","status":"UNSUBSCRIBED"}, {"email_address":"same@example.com","fields":{"name":"same"}},
	{"email_address":"changed@example.com","fields":{"name":"old"}}, {"email_address":"deleted@example.com"}, {"email_address":"twice@example.com","fields":{"name":"old"},"tags":["vip"]},
	{"email_address":"gone@example.com","fields":{"gone":"old","name":"old"}}, {"email_address":"empty@example.com"}]');
SELECT contacts.record(id, 'total_opens', 7, workspace_id => 1) FROM contacts.contact WHERE email_address = 'fields@example.com';
CREATE TABLE before AS TABLE pg_temp.contact;
CREATE TABLE people (email_address text, status text, tags text, name text, gone text, sizes text[]);
INSERT INTO people VALUES ('fields@example.com', NULL, NULL, 'new', NULL, '{M}'), ('tags@example.com', NULL, 'news', NULL, NULL, NULL), ('status@example.com', 'COMPLAINED', NULL, NULL, NULL, NULL),
	('same@example.com', NULL, NULL, 'same', NULL, NULL), ('changed@example.com', NULL, NULL, 'new', NULL, NULL), ('deleted@example.com', NULL, NULL, 'new', NULL, NULL),
	('twice@example.com', NULL, 'news', 'new', NULL, NULL), ('twice@example.com', NULL, 'made', 'newer', NULL, NULL), ('gone@example.com', NULL, NULL, 'new', 'new', NULL),
	('empty@example.com', 'CLEANED', NULL, 'new', NULL, '{S}'), ('created@example.com', 'UNSUBSCRIBED', 'made', 'x', 'y', NULL), ('created.changed@example.com', NULL, NULL, NULL, NULL, NULL),
	('created.deleted@example.com', NULL, NULL, NULL, NULL, NULL), ('no address', NULL, NULL, NULL, NULL, NULL);
-- all of it is in the history, whatever the workspace's level
CALL contacts.import('people', create_tags => true, chunk => 5);
SELECT h.import_id, c.email_address, h.contact_version, h.changes #- '{tags,added}' #- '{tags,removed}' AS changes, h.source FROM contacts.history h JOIN contacts.contact c ON c.id = h.contact_id ORDER BY 2, 3;
-- refused
CALL contacts.undo_import(NULL);
CALL contacts.undo_import(1, NULL);
CALL contacts.undo_import(2);
CALL contacts.undo_import(1, workspace_id => 2);
BEGIN;
CALL contacts.undo_import(1);
ROLLBACK;
BEGIN READ ONLY;
CALL contacts.undo_import(1, dry_run => true);
ROLLBACK;
SET default_transaction_read_only = on;
CALL contacts.undo_import(1);
RESET default_transaction_read_only;
-- meanwhile
SELECT contact_upsert('{"email_address":"changed@example.com","partial_update":true,"add_tags":["vip"]}') IS NOT NULL AS changed;
SELECT contact_upsert('{"email_address":"created.changed@example.com","partial_update":true,"fields":{"name":"theirs"}}') IS NOT NULL AS changed;
DELETE FROM contacts.contact WHERE email_address IN ('deleted@example.com', 'created.deleted@example.com');
DELETE FROM contacts.field WHERE merge_tag = 'gone';
DELETE FROM contacts.tag WHERE name = 'lost';
SELECT contacts.define_field('must', default_value => 'null'), contacts.define_field('later', 'Later', required => true);
SELECT max(event_id) AS last_event, (SELECT max(history_id) FROM contacts.history) AS last_history FROM contacts.event \gset
CALL contacts.undo_import(1, dry_run => true);
SELECT count(*) FROM contacts.import_kept;
SELECT contacts.define_workspace('default', history => 'all');
CALL contacts.undo_import(1);
SELECT c.email_address, b.email_address AS before, c.status, c.tags, c.data, (c.status, c.tags, c.data) IS NOT DISTINCT FROM (b.status, b.tags, b.data) AS as_before, c.version
	FROM pg_temp.contact c FULL JOIN before b USING (email_address) ORDER BY coalesce(c.email_address, b.email_address);
SELECT total_opens FROM contacts.statistics;
SELECT coalesce(c.email_address, 'none') AS email_address, k.code, k.message FROM contacts.import_kept k LEFT JOIN contacts.contact c ON c.id = k.contact_id ORDER BY 1;
SELECT state, total, created, updated, unchanged, failed, restored, deleted, kept, undone_at IS NOT NULL AS undone FROM contacts.import_progress;
SELECT c.email_address, e.type, e.detail #>> '{field,new}' AS new, e.detail #>> '{tag,name}' AS tag FROM contacts.event e JOIN contacts.contact c ON c.id = e.contact_id WHERE e.event_id > :last_event ORDER BY e.event_id;
SELECT c.email_address, h.import_id, h.source, h.changes - 'tags' AS changes FROM contacts.history h JOIN contacts.contact c ON c.id = h.contact_id WHERE h.history_id > :last_history ORDER BY h.history_id;
CALL contacts.undo_import(1);
CALL contacts.undo_import(1, dry_run => true);
-- the same table can be loaded again
ALTER TABLE people DROP COLUMN gone, ADD COLUMN later text DEFAULT 'later', ADD COLUMN must text DEFAULT 'must';
CALL contacts.import('people', create_tags => true);
-- no history, or not any more
CALL contacts.import('people', create_tags => true, history => false);
SELECT import_id AS last FROM contacts.import_progress ORDER BY 1 DESC LIMIT 1 \gset
SELECT count(*) FROM contacts.history WHERE import_id = :last;
CALL contacts.undo_import(:last);
UPDATE people SET name = 'again';
CALL contacts.import('people');
SELECT import_id AS last FROM contacts.import_progress ORDER BY 1 DESC LIMIT 1 \gset
DELETE FROM contacts.history WHERE import_id = :last;
CALL contacts.undo_import(:last);
-- what somebody else is at; what was interrupted
UPDATE people SET name = 'once more';
CALL contacts.import('people', chunk => 3);
SELECT import_id AS last FROM contacts.import_progress ORDER BY 1 DESC LIMIT 1 \gset
UPDATE contacts.import_progress SET state = 'running', backend_pid = (SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state IS DISTINCT FROM 'idle' LIMIT 1) WHERE import_id = :last;
CALL contacts.undo_import(:last);
UPDATE contacts.import_progress SET state = 'undoing' WHERE import_id = :last;
CALL contacts.undo_import(:last);
UPDATE contacts.import_progress SET state = 'running', backend_pid = 0 WHERE import_id = :last;
CALL contacts.undo_import(:last);
SELECT DISTINCT data ->> 'name' AS name FROM contacts.contact ORDER BY 1;
-- what refers to a contact that was created keeps it, and so does a trigger of the user's
CREATE TABLE more AS SELECT 'more' || i || '@example.com' AS email_address, 'l' AS later, 'm' AS must FROM generate_series(1, 2500) i;
CALL contacts.import('more');
SELECT import_id AS last FROM contacts.import_progress ORDER BY 1 DESC LIMIT 1 \gset
CREATE TABLE orders (workspace_id bigint, contact_id text, FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts.contact);
INSERT INTO orders SELECT 1, id FROM contacts.contact WHERE email_address = 'more7@example.com';
CALL contacts.undo_import(:last);
SELECT c.email_address, k.code, regexp_replace(k.message, '_\d"', '"', 'g') AS message -- without the number of a partition
  FROM contacts.import_kept k JOIN contacts.contact c ON c.id = k.contact_id WHERE k.import_id = :last;
SELECT count(*) FROM contacts.contact WHERE email_address LIKE 'more%';
-- by a role
CREATE ROLE undo_member;
CREATE ROLE undo_reader;
SELECT contacts.grant_access('undo_member', workspace_id => 1);
GRANT USAGE ON SCHEMA contacts TO undo_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA contacts TO undo_reader;
GRANT SELECT ON people TO undo_member;
UPDATE people SET name = 'by member' WHERE email_address = 'fields@example.com';
SET ROLE undo_member;
CALL contacts.import('people', create_tags => true, restart => true);
SELECT import_id AS last FROM contacts.import_progress ORDER BY 1 DESC LIMIT 1 \gset
SET ROLE undo_reader;
CALL contacts.undo_import(:last);
SET ROLE undo_member;
CALL contacts.undo_import(:last);
RESET ROLE;
SELECT changed_by, count(*) FROM contacts.history WHERE changed_by = 'undo_member' GROUP BY 1;
SET client_min_messages = warning;
SELECT contacts.revoke_access('undo_member', workspace_id => 1);
DROP OWNED BY undo_member, undo_reader;
DROP ROLE undo_member, undo_reader;
DROP TABLE orders, people, more, before;
