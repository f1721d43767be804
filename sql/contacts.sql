-- Contacts: the table, the rules that its trigger, constraints and defaults keep for every writer, and the counters of a contact.

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
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_check_contact';
COMMENT ON FUNCTION contacts_internal.check_contact(text, text, bigint[], jsonb, bigint, timestamptz, timestamptz) IS
	'true, or the error of before_contact_write(): for rows that no trigger has seen, and for a CHECK where there can be no trigger';
REVOKE ALL ON FUNCTION contacts_internal.check_contact(text, text, bigint[], jsonb, bigint, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION contacts_internal.before_contact_write() RETURNS trigger
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_before_contact_write';
COMMENT ON FUNCTION contacts_internal.before_contact_write() IS
	'trigger: an error that names the column and the rule of contacts.contact that a row breaks; raises the version of a contact '
	'whose UPDATE leaves it alone';
REVOKE ALL ON FUNCTION contacts_internal.before_contact_write() FROM PUBLIC;

CREATE FUNCTION contacts_internal.install_contacts(partitions integer) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- The fillfactor is room for the next version of a row on its own page: a HOT update touches no index.
	PERFORM contacts_internal.make_table('contact', $columns$
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
		UNIQUE (workspace_id, email_address)
	$columns$, 'fillfactor = 85', partitions);
	CREATE INDEX contact_tags_idx ON contacts.contact USING gin (tags);
	COMMENT ON TABLE contacts.contact IS 'contact_upsert: the contacts, one for each workspace and e-mail address';

	PERFORM contacts_internal.make_table('statistics', $columns$
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
	$columns$, 'fillfactor = 70', partitions);
	COMMENT ON TABLE contacts.statistics IS 'contact_upsert: the counters of a contact; no row means zeros';
END
$$;
COMMENT ON FUNCTION contacts_internal.install_contacts(integer) IS 'part of contacts.install(): the contacts and their statistics';
REVOKE ALL ON FUNCTION contacts_internal.install_contacts(integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.require_contact_triggers() RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	silent text;
BEGIN
	SELECT n.name INTO silent
		FROM unnest(ARRAY['zzz_contact_is_valid', 'leave_suppression', 'address_changed']) WITH ORDINALITY AS n (name, number)
		WHERE NOT EXISTS (
			SELECT FROM pg_trigger t
			WHERE t.tgrelid = 'contacts.contact'::regclass AND t.tgname = n.name
				AND t.tgenabled IN ('A', CASE current_setting('session_replication_role') WHEN 'replica' THEN 'R' ELSE 'O' END))
		ORDER BY n.number
		LIMIT 1;
	IF current_setting('session_replication_role') = 'replica' AND silent IS NOT NULL THEN
		RAISE EXCEPTION 'No address can be changed and no contact merged where session_replication_role is replica.'
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', TABLE = 'contact',
				HINT = 'SET session_replication_role = origin: triggers remember who has opted out, and keep the history.';
	ELSIF silent IS NOT NULL THEN
		RAISE EXCEPTION 'The trigger % on contacts.contact is missing, or disabled.', silent
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', TABLE = 'contact',
				HINT = format('SELECT contacts.install() brings it back where it is missing; '
					'ALTER TABLE contacts.contact ENABLE %sTRIGGER %I.',
					CASE silent WHEN 'zzz_contact_is_valid' THEN 'ALWAYS ' END, silent);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.require_contact_triggers() IS
	'part of change_address() and merge(): an error where the triggers do not fire that remember who has opted out';
REVOKE ALL ON FUNCTION contacts_internal.require_contact_triggers() FROM PUBLIC;

CREATE FUNCTION contacts_internal.raise_no_contact(contact text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM contacts_internal.raise_error('CONTACT_NOT_FOUND', 'We were unable to find the contact.',
		'It is named by its id, 24 lower-case hex digits, or by its e-mail address.', 'contact', contact);
END
$$;
COMMENT ON FUNCTION contacts_internal.raise_no_contact(text) IS 'raises CONTACT_NOT_FOUND for what names no contact';
REVOKE ALL ON FUNCTION contacts_internal.raise_no_contact(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.raise_not_written() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RAISE EXCEPTION 'The contact could not be written.'
		USING ERRCODE = 'triggered_data_change_violation', SCHEMA = 'contacts', TABLE = 'contact',
			HINT = 'Look for a trigger on contacts.contact that returns NULL, or a row level security policy.';
END
$$;
COMMENT ON FUNCTION contacts_internal.raise_not_written() IS 'raises that a trigger or a policy keeps a contact as it is';
REVOKE ALL ON FUNCTION contacts_internal.raise_not_written() FROM PUBLIC;

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
	opens CONSTANT bigint := CASE counter WHEN 'total_opens' THEN by ELSE 0 END;
	clicks CONSTANT bigint := CASE counter WHEN 'total_clicks' THEN by ELSE 0 END;
	bounces CONSTANT bigint := CASE counter WHEN 'total_bounces' THEN by ELSE 0 END;
	delivered CONSTANT bigint := CASE counter WHEN 'total_delivered' THEN by ELSE 0 END;
	totals record;
BEGIN
	PERFORM contacts_internal.require_writing('contacts.record()');
	IF contacts_internal.is_elsewhere(workspace) THEN
		RETURN contacts_internal.call_there('record', workspace, contact_id, counter, by::text);
	END IF;
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
	UPDATE contacts.statistics s
		SET total_opens = s.total_opens + opens, total_clicks = s.total_clicks + clicks,
			total_bounces = s.total_bounces + bounces, total_delivered = s.total_delivered + delivered
		WHERE s.workspace_id = workspace AND s.contact_id = record.contact_id
		RETURNING s.* INTO totals;
	IF NOT FOUND THEN
		-- As in record_many(): a contact's first counters refer to it, which locks it, and locks of contacts come first.
		PERFORM FROM contacts.contact c WHERE c.workspace_id = workspace AND c.id = record.contact_id FOR KEY SHARE;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'Contact % does not exist in workspace %.', coalesce(contact_id, 'NULL'), workspace
				USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'contact', COLUMN = 'id',
					HINT = 'contact_id is the id in the answer of contact_upsert().';
		END IF;
		INSERT INTO contacts.statistics AS s
				(workspace_id, contact_id, total_opens, total_clicks, total_bounces, total_delivered)
			VALUES (workspace, record.contact_id, opens, clicks, bounces, delivered)
			ON CONFLICT (workspace_id, contact_id) DO UPDATE SET
				total_opens = s.total_opens + excluded.total_opens,
				total_clicks = s.total_clicks + excluded.total_clicks,
				total_bounces = s.total_bounces + excluded.total_bounces,
				total_delivered = s.total_delivered + excluded.total_delivered
			RETURNING s.* INTO totals;
	END IF;
	RETURN CASE counter
		WHEN 'total_opens' THEN totals.total_opens
		WHEN 'total_clicks' THEN totals.total_clicks
		WHEN 'total_bounces' THEN totals.total_bounces
		ELSE totals.total_delivered END;
END
$$;
COMMENT ON FUNCTION contacts.record(text, text, bigint, bigint) IS
	'adds to total_opens, total_clicks, total_bounces or total_delivered of a contact; returns the new total';
REVOKE ALL ON FUNCTION contacts.record(text, text, bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_counts(counts jsonb) RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	bad record;
BEGIN
	IF jsonb_typeof(counts) IS DISTINCT FROM 'array' THEN
		RAISE EXCEPTION 'The counts must be a JSON array.'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = '{"code": "INVALID_REQUEST", "status": 400}',
				HINT = 'Pass an array of objects such as [{"contact": "tywin@example.com", "counter": "total_opens", "by": 1}].';
	END IF;
	IF jsonb_array_length(counts) > 100000 THEN
		RAISE EXCEPTION 'The array has more than 100000 counts.'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = '{"code": "INVALID_REQUEST", "status": 400}',
				HINT = 'Split it.';
	END IF;
	SELECT p.number, p.rule INTO bad
		FROM (
			SELECT e.number, CASE
				WHEN jsonb_typeof(e.count) <> 'object' THEN
					'A count must be an object such as {"contact": "tywin@example.com", "counter": "total_opens"}.'
				WHEN e.count - '{contact,counter,by}'::text[] <> '{}' THEN
					'A count has no other keys than contact, counter and by.'
				WHEN jsonb_typeof(e.count -> 'contact') IS DISTINCT FROM 'string' THEN
					'contact must be a string: the id of a contact, or its e-mail address.'
				WHEN e.count ->> 'counter' IS NULL
					OR e.count ->> 'counter' NOT IN ('total_opens', 'total_clicks', 'total_bounces', 'total_delivered') THEN
					'counter must be total_opens, total_clicks, total_bounces or total_delivered.'
				WHEN jsonb_typeof(e.count -> 'by') = 'null' THEN NULL
				WHEN jsonb_typeof(e.count -> 'by') <> 'number'
					OR (e.count -> 'by')::numeric NOT BETWEEN 0 AND 9223372036854775807
					OR (e.count -> 'by')::numeric <> trunc((e.count -> 'by')::numeric) THEN
					'A counter only grows: by must be a whole number from 0 to 9223372036854775807.'
				END AS rule
			FROM jsonb_array_elements(counts) WITH ORDINALITY AS e (count, number)
		) AS p
		WHERE p.rule IS NOT NULL
		ORDER BY p.number
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION '%', bad.rule
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = jsonb_build_object('code', 'INVALID_REQUEST', 'status', 400, 'position', bad.number),
				HINT = format('Look at element %s of the array. Nothing has been recorded.', bad.number);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.check_counts(jsonb) IS
	'part of record_many(): an error that names the position of the first bad element';
REVOKE ALL ON FUNCTION contacts_internal.check_counts(jsonb) FROM PUBLIC;

CREATE FUNCTION contacts.record_many(counts jsonb, workspace_id bigint DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(record_many.workspace_id, contacts_internal.current_workspace());
	named text[]; -- the contact of each count
	missing bigint; -- the first count without one
	-- the contacts by address, and what is added to each of their counters
	ids text[];
	opens bigint[];
	clicks bigint[];
	bounces bigint[];
	delivered bigint[];
	recorded bigint;
BEGIN
	PERFORM contacts_internal.require_writing('contacts.record_many()');
	IF contacts_internal.is_elsewhere(workspace) THEN
		RETURN contacts_internal.call_there('record_many', workspace, counts::text);
	END IF;
	PERFORM contacts_internal.check_counts(counts);
	PERFORM contacts_internal.require_workspace(workspace);
	SELECT array_agg(contacts_internal.contact_id(e.count ->> 'contact', workspace) ORDER BY e.number) INTO named
		FROM jsonb_array_elements(counts) WITH ORDINALITY AS e (count, number);
	-- A contact's first counters refer to it, which locks it: now, and in the order in which all lock contacts.
	PERFORM FROM contacts.contact c
		WHERE c.workspace_id = workspace AND c.id = ANY (named)
			AND NOT EXISTS (SELECT FROM contacts.statistics s WHERE s.workspace_id = workspace AND s.contact_id = c.id)
		ORDER BY c.email_address
		FOR KEY SHARE OF c;
	SELECT array_agg(t.id), array_agg(t.opens), array_agg(t.clicks), array_agg(t.bounces), array_agg(t.delivered),
			min(t.first) FILTER (WHERE t.email_address IS NULL)
		INTO ids, opens, clicks, bounces, delivered, missing
		FROM (
			SELECT a.id, c.email_address, min(a.number) AS first,
				coalesce(sum(a.by) FILTER (WHERE a.counter = 'total_opens'), 0)::bigint AS opens,
				coalesce(sum(a.by) FILTER (WHERE a.counter = 'total_clicks'), 0)::bigint AS clicks,
				coalesce(sum(a.by) FILTER (WHERE a.counter = 'total_bounces'), 0)::bigint AS bounces,
				coalesce(sum(a.by) FILTER (WHERE a.counter = 'total_delivered'), 0)::bigint AS delivered
			FROM (
				SELECT e.number, e.id, e.count ->> 'counter' AS counter, coalesce((e.count ->> 'by')::numeric, 1) AS by
				FROM ROWS FROM (jsonb_array_elements(counts), unnest(named)) WITH ORDINALITY AS e (count, id, number)
			) AS a LEFT JOIN contacts.contact c ON c.workspace_id = workspace AND c.id = a.id
			GROUP BY a.id, c.email_address
			ORDER BY c.email_address
		) AS t;
	IF missing IS NULL THEN
		BEGIN
			-- Rows are locked as they come: in one order, so that two calls never wait for each other.
			INSERT INTO contacts.statistics AS s
					(workspace_id, contact_id, total_opens, total_clicks, total_bounces, total_delivered)
				SELECT workspace, t.* FROM unnest(ids, opens, clicks, bounces, delivered) AS t
				ON CONFLICT (workspace_id, contact_id) DO UPDATE SET
					total_opens = s.total_opens + excluded.total_opens,
					total_clicks = s.total_clicks + excluded.total_clicks,
					total_bounces = s.total_bounces + excluded.total_bounces,
					total_delivered = s.total_delivered + excluded.total_delivered;
			GET DIAGNOSTICS recorded = ROW_COUNT;
		EXCEPTION WHEN foreign_key_violation THEN
			-- A contact was deleted while this session waited for its counters.
			SELECT min(n.number) INTO missing
				FROM unnest(named) WITH ORDINALITY AS n (id, number)
				WHERE NOT EXISTS (SELECT FROM contacts.contact c WHERE c.workspace_id = workspace AND c.id = n.id);
			IF missing IS NULL THEN
				RAISE;
			END IF;
		END;
	END IF;
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'We were unable to find the contact.'
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'contact',
				DETAIL = jsonb_build_object('code', 'CONTACT_NOT_FOUND', 'status', 400, 'position', missing),
				HINT = format('Look at element %s of the array. Nothing has been recorded.', missing);
	END IF;
	RETURN recorded;
END
$$;
COMMENT ON FUNCTION contacts.record_many(jsonb, bigint) IS
	'contacts.record for an array of {"contact", "counter", "by"}, at most 100,000; returns how many contacts they are';
REVOKE ALL ON FUNCTION contacts.record_many(jsonb, bigint) FROM PUBLIC;
