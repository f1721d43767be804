-- docs/api.md, "Errors": each error with its code, texts and names, in the order of the checks.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT contacts.define_field('age', 'Age', 'NUMBER', place => 1);
SELECT contacts.define_field('house', 'House', required => true, place => 3);
SELECT contacts.define_field('words', '100% "Words"', required => true, place => 2);
SELECT contacts.define_field('colour', 'Colour', 'DROPDOWN_SINGLE', ARRAY['red', 'gold'], place => 4);
SELECT contacts.define_tag('vip');
SELECT contact_upsert('{"email_address":"cersei@example.com","status":"UNSUBSCRIBED","fields":{"house":"L","words":"w"}}')
	#>> '{data,status}' AS status;

-- What a call raises, all of it.
CREATE FUNCTION pg_temp.error_of(request jsonb) RETURNS TABLE (
	state text, message text, detail text, hint text, object text) LANGUAGE plpgsql AS $$
DECLARE
	before_call text := (SELECT string_agg(c::text, ',' ORDER BY id) FROM contacts.contact c);
	schema_name text; table_name text; column_name text; constraint_name text;
BEGIN
	BEGIN
		PERFORM contact_upsert(request);
		state := '00000';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
			hint = PG_EXCEPTION_HINT, schema_name = SCHEMA_NAME, table_name = TABLE_NAME, column_name = COLUMN_NAME,
			constraint_name = CONSTRAINT_NAME;
		object := concat_ws(' ', nullif(schema_name, ''), nullif(table_name, ''), nullif(column_name, ''),
			nullif(constraint_name, ''));
		IF before_call IS DISTINCT FROM (SELECT string_agg(c::text, ',' ORDER BY id) FROM contacts.contact c) THEN
			RAISE 'the row was touched';
		END IF;
	END;
	RETURN NEXT;
END $$;
\x on

-- 1 INVALID_REQUEST
SELECT * FROM pg_temp.error_of(NULL);
SELECT * FROM pg_temp.error_of('null');
SELECT * FROM pg_temp.error_of('[]');
SELECT * FROM pg_temp.error_of('[{"email_address":"a@example.com"}]');
SELECT * FROM pg_temp.error_of('42');
SELECT * FROM pg_temp.error_of('true');
SELECT * FROM pg_temp.error_of('"{\"email_address\":\"a@example.com\"}"');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","partialUpdate":true}');
-- 2 EMAIL_REQUIRED
SELECT * FROM pg_temp.error_of('{}');
SELECT * FROM pg_temp.error_of('{"email_address":null}');
SELECT * FROM pg_temp.error_of('{"email_address":""}');
SELECT * FROM pg_temp.error_of('{"email_address":" \t\u00a0\u3000 "}');
-- 3 EMAIL_INVALID
SELECT * FROM pg_temp.error_of('{"email_address":42}');
SELECT * FROM pg_temp.error_of('{"email_address":["a@example.com"]}');
SELECT * FROM pg_temp.error_of('{"email_address":"nobody"}');
SELECT * FROM pg_temp.error_of(jsonb_build_object('email_address', repeat('x', 300)));
-- 4 FIELD_NOT_FOUND
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","fields":{"shoe_size":null}}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","fields":{"Age":1}}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","fields":{"%s \"x\"":1}}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","fields":{"":"x"}}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","fields":["x"]}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","fields":"x"}');
-- 5 STATUS_INVALID
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","status":"subscribed"}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","status":""}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","status":1}');
-- 6 FIELD_INVALID
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","fields":{"age":"old"}}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","fields":{"colour":"blue"}}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","fields":{"words":{"en":["x",null,true]}}}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","fields":{"age":true}}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","fields":{"age":1e131071}}');
-- 7 TAG_NOT_FOUND
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","tags":[999]}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","tags":["it''s \"new\" 100%"]}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","add_tags":[-1]}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","remove_tags":[99999999999999999999]}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","tags":[1e400]}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","tags":[-1e131071]}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","tags":["2"],"create_tags":true}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","tags":[""]}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","tags":{}}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","tags":[1.5]}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","tags":[null]}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","add_tags":"vip"}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","remove_tags":[true]}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","create_tags":"yes"}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","create_tags":true,"tags":[" "]}');
-- 8 FIELD_REQUIRED, first by position
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com"}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","fields":{"words":"w","house":""}}');
SELECT * FROM pg_temp.error_of('{"email_address":"cersei@example.com","partial_update":true,"fields":{"house":null}}');
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com","partial_update":1,"fields":{"words":"w","house":"h"}}');
-- 9 RESUBSCRIBE_REFUSED
SELECT contacts.define_workspace('default', 'guarded');
SELECT * FROM pg_temp.error_of('{"email_address":"cersei@example.com","status":"SUBSCRIBED","partial_update":true}');
SELECT * FROM pg_temp.error_of('{"email_address":"cersei@example.com","resubscribe":"yes","partial_update":true}');
-- 25006: a read-only transaction
BEGIN READ ONLY;
SELECT contact_upsert('{"email_address":"a@example.com"}');
ROLLBACK;
BEGIN READ ONLY;
SELECT contacts.upsert_many(requests => '[{"email_address":"a@example.com"}]');
ROLLBACK;
BEGIN READ ONLY;
SELECT outcome FROM contacts.preview(request => '{"email_address":"a@example.com","fields":{"words":"w","house":"h"}}');
COMMIT;
-- the workspace
SET contact_upsert.workspace_id = 77;
SELECT * FROM pg_temp.error_of('{"email_address":"a@example.com"}');
RESET contact_upsert.workspace_id;
\x off
SET contact_upsert.workspace_id = 'one';
SET contact_upsert.workspace_id = 0;
SET contact_upsert.workspace_id = '9223372036854775808';
SET contact_upsert.workspace_id = 77;
SELECT contacts.upsert('{"email_address":"a@example.com"}', workspace_id => NULL);
RESET contact_upsert.workspace_id;

-- In this order: each request has this error and all that come after it.
SELECT n, state, message FROM (VALUES
	(2, '{"email_address":" ",  "fields":{"x":1},"status":"x","tags":[9]}'::jsonb),
	(3, '{"email_address":"@", "fields":{"x":1},"status":"x","tags":[9]}'),
	(4, '{"email_address":"a@example.com","fields":{"x":1,"age":"x"},"status":"x","tags":[9]}'),
	(5, '{"email_address":"a@example.com","fields":{"age":"x"},"status":"x","tags":[9]}'),
	(6, '{"email_address":"a@example.com","fields":{"age":"x"},"tags":[9]}'),
	(7, '{"email_address":"a@example.com","tags":[9]}'),
	(8, '{"email_address":"cersei@example.com","status":"SUBSCRIBED"}'),
	(9, '{"email_address":"cersei@example.com","status":"SUBSCRIBED","partial_update":true}')
) AS r (n, request), pg_temp.error_of(request);

-- A null for an optional key means that the key is omitted; unknown top-level keys are ignored.
SELECT contact_upsert('{"email_address":"cersei@example.com","fields":null,"tags":null,"status":null,"partial_update":true,
	"add_tags":null,"remove_tags":null,"create_tags":null,"resubscribe":null,"mode":null,"if_version":null,"source":null,"evidence":null,"colour":"red","origin":{"a":[1]}}')
	#>> '{data,status}' AS status;

-- preview: the same errors as a row
SELECT position, outcome, id IS NOT NULL AS has_id, email_address, version, changes, events, contact, error
FROM contacts.preview('{"email_address":" Cersei@example.com","fields":{"age":"old"}}');
SELECT outcome, email_address, error FROM contacts.preview('{"email_address":"nobody"}');
SELECT contacts.preview('{"email_address":"a@example.com"}', workspace_id => 77);

-- Functions in PL/pgSQL raise them, too, through contacts_internal.raise_error(): cut to their size, at a character.
CREATE FUNCTION pg_temp.raised(VARIADIC a text[]) RETURNS TABLE (state text, message text, detail text, hint text, "column" text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM contacts_internal.raise_error(a[1], a[2], a[3], a[4], a[5]);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, "column" = COLUMN_NAME;
	RETURN NEXT;
END $$;
SELECT r.* FROM (VALUES (1, 'EMAIL_INVALID', 'The email address you provided is not valid.', 'Look at it.', 'email_address', 'nobody'),
	(2, 'EMAIL_REQUIRED', '100% "missing"', NULL, NULL, NULL), (3, 'NO_SUCH_CODE', 'x', 'x', NULL, NULL), (4, NULL, NULL, NULL, NULL, NULL)) c (n, a, b, c, d, e),
	pg_temp.raised(a, b, c, d, e) r ORDER BY n;
SELECT octet_length(r.message) AS message, right(r.message, 1), length(r.hint) AS hint, length(r.detail::jsonb ->> 'field') AS field, length(r.detail::jsonb ->> 'value') AS value
FROM pg_temp.raised('INVALID_REQUEST', repeat('ü', 300), repeat('x', 600), repeat('y', 100), repeat('z', 300)) r;

-- A setting that was made before the library was loaded is refused, too, and never replaced by the default.
\c
SET contact_upsert.workspace_id = 'two';
SELECT contact_upsert('{"email_address":"a@example.com"}');
SET contact_upsert.workspace_id = 'three';
RESET contact_upsert.workspace_id;
