-- What would keep the tables from being partitioned, or spread over servers, by workspace: no query of these returns a row, and each does
-- where somebody makes what it looks for. (Of statements: test/t/distributable.pl.)
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set VERBOSITY terse

-- a policy with a sub-select
CREATE VIEW pg_temp.subselects AS SELECT p.polname, c.relname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
	WHERE c.relnamespace = 'contacts'::regnamespace AND concat(p.polqual, p.polwithcheck) LIKE '%{SUBLINK%';
-- a sequence that belongs to no column
CREATE VIEW pg_temp.free_sequences AS SELECT c.relname FROM pg_class c
	WHERE c.relnamespace IN ('contacts'::regnamespace, 'contacts_internal'::regnamespace) AND c.relkind = 'S' AND NOT EXISTS (
		SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i'));
-- a table without workspace_id, and a key without it; contacts.workspace is on one server, and its name is the one exception
CREATE VIEW pg_temp.tables_without AS SELECT c.relname FROM pg_class c
	WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind IN ('r', 'p') AND NOT EXISTS (
		SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'workspace_id' AND a.atttypid = 'bigint'::regtype AND a.attnotnull);
CREATE VIEW pg_temp.keys_without AS SELECT c.relname AS key, t.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
	WHERE t.relnamespace = 'contacts'::regnamespace AND i.indisunique AND c.relname <> 'workspace_name_key' AND NOT EXISTS (
		SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'workspace_id' AND a.attnum = ANY (i.indkey::int2[]));
-- a foreign key that leaves it out on one side
CREATE VIEW pg_temp.references_without AS SELECT k.conname, k.conrelid::regclass AS table FROM pg_constraint k
	WHERE k.connamespace = 'contacts'::regnamespace AND k.contype = 'f' AND NOT EXISTS (
		SELECT FROM unnest(k.conkey, k.confkey) AS n (here, there)
			JOIN pg_attribute h ON h.attrelid = k.conrelid AND h.attnum = n.here AND h.attname = 'workspace_id'
			JOIN pg_attribute r ON r.attrelid = k.confrelid AND r.attnum = n.there AND r.attname = 'workspace_id');
-- an identity column that is narrower than bigint
CREATE VIEW pg_temp.narrow_identities AS SELECT a.attrelid::regclass AS table, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relnamespace = 'contacts'::regnamespace AND a.attidentity <> '' AND a.atttypid <> 'bigint'::regtype;
-- a view that reads the tables with the rights of its owner, import views too
CREATE VIEW pg_temp.owners_views AS SELECT DISTINCT v.relname FROM pg_class v JOIN pg_rewrite r ON r.ev_class = v.oid JOIN pg_depend d ON d.objid = r.oid
		JOIN pg_class t ON d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid AND t.relnamespace = 'contacts'::regnamespace AND t.relkind IN ('r', 'p')
	WHERE v.relkind = 'v' AND NOT 'security_invoker=true' = ANY (coalesce(v.reloptions, '{}'));
-- a function in SQL or PL/pgSQL whose statements have times in them, and that leaves them to the session's DateStyle
CREATE VIEW pg_temp.sessions_dates AS SELECT p.proname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
	WHERE p.pronamespace IN ('contacts'::regnamespace, 'contacts_internal'::regnamespace) AND l.lanname IN ('sql', 'plpgsql') AND p.prokind = 'f'
		AND p.proname !~ '^install_' AND p.prosrc ~ ('\m(now|clock_timestamp)\(|\mtimestamptz\M|\mNEW\.\w+_at\M|'
			'INSERT INTO contacts\.(workspace|event|history|suppression|import_progress|low_water_mark)\M') -- which have defaults that are times
		AND NOT coalesce(p.proconfig::text ~* 'datestyle=iso', false);

SELECT contacts.create_import_view('distributable');
TABLE pg_temp.subselects;
TABLE pg_temp.free_sequences;
TABLE pg_temp.tables_without;
TABLE pg_temp.keys_without;
TABLE pg_temp.references_without;
TABLE pg_temp.narrow_identities;
TABLE pg_temp.owners_views;
TABLE pg_temp.sessions_dates;

-- What they look for
BEGIN;
CREATE POLICY planted ON contacts.event USING (EXISTS (SELECT FROM contacts.member m WHERE m.workspace_id = event.workspace_id));
TABLE pg_temp.subselects;
ALTER SEQUENCE contacts.delivery_lease_seq OWNED BY NONE;
CREATE SEQUENCE contacts_internal.planted_seq;
TABLE pg_temp.free_sequences ORDER BY 1;
CREATE TABLE contacts.planted (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
TABLE pg_temp.tables_without;
TABLE pg_temp.narrow_identities;
CREATE UNIQUE INDEX planted_key ON contacts.consumer (name);
TABLE pg_temp.keys_without ORDER BY 1;
ROLLBACK;
BEGIN;
CREATE TABLE contacts.planted (workspace_id bigint NOT NULL, email_address text COLLATE "C", UNIQUE (workspace_id, email_address), UNIQUE (email_address));
CREATE TABLE contacts.refers (workspace_id bigint NOT NULL, email_address text COLLATE "C" REFERENCES contacts.planted (email_address));
TABLE pg_temp.references_without;
ALTER VIEW distributable SET (security_invoker = false);
CREATE VIEW planted AS SELECT count(*) FROM contacts.contact;
TABLE pg_temp.owners_views ORDER BY 1;
ALTER FUNCTION contacts.purge_events RESET DateStyle;
CREATE FUNCTION contacts_internal.planted() RETURNS void LANGUAGE sql AS 'UPDATE contacts.contact SET updated_at = now()';
ALTER FUNCTION contacts.define_workspace RESET DateStyle;
TABLE pg_temp.sessions_dates ORDER BY 1;
ROLLBACK;

-- Whatever DateStyle is, what runs below our statements has times in ISO: a trigger of the user's own, a generated text, another server.
CREATE SCHEMA regress_dates;
CREATE TABLE regress_dates.seen (place text, style text, written text, read timestamptz);
CREATE FUNCTION regress_dates.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO regress_dates.seen VALUES (regexp_replace(TG_TABLE_NAME, '_\d$', '') || ' ' || TG_OP, current_setting('DateStyle'), transaction_timestamp()::text, now()::text::timestamptz);
	RETURN NULL;
END $$;
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['contact', 'history', 'event', 'delivery', 'suppression', 'import_progress', 'low_water_mark', 'deleted_workspace'] LOOP
		EXECUTE format('CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON contacts.%I FOR EACH ROW EXECUTE FUNCTION regress_dates.note()', name);
	END LOOP;
	-- the others are the user's own statements, or have no time in them
	CREATE TRIGGER note AFTER INSERT ON contacts.workspace FOR EACH ROW EXECUTE FUNCTION regress_dates.note();
END $$;
SELECT contacts.define_field('day', 'Day', 'DATE', tracked => true);
SELECT contacts.define_field('gone', 'Gone');
SELECT contacts.subscribe('mailer') IS NOT NULL AS subscribed;
TRUNCATE regress_dates.seen;
SET DateStyle = 'SQL, DMY';
SELECT contact_upsert('{"email_address":"a@example.com","fields":{"day":"2026-02-03","gone":"x"},"evidence":{"at":"2026-02-03"}}') #>> '{data,data,day}' AS day;
SELECT contact_upsert('{"email_address":"a@example.com","fields":{"day":"2026-03-02","gone":"x"}}') #>> '{data,data,day}' AS day;
SELECT outcome, contact #>> '{data,day}' AS day FROM contacts.upsert_many('[{"email_address":"a@example.com","partial_update":true,"fields":{"day":"2026-02-03"}},
	{"email_address":"b@example.com","fields":{"day":"2026-04-05"}},{"email_address":"c@example.com","status":"CLEANED","fields":{"day":"03/02/2026"}}]');
SELECT outcome, contact #>> '{data,day}' AS day FROM contacts.preview('{"email_address":"b@example.com","fields":{"day":"2026-05-04"}}');
SELECT email_address, contact #>> '{data,day}' AS day FROM contacts.search('{"fields":{"day":"2026-02-03"},"updated_since":"2026-01-02"}');
SELECT contacts.export('a@example.com') #>> '{contact,data,day}' AS day,
	(contacts.export('a@example.com') #>> '{history,0,changed_at}') ~ '^\d{4}-\d\d-\d\dT' AS iso;
SELECT contact_upsert('{"email_address":"c@example.com","status":"CLEANED"}') #>> '{data,status}' AS status;
SELECT contacts.change_address('c@example.com', 'd@example.com') #>> '{data,status}' AS status;
SELECT contacts.merge('d@example.com', 'b@example.com') #>> '{data,status}' AS status;
SELECT type, detail #>> '{field,new}' AS new FROM contacts.claim('mailer');
SELECT contacts.ack('mailer', (SELECT max(lease) FROM contacts.delivery), ARRAY(SELECT event_id FROM contacts.delivery WHERE lease > 0));
CREATE TABLE regress_dates.staged AS SELECT n || '@example.com' AS email, date '03/02/2026' + n AS "Day" FROM generate_series(1, 3) n;
CALL contacts.import('regress_dates.staged');
SELECT email_address, data ->> 'day' AS day FROM contacts.contact WHERE email_address ~ '^\d' ORDER BY 1;
SELECT max(import_id) AS import_id FROM contacts.import_progress \gset
CALL contacts.undo_import(:import_id);
SELECT contacts.create_import_view('distributable', replace => true);
INSERT INTO distributable (email_address, day) VALUES ('v@example.com', '2026-02-03') RETURNING email_address, day;
DELETE FROM contacts.field WHERE merge_tag = 'gone';
SELECT contacts.erase('a@example.com', true) AS erased;
SELECT contacts.purge_events('0') > 0 AS purged, contacts.purge_history('0') > 0 AS history;
SELECT contacts.define_workspace('second') IS NOT NULL AS second;
DELETE FROM contacts.workspace WHERE name = 'second';
-- what was written, by which statement, in another style than ISO: none of ours
SELECT string_agg(DISTINCT place, ', ' ORDER BY place) AS places FROM regress_dates.seen;
SELECT DISTINCT place, style FROM regress_dates.seen WHERE style !~ '^ISO' OR written !~ '^\d{4}-' OR read <> written::timestamptz ORDER BY 1;
SHOW DateStyle;
RESET DateStyle;
SET client_min_messages = warning;
DROP SCHEMA regress_dates CASCADE;
DROP VIEW distributable;
