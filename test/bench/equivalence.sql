-- Runs the same random requests through contact_upsert and the rules in PL/pgSQL and stops the benchmark if an answer, an
-- error, a contact or an event differs: two ways that do not do the same cannot be compared. Leaves nothing behind.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;
SELECT setseed(0.5) \g /dev/null

-- One of those given.
CREATE FUNCTION pg_temp.pick(VARIADIC choices jsonb[]) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT choices[1 + floor(random() * cardinality(choices))::int]
$$;

CREATE FUNCTION pg_temp.rarely(mistake jsonb, otherwise jsonb) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN random() < 0.05 THEN mistake ELSE otherwise END
$$;

CREATE FUNCTION pg_temp.some_request() RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	absent CONSTANT jsonb := '"absent"';
	request jsonb;
	fields jsonb;
BEGIN
	fields := jsonb_build_object('first_name', pg_temp.pick('"Tywin"', '"Tyrion"', '"Tyrion"', 'null', absent),
		'last_name', pg_temp.pick('"Lannister"', '42', '""', absent),
		'score', pg_temp.pick('1', '1.5', '"7"', absent, pg_temp.rarely('"seven"', '0')),
		'birthday', pg_temp.pick('"1967-05-14"', '"1968-02-29"', '"2024-02-15T10:30:00+02:00"', absent,
			pg_temp.rarely('"today"', 'null')),
		'plan', pg_temp.pick('"free"', '"pro"', absent, pg_temp.rarely('"gold"', '"pro"')));
	IF random() < 0.02 THEN
		fields := fields || '{"shoe_size": 42}';
	END IF;
	request := jsonb_build_object(
		'email_address', pg_temp.pick(to_jsonb('  C' || ceil(random() * 50) || '@Example.com '),
			to_jsonb('new' || ceil(random() * 50) || '@example.com'), pg_temp.rarely('"no address"', '"new@example.com"')),
		'tags', pg_temp.pick('[]', '[1]', '[2, 1, 2]', absent, pg_temp.rarely('[3]', '[2]')),
		'status', pg_temp.pick('"SUBSCRIBED"', '"UNCONFIRMED"', absent, pg_temp.rarely('"OTHER"', 'null')),
		'partial_update', pg_temp.pick('true', 'false', absent),
		'fields', (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(fields) WHERE value <> absent));
	RETURN (SELECT jsonb_object_agg(key, value) FROM jsonb_each(request) WHERE value <> absent);
END $$;

-- The answer without the id, which differs, or the error.
CREATE FUNCTION pg_temp.outcome(call text, request jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
BEGIN
	EXECUTE call INTO answer USING request;
	RETURN answer #- '{data,id}';
EXCEPTION WHEN data_exception THEN
	RETURN to_jsonb(SQLSTATE || ' ' || SQLERRM);
END $$;

CREATE FUNCTION pg_temp.compare(requests int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	request jsonb;
	here jsonb;
	there jsonb;
	failures int := 0;
BEGIN
	FOR i IN 1..requests LOOP
		request := pg_temp.some_request();
		here := pg_temp.outcome('SELECT contact_upsert($1)', request);
		there := pg_temp.outcome('SELECT plpgsql.upsert($1)', request);
		IF here <> there THEN
			RAISE EXCEPTION 'contact_upsert and PL/pgSQL differ on %: % and %', request, here, there;
		END IF;
		failures := failures + (jsonb_typeof(here) = 'string')::int;
	END LOOP;
	IF failures NOT BETWEEN requests / 50 AND requests / 2 THEN
		RAISE EXCEPTION '% of % requests were refused: too many or too few to show much', failures, requests;
	END IF;
END $$;
SELECT pg_temp.compare(2000) \g /dev/null

CREATE FUNCTION pg_temp.difference(one text, other text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((%1$s EXCEPT ALL %2$s) UNION ALL (%2$s EXCEPT ALL %1$s)) d', one, other) INTO result;
	RETURN result;
END $$;
DO $$
DECLARE
	contact CONSTANT text := 'SELECT email_address, status, tags, data, version FROM %s.contact';
	event CONSTANT text := 'SELECT c.email_address, e.contact_version, e.ordinal, e.type, e.detail
		FROM %1$s.event e JOIN %1$s.contact c ON c.id = e.contact_id';
BEGIN
	IF pg_temp.difference(format(contact, 'contacts'), format(contact, 'plpgsql')) > 0
		OR pg_temp.difference(format(event, 'contacts'), format(event, 'plpgsql')) > 0
		OR (SELECT count(*) FROM contacts.event) < 100
	THEN
		RAISE EXCEPTION 'contact_upsert and PL/pgSQL do not leave the same contacts and events';
	END IF;
END $$;
ROLLBACK;
