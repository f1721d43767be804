-- Contacts: the table, the rules that its constraints, defaults and triggers keep for every writer, and the counters of a contact.

CREATE TYPE contacts.status AS ENUM ('SUBSCRIBED', 'UNSUBSCRIBED', 'UNCONFIRMED', 'CLEANED', 'COMPLAINED');
COMMENT ON TYPE contacts.status IS 'whether a contact may be mailed';
REVOKE ALL ON TYPE contacts.status FROM PUBLIC;

CREATE FUNCTION contacts_internal.object_id() RETURNS text
	LANGUAGE C VOLATILE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_object_id';
COMMENT ON FUNCTION contacts_internal.object_id() IS 'a new contact id: an ObjectId of 24 lower-case hex digits';
REVOKE ALL ON FUNCTION contacts_internal.object_id() FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_contact(
	id text,
	email_address text,
	tags bigint[],
	data jsonb,
	version bigint,
	created_at timestamptz,
	updated_at timestamptz
) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_check_contact';
COMMENT ON FUNCTION contacts_internal.check_contact(text, text, bigint[], jsonb, bigint, timestamptz, timestamptz) IS
	'true, or an error that names the column and the rule of contacts.contact that it breaks';
REVOKE ALL ON FUNCTION contacts_internal.check_contact(text, text, bigint[], jsonb, bigint, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION contacts_internal.before_contact_update() RETURNS trigger
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_before_contact_update';
COMMENT ON FUNCTION contacts_internal.before_contact_update() IS
	'trigger: raises the version of a contact whose UPDATE leaves it alone';
REVOKE ALL ON FUNCTION contacts_internal.before_contact_update() FROM PUBLIC;

CREATE FUNCTION contacts_internal.install_contacts() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	CREATE TABLE contacts.contact (
		workspace_id bigint NOT NULL,
		id text COLLATE "C" NOT NULL DEFAULT contacts_internal.object_id(),
		email_address text COLLATE "C" NOT NULL,
		status contacts.status NOT NULL DEFAULT 'SUBSCRIBED',
		tags bigint[] NOT NULL DEFAULT '{}',
		data jsonb NOT NULL DEFAULT '{}',
		version bigint NOT NULL DEFAULT 1,
		created_at timestamptz NOT NULL DEFAULT now(),
		updated_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (workspace_id, id),
		UNIQUE (workspace_id, email_address),
		CONSTRAINT contact_is_valid CHECK (
			contacts_internal.check_contact(id, email_address, tags, data, version, created_at, updated_at))
	) WITH (fillfactor = 85); -- room for the next version of a row on its own page: a HOT update touches no index
	CREATE INDEX contact_tags_idx ON contacts.contact USING gin (tags);
	CREATE TRIGGER raise_version BEFORE UPDATE ON contacts.contact
		FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_contact_update();
	COMMENT ON TABLE contacts.contact IS 'contact_upsert: the contacts, one for each workspace and e-mail address';

	CREATE TABLE contacts.statistics (
		workspace_id bigint NOT NULL,
		contact_id text COLLATE "C" NOT NULL,
		total_opens bigint NOT NULL DEFAULT 0,
		total_clicks bigint NOT NULL DEFAULT 0,
		total_bounces bigint NOT NULL DEFAULT 0,
		total_delivered bigint NOT NULL DEFAULT 0,
		PRIMARY KEY (workspace_id, contact_id),
		FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts.contact ON DELETE CASCADE,
		CONSTRAINT "statistics are not negative" CHECK (
			total_opens >= 0 AND total_clicks >= 0 AND total_bounces >= 0 AND total_delivered >= 0)
	) WITH (fillfactor = 70);
	COMMENT ON TABLE contacts.statistics IS 'contact_upsert: the counters of a contact; no row means zeros';

	PERFORM contacts_internal.show_to_members(t) FROM unnest(ARRAY['contact', 'statistics']) t;
END
$$;
COMMENT ON FUNCTION contacts_internal.install_contacts() IS 'part of contacts.install(): the contacts and their statistics';
REVOKE ALL ON FUNCTION contacts_internal.install_contacts() FROM PUBLIC;

CREATE FUNCTION contacts.record(
	contact_id text,
	counter text,
	by bigint DEFAULT 1,
	workspace_id bigint DEFAULT NULL
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(record.workspace_id, contacts_internal.current_workspace());
	total bigint;
BEGIN
	IF counter IS NULL OR counter NOT IN ('total_opens', 'total_clicks', 'total_bounces', 'total_delivered') THEN
		RAISE EXCEPTION 'There is no counter %.', coalesce(quote_literal(counter), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'statistics',
				HINT = 'The counters are total_opens, total_clicks, total_bounces and total_delivered.';
	END IF;
	IF by IS NULL OR by < 0 THEN
		RAISE EXCEPTION 'A counter only grows: by must be 0 or more.'
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'statistics', COLUMN = counter,
				HINT = 'UPDATE contacts.statistics corrects a counter.';
	END IF;
	IF NOT EXISTS (SELECT FROM contacts.contact c WHERE c.workspace_id = workspace AND c.id = record.contact_id) THEN
		RAISE EXCEPTION 'Contact % does not exist in workspace %.', coalesce(contact_id, 'NULL'), workspace
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'contact', COLUMN = 'id',
				HINT = 'contact_id is the id in the answer of contact_upsert().';
	END IF;
	INSERT INTO contacts.statistics AS s
			(workspace_id, contact_id, total_opens, total_clicks, total_bounces, total_delivered)
		VALUES (workspace, record.contact_id,
			CASE counter WHEN 'total_opens' THEN by ELSE 0 END,
			CASE counter WHEN 'total_clicks' THEN by ELSE 0 END,
			CASE counter WHEN 'total_bounces' THEN by ELSE 0 END,
			CASE counter WHEN 'total_delivered' THEN by ELSE 0 END)
		ON CONFLICT (workspace_id, contact_id) DO UPDATE SET
			total_opens = s.total_opens + excluded.total_opens,
			total_clicks = s.total_clicks + excluded.total_clicks,
			total_bounces = s.total_bounces + excluded.total_bounces,
			total_delivered = s.total_delivered + excluded.total_delivered
		RETURNING CASE counter
			WHEN 'total_opens' THEN s.total_opens
			WHEN 'total_clicks' THEN s.total_clicks
			WHEN 'total_bounces' THEN s.total_bounces
			ELSE s.total_delivered END
			INTO total;
	RETURN total;
END
$$;
COMMENT ON FUNCTION contacts.record(text, text, bigint, bigint) IS
	'adds to total_opens, total_clicks, total_bounces or total_delivered of a contact; returns the new total';
REVOKE ALL ON FUNCTION contacts.record(text, text, bigint, bigint) FROM PUBLIC;
