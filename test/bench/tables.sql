-- What all ways of the benchmark work on: the definitions, and for each way a table of contacts of its own. Wants the
-- variable contacts: how many of them to load.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION contact_upsert;
DO $$ BEGIN
	PERFORM contacts.install();
	PERFORM contacts.define_field('first_name', 'First Name', required => true), contacts.define_field('last_name', 'Last Name'),
		contacts.define_field('company', 'Company'), contacts.define_field('score', 'Score', 'NUMBER'),
		contacts.define_field('birthday', 'Birthday', 'DATE'),
		contacts.define_field('plan', 'Plan', 'DROPDOWN_SINGLE', ARRAY['free', 'pro', 'business'], tracked => true),
		contacts.define_tag('newsletter'), contacts.define_tag('vip');
END $$;

-- The values of contact n, whose score alone differs from contact to contact.
CREATE FUNCTION bench_fields(score bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT ('{"first_name": "Tywin", "last_name": "Lannister", "company": "Casterly Rock Mining", "birthday": "1967-05-14",
		"plan": "business", "score": ' || score || '}')::jsonb
$$;

-- Past the function, which would be slow. By this time the created_at of what a cell creates is told apart: see tidy.sql.
INSERT INTO contacts.contact (workspace_id, email_address, tags, data, created_at, updated_at)
SELECT 1, 'c' || n || '@example.com', '{1,2}', bench_fields(n), '2024-02-15 10:30:00+00', '2024-02-15 10:30:00+00'
FROM generate_series(1, :contacts) n;

-- The shape of contacts.contact for the other ways, without its CHECK constraints, which spares them some work. The id is
-- made by the extension's function for them too, so that all have the same keys, as cheaply as can be.
CREATE SCHEMA statement;
CREATE TABLE statement.contact (
	workspace_id bigint NOT NULL,
	id text COLLATE "C" NOT NULL DEFAULT contacts.object_id(),
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

CREATE SCHEMA plpgsql;
CREATE TABLE plpgsql.contact (LIKE statement.contact INCLUDING ALL) WITH (fillfactor = 85);
CREATE TABLE plpgsql.statistics (LIKE contacts.statistics INCLUDING ALL);
CREATE TABLE plpgsql.event (LIKE contacts.event INCLUDING ALL);
CREATE SCHEMA driver;
CREATE TABLE driver.contact (LIKE statement.contact INCLUDING ALL) WITH (fillfactor = 85);

INSERT INTO statement.contact SELECT * FROM contacts.contact;
INSERT INTO plpgsql.contact SELECT * FROM contacts.contact;
INSERT INTO driver.contact SELECT * FROM contacts.contact;
