-- What contacts.upsert_many refuses: an array that is none with an error, an element that is no request with a row.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
RESET client_min_messages;
\set SHOW_CONTEXT never
-- before install(), whatever the array
SELECT contacts.upsert_many('[{"email_address":"a@example.com"}]', workspace_id => 1);
SELECT contacts.upsert_many('[]', workspace_id => 1);
SELECT contacts.upsert_many('[{}]');
SELECT contacts.install() IS NOT NULL AS installed;
SELECT contacts.define_field('text', 'Text'), contacts.define_field('number', 'Number', 'NUMBER');
SELECT count(contacts.define_tag('tag ' || i)) AS tags FROM generate_series(1, 1001) i;

CREATE FUNCTION pg_temp.try(requests jsonb, on_error text DEFAULT 'continue', workspace_id bigint DEFAULT 1)
RETURNS TABLE (state text, message text, detail text, hint text, row_count bigint) LANGUAGE plpgsql AS $$
BEGIN
	SELECT '00000', count(*) INTO state, row_count FROM contacts.upsert_many(requests, on_error, workspace_id => workspace_id);
	RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN NEXT;
END $$;
\x on
-- not an array
SELECT * FROM pg_temp.try(NULL);
SELECT * FROM pg_temp.try('null');
SELECT * FROM pg_temp.try('{}');
SELECT * FROM pg_temp.try('{"email_address":"a@example.com"}');
SELECT * FROM pg_temp.try('42');
SELECT * FROM pg_temp.try('true');
SELECT * FROM pg_temp.try('"a@example.com"');
SELECT * FROM pg_temp.try('"[{\"email_address\":\"a@example.com\"}]"');
SELECT * FROM pg_temp.try('"[]"', 'stop');
-- on_error
SELECT * FROM pg_temp.try('[{"email_address":"a@example.com"}]', 'ignore');
SELECT * FROM pg_temp.try('[{"email_address":"a@example.com"}]', 'STOP');
SELECT * FROM pg_temp.try('[{"email_address":"a@example.com"}]', '');
SELECT * FROM pg_temp.try('[{"email_address":"a@example.com"}]', NULL);
SELECT * FROM pg_temp.try('[]', 'ignore');
-- the workspace
SELECT * FROM pg_temp.try('[{"email_address":"a@example.com"}]', workspace_id => 77);
SELECT * FROM pg_temp.try('[{}]', workspace_id => 77);
SELECT * FROM pg_temp.try('[]', workspace_id => 77);
SELECT * FROM pg_temp.try('[{"email_address":"a@example.com"}]', workspace_id => -1);
\x off
SELECT contacts.upsert_many(NULL);
SELECT contacts.upsert_many('[]', workspace_id => NULL::bigint);
SET contact_upsert.workspace_id = 77;
SELECT contacts.upsert_many('[{"email_address":"a@example.com"}]');
RESET contact_upsert.workspace_id;
SELECT count(*) AS contacts FROM contacts.contact;

-- no element
SELECT * FROM contacts.upsert_many('[]', workspace_id => 1);
SELECT * FROM contacts.upsert_many('[]', on_error => 'stop');

-- elements that are no objects: a row each
SELECT "position", outcome, id IS NOT NULL AS id, email_address, events, error ->> 'code' AS code, error ->> 'sqlstate' AS sqlstate,
	error ->> 'message' AS message
FROM contacts.upsert_many('[null, 1, true, "a@example.com", "{\"email_address\":\"a@example.com\"}", [], [{"email_address":"a@example.com"}], {}, {"email_address":"a@example.com"}]', workspace_id => 1);
-- none is good
SELECT outcome, count(*), min("position"), max("position"), count(DISTINCT error) AS errors
FROM contacts.upsert_many((SELECT jsonb_agg('{}'::jsonb) FROM generate_series(1, 1000)), workspace_id => 1) GROUP BY 1;

-- the limit
SELECT outcome, count(*), min("position"), max("position")
FROM contacts.upsert_many(('[' || repeat('{},', 99999) || '{"email_address":"last@example.com"}]')::jsonb, workspace_id => 1) GROUP BY 1 ORDER BY 1;
\x on
SELECT * FROM pg_temp.try(('[' || repeat('{},', 100000) || '{"email_address":"last@example.com"}]')::jsonb);
SELECT * FROM pg_temp.try(('[' || repeat('null,', 1000000) || 'null]')::jsonb, 'stop');
\x off

-- Each element has a request's limits, and the array none of them.
CREATE FUNCTION pg_temp.of_size(email text, bytes int) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('email_address', email, 'x', repeat('x', bytes + 4 - pg_column_size(jsonb_build_object('email_address', email, 'x', ''))))
$$;
SELECT "position", outcome, left(error ->> 'message', 60) AS message FROM contacts.upsert_many(jsonb_build_array(
	pg_temp.of_size('large@example.com', 1024 * 1024 + 1),
	pg_temp.of_size('small@example.com', 1024 * 1024),
	jsonb_build_object('email_address', 'small@example.com', 'x', repeat('x', 20 * 1024 * 1024), 'status', 'CLEANED'),
	jsonb_build_object('email_address', 'small@example.com', 'partial_update', true),
	repeat('x', 2 * 1024 * 1024),
	jsonb_build_object('email_address', 'fields@example.com', 'fields', (SELECT jsonb_object_agg('f' || i, i)
		FROM generate_series(1, 1001) i)),
	jsonb_build_object('email_address', 'tags@example.com', 'tags', (SELECT jsonb_agg(i) FROM generate_series(1, 1000) i)),
	jsonb_build_object('email_address', 'tags@example.com', 'tags', (SELECT jsonb_agg(i) FROM generate_series(1, 1001) i)),
	('{"email_address":"deep@example.com","x":' || repeat('[', 7) || repeat(']', 7) || '}')::jsonb,
	('{"email_address":"deeper@example.com","x":' || repeat('[', 8) || repeat(']', 8) || '}')::jsonb,
	(repeat('[', 5000) || repeat(']', 5000))::jsonb,
	('{"email_address":"text@example.com","fields":{"text":"' || repeat('x', 65536) || '"}}')::jsonb,
	('{"email_address":"digits@example.com","fields":{"number":' || repeat('9', 10000) || '}}')::jsonb), workspace_id => 1);
SELECT email_address, status, cardinality(tags) AS tags, version, length(data ->> 'number') AS digits FROM contacts.contact ORDER BY 1;
-- 4 MB of requests, and the same compressed and out of line
CREATE TABLE regress_requests AS SELECT jsonb_agg(jsonb_build_object('email_address', 'c' || i || '@example.com', 'fields', jsonb_build_object('text', repeat('x', 2000)))) AS requests
FROM generate_series(1, 2000) i;
SELECT outcome, count(*) FROM contacts.upsert_many((SELECT requests || '[{}]' FROM regress_requests), workspace_id => 1) GROUP BY 1 ORDER BY 1;
SELECT outcome, count(*) FROM regress_requests, contacts.upsert_many(requests, workspace_id => 1) GROUP BY 1 ORDER BY 1;
DROP TABLE regress_requests;
-- the same address throughout, and tags that do not exist
SELECT outcome, count(*) FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', 'same@example.com',
	'fields', jsonb_build_object('number', i / 2), 'partial_update', true)) FROM generate_series(0, 1999) i), workspace_id => 1) GROUP BY 1 ORDER BY 1;
SELECT version, data FROM contacts.contact WHERE email_address = 'same@example.com';
SELECT error FROM contacts.upsert_many('[{"email_address":"a@example.com","tags":[9223372036854775808]},
	{"email_address":"a@example.com","tags":[1.5]}]', workspace_id => 1);
-- odd texts
SELECT "position", outcome, email_address, error ->> 'message' AS message
	FROM contacts.upsert_many('[{"email_address":"😀@example.com"}, {"email_address":"a b@example.com"},
	{"email_address":"''; DROP TABLE contacts.contact; --@example.com"}, {"email_address":"%s%n@example.com"},
	{"email_address":"a@example.com","fields":{"%s":1}}, {"email_address":"a@example.com","":1}]', workspace_id => 1);

-- In a read-only transaction it is refused at once, whatever the array.
\set VERBOSITY sqlstate
BEGIN READ ONLY;
SELECT contacts.upsert_many('[{"email_address":"a@example.com"}]', workspace_id => 1);
ROLLBACK;
BEGIN READ ONLY;
SELECT contacts.upsert_many('[]', workspace_id => 1);
ROLLBACK;
BEGIN READ ONLY;
SELECT contacts.upsert_many('{}');
ROLLBACK;
\set VERBOSITY default
