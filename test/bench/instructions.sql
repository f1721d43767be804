-- What instructions.sh measures: our tables and that of the bare statement, with as many contacts in each as the setting bench.contacts
-- says, of two tags and three fields; and the loops around the calls. For "postgres --single -j", where a semicolon and an empty line
-- end a statement.

CREATE EXTENSION contact_upsert;

SELECT contacts.install();

SELECT contacts.define_field('first_name', 'First Name', required => true), contacts.define_field('score', 'Score', 'NUMBER'),
	contacts.define_field('plan', 'Plan', 'DROPDOWN_SINGLE', ARRAY['free', 'pro', 'business'], tracked => true),
	contacts.define_tag('newsletter'), contacts.define_tag('vip');

-- The shape of contacts.contact without its rules: tables.sql says why the id is made by the extension's function.
CREATE SCHEMA statement;

CREATE TABLE statement.contact (
	workspace_id bigint NOT NULL,
	id text COLLATE "C" NOT NULL DEFAULT contacts_internal.object_id(),
	email_address text COLLATE "C" NOT NULL,
	status contacts.status NOT NULL DEFAULT 'SUBSCRIBED',
	tags bigint[] NOT NULL,
	data jsonb NOT NULL,
	version bigint NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (workspace_id, id),
	UNIQUE (workspace_id, email_address)
) WITH (fillfactor = 85);

CREATE INDEX ON statement.contact USING gin (tags);

-- A member stands under the same policy in both tables.
ALTER TABLE statement.contact ENABLE ROW LEVEL SECURITY;

CREATE POLICY members_only ON statement.contact USING (contacts_internal.is_member(workspace_id));

CREATE ROLE member;

SELECT contacts.grant_access('member', 1);

GRANT USAGE ON SCHEMA statement TO member;

GRANT SELECT, INSERT, UPDATE ON statement.contact TO member;

-- Contacts are taken in no order: those that change have odd numbers, those that do not have even ones, and the address of a new one lies
-- beside that of one that is there. (Functions of one expression, which the planner puts in place of their calls.)
CREATE FUNCTION number_of(scenario text, i bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
	SELECT CASE scenario
		WHEN 'unchanged' THEN 2 + 2 * (i * 7919 % (current_setting('bench.contacts')::bigint / 2))
		WHEN 'create' THEN 1 + i * 7919 % current_setting('bench.contacts')::bigint
		ELSE 1 + 2 * (i * 7919 % (current_setting('bench.contacts')::bigint / 2)) END
$$;

-- The i-th request of a scenario.
CREATE FUNCTION request_of(scenario text, i bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
	SELECT ('{"email_address": "c' || number_of(scenario, i) || CASE scenario WHEN 'create' THEN 'x' ELSE '' END
		|| '@example.com", "tags": [1, 2], "fields": {"first_name": "Tywin", "plan": "'
		|| CASE scenario WHEN 'event' THEN 'pro' ELSE 'business' END || '", "score": '
		|| CASE scenario WHEN 'change' THEN 2000000000 + i ELSE number_of(scenario, i) END || '}}')::jsonb
$$;

CREATE FUNCTION requests_of(scenario text, i bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
	SELECT jsonb_agg(request_of(scenario, k)) FROM generate_series(i, i + 999) k
$$;

-- The loops, one for each way: calls, and arrays of 1,000, from the request of one number to that of another. What surrounds the call is
-- the same in all.
CREATE FUNCTION call_none(scenario text, first bigint, last bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	request jsonb;
	address text;
	fields jsonb;
BEGIN
	FOR i IN first..last LOOP
		request := request_of(scenario, i);
		address := request ->> 'email_address';
		fields := request -> 'fields';
	END LOOP;
END $$;

CREATE FUNCTION call_contact_upsert(scenario text, first bigint, last bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	request jsonb;
	address text;
	fields jsonb;
BEGIN
	FOR i IN first..last LOOP
		request := request_of(scenario, i);
		address := request ->> 'email_address';
		fields := request -> 'fields';
		PERFORM contact_upsert(request);
	END LOOP;
END $$;

CREATE FUNCTION call_statement(scenario text, first bigint, last bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	request jsonb;
	address text;
	fields jsonb;
	answer statement.contact;
BEGIN
	FOR i IN first..last LOOP
		request := request_of(scenario, i);
		address := request ->> 'email_address';
		fields := request -> 'fields';
		INSERT INTO statement.contact AS c (workspace_id, email_address, tags, data) VALUES (1, address, '{1,2}', fields)
		ON CONFLICT (workspace_id, email_address) DO UPDATE
			SET status = excluded.status, tags = excluded.tags, data = excluded.data, version = c.version + 1,
				updated_at = excluded.updated_at
		RETURNING * INTO answer;
	END LOOP;
END $$;

CREATE FUNCTION array_none(scenario text, first bigint, last bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	requests jsonb;
BEGIN
	FOR i IN first..last BY 1000 LOOP
		requests := requests_of(scenario, i);
	END LOOP;
END $$;

CREATE FUNCTION array_contact_upsert(scenario text, first bigint, last bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	requests jsonb;
	answer record;
BEGIN
	FOR i IN first..last BY 1000 LOOP
		requests := requests_of(scenario, i);
		FOR answer IN SELECT u.position, u.outcome, u.id FROM contacts.upsert_many(requests, workspace_id => 1) u LOOP
		END LOOP;
	END LOOP;
END $$;

CREATE FUNCTION array_outcomes(scenario text, first bigint, last bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	requests jsonb;
	answer record;
BEGIN
	FOR i IN first..last BY 1000 LOOP
		requests := requests_of(scenario, i);
		FOR answer IN SELECT u.position, u.outcome, u.id FROM contacts.upsert_many(requests, results => 'outcomes', workspace_id => 1) u LOOP
		END LOOP;
	END LOOP;
END $$;

CREATE FUNCTION array_statement(scenario text, first bigint, last bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	requests jsonb;
	answer record;
BEGIN
	FOR i IN first..last BY 1000 LOOP
		requests := requests_of(scenario, i);
		FOR answer IN
			INSERT INTO statement.contact AS c (workspace_id, email_address, tags, data)
			SELECT 1, r.email_address, r.tags, r.fields
			FROM jsonb_to_recordset(requests) AS r (email_address text, tags bigint[], fields jsonb)
			ON CONFLICT (workspace_id, email_address) DO UPDATE
				SET status = excluded.status, tags = excluded.tags, data = excluded.data, version = c.version + 1,
					updated_at = excluded.updated_at
			RETURNING id, version
		LOOP
		END LOOP;
	END LOOP;
END $$;

-- An error unless the calls did what their scenarios say, as often as they were made. (Both tables were loaded with version 1.)
CREATE FUNCTION check_calls(created bigint, changed bigint, events bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	contacts CONSTANT bigint := current_setting('bench.contacts');
	done CONSTANT text := (SELECT format('%s created, %s changed, %s events', count(*) - contacts, sum(version) - count(*),
		(SELECT count(*) FROM contacts.event)) FROM contacts.contact);
	wanted CONSTANT text := format('%s created, %s changed, %s events', created, changed, events);
BEGIN
	IF done <> wanted THEN
		RAISE EXCEPTION 'There are %, and should be %: there may be too few contacts for the calls', done, wanted;
	END IF;
END $$;

INSERT INTO contacts.contact (workspace_id, email_address, tags, data)
SELECT 1, 'c' || n || '@example.com', '{1,2}', jsonb_build_object('first_name', 'Tywin', 'score', n, 'plan', 'business')
FROM generate_series(1, current_setting('bench.contacts')::bigint) n;

INSERT INTO statement.contact SELECT * FROM contacts.contact;

VACUUM (FREEZE, ANALYZE);

