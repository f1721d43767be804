-- The page "Create or Update Contact", row by row.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT contacts.define_field('first_name', 'First Name');
SELECT contacts.define_field('last_name', 'Last Name');
SELECT contacts.define_tag('newsletter'), contacts.define_tag('vip');

-- what differs from run to run, masked once its form is checked
CREATE FUNCTION pg_temp.shown(answer jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT jsonb_pretty(jsonb_set(jsonb_set(jsonb_set(answer,
		'{data,id}', to_jsonb(regexp_replace(answer #>> '{data,id}', '^[0-9a-f]{24}$', '24 hex digits'))),
		'{data,created_at}', to_jsonb(regexp_replace(answer #>> '{data,created_at}', '\d', '9', 'g'))),
		'{data,updated_at}', to_jsonb(regexp_replace(answer #>> '{data,updated_at}', '\d', '9', 'g'))))
$$;

-- Sample Request and Response
SELECT pg_temp.shown(contact_upsert('{
"email_address": "tywin@example.com",
"fields": {
"first_name": "Tywin",
"last_name": "Lannister"
},
"tags": [1, 2],
"status": "SUBSCRIBED",
"partial_update": true
}'));

-- Request Body: email_address is always written, as the look-up key
SELECT contact_upsert('{"email_address": "  TYWIN@Example.COM ", "partial_update": true}') #>> '{data,data,email_address}' AS email_address;
SELECT count(*) FROM contacts.contact;
-- fields: email_address is ignored there
SELECT contact_upsert('{"email_address": "tywin@example.com", "partial_update": true,
	"fields": {"email_address": "other@example.com"}}') #>> '{data,data,email_address}' AS email_address;
SELECT count(*) FROM contacts.contact;

-- Behaviour: found, partial_update true
SELECT contact_upsert('{"email_address": "tywin@example.com", "partial_update": true, "fields": {"first_name": "T."}}')
	#- '{data,id}' #- '{data,created_at}' #- '{data,updated_at}' #- '{data,statistics}' AS merged;
SELECT contact_upsert('{"email_address": "tywin@example.com", "partial_update": true, "status": "CLEANED"}')
	#>> '{data,status}' AS status;
SELECT contact_upsert('{"email_address": "tywin@example.com", "partial_update": true, "tags": [2]}')
	#> '{data,tags}' AS tags, (SELECT status FROM contacts.contact);
-- Behaviour: found, partial_update false or omitted
SELECT contact_upsert('{"email_address": "tywin@example.com", "fields": {"last_name": "Lannister"}, "partial_update": false}')
	#- '{data,id}' #- '{data,created_at}' #- '{data,updated_at}' #- '{data,statistics}' AS replaced;
SELECT contact_upsert('{"email_address": "tywin@example.com"}')
	#- '{data,id}' #- '{data,created_at}' #- '{data,updated_at}' #- '{data,statistics}' AS replaced;
-- Behaviour: not found; the status defaults to SUBSCRIBED
SELECT contact_upsert('{"email_address": "tyrion@example.com", "partial_update": true}') #>> '{data,status}' AS status;
SELECT s, contact_upsert(jsonb_build_object('email_address', s || '@example.com', 'status', s)) #>> '{data,status}' AS status
FROM unnest(enum_range(NULL::contacts.status)) s;

-- Automation Behaviour
SELECT contacts.define_field('tracked', 'Tracked', tracked => true);
SELECT s AS create_with, jsonb_path_query_array((contacts.preview(
	jsonb_build_object('email_address', 'new@example.com', 'status', s, 'tags', '[1]'::jsonb,
		'fields', '{"tracked": "x"}'::jsonb))).events, '$.type') AS events
FROM unnest(enum_range(NULL::contacts.status)) s;
SELECT (contacts.preview('{"email_address": "tyrion@example.com", "tags": [1, 2], "status": "UNCONFIRMED",
	"fields": {"tracked": "x", "first_name": "T."}}')).events;

-- Errors
SELECT contact_upsert('{}');
SELECT contact_upsert('{"email_address": "tywin@example.com", "fields": {"shoe_size": 42}}');
SELECT contact_upsert('{"email_address": "tywin@example.com", "status": "subscribed"}');
SELECT contacts.define_field('house', 'House', required => true);
SELECT contact_upsert('{"email_address": "tywin@example.com"}');
SELECT contact_upsert('{"email_address": "jaime@example.com", "partial_update": true}');
SELECT contact_upsert('{"email_address": "tywin@example.com", "partial_update": true}') #>> '{data,status}' AS status;
