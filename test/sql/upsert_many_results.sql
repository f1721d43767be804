-- contacts.upsert_many with results => 'outcomes' and 'failed': the same is done, and less is said of it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('age', 'Age', 'NUMBER', tracked => true), contacts.define_tag('vip');
ALTER TABLE contacts.contact ADD CONSTRAINT not_too_old CHECK ((data ->> 'age')::numeric < 150);
SELECT contact_upsert('{"email_address":"arya@example.com","fields":{"age":9}}') IS NOT NULL AS made,
	contact_upsert('{"email_address":"bran@example.com","fields":{"age":8}}') IS NOT NULL AS made,
	contact_upsert('{"email_address":"rickon@example.com","fields":{"age":3}}') IS NOT NULL AS made;

-- One of each outcome, and an address that comes twice.
CREATE FUNCTION pg_temp.requests() RETURNS jsonb LANGUAGE sql AS $$
	SELECT '[{"email_address":"sansa@example.com","fields":{"age":11},"tags":["vip"]},
		{"email_address":"arya@example.com","fields":{"age":10}},
		{"email_address":"bran@example.com","partial_update":true},
		{"email_address":"nobody"},
		{"email_address":"bran@example.com","fields":{"age":"x"}},
		{"email_address":"rickon@example.com","fields":{"age":150}},
		{"email_address":"jon@example.com","mode":"update"},
		{"email_address":"Sansa@example.com","fields":{"age":12},"partial_update":true},
		{"email_address":"rickon@example.com","mode":"create"}]'::jsonb
$$;
-- What the array returns and leaves behind, without ids and times. It is taken back.
CREATE FUNCTION pg_temp.run(results text, OUT returned jsonb, OUT stored jsonb) LANGUAGE plpgsql AS $$
BEGIN
	SELECT jsonb_agg(to_jsonb(r) #- '{id}' #- '{contact,id}' #- '{contact,created_at}' #- '{contact,updated_at}') INTO returned
		FROM contacts.upsert_many(pg_temp.requests(), results => run.results) r;
	stored := jsonb_build_object(
		'contacts', (SELECT jsonb_agg(to_jsonb(c) - '{id,created_at,updated_at}'::text[] ORDER BY email_address) FROM contacts.contact c),
		'events', (SELECT jsonb_agg(jsonb_build_array(c.email_address, e.type, e.detail) ORDER BY e.event_id)
			FROM contacts.event e JOIN contacts.contact c ON c.id = e.contact_id));
	RAISE SQLSTATE 'ROLLB';
EXCEPTION WHEN SQLSTATE 'ROLLB' THEN
END $$;

SELECT r ->> 'position' AS "position", r ->> 'outcome' AS outcome, r ->> 'email_address' AS email_address, r ->> 'version' AS version,
	r -> 'changes' AS changes, r -> 'events' AS events, r -> 'contact' AS contact, left(r #>> '{error,message}', 60) AS message
FROM jsonb_array_elements((pg_temp.run('outcomes')).returned) r;
SELECT r ->> 'position' AS "position", r ->> 'outcome' AS outcome, r ->> 'email_address' AS email_address, r ->> 'version' AS version,
	r -> 'changes' AS changes, r -> 'events' AS events, r -> 'contact' AS contact, left(r #>> '{error,message}', 60) AS message
FROM jsonb_array_elements((pg_temp.run('failed')).returned) r;

-- The rows are those of 'all', and what is stored is the same.
CREATE TEMP TABLE ran AS SELECT results, (pg_temp.run(results)).* FROM unnest(ARRAY['all', 'outcomes', 'failed']) results;
SELECT jsonb_array_length(a.returned) AS all_rows, jsonb_array_length(a.stored -> 'contacts') AS contacts, jsonb_array_length(a.stored -> 'events') AS events,
	o.returned = (SELECT jsonb_agg(r || '{"changes": null, "events": null, "contact": null}') FROM jsonb_array_elements(a.returned) r) AS outcomes,
	f.returned = (SELECT jsonb_agg(r) FROM jsonb_array_elements(a.returned) r WHERE r ->> 'outcome' = 'failed') AS failed,
	a.stored = o.stored AND a.stored = f.stored AS same
FROM ran a, ran o, ran f WHERE a.results = 'all' AND o.results = 'outcomes' AND f.results = 'failed';
-- the id, too
CREATE TEMP TABLE said AS
	SELECT * FROM contacts.upsert_many('[{"email_address":"arya@example.com"},{"email_address":"robb@example.com"}]', results => 'outcomes');
SELECT r.outcome, c.id = r.id AS same_id, c.version = r.version AS same_version
FROM said r JOIN contacts.contact c USING (email_address) ORDER BY r.position;

-- No row where nothing fails; with 'stop' there is none at all.
SELECT count(*) FROM contacts.upsert_many('[{"email_address":"a@example.com"},{"email_address":"b@example.com"}]', results => 'failed');
SELECT count(*) FROM contacts.upsert_many('[{"email_address":"c@example.com"}]', 'stop', 'failed');
SELECT count(*) FROM contacts.upsert_many('[{"email_address":"d@example.com"},{}]', 'stop', 'failed');
SELECT count(*) FROM contacts.upsert_many('[{"email_address":"d@example.com"},{}]', 'stop', 'outcomes');
SELECT count(*) FROM contacts.upsert_many('[]', results => 'outcomes');
SELECT string_agg(email_address, ' ' ORDER BY email_address) AS made FROM contacts.contact WHERE email_address LIKE '_@example.com';

-- Another value is an error, and nothing is written.
\set VERBOSITY default
SELECT * FROM contacts.upsert_many('[{"email_address":"e@example.com"}]', results => 'none');
SELECT * FROM contacts.upsert_many('[{"email_address":"e@example.com"}]', results => 'ALL');
SELECT * FROM contacts.upsert_many('[{"email_address":"e@example.com"}]', results => '');
SELECT * FROM contacts.upsert_many('[{"email_address":"e@example.com"}]', results => NULL);
SELECT count(*) AS made FROM contacts.contact WHERE email_address = 'e@example.com';
