-- A state of consumers and imports for check_exporter.sh, and the roles that look at it.
CREATE EXTENSION contact_upsert;
SELECT contacts.install();
CREATE ROLE contact_upsert_watcher LOGIN;
CREATE ROLE contact_upsert_nobody LOGIN;
SELECT contacts.grant_monitoring('contact_upsert_watcher');
SELECT contacts.define_workspace('second'), contacts.define_tag('vip'), contacts.define_tag('vip', workspace_id => 2);
SELECT contacts.subscribe('mailer', max_attempts => 1), contacts.subscribe('audit', workspace_id => 0);
SELECT contacts.upsert(jsonb_build_object('email_address', address, 'tags', tags), workspace)
FROM unnest(ARRAY['[]', '["vip"]']::jsonb[]) tags, unnest(ARRAY['a@example.com', 'b@example.com', 'c@example.com']) address,
	generate_series(1, 2) workspace;
-- Of three events one is dead, one handed out, and one waits for an hour by now.
SELECT contacts.fail('mailer', lease, event_id, 'no such mailbox') FROM contacts.claim('mailer', 1);
SELECT FROM contacts.claim('mailer', 1, '1 hour');
UPDATE contacts.event SET created_at = created_at - interval '1 hour' WHERE workspace_id = 1;

CREATE TABLE staging (email_address text);
INSERT INTO staging VALUES ('d@example.com'), ('e@example.com'), ('not an address');
CALL contacts.import('staging');
-- interrupted an hour ago, behind the first of its chunks
INSERT INTO contacts.import_progress (workspace_id, staging_table, total, done, created, failed, updated_at)
VALUES (2, 'public.lost', 5000, 1000, 900, 100, now() - interval '1 hour');
