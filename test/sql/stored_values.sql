-- What a contact has already: a value that is sent again, options that were removed or reordered, 1 MiB of data.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT contacts.define_field('plan', 'Plan', 'DROPDOWN_SINGLE', options => ARRAY['Free', 'Gold'], tracked => true),
	contacts.define_field('topics', 'Topics', 'DROPDOWN_MULTIPLE', options => ARRAY['News', 'Jobs', 'Art'], tracked => true);
SELECT contact_upsert('{"email_address":"a@example.com","fields":{"plan":"Gold","topics":["Jobs","News"]}}') #> '{data,data}' AS data;
CREATE FUNCTION pg_temp.try(fields jsonb, partial boolean DEFAULT true) RETURNS TABLE (outcome contacts.outcome, changes jsonb, events int, error text)
LANGUAGE sql AS $$
	SELECT r.outcome, r.changes, jsonb_array_length(r.events), r.error ->> 'message'
	FROM contacts.upsert_many(requests => jsonb_build_array(jsonb_build_object('email_address', 'a@example.com', 'fields', fields, 'partial_update', partial))) r
$$;

-- Reordering the options changes nothing.
UPDATE contacts.field SET options = ARRAY['Art', 'News', 'Jobs'] WHERE merge_tag = 'topics';
SELECT * FROM pg_temp.try('{"topics":["Jobs","News"]}');
SELECT * FROM pg_temp.try('{"topics":"Jobs, News, Jobs"}');
SELECT * FROM pg_temp.try('{"plan":"Gold","topics":["News","Jobs"]}', partial => false);
SELECT data, version FROM contacts.contact;

-- What is stored can be sent again though the option is gone; what is not stored cannot.
UPDATE contacts.field SET options = ARRAY['Art', 'Music'] WHERE merge_tag = 'topics';
UPDATE contacts.field SET options = ARRAY['Free', 'Pro'] WHERE merge_tag = 'plan';
SELECT * FROM pg_temp.try('{"plan":" Gold ","topics":["News","Jobs"]}');
SELECT * FROM pg_temp.try('{"plan":"Gold","topics":"Jobs,News"}', partial => false);
SELECT * FROM pg_temp.try('{"topics":["News"]}');
SELECT * FROM pg_temp.try('{"topics":["News","Jobs","Art"]}');
SELECT * FROM pg_temp.try('{"plan":"gold"}');
SELECT * FROM pg_temp.try('{"plan":"Pro","topics":["News","Jobs"]}');
SELECT * FROM pg_temp.try('{"plan":"Gold"}');
SELECT data, version FROM contacts.contact;

-- A new contact has nothing stored.
SELECT outcome, error ->> 'message' AS error FROM contacts.preview(request => '{"email_address":"b@example.com","fields":{"plan":"Gold"}}');

-- White space around a value, blank text, [] as fields
SELECT contacts.define_field('age', 'Age', 'NUMBER'), contacts.define_field('active', 'Active', 'BOOLEAN'),
	contacts.define_field('born', 'Born', 'DATE'), contacts.define_field('land', 'Land', 'COUNTRY'), contacts.define_field('note', 'Note');
SELECT contact_upsert('{"email_address":"c@example.com","fields":{"age":" 1.50\n","active":" TRUE ","born":"\t2024-02-29\u00a0","land":" de",
	"plan":" Pro ","topics":[" Art ","Music"],"note":" x "}}') #> '{data,data}' AS data;
SELECT contact_upsert('{"email_address":"c@example.com","partial_update":true,"fields":{"age":" ","active":"\u3000","born":" ","land":" ",
	"plan":" ","topics":" ","note":"\u2003\n"}}') #> '{data,data}' AS data;
SELECT contact_upsert('{"email_address":"c@example.com","partial_update":true,"fields":[]}') #> '{data,data}' AS data;
SELECT contacts.define_field('name', 'Name', required => true);
SELECT contact_upsert('{"email_address":"d@example.com","fields":{"name":" \u00a0 "}}');

-- Every digit of a number is kept, also zeros at its ends, in a NUMBER and in a text.
CREATE TEMPORARY TABLE number AS SELECT ordinality AS n, u.number::numeric FROM unnest(ARRAY['0', '1.50', '-120', '1e300', '-12e400', '1e65534', '1e-16383', '-5e-300',
	'0.' || repeat('0', 16383), '1.' || repeat('0', 16383), '-1.5' || repeat('0', 500), '100.' || repeat('0', 100), '1e500' || '', '12345' || repeat('0', 300) || '.250' || repeat('0', 200),
	repeat('1234567890', 1000), '0.' || repeat('1234567890', 1000), '10000' || repeat('0', 260) || '.0', '9999e1000', '0.0009999e-1000']) WITH ORDINALITY u (number, ordinality);
SELECT count(*) FROM number, LATERAL contact_upsert(jsonb_build_object('email_address', 'n' || n || '@example.com', 'fields', jsonb_build_object('name', 'x', 'age', number, 'note', number)));
SELECT count(*), count(*) FILTER (WHERE data ->> 'age' = number::text) AS as_number, count(*) FILTER (WHERE data ->> 'note' = number::text) AS as_text
	FROM number JOIN contacts.contact ON email_address = 'n' || n || '@example.com';
SELECT count(*), count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged FROM number, LATERAL contacts.preview(jsonb_build_object('email_address', 'n' || n || '@example.com',
	'partial_update', true, 'fields', jsonb_build_object('age', number, 'note', number)));
DELETE FROM contacts.contact WHERE email_address ~ '^n[0-9]';

-- contact.data is 1 MiB at most, the digits of numbers included, for every writer.
SELECT contacts.define_field('t' || i, 'T ' || i) IS NOT NULL AS defined FROM generate_series(10, 36) i OFFSET 26;
SELECT contact_upsert('{"email_address":"large@example.com","fields":{"name":"x"}}') #>> '{data,status}' AS status;
SELECT count(contact_upsert(jsonb_build_object('email_address', 'large@example.com', 'partial_update', true, 'fields',
	jsonb_build_object('t' || i, repeat('x', 65535))))) AS updates FROM generate_series(10, 24) i;
SELECT contact_upsert(jsonb_build_object('email_address', 'large@example.com', 'partial_update', true, 'fields',
	jsonb_build_object('t25', repeat('x', 65535))));
SELECT outcome, error ->> 'message' AS error FROM contacts.preview(request => jsonb_build_object('email_address', 'large@example.com', 'partial_update', true,
	'fields', jsonb_build_object('t25', repeat('x', 65535))));
SELECT pg_column_size(data) < 1048576 AS fits, octet_length(data::text) AS characters, version FROM contacts.contact WHERE email_address = 'large@example.com';
UPDATE contacts.contact SET data = data || jsonb_build_object('t26', repeat('x', 65535)) WHERE email_address = 'large@example.com';
UPDATE contacts.contact SET data = jsonb_build_object('t26', repeat('x', 100000000)) WHERE email_address = 'large@example.com';
UPDATE contacts.contact SET data = (SELECT jsonb_object_agg('n' || i, 1e65000) FROM generate_series(1, 20) i) WHERE email_address = 'large@example.com';
UPDATE contacts.contact SET data = '{"n":1e65535}' WHERE email_address = 'large@example.com';
UPDATE contacts.contact SET data = (repeat('[', 100) || repeat(']', 100))::jsonb WHERE email_address = 'large@example.com';
UPDATE contacts.contact SET data = '{"n":1e65534}' WHERE email_address = 'large@example.com' RETURNING octet_length(data::text);
-- A default is bounded, too.
\set SHOW_CONTEXT never
SELECT contacts.define_field('far', 'Far', 'NUMBER', default_value => '1e65535');
SELECT contacts.define_field('far', 'Far', 'NUMBER', default_value => (repeat('[', 100) || repeat(']', 100))::jsonb);

-- What got there past the functions, or by other rules, stays when it is sent as it is, and follows the rules when it is not.
UPDATE contacts.contact SET data = '{"note":" ","land":"de","plan":" Gold","name":"\t","age":"old"}' WHERE email_address = 'c@example.com';
SELECT outcome, changes FROM contacts.preview(request => '{"email_address":"c@example.com","partial_update":true,
	"fields":{"note":" ","land":"de","plan":" Gold","name":"\t","age":"old"}}');
SELECT outcome, changes FROM contacts.preview(request => '{"email_address":"c@example.com","partial_update":true,"fields":{"note":"  ","land":"De"}}');
SELECT outcome, error ->> 'message' AS error FROM contacts.preview(request => '{"email_address":"c@example.com","partial_update":true,"fields":{"name":" "}}');
