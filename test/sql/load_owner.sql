-- contacts.import() reads a staging table as its owner: no code of the owner's runs with the rights of the caller, and the
-- caller sees no more than its own SELECT would show.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
\set SHOW_CONTEXT never
SELECT contacts.define_field('mood', 'Mood'), contacts.define_field('moods', 'Moods'), contacts.define_field('pair', 'Pair'),
	contacts.define_field('home', 'Home'), contacts.define_field('age', 'Age', 'NUMBER'), contacts.define_field('note', 'Note');
CREATE ROLE regress_contacts_maker;
CREATE ROLE regress_contacts_caller;
CREATE SCHEMA regress_maker AUTHORIZATION regress_contacts_maker;
GRANT USAGE ON SCHEMA regress_maker TO regress_contacts_caller;
SELECT contacts.grant_access('regress_contacts_caller');
CREATE TABLE ran (line bigint GENERATED ALWAYS AS IDENTITY, what text, who name, pinned text);
GRANT INSERT ON ran TO PUBLIC;
CREATE VIEW loaded AS SELECT email_address, data FROM contacts.contact ORDER BY email_address;

-- The code of the maker: it notes as which user it runs. Each of these types is made and owned without any other right.
SET ROLE regress_contacts_maker;
SET search_path = regress_maker;
CREATE FUNCTION note_run(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.ran (what, who, pinned) VALUES (what, current_user, concat_ws(' ', current_setting('search_path'),
		current_setting('datestyle'), current_setting('timezone')));
END $$;
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE FUNCTION mood_json(mood) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_maker.note_run('cast to json'); RETURN '"hijacked"'; END $$;
CREATE CAST (mood AS json) WITH FUNCTION mood_json(mood);
CREATE FUNCTION mood_text(mood) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_maker.note_run('cast to text'); RETURN 'hijacked'; END $$;
CREATE CAST (mood AS text) WITH FUNCTION mood_text(mood) AS IMPLICIT;
CREATE TYPE pair AS (of mood, number int);
CREATE FUNCTION pair_json(pair) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_maker.note_run('cast to json'); RETURN '"hijacked"'; END $$;
CREATE CAST (pair AS json) WITH FUNCTION pair_json(pair);
CREATE FUNCTION is_fine(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_maker.note_run('domain'); RETURN true; END $$;
CREATE DOMAIN fine AS text CHECK (is_fine(VALUE));
CREATE DOMAIN fine_mood AS mood CHECK (VALUE <> 'sad');
CREATE FUNCTION grow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_maker.note_run('generated'); RETURN $1 + 1; END $$;
CREATE TABLE trap (email_address text, mood mood, moods mood[], pair pair, home fine, age int GENERATED ALWAYS AS (grow(40)) STORED, note fine_mood);
INSERT INTO trap VALUES ('trap1@example.com', 'sad', '{sad,glad}', '(glad,1)', 'a home', DEFAULT, 'glad'),
	('trap2@example.com', NULL, '{}', '(,)', NULL, DEFAULT, NULL), ('trap3@example.com', NULL, NULL, NULL, NULL, DEFAULT, NULL);
GRANT SELECT ON trap TO regress_contacts_caller;
RESET search_path;
RESET ROLE;
TRUNCATE ran;
CALL contacts.import('regress_maker.trap');
SET ROLE regress_contacts_caller;
CALL contacts.import('regress_maker.trap', restart => true);
RESET ROLE;
TABLE loaded;
SELECT count(*) AS ran FROM ran;

-- A view's functions run as its owner, in the settings that are pinned, and change none of the caller's; nothing is left behind.
SET ROLE regress_contacts_maker;
CREATE FUNCTION regress_maker.address(text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM regress_maker.note_run('view');
	PERFORM set_config('search_path', 'regress_maker', false), set_config('datestyle', 'German', false);
	RETURN $1;
END $$;
CREATE FUNCTION regress_maker.escape() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RESET ROLE; RETURN 'x@example.com'; END $$;
CREATE FUNCTION regress_maker.own_type() RETURNS regress_maker.mood LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_maker.note_run('view'); RETURN 'glad'; END $$;
CREATE VIEW regress_maker.trap_view AS SELECT regress_maker.address('view@example.com') AS email_address, regress_maker.own_type() AS mood;
CREATE VIEW regress_maker.escape_view AS SELECT regress_maker.escape() AS email_address;
CREATE VIEW regress_maker.invoker_view WITH (security_invoker = true) AS SELECT regress_maker.address('invoker@example.com') AS email_address;
CREATE VIEW regress_maker.my_view AS SELECT current_user || '@example.com' AS email_address;
CREATE MATERIALIZED VIEW regress_maker.stored_view AS SELECT 'stored@example.com' AS email_address, 'glad'::regress_maker.mood AS mood;
CREATE TABLE regress_maker.loop (n int);
CREATE FUNCTION regress_maker.later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_maker.note_run('deferred trigger'); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON regress_maker.loop DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION regress_maker.later();
CREATE FUNCTION regress_maker.queue() RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO regress_maker.loop VALUES (1); RETURN 'x@example.com'; END $$;
CREATE VIEW regress_maker.queue_view AS SELECT regress_maker.queue() AS email_address;
GRANT SELECT ON ALL TABLES IN SCHEMA regress_maker TO regress_contacts_caller;
RESET ROLE;
SET DateStyle = 'SQL, DMY';
CALL contacts.import('regress_maker.trap_view');
CALL contacts.import('regress_maker.invoker_view');
CALL contacts.import('regress_maker.escape_view');
CALL contacts.import('regress_maker.queue_view');
CALL contacts.import('regress_maker.my_view');
CALL contacts.import('regress_maker.stored_view');
SHOW DateStyle;
SHOW search_path;
RESET DateStyle;
SELECT what, who, pinned, count(*) > 0 AS runs FROM ran GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT email_address, data FROM loaded WHERE email_address !~ '^trap';
-- what such a view shows depends on its reader, so it is for those who have the rights of its owner
SET ROLE regress_contacts_caller;
CALL contacts.import('regress_maker.trap_view', restart => true);
CALL contacts.import('regress_maker.my_view', restart => true);
CALL contacts.import('regress_maker.stored_view', restart => true);
RESET ROLE;
GRANT regress_contacts_maker TO regress_contacts_caller;
SET ROLE regress_contacts_caller;
CALL contacts.import('regress_maker.my_view', restart => true);
RESET ROLE;
REVOKE regress_contacts_maker FROM regress_contacts_caller;

-- The caller's own SELECT is asked for: on the table or each column, and the schema.
SET ROLE regress_contacts_maker;
CREATE TABLE regress_maker.secret (email_address text, note text);
INSERT INTO regress_maker.secret VALUES ('secret@example.com', 'secret');
RESET ROLE;
CREATE SCHEMA regress_hidden AUTHORIZATION regress_contacts_maker;
SET ROLE regress_contacts_maker;
CREATE TABLE regress_hidden.hidden (email_address text);
GRANT SELECT ON regress_hidden.hidden TO regress_contacts_caller;
SELECT 'regress_hidden.hidden'::regclass::oid AS hidden \gset
SET ROLE regress_contacts_caller;
CALL contacts.import('regress_maker.secret');
CALL contacts.import(:hidden);
SET ROLE regress_contacts_maker;
GRANT SELECT (email_address) ON regress_maker.secret TO regress_contacts_caller;
SET ROLE regress_contacts_caller;
CALL contacts.import('regress_maker.secret');
SET ROLE regress_contacts_maker;
GRANT SELECT (note) ON regress_maker.secret TO regress_contacts_caller;
SET ROLE regress_contacts_caller;
CALL contacts.import('regress_maker.secret');
-- an owner without rights on its own table, or on what its view reads
SET ROLE regress_contacts_maker;
CREATE VIEW regress_maker.stale AS SELECT email_address FROM regress_maker.secret;
REVOKE SELECT ON regress_maker.secret FROM regress_contacts_maker;
RESET ROLE;
\set SHOW_CONTEXT errors
CALL contacts.import('regress_maker.secret', restart => true);
CALL contacts.import('regress_maker.stale');
\set SHOW_CONTEXT never

-- Rows that row level security would hide: from the caller, or from the owner, as which the table is read.
SET ROLE regress_contacts_maker;
CREATE TABLE regress_maker.guarded (email_address text, of name);
INSERT INTO regress_maker.guarded VALUES ('guarded@example.com', 'regress_contacts_maker');
ALTER TABLE regress_maker.guarded DROP COLUMN of, ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON regress_maker.guarded TO regress_contacts_caller;
SET ROLE regress_contacts_caller;
CALL contacts.import('regress_maker.guarded');
RESET ROLE;
CALL contacts.import('regress_maker.guarded');
ALTER TABLE regress_maker.guarded FORCE ROW LEVEL SECURITY;
CALL contacts.import('regress_maker.guarded', restart => true);

-- A foreign table, also as a partition: the owner's user mapping would be used.
CREATE FOREIGN DATA WRAPPER regress_contacts_wrapper;
CREATE SERVER regress_contacts_server FOREIGN DATA WRAPPER regress_contacts_wrapper;
CREATE FOREIGN TABLE regress_maker.far (email_address text) SERVER regress_contacts_server;
CREATE TABLE regress_maker.parted (email_address text) PARTITION BY LIST (email_address);
CREATE FOREIGN TABLE regress_maker.parted_far PARTITION OF regress_maker.parted DEFAULT SERVER regress_contacts_server;
ALTER FOREIGN TABLE regress_maker.far OWNER TO regress_contacts_maker;
ALTER TABLE regress_maker.parted OWNER TO regress_contacts_maker;
ALTER FOREIGN TABLE regress_maker.parted_far OWNER TO regress_contacts_maker;
GRANT SELECT ON regress_maker.far, regress_maker.parted TO regress_contacts_caller;
SET ROLE regress_contacts_caller;
CALL contacts.import('regress_maker.far');
CALL contacts.import('regress_maker.parted');
RESET ROLE;
DROP FOREIGN DATA WRAPPER regress_contacts_wrapper CASCADE;

-- A temporary table of the caller's, with types of its own; names and values as odd as they may be.
SET ROLE regress_contacts_caller;
CREATE TYPE pg_temp.size AS ENUM ('S', 'L');
CREATE TEMP TABLE mine AS SELECT 'mine@example.com' AS email_address, 'L'::pg_temp.size AS mood, repeat('é', 20000) AS note, 1e400::numeric AS age;
CALL contacts.import('mine');
ALTER TABLE mine ADD "a""b' --" text, ADD "E-Mail" text;
CALL contacts.import('mine', restart => true);
RESET ROLE;
SELECT data ->> 'mood' AS mood, length(data ->> 'note') AS note, length(data ->> 'age') AS age FROM loaded WHERE email_address LIKE 'mine%';
CREATE TABLE "odd "" schema"(email_address text);
INSERT INTO "odd "" schema" SELECT 'large' || i || '@example.com' FROM generate_series(1, 3) i;
ALTER TABLE "odd "" schema" ADD note text;
UPDATE "odd "" schema" SET note = CASE email_address WHEN 'large2@example.com' THEN repeat('x', 1048576) ELSE E'a "b" \\ \n' || chr(127) END;
CALL contacts.import('"odd "" schema"', chunk => 2);
SELECT email_address, octet_length(data ->> 'note') AS note FROM loaded WHERE email_address LIKE 'large%';
SELECT row_number, code, message FROM contacts.import_error ORDER BY import_id DESC LIMIT 1;

-- A value that is no jsonb ends the import, and says which row it is; mended, the next call begins anew.
CREATE TABLE broken (email_address text, note json);
ALTER TABLE broken OWNER TO regress_contacts_maker; -- a name that is the same on every server
INSERT INTO broken VALUES ('broken1@example.com', '"a"'), ('broken2@example.com', '"\u0000"');
\set SHOW_CONTEXT errors
CALL contacts.import('broken', partial_update => false);
\set SHOW_CONTEXT never
SELECT state, total, done, parameters FROM contacts.import_progress WHERE staging_table = 'public.broken';
UPDATE broken SET note = '"b"' WHERE email_address = 'broken2@example.com';
SET client_min_messages = notice;
CALL contacts.import('broken');
SET client_min_messages = warning;
SELECT state, total, done, parameters FROM contacts.import_progress WHERE staging_table = 'public.broken';

-- What a row of a staging table is does not depend on the session.
SET search_path = pg_catalog;
CREATE TABLE public.typed (email_address text, mood timestamptz, moods interval, pair bytea, home money, age float8);
INSERT INTO public.typed VALUES ('typed@example.com', '2024-02-03 04:05:06+00', '1 day 2 hours', '\xff', 12.5, 0.1::float8 + 0.2);
SELECT current_setting('server_version_num')::int < 190000 AS can_be_off \gset
\if :can_be_off
SET standard_conforming_strings = off;
SET escape_string_warning = off;
\endif
SET bytea_output = escape;
SET extra_float_digits = -5;
SET IntervalStyle = iso_8601;
SET TimeZone = 'Asia/Kolkata';
SET quote_all_identifiers = on;
CALL contacts.import('public.typed');
RESET search_path;
\if :can_be_off
RESET standard_conforming_strings;
RESET escape_string_warning;
\endif
RESET bytea_output;
RESET extra_float_digits;
RESET IntervalStyle;
RESET TimeZone;
RESET quote_all_identifiers;
SET client_min_messages = notice;
CALL contacts.import('typed');
SET client_min_messages = warning;
SELECT data FROM loaded WHERE email_address = 'typed@example.com';

DROP TABLE ran, "odd "" schema", broken, typed, pg_temp.mine;
DROP VIEW loaded;
DROP EXTENSION contact_upsert CASCADE;
DROP OWNED BY regress_contacts_maker, regress_contacts_caller CASCADE;
DROP ROLE regress_contacts_maker, regress_contacts_caller;
