-- docs/api.md, "Request": what each key takes, and what is stored.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT contacts.define_field(lower(t::text), t::text, t, CASE t
	WHEN 'DROPDOWN_SINGLE' THEN ARRAY['Small', 'Large', '5']
	WHEN 'DROPDOWN_MULTIPLE' THEN ARRAY['red', 'green', 'light blue'] END)
FROM unnest(enum_range(NULL::contacts.field_type)) t;

-- E-mail: what is stored, or the error
CREATE FUNCTION pg_temp.email(address text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(p.email_address, '') || coalesce(' ' || (p.error ->> 'code'), '')
	FROM contacts.preview(jsonb_build_object('email_address', address)) p
$$;
SELECT regexp_replace(a, '[\u0001-\u001f\u0085\u00a0\u200b\u2003\u3000\ufeff]', '_', 'g') AS given, pg_temp.email(a) AS stored FROM unnest(ARRAY[
	'A.B+c@EXAMPLE.com', E' \t\n\u00a0\u2003a@example.com\u3000', 'I@EXAMPLE.COM', 'a@b', 'a@b-c.d', '!#$%&''*+/=?^_`{|}~-.@x.y',
	'..@x', 'ä.Ö@example.com', 'a@müller.example', 'İ@example.com', '😀@example.com', '用户@例子.广告',
	'plain', '@example.com', 'a@', 'a@@b', 'a b@c', 'a@b c', 'a@b..c', 'a@.b', 'a@b.', 'a@-b', 'a@b-', 'a,b@c', '"a"@b', 'a@[127.0.0.1]',
	'<a@b.c>', 'a@b.c, d@e.f', E'a\u0001@b', E'a\u200b@b', E'a\u0085b@c', E'a\ufeff@b'
]) a;
SELECT pg_temp.email(repeat('l', 62) || '@' || repeat(repeat('d', 62) || '.', 3) || 'ab') LIKE 'lll%ab' AS bytes_254,
	pg_temp.email(repeat('l', 62) || '@' || repeat(repeat('d', 62) || '.', 3) || 'abc') AS bytes_255;
SELECT pg_temp.email('a@' || repeat('d', 63) || '.com') LIKE 'a@ddd%' AS label_63, pg_temp.email('a@' || repeat('d', 64) || '.com') AS label_64;

-- Values: what is stored under the field's merge tag, or the error
CREATE FUNCTION pg_temp.value(type text, given jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(p.error ->> 'message' || ' ', '') || coalesce(p.contact #>> ARRAY['data', lower(type)], '')
		|| CASE WHEN p.contact #> '{data}' ? lower(type)
			THEN ' ' || jsonb_typeof(p.contact #> ARRAY['data', lower(type)]) ELSE '' END
	FROM contacts.preview(jsonb_build_object('email_address', 'a@example.com',
		'fields', jsonb_build_object(lower(type), given))) p
$$;
-- no value
SELECT t AS type, pg_temp.value(t::text, 'null') = '' AS "null", pg_temp.value(t::text, '""') = '' AS empty
FROM unnest(enum_range(NULL::contacts.field_type)) t;
SELECT t AS type, g AS given, pg_temp.value(t, g) AS stored FROM (VALUES
	('TEXT', '["x"," x ","ünï 😀","\"q\" 100%", 12, -0.50, 1e3, true, false, 0, [], {}, [1]]'::jsonb),
	('NUMBER', '[0, -1, 1.50, 12345678901234567890.123456789, 1e3, "7", "-0.0", "1.50", "1e3", "1E-2",
		" 1", "1 ", "+1", ".5", "5.", "01", "NaN", "Infinity", "0x10", "1_000", "one", true, [], [1], {}]'),
	('BOOLEAN', '[true, false, "true", "FALSE", "True", "yes", "t", "1", 1, 0, [], {}]'),
	('DATE', '["2024-02-29", "2023-02-29", "2024-02-30", "1900-02-29", "2000-02-29", "2024-13-01", "2024-00-10", "0000-01-01",
		"9999-12-31", "2024-2-9", "2024-02-09T10:30:00Z", "2024-02-09t10:30:00.999z", "2024-02-09T23:30:00-01:00",
		"2024-01-01T00:30:00+05:30", "9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01", "2024-02-09T24:00:00Z",
		"2024-02-09T10:60:00Z", "2024-02-09T10:30:60Z", "2024-02-09T10:30Z", "2024-02-09T10:30:00", "2024-02-09 10:30:00Z",
		"2024-02-09T10:30:00+24:00", "today", "now", "infinity", "epoch", "09/02/2024", "J2451187", "20240209", "2024-W06",
		20240209, true, [], {}]'),
	('DROPDOWN_SINGLE', '["Small", "small", " Small", "5", 5, "Medium", true, ["Small"], {}]'),
	('DROPDOWN_MULTIPLE', '[["light blue","red","red"], "light blue, red", "green", "green,,", " , ", [], [""], ["Red"], "red,pink",
		["red", 1], ["red", null], 5, true, {}]'),
	('COUNTRY', '["DE", "de", "gB", "UK", "XX", "D", "DEU", " DE", "276", 276, true, [], {}]')
) AS v (t, values), jsonb_array_elements(v.values) g;
-- The result never depends on these.
SET datestyle = 'German, DMY'; SET timezone = 'Pacific/Kiritimati'; SET extra_float_digits = -15; SET intervalstyle = 'sql_standard';
SET bytea_output = 'escape';
SELECT current_setting('server_version_num')::int < 190000 AS can_be_off \gset
\if :can_be_off
SET standard_conforming_strings = off;
\endif
SELECT contact_upsert('{"email_address":"odd@example.com","fields":{"date":"2024-02-09T23:30:00-01:00","number":"1.50"}}')
	#> '{data,data}' AS data;
SELECT (contact_upsert('{"email_address":"odd@example.com","partial_update":true}') #>> '{data,created_at}')
	= to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS utc
FROM contacts.contact WHERE email_address = 'odd@example.com';
RESET ALL;
SELECT length(pg_temp.value('TEXT', to_jsonb(repeat('x', 65535)))) AS longest, pg_temp.value('TEXT', to_jsonb(repeat('x', 65536))) AS longer,
	pg_temp.value('TEXT', to_jsonb(repeat('ü', 32768))) AS bytes_count;

-- default_value
SELECT contacts.define_field('source', 'Source', default_value => '"web"', required => true);
SELECT contact_upsert('{"email_address":"d@example.com"}') #> '{data,data}' AS created;
SELECT contact_upsert('{"email_address":"d@example.com","fields":{"source":"api"}}') #> '{data,data}' AS given;
SELECT contact_upsert('{"email_address":"d@example.com","fields":{"source":null}}') #> '{data,data}' AS replaced;
SELECT contact_upsert('{"email_address":"d@example.com","fields":{"source":"api"},"partial_update":true}') #> '{data,data}' AS merged;
SELECT contact_upsert('{"email_address":"d@example.com","fields":{"source":""},"partial_update":true}') #> '{data,data}' AS cleared;
SELECT contact_upsert('{"email_address":"d@example.com","fields":{"text":"x"},"partial_update":true}') #> '{data,data}' AS kept;
SELECT contact_upsert('{"email_address":"d@example.com","fields":{"text":""},"partial_update":true}') #> '{data,data}' AS cleared;

-- tags
SELECT contacts.define_tag('newsletter'), contacts.define_tag('VIP'), contacts.define_tag('Ölberg');
CREATE FUNCTION pg_temp.tags(request jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(p.error ->> 'message', p.contact ->> 'tags')
	FROM contacts.preview('{"email_address":"tags@example.com","partial_update":true,"fields":{"source":"x"}}' || request) p
$$;
SELECT contact_upsert('{"email_address":"tags@example.com","tags":[2,1,2,1.0,"vip"]}') #> '{data,tags}' AS tags;
SELECT r AS request, pg_temp.tags(r) AS tags FROM unnest(ARRAY[
	'{}', '{"tags":[]}', '{"tags":[3]}', '{"tags":["öLBERG"," vip "]}', '{"add_tags":[3]}', '{"remove_tags":[1]}', '{"remove_tags":[3]}',
	'{"tags":[],"add_tags":[1,2,3],"remove_tags":["vip",2]}', '{"remove_tags":[9]}', '{"remove_tags":["nix"]}', '{"tags":["1"]}',
	'{"tags":["new","NEW","other"],"create_tags":true}', '{"remove_tags":["nix"],"create_tags":true}',
	'{"add_tags":["new"],"remove_tags":["New"],"create_tags":true}', '{"tags":["new"],"create_tags":false}',
	'{"partial_update":false}', '{"partial_update":false,"add_tags":[3]}'
]::jsonb[]) r;
SELECT count(*) FROM contacts.tag;
SELECT contact_upsert('{"email_address":"tags@example.com","add_tags":["new","NEW","other"],"create_tags":true}') #> '{data,tags}' AS tags;
SELECT tag_id, name FROM contacts.tag ORDER BY tag_id;
-- a tag that is deleted is not shown, and goes at the contact's next write
DELETE FROM contacts.tag WHERE name = 'new';
SELECT contact_upsert('{"email_address":"tags@example.com","partial_update":true}') #> '{data,tags}' AS tags, tags AS stored, version
FROM contacts.contact WHERE email_address = 'tags@example.com';
SELECT contact_upsert('{"email_address":"tags@example.com","partial_update":true,"add_tags":[1]}') #> '{data,tags}' AS tags;
SELECT tags AS stored, version FROM contacts.contact WHERE email_address = 'tags@example.com';
