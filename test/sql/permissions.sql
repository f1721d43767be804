-- docs/api.md, "Tenants and roles": a role with access to workspace 1 gets nothing of workspace 2, however it tries.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_workspace('theirs') AS theirs;
SELECT contacts.define_field('secret', 'Secret', workspace_id => 2), contacts.define_tag('secret', workspace_id => 2) AS tag;
SELECT contacts.upsert('{"email_address":"theirs@example.com","fields":{"secret":"x"},"tags":["secret"]}', workspace_id => 2) IS NOT NULL AS made;
SELECT contacts.define_field('name', 'Name'), contacts.define_tag('vip');
SELECT contact_upsert('{"email_address":"ours@example.com","tags":["vip"]}') IS NOT NULL AS made;
SELECT contacts.record(id, 'total_opens', workspace_id => 2) FROM contacts.contact WHERE workspace_id = 2;

SELECT contacts.subscribe('everything', workspace_id => 0) IS NOT NULL AS subscribed;

CREATE ROLE regress_contacts_nobody;
CREATE ROLE regress_contacts_app;
CREATE ROLE "regress contacts ""group""";
CREATE ROLE regress_contacts_person IN ROLE "regress contacts ""group""" NOINHERIT;
SELECT contacts.grant_access('regress_contacts_app', 1);
SELECT contacts.grant_access('regress_contacts_app', 1) AS again;
SELECT contacts.grant_access('public', 1);
SELECT contacts.grant_access('regress_contacts_missing', 1);
SELECT contacts.grant_access('regress_contacts_app', 99);
SELECT contacts.grant_access(NULL, NULL);

-- Nobody without a grant may do anything at all.
SET ROLE regress_contacts_nobody;
SELECT contact_upsert('{"email_address":"a@example.com"}');
SELECT contacts.upsert('{"email_address":"a@example.com"}', workspace_id => 1);
SELECT contacts_internal.current_workspace();
SELECT * FROM contacts.contact;
RESET ROLE;

-- Everything for workspace 1 ...
SET ROLE regress_contacts_app;
SELECT contact_upsert('{"email_address":"ours@example.com","fields":{"name":"Ours"},"tags":["new"],"create_tags":true}') #> '{data,data}' AS data;
SELECT contact_upsert('{"email_address":"second@example.com","status":"UNCONFIRMED"}') #>> '{data,status}' AS status;
SELECT outcome FROM contacts.preview('{"email_address":"third@example.com"}');
SELECT contacts.define_field('age', 'Age', 'NUMBER'), contacts.define_tag('own') IS NOT NULL AS tag;
SELECT contacts.define_workspace('ours', 'guarded', workspace_id => 1);
SELECT contacts.record(id, 'total_clicks', 2, workspace_id => 1) FROM contacts.contact WHERE email_address = 'ours@example.com';
SELECT workspace_id, total_clicks FROM contacts.statistics;
SELECT workspace_id, name FROM contacts.workspace;
SELECT DISTINCT workspace_id FROM contacts.field UNION SELECT workspace_id FROM contacts.tag UNION SELECT workspace_id FROM contacts.contact
	UNION SELECT workspace_id FROM contacts.event UNION SELECT workspace_id FROM contacts.member;
UPDATE contacts.contact SET status = 'CLEANED';
DELETE FROM contacts.contact WHERE email_address = 'second@example.com';
-- ... and nothing for workspace 2.
SELECT contacts.upsert('{"email_address":"theirs@example.com"}', workspace_id => 2);
SELECT contacts.preview('{"email_address":"theirs@example.com"}', workspace_id => 2);
SET contact_upsert.workspace_id = 2;
SELECT contact_upsert('{"email_address":"theirs@example.com"}');
SELECT contacts.preview('{"email_address":"theirs@example.com"}');
SELECT contacts.define_field('mine', 'Mine');
SELECT contacts.define_tag('mine');
SELECT contacts.define_workspace('theirs', 'api');
SELECT contacts.define_workspace('mine', 'api', workspace_id => 2);
RESET contact_upsert.workspace_id;
SELECT contacts.record('000000000000000000000000', 'total_opens', workspace_id => 2);
INSERT INTO contacts.contact (workspace_id, email_address) VALUES (2, 'mine@example.com');
INSERT INTO contacts.tag (workspace_id, name) VALUES (2, 'mine');
INSERT INTO contacts.field (workspace_id, merge_tag, label) VALUES (2, 'mine', 'Mine');
INSERT INTO contacts.statistics (workspace_id, contact_id) VALUES (2, '000000000000000000000000');
INSERT INTO contacts.workspace (name) VALUES ('mine');
INSERT INTO contacts.member (workspace_id, role_name) VALUES (2, 'regress_contacts_app');
UPDATE contacts.member SET workspace_id = 2;
DELETE FROM contacts.member;
UPDATE contacts.contact SET workspace_id = 2 WHERE workspace_id = 1;
UPDATE contacts.tag SET workspace_id = 2;
UPDATE contacts.workspace SET name = 'taken' WHERE workspace_id = 2;
UPDATE contacts.workspace SET workspace_id = DEFAULT;
DELETE FROM contacts.workspace;
TRUNCATE contacts.contact CASCADE;
DELETE FROM contacts.contact WHERE workspace_id = 2;
DELETE FROM contacts.tag WHERE workspace_id = 2;
SELECT contacts.install();
SELECT contacts.grant_access('regress_contacts_app', 2);
SELECT contacts.revoke_access('regress_contacts_app', 1);
ALTER TABLE contacts.contact DISABLE ROW LEVEL SECURITY;
SET row_security = off;
SELECT * FROM contacts.contact;
SELECT contacts.upsert('{"email_address":"theirs@example.com"}', workspace_id => 2);
RESET row_security;
-- the outbox: neither another workspace's events nor another's consumer
INSERT INTO contacts.event (workspace_id, contact_id, contact_version, ordinal, type) VALUES (2, repeat('0', 24), 1, 1, 'TAG_ADDED');
INSERT INTO contacts.delivery (workspace_id, consumer_id, event_id, contact_id) VALUES (2, 1, 1, repeat('0', 24));
INSERT INTO contacts.delivery (workspace_id, consumer_id, event_id, contact_id) VALUES (1, 1, 999, repeat('0', 24));
UPDATE contacts.delivery SET workspace_id = 2, event_id = 1;
UPDATE contacts.delivery SET contact_id = repeat('0', 24);
SELECT contacts.subscribe('mine', workspace_id => 2);
SELECT contacts.subscribe('mine', workspace_id => 0);
SELECT contacts.claim('everything', workspace_id => 0);
SELECT contacts.unsubscribe('everything', 0);
UPDATE contacts.consumer SET active = false;
DELETE FROM contacts.consumer;
SELECT name FROM contacts.consumer;
DELETE FROM contacts.delivery;
DELETE FROM contacts.event;
-- a leaky function of its own in a query sees no row of the others
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
SELECT count(*) FROM contacts.contact WHERE pg_temp.leak(email_address);
RESET ROLE;
SELECT count(*) FROM contacts.contact WHERE workspace_id = 2;
SELECT name, active, (SELECT count(*) > 0 FROM contacts.delivery) AS has_deliveries, (SELECT count(*) > 0 FROM contacts.event) AS events FROM contacts.consumer;

-- Its own search_path, tables, functions, operators and casts change nothing.
CREATE SCHEMA regress_hostile AUTHORIZATION regress_contacts_app;
SET ROLE regress_contacts_app;
SET search_path = regress_hostile, pg_temp, public, pg_catalog;
CREATE FUNCTION regress_hostile.hijack() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE FUNCTION regress_hostile.equal(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_hostile.hijack(); RETURN true; END $$;
CREATE FUNCTION regress_hostile.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_hostile.hijack(); RETURN true; END $$;
CREATE FUNCTION regress_hostile.equal(jsonb, text) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_hostile.hijack(); RETURN '{}'; END $$;
CREATE OPERATOR regress_hostile.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = regress_hostile.equal);
CREATE OPERATOR regress_hostile.+ (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = regress_hostile.equal);
CREATE OPERATOR regress_hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_hostile.equal);
CREATE OPERATOR regress_hostile.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_hostile.equal);
CREATE OPERATOR regress_hostile.- (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = regress_hostile.equal);
CREATE FUNCTION regress_hostile.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_hostile.hijack(); END $$;
CREATE FUNCTION regress_hostile.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_hostile.hijack(); END $$;
CREATE FUNCTION regress_hostile.jsonb_agg(anyelement) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_hostile.hijack(); END $$;
CREATE FUNCTION regress_hostile.length(text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM regress_hostile.hijack(); END $$;
CREATE FUNCTION regress_hostile.pg_has_role(oid, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE DOMAIN regress_hostile.text AS pg_catalog.int4;
CREATE DOMAIN regress_hostile.jsonb AS pg_catalog.int4;
CREATE TABLE regress_hostile.contact AS SELECT 1 AS x;
CREATE TABLE regress_hostile.workspace AS SELECT 1 AS x;
CREATE TEMP TABLE member AS SELECT 2::bigint AS workspace_id, 'regress_contacts_app'::name AS role_name;
SELECT public.contact_upsert('{"email_address":"hostile@example.com","fields":{"name":"x","age":7},"tags":["hostile"],"create_tags":true}'::pg_catalog.jsonb)
	OPERATOR(pg_catalog.#>) '{data,data}' AS data;
SELECT public.contact_upsert('{"email_address":"hostile@example.com","fields":{"name":"y"},"partial_update":true}'::pg_catalog.jsonb)
	OPERATOR(pg_catalog.#>) '{data,data}' AS data;
SELECT contacts.define_field('gone', 'Gone'), contacts.define_tag('other') IS NOT NULL AS tag;
SELECT public.contact_upsert('{"email_address":"hostile@example.com","fields":{"gone":"z"},"partial_update":true}'::pg_catalog.jsonb)
	OPERATOR(pg_catalog.#>) '{data,data}' AS data;
DELETE FROM contacts.field WHERE merge_tag OPERATOR(pg_catalog.=) 'gone';
SELECT contacts.record(id, 'total_opens', workspace_id => 1) FROM contacts.contact WHERE email_address OPERATOR(pg_catalog.=) 'hostile@example.com';
SELECT pg_catalog.count(*) FROM contacts.contact WHERE workspace_id OPERATOR(pg_catalog.=) 2;
RESET search_path;
RESET ROLE;
SET search_path = pg_catalog;
SELECT public.contact_upsert('{"email_address":"catalog@example.com"}') IS NOT NULL AS made;
RESET search_path;

-- Membership through a group, a role that is gone, and taking it back.
SELECT contacts.grant_access('regress contacts "group"', 2);
SET ROLE regress_contacts_person;
SELECT contacts.upsert('{"email_address":"theirs@example.com","partial_update":true}', workspace_id => 2) #>> '{data,status}' AS no_inherit;
RESET ROLE;
-- a membership of its own: from PostgreSQL 16 on, it keeps the INHERIT of the time when it was made
REVOKE "regress contacts ""group""" FROM regress_contacts_person;
ALTER ROLE regress_contacts_person INHERIT;
GRANT "regress contacts ""group""" TO regress_contacts_person;
SET ROLE regress_contacts_person;
SELECT contacts.upsert('{"email_address":"theirs@example.com","partial_update":true}', workspace_id => 2) #>> '{data,status}' AS status;
SELECT contacts.upsert('{"email_address":"ours@example.com","partial_update":true}', workspace_id => 1) #>> '{data,status}' AS status;
RESET ROLE;
INSERT INTO contacts.member VALUES (1, 'regress_contacts_gone'), (1, '10'), (1, '-');
SET ROLE regress_contacts_app;
SELECT contact_upsert('{"email_address":"ours@example.com","partial_update":true}') #>> '{data,status}' AS status;
RESET ROLE;
SELECT contacts.grant_access('regress_contacts_app', 2);
SELECT contacts.revoke_access('regress_contacts_app', 2);
SET ROLE regress_contacts_app;
SELECT contact_upsert('{"email_address":"ours@example.com","partial_update":true}') #>> '{data,status}' AS status;
SELECT contacts.upsert('{"email_address":"theirs@example.com","partial_update":true}', workspace_id => 2);
RESET ROLE;
SELECT contacts.revoke_access('regress_contacts_app', 1), contacts.revoke_access('regress contacts "group"', 2),
	contacts.revoke_access('regress_contacts_missing', 1);
SET ROLE regress_contacts_app;
SELECT contact_upsert('{"email_address":"ours@example.com","partial_update":true}');
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA regress_hostile CASCADE;
RESET client_min_messages;
DROP TABLE pg_temp.member;
DROP FUNCTION pg_temp.leak(text);
-- nothing is left that would keep them
DROP ROLE regress_contacts_app, regress_contacts_nobody, regress_contacts_person, "regress contacts ""group""";
