-- docs/api.md, "Reading": contacts.search, its filters, its pages, its errors.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
\set SHOW_CONTEXT never
SELECT * FROM contacts.search('{}');
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT contacts.define_workspace('theirs') AS theirs;
SELECT contacts.define_field('name', 'Name'), contacts.define_field('age', 'Age', 'NUMBER'), contacts.define_field('active', 'Active', 'BOOLEAN'),
	contacts.define_field('born', 'Born', 'DATE'), contacts.define_field('land', 'Land', 'COUNTRY'),
	contacts.define_field('plan', 'Plan', 'DROPDOWN_SINGLE', ARRAY['Free', 'Gold'], default_value => '"Free"', required => true),
	contacts.define_field('topics', 'Topics', 'DROPDOWN_MULTIPLE', ARRAY['News', 'Jobs', 'Art']);
SELECT contacts.define_tag('vip'), contacts.define_tag('new'), contacts.define_tag('old'), contacts.define_tag('theirs', workspace_id => 2);
INSERT INTO contacts.contact (workspace_id, id, email_address, status, tags, data, version, created_at, updated_at) VALUES
	(1, repeat('a', 24), 'a@example.com', 'SUBSCRIBED', '{1,2}', '{"name": "7", "age": 1.50, "active": true, "topics": ["News", "Jobs"]}', 1, '2020-01-01', '2024-02-15 10:30:00Z'),
	(1, repeat('b', 24), 'b@example.com', 'UNSUBSCRIBED', '{2}', '{"name": "x", "age": 2, "land": "DE", "topics": ["Jobs"]}', 2, '2020-01-01', '2024-02-15 10:30:01Z'),
	(1, repeat('c', 24), 'c@example.com', 'CLEANED', '{1,3}', '{"active": false, "born": "2024-02-29", "plan": "Gold", "topics": ["Art", "Jobs", "News"]}', 3, '2020-01-01', '2024-02-16 00:00:00Z'),
	(1, repeat('d', 24), 'd@example.com', 'SUBSCRIBED', '{}', '{}', 4, '2020-01-01', '2023-12-31 23:00:00Z'),
	(2, repeat('9', 24), 'theirs@example.com', 'SUBSCRIBED', '{4}', '{}', 1, '2020-01-01', '2024-02-15');

-- The columns: what an upsert does to a contact has no meaning here.
\x on
SELECT * FROM contacts.search('{"status":"UNSUBSCRIBED"}');
\x off
CREATE FUNCTION pg_temp.found(filter jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
	detail text;
	hint text;
BEGIN
	SELECT string_agg(left(id, 1), '' ORDER BY "position") INTO found FROM contacts.search(filter);
	RETURN coalesce(found, '-');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE || ' ' || SQLERRM, detail, hint);
END $$;
\pset format unaligned
SELECT filter, pg_temp.found(filter) FROM unnest(ARRAY[
	'{}', '{"status":null,"tags":null,"fields":null,"updated_since":null}', NULL,
	'{"status":"SUBSCRIBED"}', '{"status":["CLEANED","UNSUBSCRIBED"]}', '{"status":"COMPLAINED"}',
	'{"tags":{"all":[1]}}', '{"tags":{"all":["VIP",2]}}', '{"tags":{"all":[1,2,3]}}', '{"tags":{"any":[2,"old"]}}', '{"tags":{"none":[1]}}',
	'{"tags":{"all":[1],"any":[2,3],"none":["new"]}}', '{"tags":{"all":[],"any":null,"none":[]}}', '{"tags":{}}',
	'{"fields":{"name":7}}', '{"fields":{"name":"x"}}', '{"fields":{"age":"1.5"}}', '{"fields":{"age":2.00}}', '{"fields":{"active":"TRUE"}}',
	'{"fields":{"active":false}}', '{"fields":{"born":" 2024-02-29"}}', '{"fields":{"land":"de"}}', '{"fields":{"plan":"Gold"}}',
	'{"fields":{"topics":["Jobs","News"]}}', '{"fields":{"topics":"Jobs, News"}}', '{"fields":{"topics":["News","Art","Jobs"]}}',
	'{"fields":{"topics":["Jobs"]}}', '{"fields":{"topics":["Art"]}}', '{"fields":{"topics":null}}', '{"fields":{"topics":[]}}',
	'{"fields":{"plan":null}}', '{"fields":{"name":null,"active":false}}', '{"fields":{"name":"","age":null}}', '{"fields":{}}', '{"fields":[]}',
	'{"updated_since":"2024-02-15T10:30:01Z"}', '{"updated_since":"2024-02-15T12:30:01+02:00"}', '{"updated_since":" 2024-02-16 "}',
	'{"updated_since":"2024-02-15"}', '{"updated_since":"9999-12-31"}', '{"updated_since":"0001-01-01T00:00:00.5Z"}', '{"updated_since":"2024-02-15t10:30:00.999z"}',
	'{"status":"SUBSCRIBED","tags":{"all":["new"]},"fields":{"name":"7"},"updated_since":"2024-01-01"}']::jsonb[]) AS filter;
SET DateStyle = 'SQL, DMY';
SET TimeZone = 'Pacific/Auckland';
SELECT filter, pg_temp.found(filter) FROM unnest(ARRAY['{"updated_since":"2024-02-16"}', '{"updated_since":"2024-02-15T10:30:01Z"}']::jsonb[]) AS filter;
RESET DateStyle;
RESET TimeZone;

-- What is wrong with a filter.
SELECT filter, pg_temp.found(filter) FROM unnest(ARRAY[
	'[]', '7', '"{}"', 'null', '{"Status":"SUBSCRIBED"}', '{"email_address":"a@example.com"}', '{"tag":1}',
	'{"status":"subscribed"}', '{"status":7}', '{"status":[]}', '{"status":["SUBSCRIBED",null]}', '{"status":{}}',
	'{"tags":[1]}', '{"tags":1}', '{"tags":{"every":[1]}}', '{"tags":{"all":1}}', '{"tags":{"any":[]}}', '{"tags":{"all":[99]}}', '{"tags":{"none":["nope"]}}',
	'{"tags":{"all":["1"]}}', '{"tags":{"any":[4]}}', '{"tags":{"any":[1.5]}}',
	'{"fields":{"shoe_size":1}}', '{"fields":{"age":"x"}}', '{"fields":{"plan":"Silver"}}', '{"fields":{"email_address":"a@example.com"}}', '{"fields":"name"}', '{"fields":[1]}',
	'{"updated_since":"yesterday"}', '{"updated_since":7}', '{"updated_since":""}', '{"updated_since":" "}', '{"updated_since":"2024-02-30"}', '{"updated_since":"infinity"}',
	'{"fields":{"name":[[[[[[[[1]]]]]]]]}}', '{"ключ":1}']::jsonb[]) AS filter;
SELECT pg_temp.found(jsonb_build_object('tags', jsonb_build_object('all', (SELECT jsonb_agg(1) FROM generate_series(1, 1001)))));
SELECT pg_temp.found(jsonb_build_object('fields', (SELECT jsonb_object_agg('f' || i, 1) FROM generate_series(1, 1001) i)));
\pset format aligned
SELECT * FROM contacts.search('{}', after => 'a@example.com');
SELECT * FROM contacts.search('{}', after => '');
SELECT * FROM contacts.search('{}', max => 0);
SELECT * FROM contacts.search('{}', max => 10001);
SELECT * FROM contacts.search('{}', workspace_id => 3);

-- Pages, by the id of the last row.
SELECT "position", email_address FROM contacts.search('{}', max => 2);
SELECT "position", email_address FROM contacts.search('{}', after => repeat('b', 24), max => 2);
SELECT "position", email_address FROM contacts.search('{}', repeat('d', 24), NULL, NULL);
SELECT email_address FROM contacts.search('{}', after => repeat('9', 24), max => 1);
SELECT email_address FROM contacts.search('{}', workspace_id => 2);
BEGIN READ ONLY;
SELECT email_address FROM contacts.search('{"tags":{"all":["vip"]}}');
COMMIT;
-- It is the answer of contacts.get, and more than are fetched together.
SELECT count(*) AS same FROM contacts.search('{}') s WHERE s.contact = contacts.get(s.id) -> 'data' AND s.version = (contacts.get(s.id) -> 'version')::bigint;
INSERT INTO contacts.contact (workspace_id, id, email_address) SELECT 2, lpad(n::text, 24, '0'), n || '@example.com' FROM generate_series(1, 25) n;
SELECT count(*), count(DISTINCT id), bool_and(id = lpad("position"::text, 24, '0') OR "position" = 26) AS in_order FROM contacts.search('{}', workspace_id => 2);

-- A member finds its own workspace's, with policies of the user's, and only what it may read.
CREATE ROLE regress_contacts_member;
CREATE ROLE regress_contacts_reader;
SELECT contacts.grant_access('regress_contacts_member', 1);
CREATE FUNCTION pg_temp.as_member(filter jsonb, workspace bigint DEFAULT 1) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
BEGIN
	SET LOCAL ROLE regress_contacts_member;
	SELECT coalesce(string_agg(left(id, 1), '' ORDER BY "position"), '-') INTO found FROM contacts.search(filter, workspace_id => workspace);
	RESET ROLE;
	RETURN found;
EXCEPTION WHEN OTHERS THEN
	RESET ROLE;
	RETURN SQLERRM;
END $$;
SELECT pg_temp.as_member('{}'), pg_temp.as_member('{"tags":{"any":[1]}}'), pg_temp.as_member('{}', 2);
CREATE POLICY only_a ON contacts.contact AS RESTRICTIVE FOR SELECT USING (email_address < 'b');
SELECT pg_temp.as_member('{}') AS restrictive, pg_temp.as_member('{"tags":{"any":[1]}}');
ALTER POLICY only_a ON contacts.contact TO regress_contacts_reader;
SELECT pg_temp.as_member('{}') AS of_another_role;
GRANT regress_contacts_reader TO regress_contacts_member;
SELECT pg_temp.as_member('{}') AS of_a_role_that_it_is_in;
DROP POLICY only_a ON contacts.contact;
CREATE POLICY no_updates ON contacts.contact AS RESTRICTIVE FOR UPDATE USING (false);
SELECT pg_temp.as_member('{}') AS of_updates;
DROP POLICY no_updates ON contacts.contact;
ALTER POLICY members_only ON contacts.contact USING (contacts_internal.is_member(workspace_id) AND status <> 'SUBSCRIBED');
SELECT pg_temp.as_member('{}') AS ours_altered;
ALTER POLICY members_only ON contacts.contact USING (contacts_internal.is_member(version));
SELECT pg_temp.as_member('{}') AS ours_of_another_column;
ALTER POLICY members_only ON contacts.contact USING (contacts_internal.is_member(workspace_id));
DROP POLICY members_only ON contacts.statistics;
SELECT contacts.record(repeat('a', 24), 'total_opens');
CREATE FUNCTION pg_temp.opens() RETURNS text LANGUAGE plpgsql AS $$ DECLARE opens text; BEGIN SET LOCAL ROLE regress_contacts_member;
	SELECT contact #>> '{statistics,total_opens}' INTO opens FROM contacts.search('{}', max => 1); RESET ROLE; RETURN opens; END $$;
SELECT pg_temp.opens() AS of_the_statistics;
CREATE POLICY members_only ON contacts.statistics USING (contacts_internal.is_member(workspace_id));
SELECT pg_temp.opens() AS of_the_statistics;
REVOKE SELECT ON contacts.contact FROM regress_contacts_member;
SELECT pg_temp.as_member('{}') AS no_privilege;
GRANT SELECT (workspace_id, id) ON contacts.contact TO regress_contacts_member;
SELECT pg_temp.as_member('{}') AS on_some_columns;
GRANT SELECT ON contacts.contact TO regress_contacts_member;
DELETE FROM contacts.member;
SELECT pg_temp.as_member('{}') AS no_member;
SELECT contacts.grant_access('regress_contacts_member', 1);
SET ROLE regress_contacts_member;
SET row_security = off;
SELECT * FROM contacts.search('{}');
RESET row_security;
SELECT current_user, current_setting('search_path') AS search_path, count(*) FROM contacts.search('{}');
SELECT * FROM contacts.search('{"status":"x"}');
SELECT current_user;
RESET ROLE;
SELECT contacts.revoke_access('regress_contacts_member', 1);
REVOKE ALL (workspace_id, id) ON contacts.contact FROM regress_contacts_member;
DROP ROLE regress_contacts_member, regress_contacts_reader;
