-- What must never hurt: a clear error or the right answer, and the row is untouched.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT contacts.define_field('text', 'Text'), contacts.define_field('number', 'Number', 'NUMBER'),
	contacts.define_field('multiple', 'Multiple', 'DROPDOWN_MULTIPLE', ARRAY['a', 'b']);
SELECT contacts.define_field('f' || lpad(i::text, 4, '0'), 'Field ' || i) IS NOT NULL AS defined FROM generate_series(1, 1001) i
	ORDER BY i LIMIT 1 OFFSET 1000;
SELECT count(contacts.define_tag('tag ' || i)) AS tags FROM generate_series(1, 1001) i;
SELECT contact_upsert('{"email_address":"a@example.com","fields":{"text":"before"}}') #>> '{data,status}' AS status;

CREATE FUNCTION pg_temp.try(request jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
BEGIN
	answer := contact_upsert(request);
	RETURN left(answer #>> '{data,data}', 100) || ' ' || jsonb_array_length(answer #> '{data,tags}');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || left(SQLERRM, 200);
END $$;
CREATE FUNCTION pg_temp.request(VARIADIC pairs jsonb[]) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_object_agg(k, v) FROM (
		SELECT 'email_address' AS k, '"a@example.com"'::jsonb AS v
		UNION ALL SELECT 'partial_update', 'true'
		UNION ALL SELECT pairs[i] #>> '{}', pairs[i + 1] FROM generate_series(1, cardinality(pairs), 2) i) p
$$;

-- sizes
SELECT pg_temp.try(pg_temp.request('"x"', to_jsonb(repeat('x', 1024 * 1024 + 1)))) AS too_large;
SELECT pg_temp.try(pg_temp.request('"x"', to_jsonb(repeat('x', 1024 * 1024 - 200)))) AS just_fits;
CREATE TEMP TABLE stored AS SELECT pg_temp.request('"x"', to_jsonb(repeat('x', 20 * 1024 * 1024))) AS request;
SELECT pg_temp.try(request) AS too_large_in_a_table FROM stored;
SELECT pg_temp.try(pg_temp.request('"fields"', jsonb_object_agg('f' || lpad(i::text, 4, '0'), i))) AS fields_1000 FROM generate_series(1, 1000) i;
SELECT pg_temp.try(pg_temp.request('"fields"', jsonb_object_agg('f' || lpad(i::text, 4, '0'), i))) AS fields_1001 FROM generate_series(1, 1001) i;
SELECT pg_temp.try(pg_temp.request('"tags"', jsonb_agg(i))) AS tags_1000 FROM generate_series(1, 1000) i;
SELECT pg_temp.try(pg_temp.request('"tags"', jsonb_agg(i))) AS tags_1001 FROM generate_series(1, 1001) i;
SELECT pg_temp.try(pg_temp.request('"add_tags"', jsonb_agg(1), '"remove_tags"', jsonb_agg(2))) AS tags_1200 FROM generate_series(1, 600) i;
SELECT pg_temp.try(pg_temp.request('"tags"', '[]')) AS none;

-- depth
CREATE FUNCTION pg_temp.nested(depth int) RETURNS jsonb LANGUAGE sql AS $$ SELECT (repeat('[', depth) || repeat(']', depth))::jsonb $$;
SELECT depth, pg_temp.try(pg_temp.request('"ignored"', pg_temp.nested(depth))) FROM unnest(ARRAY[1, 7, 8, 100, 5000]) depth;
SELECT pg_temp.try(pg_temp.request('"fields"', jsonb_build_object('text', pg_temp.nested(6)))) AS in_a_value,
	pg_temp.try(pg_temp.request('"fields"', jsonb_build_object('text', pg_temp.nested(7)))) AS too_deep;
SELECT pg_temp.try(pg_temp.nested(5000)) AS only_brackets;
SELECT pg_temp.try((repeat('{"a":', 5000) || '1' || repeat('}', 5000))::jsonb) AS only_braces;

-- numbers
SELECT length(contact_upsert(pg_temp.request('"fields"', ('{"number":' || repeat('1234567890', 1000) || '}')::jsonb)) #>> '{data,data,number}') AS digits_10000;
SELECT pg_temp.try(pg_temp.request('"fields"', jsonb_build_object('number', n))) FROM unnest(ARRAY[
	'1e100000', '1e131071', '1e131072', '1e9999999999999999999', '1e-16383', '1e-99999', '-1e-2147483649', '0e999999999999',
	repeat('9', 131073), '0.' || repeat('0', 20000) || '1', '1e', '-', '']) n;
SELECT pg_temp.try(pg_temp.request('"fields"', '{"number":1e131071}'));
SELECT pg_temp.try(pg_temp.request('"fields"', '{"number":-0.0}'));

-- tags
SELECT left(r::text, 40) AS tags, left(pg_temp.try(pg_temp.request('"tags"', r)), 80) AS try FROM unnest(ARRAY[
	'{}', '"1"', '1', '[-1]', '[0]', '[1.5]', '[1.0]', '[9223372036854775807]', '[9223372036854775808]', '[-9223372036854775809]', '[1e400]', '[1e-400]',
	'[[1]]', '[{"id":1}]', '[null]', '[true]', '[""]', '["%s%n%d"]', '["''; DROP TABLE contacts.contact; --"]']::jsonb[]) r;
SELECT pg_temp.try(pg_temp.request('"create_tags"', 'true', '"tags"', jsonb_build_array(n))) FROM unnest(ARRAY[
	' ', repeat('x', 64), repeat('ü', 64), repeat('x', 65), E'\u00a0trimmed\u2003', '😀', '100% "new"']) n;
SELECT name FROM contacts.tag ORDER BY tag_id OFFSET 1001;
SELECT pg_temp.try(pg_temp.request('"tags"', jsonb_build_array(repeat('x', 100000)))) AS long_name;

-- shapes
SELECT k, v, pg_temp.try(pg_temp.request(to_jsonb(k), v))
FROM unnest(ARRAY['fields', 'tags', 'add_tags', 'remove_tags', 'create_tags', 'resubscribe', 'partial_update', 'status']) k,
	unnest(ARRAY['null', '[]', '{}', '""', '0', 'false']::jsonb[]) v ORDER BY k, v;
SELECT pg_temp.try(pg_temp.request('"fields"', jsonb_build_object(k, 'x')))
FROM unnest(ARRAY['', ' ', 'TEXT', 'email_address ', '%s', '"', '''', '\', '😀', repeat('k', 100000)]) k;
SELECT pg_temp.try(pg_temp.request('"fields"', jsonb_build_object('multiple', v)))
FROM unnest(ARRAY['["a"]', '[]', '["a","a"]', '[["a"]]', '{"a":1}', '"a,b"']::jsonb[]) v;

-- text that JSON itself refuses
\set VERBOSITY sqlstate
SELECT contact_upsert('{"email_address":"a@example.com","fields":{"text":"\u0000"}}');
SELECT contact_upsert('{"email_address":"a@example.com","fields":{"text":"\ud800"}}');
SELECT contact_upsert('{"email_address":"a@example.com","fields":{"text":"x"}');
\set VERBOSITY default
-- the last of two equal keys, as jsonb has it
SELECT pg_temp.try('{"email_address":"b@example.com","email_address":"a@example.com","fields":{"text":"1","text":"2"}}');
SELECT count(*) AS contacts FROM contacts.contact;

-- labels and names with quotes, percent signs and more
SELECT contacts.define_field('odd', '%s "quoted" ''too'' \ 😀', 'NUMBER', required => true);
SELECT pg_temp.try(pg_temp.request('"fields"', '{"odd":"x"}'));
SELECT pg_temp.try(pg_temp.request('"partial_update"', 'false'));
