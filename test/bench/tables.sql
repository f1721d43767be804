-- What all ways of the benchmark work on: the definitions, and for each way a table of contacts of its own, still empty.
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

-- The values of a contact; the score alone differs from one to the other.
CREATE FUNCTION fields_of(score bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT ('{"first_name": "Tywin", "last_name": "Lannister", "company": "Casterly Rock Mining", "birthday": "1967-05-14",
		"plan": "business", "score": ' || score || '}')::jsonb
$$;

-- The shape of contacts.contact for the other ways, without the trigger that checks its rows, which spares them some work. The id is
-- made by the extension's function for them too, so that all have the same keys, as cheaply as can be.
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

CREATE SCHEMA plpgsql;
CREATE TABLE plpgsql.contact (LIKE statement.contact INCLUDING ALL) WITH (fillfactor = 85);
CREATE TABLE plpgsql.statistics (LIKE contacts.statistics INCLUDING ALL);
CREATE TABLE plpgsql.event (LIKE contacts.event INCLUDING ALL);
CREATE SCHEMA driver;
CREATE TABLE driver.contact (LIKE statement.contact INCLUDING ALL) WITH (fillfactor = 85);
CREATE SCHEMA copy;
CREATE TABLE copy.contact (LIKE statement.contact INCLUDING ALL) WITH (fillfactor = 85);
