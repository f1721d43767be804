-- define_workspace, define_field and define_tag: what is not given stays; ids that are in use are not drawn; what members
-- may define; and the version of a contact that is changed by hand.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never

-- what is not given stays
SELECT contacts.define_workspace('shop', 'guarded', 'all') AS id, contacts.define_workspace('shop') AS same,
	contacts.define_workspace('shops', workspace_id => 2) AS renamed, contacts.define_workspace(NULL, workspace_id => 2) AS same;
SELECT name, status_policy, history FROM contacts.workspace WHERE workspace_id = 2;
SELECT contacts.define_workspace(NULL, 'api', workspace_id => 2), contacts.define_workspace('new', NULL) AS new,
	contacts.define_workspace('shops', history => 'none') AS same;
SELECT workspace_id, name, status_policy, history FROM contacts.workspace WHERE workspace_id > 1 ORDER BY 1;
SELECT contacts.define_field('size', 'Size', 'DROPDOWN_SINGLE', ARRAY['S', 'L'], '"L"', true, true, 7);
CREATE VIEW pg_temp.size AS
	SELECT label, type, options, default_value, required, tracked, "position" FROM contacts.field WHERE merge_tag = 'size';
SELECT contacts.define_field('size'), contacts.define_field('size', 'Sizes'), contacts.define_field('size', tracked => false);
TABLE pg_temp.size;
SELECT contacts.define_field('size', options => ARRAY['M', 'L'], required => false), contacts.define_field('size', place => 3);
TABLE pg_temp.size;
SELECT contacts.define_field('size', default_value => 'null');
TABLE pg_temp.size;
SELECT contacts.define_field('size', options => '{}');
SELECT contacts.define_field('size', type => 'TEXT', options => '{}');
SELECT contacts.define_field('size', '');
SELECT contacts.define_field('plain');
SELECT contacts.define_field('plain', 'Plain', options => '{}', default_value => 'null');
SELECT contacts.define_field('other', 'Plain');
SELECT contacts.define_field('plain', 'Sizes');
CREATE FUNCTION pg_temp.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
BEGIN;
CREATE TRIGGER nothing BEFORE UPDATE ON contacts.field FOR EACH ROW EXECUTE FUNCTION pg_temp.nothing();
SELECT contacts.define_field('plain', 'Not plain');
ROLLBACK;
CREATE UNIQUE INDEX own ON contacts.field (workspace_id, type) WHERE type = 'COUNTRY';
SELECT contacts.define_field('country', 'Country', 'COUNTRY');
SELECT contacts.define_field('another', 'Another', 'COUNTRY');
DROP INDEX contacts.own;
SELECT contacts.define_tag('gold', 'the best') AS id, contacts.define_tag('Gold') AS same;
SELECT name, description FROM contacts.tag;
SELECT contacts.define_tag('Gold', '') AS same;
SELECT name, description FROM contacts.tag;
BEGIN;
SELECT contacts.define_workspace('shops'), contacts.define_field('size', 'Sizes', 'DROPDOWN_SINGLE', ARRAY['M', 'L'], 'null', false, false, 3),
	contacts.define_tag('Gold', '');
SELECT pg_current_xact_id_if_assigned() IS NULL AS nothing_written;
COMMIT;

-- names of workspaces are unique
SELECT contacts.define_workspace('shops', workspace_id => 1);
INSERT INTO contacts.workspace (name) VALUES ('shops');

-- ids: the owner may choose them, and what is or was in use is not drawn again
INSERT INTO contacts.tag (workspace_id, tag_id, name) VALUES (1, 2, 'second'), (1, 3, 'third'), (2, 3, 'theirs');
SELECT contacts.define_tag('fourth') AS fourth;
INSERT INTO contacts.tag (workspace_id, tag_id, name) VALUES (1, 4, 'mine');
INSERT INTO contacts.tag (workspace_id, tag_id, name) VALUES (1, 4, 'fourth') ON CONFLICT (workspace_id, tag_id) DO UPDATE SET description = 'again';
INSERT INTO contacts.tag (workspace_id, tag_id, name) VALUES (1, 9223372036854775807, 'last') RETURNING tag_id;
SELECT contact_upsert('{"email_address":"a@example.com","tags":["Gold","third","sixth"],"create_tags":true}') #> '{data,tags}' AS tags;
DELETE FROM contacts.tag WHERE tag_id = 3;
ALTER SEQUENCE contacts.tag_tag_id_seq RESTART;
SELECT contacts.define_tag('not the third') AS id;
TRUNCATE contacts.tag RESTART IDENTITY;
SELECT contact_upsert('{"email_address":"b@example.com","tags":["a","b","c","d"],"create_tags":true}') #> '{data,tags}' AS tags;
SELECT contact_upsert('{"email_address":"a@example.com","partial_update":true,"fields":{}}') #> '{data,tags}' AS not_those;
INSERT INTO contacts.workspace (workspace_id, name) VALUES (4, 'explicit'), (5, 'explicit too') RETURNING workspace_id;
SELECT contacts.define_workspace('sixth') AS sixth;
ALTER SEQUENCE contacts.workspace_workspace_id_seq RESTART;
SELECT contacts.define_workspace('seventh') AS seventh;
DELETE FROM contacts.workspace WHERE workspace_id = 7;
ALTER SEQUENCE contacts.workspace_workspace_id_seq RESTART;
SELECT contacts.define_workspace('eighth') AS eighth;
INSERT INTO contacts.workspace (workspace_id, name) VALUES (4, 'taken');

-- a member defines fields and tags, chooses no id, and is no owner of the workspace
CREATE ROLE regress_contacts_definer;
CREATE ROLE regress_contacts_stranger;
SELECT contacts.grant_access('regress_contacts_definer', 2);
SET ROLE regress_contacts_definer;
SET contact_upsert.workspace_id = 2;
SELECT contacts.define_field('theirs', 'Theirs', 'NUMBER'), contacts.define_field('theirs', tracked => true), contacts.define_tag('new') AS tag,
	contacts.define_tag('New') AS same, contacts.define_tag('new', 'described') AS same;
SELECT contact_upsert('{"email_address":"a@example.com","fields":{"theirs":1},"tags":["created"],"create_tags":true}') #> '{data,tags}' AS tags;
UPDATE contacts.field SET label = 'Changed', "position" = 9 WHERE merge_tag = 'theirs';
DELETE FROM contacts.field WHERE merge_tag = 'theirs';
DELETE FROM contacts.tag WHERE name = 'created';
SELECT data FROM contacts.contact;
SELECT contacts.define_workspace('shop', workspace_id => 2);
SELECT contacts.define_workspace('shops', 'guarded');
SELECT contacts.define_workspace('more');
UPDATE contacts.workspace SET name = 'seventh';
UPDATE contacts.workspace SET status_policy = 'guarded';
UPDATE contacts.workspace SET workspace_id = 1;
INSERT INTO contacts.tag (workspace_id, tag_id, name) VALUES (2, 1, 'chosen');
UPDATE contacts.tag SET tag_id = 1;
UPDATE contacts.tag SET workspace_id = 1;
INSERT INTO contacts.field (workspace_id, merge_tag, label, immutable) VALUES (2, 'stays', 'Stays', true);
UPDATE contacts.field SET workspace_id = 1 WHERE NOT immutable;
SELECT setval('contacts.tag_tag_id_seq', 1);
SELECT nextval('contacts.tag_tag_id_seq');
SELECT count(*) FROM contacts.deleted_workspace;
-- of what is internal she may execute what her calls need, and no trigger and no part of install() or grant_access()
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 'contacts_internal'::regnamespace AND has_function_privilege(p.oid, 'EXECUTE')
	AND (p.proname ~ '^(before|after|install|ensure)_' OR p.proname IN ('member_privileges', 'delete_rows'));
RESET ROLE;
RESET contact_upsert.workspace_id;
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace IN ('contacts'::regnamespace, 'contacts_internal'::regnamespace) AND has_function_privilege('regress_contacts_stranger', p.oid, 'EXECUTE');
SELECT definitions_version AS before FROM contacts.workspace WHERE workspace_id = 2 \gset
SET ROLE regress_contacts_definer;
SELECT contacts.define_field('again', 'Again', workspace_id => 2);
RESET ROLE;
SELECT definitions_version > :before AS told FROM contacts.workspace WHERE workspace_id = 2;

-- Sequences behind the data: a member finds a free id too, past what she cannot see by an index.
ALTER SEQUENCE contacts.tag_tag_id_seq RESTART;
INSERT INTO contacts.contact (workspace_id, email_address, tags) VALUES (2, 'old@example.com', '{1,2,4}');
SET ROLE regress_contacts_definer;
SELECT contacts.define_tag('a free one', workspace_id => 2) AS id;
RESET ROLE;

-- Nothing of ours waits for what anybody may lock, but the names that proxies give, 10 s at most (proxy_names.pl).
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace IN ('contacts'::regnamespace, 'contacts_internal'::regnamespace) AND p.prosrc ~ 'advisory'
	AND p.proname NOT IN ('hold_name', 'release_name');

-- privileges that another role granted go too
CREATE ROLE regress_contacts_admin;
GRANT USAGE ON SCHEMA contacts TO regress_contacts_admin WITH GRANT OPTION;
GRANT SELECT ON contacts.contact TO regress_contacts_admin WITH GRANT OPTION;
GRANT SELECT (name), UPDATE (name) ON contacts.tag TO regress_contacts_admin WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION contacts.upsert(jsonb, bigint) TO regress_contacts_admin WITH GRANT OPTION;
SET ROLE regress_contacts_admin;
GRANT USAGE ON SCHEMA contacts TO regress_contacts_definer;
GRANT SELECT ON contacts.contact TO regress_contacts_definer;
GRANT UPDATE (name) ON contacts.tag TO regress_contacts_definer;
GRANT EXECUTE ON FUNCTION contacts.upsert(jsonb, bigint) TO regress_contacts_definer;
RESET ROLE;
SELECT contacts.revoke_access('regress_contacts_definer', 2);
SELECT current_user = session_user AS still_myself;
-- nothing is left that would keep them
DROP ROLE regress_contacts_definer, regress_contacts_stranger;
DROP OWNED BY regress_contacts_admin;
DROP ROLE regress_contacts_admin;

-- An UPDATE by hand that leaves the version alone raises it by one; one that does not is left alone.
UPDATE contacts.contact SET status = 'CLEANED' WHERE workspace_id = 1 AND email_address = 'b@example.com' RETURNING version;
UPDATE contacts.contact SET status = 'CLEANED', version = version WHERE workspace_id = 1 AND email_address = 'b@example.com' RETURNING version;
UPDATE contacts.contact SET version = version + 5 WHERE workspace_id = 1 AND email_address = 'b@example.com' RETURNING version;
\set VERBOSITY terse
UPDATE contacts.contact SET version = NULL WHERE workspace_id = 1 AND email_address = 'b@example.com';
\set VERBOSITY default
SELECT contact_upsert('{"email_address":"b@example.com","status":"SUBSCRIBED","partial_update":true}') IS NOT NULL AS changed;
SELECT version FROM contacts.contact WHERE workspace_id = 1 AND email_address = 'b@example.com';
CREATE TABLE regress_own (version bigint);
CREATE TRIGGER own AFTER UPDATE ON regress_own FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_contact_write();
INSERT INTO regress_own VALUES (1);
UPDATE regress_own SET version = 1;
DROP TABLE regress_own;

-- A field that another session made and deleted while it was defined here: the row that was in the way is gone, so it is defined
-- after all. (The trigger stands in for that session: the first INSERT meets a key, and the next one does not.)
CREATE SEQUENCE regress_attempt;
CREATE FUNCTION regress_in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF nextval('public.regress_attempt') <= 5 THEN
		RAISE EXCEPTION 'duplicate key' USING ERRCODE = 'unique_violation', CONSTRAINT = TG_ARGV[0];
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER zz_in_the_way BEFORE INSERT ON contacts.field FOR EACH ROW EXECUTE FUNCTION regress_in_the_way('field_pkey');
SELECT contacts.define_field('contended', 'Contended');
DROP TRIGGER zz_in_the_way ON contacts.field;
-- A label that is another field's stays an error.
SELECT contacts.define_field('contended_too', 'Contended');
DROP FUNCTION regress_in_the_way();
DROP SEQUENCE regress_attempt;
