-- Top-level keys that contact_upsert does not know: contact_upsert.unknown_keys.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;

-- notice: one a call
SHOW contact_upsert.unknown_keys;
SELECT contact_upsert('{"email_address":"a@example.com","colour":"red","origin":{"a":[1]}}') #>> '{data,status}' AS status;
SELECT outcome FROM contacts.preview(request => '{"email_address":"a@example.com","colour":"red"}');
SELECT "position", outcome FROM contacts.upsert_many(requests => '[{"email_address":"a@example.com","colour":"red"},
	{"email_address":"b@example.com","origin":"x"},{"email_address":"a@example.com","size":3}]');
SELECT contact_upsert(r) #>> '{data,status}' AS status FROM jsonb_array_elements('[{"email_address":"a@example.com","x":1},
	{"email_address":"a@example.com","y":1}]') r;
-- of an address that is refused there is an error, and no more
SELECT outcome FROM contacts.preview(request => '{"email_address":"nobody","colour":"red"}');
SELECT contact_upsert(jsonb_build_object('email_address', 'a@example.com', repeat('k', 10000), 1, '', 2)) #>> '{data,status}' AS status;

SET contact_upsert.unknown_keys = ignore;
SELECT contact_upsert('{"email_address":"a@example.com","colour":"red"}') #>> '{data,status}' AS status;

SET contact_upsert.unknown_keys = refuse;
SELECT contact_upsert('{"email_address":"a@example.com","colour":"red"}');
SELECT "position", outcome, error ->> 'message' AS message, error ->> 'field' AS field FROM contacts.upsert_many(requests => '[{"email_address":"a@example.com","colour":"red"},
	{"email_address":"a@example.com"},{"email_address":"nobody","colour":"red"}]');
SET contact_upsert.unknown_keys = whatever;

-- A key that is one of ours but for case, _ and - is refused, whatever the setting.
CREATE FUNCTION pg_temp.error_of(request jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', p.outcome, p.error ->> 'code', p.error ->> 'message', p.error ->> 'hint') FROM contacts.preview(request => request) p
$$;
SET contact_upsert.unknown_keys = ignore;
SELECT k AS key, pg_temp.error_of(jsonb_build_object('email_address', 'a@example.com', k, NULL))
FROM unnest(ARRAY['partialUpdate', 'Tags', 'add-tags', 'CREATETAGS', 'e_mail_address', 'resubscribe', 'status', 'tag', 'statuses']) k;
RESET contact_upsert.unknown_keys;
-- It is not a full replace.
SELECT contact_upsert('{"email_address":"keep@example.com","status":"UNSUBSCRIBED"}') #>> '{data,status}' AS status;
SELECT contact_upsert('{"email_address":"keep@example.com","partialUpdate":true}');
SELECT "position", outcome, error ->> 'hint' AS hint FROM contacts.upsert_many(requests => '[{"email_address":"keep@example.com","partialUpdate":true},
	{"email_address":"keep@example.com","partial_update":true},{"eMail":"keep@example.com"}]');
SELECT status, version FROM contacts.contact WHERE email_address = 'keep@example.com';
