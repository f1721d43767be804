-- docs/api.md, "Statistics": contacts.record_many adds an array of counts, or nothing of it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
\set SHOW_CONTEXT never
SELECT contacts.record_many('[{"contact":"a@example.com","counter":"total_opens"}]');
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT contacts.define_workspace('theirs') AS theirs;
INSERT INTO contacts.contact (workspace_id, id, email_address) VALUES (1, repeat('a', 24), 'b@example.com'), (1, repeat('b', 24), 'a@example.com'),
	(2, repeat('c', 24), 'c@example.com'), (2, repeat('d', 24), 'a@example.com');
CREATE VIEW pg_temp.totals AS SELECT workspace_id, contact_id, total_opens, total_clicks, total_bounces, total_delivered
	FROM contacts.statistics ORDER BY 1, 2;

-- By id and by address, one contact and one counter more than once, by left out and null, all counters, all at once.
SELECT contacts.record_many('[]') AS contacts;
SELECT contacts.record_many('[
	{"contact": "aaaaaaaaaaaaaaaaaaaaaaaa", "counter": "total_opens"},
	{"contact": " B@Example.com", "counter": "total_opens", "by": 41},
	{"contact": "b@example.com", "counter": "total_clicks", "by": null},
	{"contact": "a@example.com", "counter": "total_bounces", "by": 2.0},
	{"contact": "a@example.com", "counter": "total_delivered", "by": 3e2},
	{"contact": "bbbbbbbbbbbbbbbbbbbbbbbb", "counter": "total_delivered", "by": 0}]') AS contacts;
TABLE pg_temp.totals;
SELECT contacts.record_many('[{"contact": "a@example.com", "counter": "total_opens"}, {"contact": "b@example.com", "counter": "total_opens"}]') AS contacts;
SELECT contacts.record_many('[{"contact": "a@example.com", "counter": "total_opens", "by": 7}]', workspace_id => 2) AS contacts;
SELECT contacts.record('bbbbbbbbbbbbbbbbbbbbbbbb', 'total_opens') AS total;
TABLE pg_temp.totals;

-- What is wrong names its position, and nothing is recorded.
SELECT contacts.record_many(NULL);
SELECT contacts.record_many('null');
SELECT contacts.record_many('{"contact": "a@example.com", "counter": "total_opens"}');
SELECT contacts.record_many('"[]"');
SELECT contacts.record_many((SELECT jsonb_agg(n) FROM generate_series(1, 100001) n));
CREATE FUNCTION pg_temp.try(bad jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	RETURN contacts.record_many('[{"contact": "a@example.com", "counter": "total_opens"}]' || jsonb_build_array(bad, bad));
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, detail, hint);
END $$;
\pset format unaligned
SELECT left(bad::text, 100) AS bad, pg_temp.try(bad) FROM unnest(ARRAY[
	'1', 'null', '[]', '{}',
	'{"contact": "a@example.com", "counter": "total_opens", "count": 5}',
	'{"contact": 7, "counter": "total_opens"}',
	'{"contact": null, "counter": "total_opens"}',
	'{"contact": "a@example.com"}',
	'{"contact": "a@example.com", "counter": "opens"}',
	'{"contact": "a@example.com", "counter": ["total_opens"]}',
	'{"contact": "a@example.com", "counter": "total_opens", "by": "1"}',
	'{"contact": "a@example.com", "counter": "total_opens", "by": true}',
	'{"contact": "a@example.com", "counter": "total_opens", "by": -1}',
	'{"contact": "a@example.com", "counter": "total_opens", "by": 1.5}',
	'{"contact": "a@example.com", "counter": "total_opens", "by": 9223372036854775808}',
	'{"contact": "a@example.com", "counter": "total_opens", "by": 1e1000}',
	'{"contact": "nobody@example.com", "counter": "total_opens"}',
	'{"contact": "nobody", "counter": "total_opens"}',
	'{"contact": "", "counter": "total_opens"}',
	'{"contact": "cccccccccccccccccccccccc", "counter": "total_opens"}',
	'{"contact": "c@example.com", "counter": "total_opens"}',
	'{"contact": "a@example.com", "counter": "total_opens", "by": 9223372036854775807}']::jsonb[]) AS bad;
\pset format aligned
SELECT contacts.record_many('[{"contact": "c@example.com", "counter": "total_opens"}]', workspace_id => 3);
BEGIN READ ONLY;
SELECT contacts.record_many('[{"contact": "a@example.com", "counter": "total_opens"}]');
ROLLBACK;
TABLE pg_temp.totals;

-- 2,000 counts of 1,000 contacts, in any order, are one statement.
INSERT INTO contacts.contact (workspace_id, id, email_address) SELECT 2, lpad(n::text, 24, '0'), n || '@example.com' FROM generate_series(1, 1000) n;
ANALYZE contacts.contact;
SELECT contacts.record_many((SELECT jsonb_agg(jsonb_build_object('contact', CASE WHEN n % 3 = 0 THEN lpad((1 + n % 1000)::text, 24, '0')
	ELSE 1 + n % 1000 || '@example.com' END, 'counter', 'total_clicks') ORDER BY md5(n::text)) FROM generate_series(1, 2000) n), workspace_id => 2) AS contacts;
SELECT total_clicks, count(*) FROM contacts.statistics WHERE workspace_id = 2 GROUP BY 1 ORDER BY 1;
