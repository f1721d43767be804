-- Runs each way over the same requests: create, update, nothing changes. Each cell is the best of three rounds.
SET client_min_messages = warning;
CREATE EXTENSION contact_upsert;
DO $$ BEGIN
	PERFORM contacts.install();
	PERFORM contacts.define_field('first_name', 'First Name', tracked => false), contacts.define_field('last_name', 'Last Name'),
		contacts.define_field('city', 'City'), contacts.define_tag('newsletter'), contacts.define_tag('vip');
END $$;
CREATE TABLE timing (scenario text, way text, microseconds numeric);

CREATE FUNCTION request(scenario text, round int, i int) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('email_address', 'contact' || i || '_' || CASE scenario WHEN 'create' THEN round ELSE 1 END || '@example.com',
		'fields', jsonb_build_object('first_name', 'Tywin' || CASE scenario WHEN 'update' THEN round ELSE 0 END, 'last_name', 'Lannister', 'city', 'Casterly Rock'),
		'tags', '[1, 2]'::jsonb)
$$;

CREATE PROCEDURE run(scenario text, way text, calls int) LANGUAGE plpgsql AS $$
DECLARE
	requests jsonb[];
	r jsonb;
	started timestamptz;
	finished timestamptz;
	-- the loop itself, which all have
	overhead interval;
BEGIN
	FOR round IN 1..3 LOOP
		SELECT array_agg(request(scenario, round, i)) INTO requests FROM generate_series(1, calls) i;
		started := clock_timestamp();
		FOREACH r IN ARRAY requests LOOP
			PERFORM r;
		END LOOP;
		overhead := clock_timestamp() - started;
		started := clock_timestamp();
		IF way = 'contact_upsert' THEN
			FOREACH r IN ARRAY requests LOOP
				PERFORM contact_upsert(r);
			END LOOP;
		ELSIF way = 'PL/pgSQL' THEN
			FOREACH r IN ARRAY requests LOOP
				PERFORM plain.upsert(r);
			END LOOP;
		ELSE
			FOREACH r IN ARRAY requests LOOP
				INSERT INTO plain.contact VALUES (1, md5(r ->> 'email_address'), r ->> 'email_address', 'SUBSCRIBED', '{1,2}', r -> 'fields', 1, now(), now())
				ON CONFLICT (workspace_id, email_address) DO UPDATE
					SET data = excluded.data, tags = excluded.tags, version = contact.version + 1, updated_at = now();
			END LOOP;
		END IF;
		finished := clock_timestamp();
		INSERT INTO timing VALUES (scenario, way, extract(epoch FROM finished - started - overhead) * 1000000 / calls);
		COMMIT;
	END LOOP;
END $$;
SELECT format('CALL run(%L, %L, %s)', s, w, :calls)
FROM unnest(ARRAY['statement', 'PL/pgSQL', 'contact_upsert']) WITH ORDINALITY AS ways (w, n),
	unnest(ARRAY['create', 'update', 'unchanged']) WITH ORDINALITY AS scenarios (s, m)
ORDER BY n, m \gexec

SELECT scenario AS "scenario (microseconds a call)",
	round(min(microseconds) FILTER (WHERE way = 'statement'), 1) AS "bare statement",
	round(min(microseconds) FILTER (WHERE way = 'contact_upsert'), 1) AS contact_upsert,
	round(min(microseconds) FILTER (WHERE way = 'PL/pgSQL'), 1) AS "PL/pgSQL",
	round(min(microseconds) FILTER (WHERE way = 'contact_upsert') / min(microseconds) FILTER (WHERE way = 'statement'), 2) AS "to statement",
	round(min(microseconds) FILTER (WHERE way = 'PL/pgSQL') / min(microseconds) FILTER (WHERE way = 'contact_upsert'), 2) AS "PL/pgSQL to it"
FROM timing GROUP BY scenario ORDER BY scenario;
