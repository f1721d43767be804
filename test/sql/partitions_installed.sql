-- contacts.install(partitions => n): tables that are hash-partitioned by workspace_id from the start.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
RESET client_min_messages;
\set SHOW_CONTEXT never
-- how many; nothing is made where it cannot be
SELECT contacts.install(partitions => 0);
SELECT contacts.install(partitions => -3);
SELECT contacts.install(1025);
SELECT contacts.install(partitions => 2147483647);
SELECT count(*) AS tables FROM pg_class c WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind IN ('r', 'p', 'S');
BEGIN;
SELECT contacts.install(partitions => 2) IS NOT NULL AS installed;
ROLLBACK;
SELECT contacts.install(partitions => 3) = extversion AS installed FROM pg_extension WHERE extname = 'contact_upsert';
-- again, with their number or without
SELECT contacts.install(partitions => 3) = contacts.install() AS again;
SELECT contacts.install(partitions => 4);
SELECT contacts.install(partitions => 1);

-- The tables, and what a partition has of its own
SELECT c.relname, pg_get_partkeydef(c.oid) FROM pg_class c WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind = 'p' ORDER BY 1;
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds, c.relrowsecurity AS rls, c.reloptions, c.relacl, obj_description(c.oid) AS comment
	FROM pg_class c WHERE c.relnamespace = 'contacts'::regnamespace AND c.relispartition AND c.relkind = 'r' ORDER BY 1;
-- each index and each constraint of a table is on its partitions, and no other is
SELECT p.inhparent::regclass AS table, count(DISTINCT p.inhrelid) AS partitions, count(i.indexrelid) FILTER (WHERE c.relispartition) AS indexes, count(i.indexrelid) FILTER (WHERE NOT c.relispartition) AS own
	FROM pg_inherits p JOIN pg_index i ON i.indrelid = p.inhrelid JOIN pg_class c ON c.oid = i.indexrelid
	WHERE p.inhparent IN (SELECT oid FROM pg_class WHERE relnamespace = 'contacts'::regnamespace) GROUP BY 1 ORDER BY 1::text;
SELECT c.conrelid::regclass AS table, c.conname, c.contype, c.confdeltype FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
	WHERE t.relnamespace = 'contacts'::regnamespace AND t.relispartition AND c.contype IN ('c', 'f') ORDER BY 1, 2;
-- triggers for each row on each of them, always where the table's are
SELECT t.tgname, t.tgenabled, count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
	WHERE c.relnamespace = 'contacts'::regnamespace AND c.relname ~ '^(contact|statistics|event|delivery|history)' AND NOT t.tgisinternal GROUP BY 1, 2 ORDER BY 1, 2;

-- Rows are in the partition of their workspace, in each table; ids of all workspaces come from one sequence.
SELECT contacts.define_workspace('second', history => 'all') AS second, contacts.define_workspace('default', history => 'all') AS first;
SELECT contacts.define_tag('vip', workspace_id => w) IS NOT NULL AS tag FROM generate_series(1, 2) w;
SELECT contacts.subscribe('mailer', workspace_id => 0) IS NOT NULL AS subscribed;
SELECT contacts.upsert('{"email_address":"arya@example.com"}', w) #>> '{data,status}' AS status FROM generate_series(1, 2) w;
SELECT contacts.upsert('{"email_address":"arya@example.com","tags":["vip"],"evidence":{"ip":"192.0.2.1"}}', w) #>> '{data,tags,0,name}' AS tag FROM generate_series(1, 2) w;
SELECT contacts.record(id, 'total_opens', 2, workspace_id) AS opens FROM contacts.contact;
SELECT w AS workspace_id, count(DISTINCT right(part::text, 1)) AS partition_number, string_agg(part::text ~ format('_%s$', right(part::text, 1)) || ' ' || n, ', ' ORDER BY part::text) AS rows FROM (
	SELECT workspace_id, tableoid::regclass, count(*) FROM contacts.contact GROUP BY 1, 2 UNION ALL SELECT workspace_id, tableoid::regclass, count(*) FROM contacts.statistics GROUP BY 1, 2
	UNION ALL SELECT workspace_id, tableoid::regclass, count(*) FROM contacts.event GROUP BY 1, 2 UNION ALL SELECT workspace_id, tableoid::regclass, count(*) FROM contacts.delivery GROUP BY 1, 2
	UNION ALL SELECT workspace_id, tableoid::regclass, count(*) FROM contacts.history GROUP BY 1, 2) r (w, part, n) GROUP BY w ORDER BY w;
SELECT count(DISTINCT part) AS partitions FROM (SELECT tableoid AS part FROM contacts.contact) p;
SELECT count(DISTINCT event_id) AS ids FROM contacts.event;
SELECT count(DISTINCT history_id) = count(*) AS history_ids FROM contacts.history;
SELECT type, workspace_id FROM contacts.claim('mailer', workspace_id => 0) ORDER BY event_id;
-- events that go take their deliveries with them, contacts their statistics
DELETE FROM contacts.event WHERE workspace_id = 2;
SELECT workspace_id, count(*) FROM contacts.delivery GROUP BY 1 ORDER BY 1;
DELETE FROM contacts.contact WHERE workspace_id = 2;
SELECT workspace_id, total_opens FROM contacts.statistics ORDER BY 1;
-- those of a partition that was emptied go with the next purge
DO $$ BEGIN EXECUTE format('TRUNCATE %s', (SELECT tableoid::regclass FROM contacts.event WHERE workspace_id = 1 LIMIT 1)); END $$;
SELECT count(*) AS deliveries FROM contacts.delivery;
SELECT contacts.purge_events('1 day');
SELECT count(*) AS deliveries FROM contacts.delivery;

-- An array names the table and what is made on it; what is a partition's alone keeps its name.
CREATE UNIQUE INDEX regress_one_vip ON contacts.contact (workspace_id, (tags[1]));
ALTER TABLE contacts.contact ADD CONSTRAINT regress_checked CHECK (email_address <> 'checked@example.com'), ADD note text;
SELECT tableoid::regclass AS part FROM contacts.contact WHERE workspace_id = 1 LIMIT 1 \gset
ALTER TABLE :part ADD CONSTRAINT regress_alone CHECK (email_address <> 'alone@example.com');
SELECT error ->> 'message' AS message, error ->> 'constraint' AS constraint FROM contacts.upsert_many('[{"email_address":"sansa@example.com","tags":["vip"]},
	{"email_address":"checked@example.com"},{"email_address":"alone@example.com"}]') ORDER BY "position";
UPDATE contacts.contact SET note = 'x';
ALTER TABLE contacts.contact ALTER note SET NOT NULL;
SELECT error ->> 'message' AS message FROM contacts.upsert_many('[{"email_address":"bran@example.com"}]');
ALTER TABLE contacts.contact ALTER note DROP NOT NULL;
ALTER TABLE :part ALTER note SET NOT NULL;
SELECT replace(error ->> 'message', split_part(:'part', '.', 2), 'the partition') AS message FROM contacts.upsert_many('[{"email_address":"bran@example.com"}]');
DROP INDEX contacts.regress_one_vip;
ALTER TABLE contacts.contact DROP CONSTRAINT regress_checked, DROP note;
ALTER TABLE :part DROP CONSTRAINT regress_alone;

-- Who has been given every table of the schema reads no workspace by a partition: row level security is on there too.
CREATE ROLE regress_partitions_member;
SELECT contacts.grant_access('regress_partitions_member', 2);
SELECT count(*) AS privileges FROM pg_class c, aclexplode(c.relacl) a WHERE c.relispartition AND a.grantee = 'regress_partitions_member'::regrole;
SET ROLE regress_partitions_member;
SELECT count(*) FROM contacts.contact;
SELECT count(*) FROM :part;
RESET ROLE;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA contacts TO regress_partitions_member;
SELECT contacts.upsert('{"email_address":"arya@example.com"}', 2) #>> '{data,status}' AS status;
SET ROLE regress_partitions_member;
SELECT (SELECT count(*) FROM contacts.contact) AS contacts, (SELECT count(*) FROM contacts.contact_0) + (SELECT count(*) FROM contacts.contact_1) + (SELECT count(*) FROM contacts.contact_2) AS by_partition;
INSERT INTO :part (workspace_id, email_address) VALUES (1, 'stranger@example.com');
RESET ROLE;
-- install() brings it back where it is missing, as on a partition that came later
ALTER TABLE contacts.contact_0 DISABLE ROW LEVEL SECURITY;
SELECT contacts.install() IS NOT NULL AS again;
SELECT relname FROM pg_class WHERE relnamespace = 'contacts'::regnamespace AND relispartition AND relkind = 'r' AND NOT relrowsecurity;
SET client_min_messages = warning;
DROP OWNED BY regress_partitions_member;
DROP ROLE regress_partitions_member;

-- Tables that are there keep their shape.
ALTER TABLE contacts.history DETACH PARTITION contacts.history_2;
SELECT contacts.install(partitions => 3);
SELECT contacts.install() IS NOT NULL AS again;
DROP EXTENSION contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install(partitions => 1) IS NOT NULL AS one;
SELECT contacts.install(partitions => 2);
SELECT contact_upsert('{"email_address":"arya@example.com"}') #>> '{data,status}' AS status;
SELECT tableoid::regclass FROM contacts.contact;
DROP TABLE contacts.history;
CREATE TABLE contacts.history (LIKE contacts.event) PARTITION BY LIST (workspace_id);
SELECT contacts.install(partitions => 1);
DROP EXTENSION contact_upsert CASCADE;
