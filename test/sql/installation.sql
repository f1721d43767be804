-- Code only at CREATE EXTENSION; tables by contacts.install(); both again in one session.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
RESET client_min_messages;
\set VERBOSITY verbose
\set SHOW_CONTEXT never

BEGIN;
CREATE EXTENSION contact_upsert;
SELECT contacts_internal.current_workspace();
ROLLBACK;
CREATE EXTENSION contact_upsert;

-- before install()
\set VERBOSITY default
SELECT contact_upsert('{"email_address":"a@example.com"}');
SELECT contacts.preview('{"email_address":"a@example.com"}');
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind IN ('r', 'S');

SELECT contacts.install() = extversion AS installed FROM pg_extension WHERE extname = 'contact_upsert';
SELECT workspace_id, name, status_policy FROM contacts.workspace;
SELECT workspace_id, merge_tag, label, type, required, immutable, tracked, "position" FROM contacts.field;
SELECT contact_upsert('{"email_address":"a@example.com"}') #>> '{data,status}' AS status;

-- again: nothing is lost; without any workspace there is the first one again, and later ones have ids of their own
DELETE FROM contacts.workspace;
SELECT contacts.install() = extversion AS installed FROM pg_extension WHERE extname = 'contact_upsert';
SELECT count(*) FROM contacts.workspace;
SELECT contacts.define_workspace('default'), contacts.define_workspace('second') > 1 AS another;
DELETE FROM contacts.workspace WHERE name = 'second';

-- the tables belong to the user
DROP EXTENSION contact_upsert;
SELECT count(*) AS tables_of_the_extension
FROM pg_depend d
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'contact_upsert')
	AND (SELECT relkind FROM pg_class WHERE oid = d.objid) IN ('r', 'p', 'S');

-- the tables must belong to one role, and say their version
CREATE ROLE regress_contact_upsert_owner;
BEGIN;
ALTER TABLE contacts.tag OWNER TO regress_contact_upsert_owner;
DO $$ BEGIN PERFORM contacts.install(); EXCEPTION WHEN OTHERS THEN
	RAISE NOTICE '% %', SQLSTATE, regexp_replace(SQLERRM, ': .*', ': ...'); END $$;
ROLLBACK;
DROP ROLE regress_contact_upsert_owner;
BEGIN;
DROP FUNCTION contacts.tables_version();
SAVEPOINT s;
SELECT contacts.install();
ROLLBACK TO s;
SELECT contact_upsert('{"email_address":"a@example.com"}');
ROLLBACK;

-- tags whose sequence is gone: what the error says is a cure
BEGIN;
DROP SEQUENCE contacts.tag_tag_id_seq;
SAVEPOINT s;
SELECT contacts.define_tag('without a sequence');
ROLLBACK TO s;
CREATE SEQUENCE contacts.tag_tag_id_seq OWNED BY contacts.tag.tag_id;
SELECT contacts.define_tag('with one again') IS NOT NULL AS defined;
ROLLBACK;
INSERT INTO contacts.tag (workspace_id, name) VALUES (NULL, 'of no workspace');

-- every table has workspace_id in every primary, unique and foreign key
SELECT c.conrelid::regclass, c.conname
FROM pg_constraint c
WHERE c.connamespace = 'contacts'::regnamespace AND c.contype IN ('p', 'u', 'f')
	AND NOT EXISTS (
		SELECT FROM pg_attribute a
		WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) AND a.attname = 'workspace_id')
	AND c.conname <> 'workspace_name_key';
SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'contacts'::regnamespace AND i.indisunique
	AND NOT EXISTS (
		SELECT FROM pg_attribute a
		WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) AND a.attname = 'workspace_id')
	AND i.indexrelid <> 'contacts.workspace_name_key'::regclass;

-- The rules of the script, read from the catalogs. Empty answers are what is wanted.
CREATE VIEW pg_temp.ours AS
	SELECT p.* FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
		AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'contact_upsert');
SELECT count(*) > 20 AS there_are_functions FROM pg_temp.ours;
-- for PUBLIC
SELECT p.oid::regprocedure FROM pg_temp.ours p
WHERE EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0);
SELECT t.typname FROM pg_type t
WHERE t.typnamespace = 'contacts'::regnamespace AND t.typtype IN ('e', 'c') AND t.typrelid = 0
	AND EXISTS (SELECT FROM aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) a WHERE a.grantee = 0);
SELECT c.oid::regclass FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relnamespace = 'contacts'::regnamespace AND a.grantee = 0;
SELECT n.nspname FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname LIKE 'contacts%' AND a.grantee = 0;
-- without a comment
SELECT p.oid::regprocedure FROM pg_temp.ours p WHERE obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.oid::regclass FROM pg_class c
WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind IN ('r', 'p', 'v')
	AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT t.typname FROM pg_type t
WHERE t.typnamespace = 'contacts'::regnamespace AND t.typtype = 'e' AND obj_description(t.oid, 'pg_type') IS NULL;
-- One name, one function; workspace_id comes last, and null is the setting; no parameter's name needs quotes.
SELECT p.proname FROM pg_temp.ours p GROUP BY p.pronamespace, p.proname HAVING count(*) > 1;
SELECT p.oid::regprocedure FROM pg_temp.ours p
WHERE p.pronamespace = 'contacts'::regnamespace AND 'workspace_id' = ANY (p.proargnames)
	AND (p.proargnames[p.pronargs] <> 'workspace_id' OR pg_get_function_arg_default(p.oid, p.pronargs) IS DISTINCT FROM 'NULL::bigint');
SELECT p.oid::regprocedure, n AS name FROM pg_temp.ours p, unnest(p.proargnames[1:p.pronargs]) n WHERE quote_ident(n) <> n;
-- what \df contacts.* shows: the functions that are for users
SELECT p.proname FROM pg_temp.ours p WHERE p.pronamespace = 'contacts'::regnamespace ORDER BY p.proname;
-- SECURITY DEFINER
SELECT p.oid::regprocedure FROM pg_temp.ours p WHERE p.prosecdef;
-- not in C, and without a search_path of their own: a procedure that commits cannot have one, and every name in these is qualified
SELECT p.oid::regprocedure FROM pg_temp.ours p JOIN pg_language l ON l.oid = p.prolang
WHERE l.lanname = 'plpgsql' AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false) ORDER BY p.proname;
-- functions that are to be inlined cannot pin it: every name in these is qualified
SELECT p.oid::regprocedure FROM pg_temp.ours p JOIN pg_language l ON l.oid = p.prolang
WHERE l.lanname = 'sql' AND p.proconfig IS NULL ORDER BY p.proname;
-- tables without row level security
SELECT c.oid::regclass FROM pg_class c
WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relrowsecurity;

-- What stores folded names: with another table of case folding, these and nothing else are to be made anew (REINDEX).
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS stores_folded_names, i.indisunique AS is_unique
FROM pg_depend d LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid
WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = 'contacts_internal.fold_case(text)'::regprocedure ORDER BY 1;

-- The shape that PostgREST wants: one unnamed jsonb parameter, no overload.
SELECT p.oid::regprocedure, p.pronargs, p.proargnames, p.provolatile, p.proisstrict, p.proparallel
FROM pg_proc p WHERE p.proname = 'contact_upsert';

-- In another schema, and away with everything.
SET client_min_messages = warning;
DROP EXTENSION contact_upsert CASCADE;
CREATE SCHEMA api;
CREATE EXTENSION contact_upsert SCHEMA api;
RESET client_min_messages;
SELECT contacts.install() IS NOT NULL AS installed;
SELECT api.contact_upsert('{"email_address":"a@example.com"}') #>> '{data,status}' AS status;
SET client_min_messages = warning;
DROP SCHEMA api CASCADE;
