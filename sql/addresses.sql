-- Addresses: contacts.change_address gives a contact another one, contacts.merge makes one contact of two.
--
-- Both lock first what they change, contacts in the order of their addresses (docs/architecture.md, "Order of locks"). What writes
-- a contact pins no search_path, and qualifies every name and operator, as import_rows() does: triggers of the user's own find what
-- they find in an upsert. What only reads pins it.

CREATE FUNCTION contacts_internal.require_writing(call text) RETURNS void
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_require_writing';
COMMENT ON FUNCTION contacts_internal.require_writing(text) IS
	'an error that names the cure where the transaction is read-only or the server a standby';
REVOKE ALL ON FUNCTION contacts_internal.require_writing(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.normalize_address(email_address text) RETURNS text
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_normalize_address';
COMMENT ON FUNCTION contacts_internal.normalize_address(text) IS
	'an address as it is stored and matched; an error as of contact_upsert() if it is none';
REVOKE ALL ON FUNCTION contacts_internal.normalize_address(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.require_contact_triggers() RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	silent text;
BEGIN
	SELECT n.name INTO silent
		FROM unnest(ARRAY['raise_version', 'leave_suppression', 'address_changed']) WITH ORDINALITY AS n (name, number)
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
					'ALTER TABLE contacts.contact ENABLE TRIGGER %I.', silent);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.require_contact_triggers() IS
	'part of change_address() and merge(): an error where the triggers do not fire that remember who has opted out';
REVOKE ALL ON FUNCTION contacts_internal.require_contact_triggers() FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_address_key(schema_name text, constraint_name text) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT EXISTS (
			SELECT FROM pg_index i
				JOIN pg_class c ON c.oid = i.indexrelid
				JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = schema_name AND c.relname = constraint_name
				AND coalesce(pg_partition_root(i.indrelid), i.indrelid) = 'contacts.contact'::regclass
				AND i.indisunique AND i.indnkeyatts = 2 AND i.indpred IS NULL
				AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text)
					FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::smallint[]))
					= '{email_address,workspace_id}')
	$$;
COMMENT ON FUNCTION contacts_internal.is_address_key(text, text) IS
	'whether a unique key is the one of contacts.contact, or of a partition of it, that makes addresses unique';
REVOKE ALL ON FUNCTION contacts_internal.is_address_key(text, text) FROM PUBLIC;

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

CREATE FUNCTION contacts_internal.hold_contact(
	contact text,
	workspace_id bigint,
	OUT id text, OUT email_address text, OUT status contacts.status
)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	named CONSTANT text := contacts_internal.contact_id(contact, workspace_id);
BEGIN
	SELECT c.id, c.email_address, c.status INTO hold_contact.id, hold_contact.email_address, hold_contact.status
		FROM contacts.contact c
		WHERE c.workspace_id = hold_contact.workspace_id AND c.id = named
		FOR UPDATE;
	IF FOUND THEN
		RETURN;
	END IF;
	IF EXISTS (SELECT FROM contacts.contact c WHERE c.workspace_id = hold_contact.workspace_id AND c.id = named) THEN
		PERFORM contacts_internal.raise_not_written(); -- a policy shows it, and keeps it
	END IF;
	PERFORM contacts_internal.raise_no_contact(contact);
END
$$;
COMMENT ON FUNCTION contacts_internal.hold_contact(text, bigint) IS
	'part of change_address(): locks a contact, named by its id or address; an error if there is none';
REVOKE ALL ON FUNCTION contacts_internal.hold_contact(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.raise_address_taken(schema_name text, constraint_name text, address text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF contacts_internal.is_address_key(schema_name, constraint_name) THEN
		PERFORM contacts_internal.raise_error('ADDRESS_TAKEN', 'Another contact has this email address.',
			'contacts.merge(duplicate, into_contact) makes one contact of two.', 'email_address', address);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.raise_address_taken(text, text, text) IS
	'part of change_address(): raises ADDRESS_TAKEN if the unique key that was violated is that of addresses';
REVOKE ALL ON FUNCTION contacts_internal.raise_address_taken(text, text, text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.move_to_address(contact text, address text, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
#variable_conflict use_column
DECLARE
	known record;
	schema_of_violated pg_catalog.text;
	violated pg_catalog.text;
BEGIN
	-- The lock of the contact is in the block: a deadlock lets go of it. The other session is an array that has made a contact with
	-- the new address and has still to write this one, or another change.
	FOR try IN 1 .. 3 LOOP
		BEGIN
			SELECT h.id, h.email_address, h.status INTO known
				FROM contacts_internal.hold_contact(contact, workspace_id) h;
			EXIT WHEN known.email_address OPERATOR(pg_catalog.=) address;
			UPDATE contacts.contact c
				SET email_address = address, updated_at = GREATEST(c.updated_at, pg_catalog.now())
				WHERE c.workspace_id OPERATOR(pg_catalog.=) move_to_address.workspace_id
					AND c.id OPERATOR(pg_catalog.=) known.id;
			IF NOT FOUND THEN
				PERFORM contacts_internal.raise_not_written();
			END IF;
			-- Only now, because the UPDATE has waited for a session that was deleting a contact with that address.
			PERFORM contacts_internal.guard_address(known.status, address, workspace_id);
			EXIT;
		EXCEPTION
			WHEN unique_violation THEN
				GET STACKED DIAGNOSTICS schema_of_violated = SCHEMA_NAME, violated = CONSTRAINT_NAME;
				PERFORM contacts_internal.raise_address_taken(schema_of_violated, violated, address);
				RAISE; -- a unique index of the user's own
			WHEN deadlock_detected THEN
				IF try OPERATOR(pg_catalog.=) 3 THEN
					RAISE;
				END IF;
				-- Tried at once, this session would have the contact again before the other one has woken up.
				PERFORM pg_catalog.pg_sleep(0.1);
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.move_to_address(text, text, bigint) IS
	'part of change_address(): gives a contact a normalised address, or raises ADDRESS_TAKEN';
REVOKE ALL ON FUNCTION contacts_internal.move_to_address(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.guard_address(status contacts.status, address text, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	IF status IN ('SUBSCRIBED', 'UNCONFIRMED') AND contacts_internal.is_suppressed(address, workspace_id) AND EXISTS (
		SELECT FROM contacts.workspace w WHERE w.workspace_id = guard_address.workspace_id AND w.status_policy = 'guarded') THEN
		PERFORM contacts_internal.raise_error('RESUBSCRIBE_REFUSED',
			'This contact has opted out and cannot be resubscribed without consent.',
			'Whoever had this address has opted out. Where there is consent now, contacts.lift_suppression(email_address) '
			'comes first.', 'email_address', address);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.guard_address(contacts.status, text, bigint) IS
	'part of change_address(): an error if a contact that can be mailed would get an address that has opted out';
REVOKE ALL ON FUNCTION contacts_internal.guard_address(contacts.status, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.change_address(contact text, email_address text, workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := COALESCE(change_address.workspace_id, contacts_internal.current_workspace());
	address pg_catalog.text;
BEGIN
	PERFORM contacts_internal.require_writing('contacts.change_address()');
	PERFORM contacts_internal.require_workspace(workspace);
	PERFORM contacts_internal.require_contact_triggers();
	address := contacts_internal.normalize_address(change_address.email_address);
	PERFORM contacts_internal.move_to_address(change_address.contact, address, workspace);
	RETURN contacts.upsert(pg_catalog.jsonb_build_object('email_address', address, 'partial_update', true), workspace);
END
$$;
COMMENT ON FUNCTION contacts.change_address(text, text, bigint) IS
	'gives a contact, by its id or address, another address; id, data, tags, statistics and history stay; returns the contact '
	'as contact_upsert() does';
REVOKE ALL ON FUNCTION contacts.change_address(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.merge_statistics(duplicate_id text, into_id text, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	of_duplicate record;
BEGIN
	-- As record_many() takes them.
	PERFORM FROM contacts.statistics s
			JOIN contacts.contact c ON c.workspace_id = s.workspace_id AND c.id = s.contact_id
		WHERE s.workspace_id = merge_statistics.workspace_id AND s.contact_id IN (duplicate_id, into_id)
		ORDER BY c.email_address
		FOR UPDATE OF s;
	SELECT * INTO of_duplicate
		FROM contacts.statistics s
		WHERE s.workspace_id = merge_statistics.workspace_id AND s.contact_id = duplicate_id;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	INSERT INTO contacts.statistics AS s
			(workspace_id, contact_id, total_opens, total_clicks, total_bounces, total_delivered)
		VALUES (merge_statistics.workspace_id, into_id, of_duplicate.total_opens, of_duplicate.total_clicks,
			of_duplicate.total_bounces, of_duplicate.total_delivered)
		ON CONFLICT (workspace_id, contact_id) DO UPDATE SET
			total_opens = s.total_opens + excluded.total_opens,
			total_clicks = s.total_clicks + excluded.total_clicks,
			total_bounces = s.total_bounces + excluded.total_bounces,
			total_delivered = s.total_delivered + excluded.total_delivered;
EXCEPTION WHEN numeric_value_out_of_range THEN
	RAISE EXCEPTION 'The statistics of the two contacts together are too large for a bigint.'
		USING ERRCODE = 'numeric_value_out_of_range', SCHEMA = 'contacts', TABLE = 'statistics',
			HINT = 'UPDATE contacts.statistics corrects a counter.';
END
$$;
COMMENT ON FUNCTION contacts_internal.merge_statistics(text, text, bigint) IS
	'part of merge(): adds the counters of a duplicate to those of the contact that stays';
REVOKE ALL ON FUNCTION contacts_internal.merge_statistics(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.merge_requests(duplicate_id text, into_id text, workspace_id bigint) RETURNS SETOF jsonb
	LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
	SET search_path = pg_catalog, pg_temp
	AS $$
		-- A contact may have more than a request may (docs/api.md, "Limits"). A step has at most 1,000 fields, 1,000 tags and about
		-- half a MiB: it ends where the number of fields or their size passes a limit, and the sum of the two counts the steps.
		WITH pair AS MATERIALIZED (
			SELECT d.data, d.tags, d.status, k.email_address, k.data AS kept_data, k.tags AS kept_tags, k.status AS kept_status
			FROM contacts.contact d JOIN contacts.contact k ON k.workspace_id = d.workspace_id
			WHERE d.workspace_id = merge_requests.workspace_id AND d.id = duplicate_id AND k.id = into_id
		), value AS (
			-- Values and tags that have lost their definition are not shown, and go with the duplicate.
			SELECT v.key, v.value,
				(row_number() OVER up_to - 1) / 1000 + sum(octet_length(v.key) + octet_length(v.value::text)) OVER up_to / 524288 AS step
			FROM pair p
				CROSS JOIN jsonb_each(p.data) v
				JOIN contacts.field f ON f.workspace_id = merge_requests.workspace_id AND f.merge_tag = v.key
			WHERE NOT p.kept_data ? v.key
			WINDOW up_to AS (ORDER BY v.key COLLATE "C" ROWS UNBOUNDED PRECEDING)
		), fields AS (
			SELECT v.step, jsonb_object_agg(v.key, v.value) AS fields FROM value v GROUP BY v.step
		), tag AS (
			SELECT t.tag_id, (row_number() OVER (ORDER BY t.tag_id) - 1) / 1000 AS step
			FROM pair p JOIN contacts.tag t ON t.workspace_id = merge_requests.workspace_id AND t.tag_id = ANY (p.tags)
			WHERE t.tag_id <> ALL (p.kept_tags)
		), tags AS (
			SELECT t.step, jsonb_agg(t.tag_id ORDER BY t.tag_id) AS tags FROM tag t GROUP BY t.step
		), status AS (
			SELECT 0 AS step, (
				SELECT p.status
				FROM (VALUES ('{SUBSCRIBED,UNCONFIRMED,UNSUBSCRIBED,CLEANED,COMPLAINED}'::contacts.status[])) AS s (by_strictness)
				WHERE array_position(by_strictness, p.status) > array_position(by_strictness, p.kept_status)) AS status
			FROM pair p
		)
		SELECT jsonb_build_object('email_address', p.email_address, 'partial_update', true, 'fields', f.fields, 'add_tags', t.tags,
			'status', s.status)
		FROM pair p
			CROSS JOIN (SELECT step FROM status UNION SELECT step FROM fields UNION SELECT step FROM tags) AS n
			LEFT JOIN status s ON s.step = n.step
			LEFT JOIN fields f ON f.step = n.step
			LEFT JOIN tags t ON t.step = n.step
		ORDER BY n.step
	$$;
COMMENT ON FUNCTION contacts_internal.merge_requests(text, text, bigint) IS
	'part of merge(): the requests, at least one, that give a contact what a duplicate has more';
REVOKE ALL ON FUNCTION contacts_internal.merge_requests(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.hold_contacts(
	duplicate text,
	into_contact text,
	workspace_id bigint,
	OUT duplicate_id text, OUT into_id text, OUT into_version bigint
)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	held bigint;
	missing text;
BEGIN
	duplicate_id := contacts_internal.contact_id(duplicate, workspace_id);
	into_id := contacts_internal.contact_id(into_contact, workspace_id);
	IF duplicate_id = into_id THEN
		PERFORM contacts_internal.raise_error('INVALID_REQUEST', 'A contact cannot be merged into itself.',
			'Name two contacts of the workspace.', 'into_contact', into_contact);
	END IF;
	PERFORM FROM contacts.contact c
		WHERE c.workspace_id = hold_contacts.workspace_id AND c.id IN (duplicate_id, into_id)
		ORDER BY c.email_address
		FOR UPDATE;
	GET DIAGNOSTICS held = ROW_COUNT;
	IF held = 2 THEN
		SELECT c.version INTO into_version
			FROM contacts.contact c WHERE c.workspace_id = hold_contacts.workspace_id AND c.id = into_id;
		RETURN;
	END IF;
	SELECT n.name INTO missing
		FROM (VALUES (1, duplicate, duplicate_id), (2, into_contact, into_id)) AS n (number, name, id)
		WHERE NOT EXISTS (SELECT FROM contacts.contact c WHERE c.workspace_id = hold_contacts.workspace_id AND c.id = n.id)
		ORDER BY n.number
		LIMIT 1;
	IF NOT FOUND THEN
		PERFORM contacts_internal.raise_not_written(); -- a policy shows both, and keeps one
	END IF;
	PERFORM contacts_internal.raise_no_contact(missing);
END
$$;
COMMENT ON FUNCTION contacts_internal.hold_contacts(text, text, bigint) IS
	'part of merge(): locks two contacts, named by their ids or addresses; an error unless there are two';
REVOKE ALL ON FUNCTION contacts_internal.hold_contacts(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.merge(
	duplicate text,
	into_contact text,
	workspace_id bigint,
	OUT duplicate_id text, OUT duplicate_address text, OUT into_id text, OUT into_address text, OUT into_version bigint,
	OUT requests jsonb[]
)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
#variable_conflict use_column
BEGIN
	PERFORM contacts_internal.require_contact_triggers();
	SELECT h.duplicate_id, h.into_id, h.into_version INTO merge.duplicate_id, merge.into_id, merge.into_version
		FROM contacts_internal.hold_contacts(duplicate, into_contact, workspace_id) h;
	requests := ARRAY(SELECT r FROM contacts_internal.merge_requests(duplicate_id, into_id, workspace_id) r);
	into_address := pg_catalog.jsonb_extract_path_text(requests[1], 'email_address');
	PERFORM contacts_internal.merge_statistics(duplicate_id, into_id, workspace_id);
	-- The duplicate goes first: it may have a value that only one contact can have, by a unique index of the user's own.
	DELETE FROM contacts.contact c
		WHERE c.workspace_id OPERATOR(pg_catalog.=) merge.workspace_id AND c.id OPERATOR(pg_catalog.=) duplicate_id
		RETURNING c.email_address INTO duplicate_address;
	IF NOT FOUND THEN
		PERFORM contacts_internal.raise_not_written();
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.merge(text, text, bigint) IS
	'part of contacts.merge(): locks both contacts, adds up the statistics, deletes the duplicate; returns what is left to upsert';
REVOKE ALL ON FUNCTION contacts_internal.merge(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.finish_merge(into_id text, into_version bigint, requests jsonb[], workspace_id bigint) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
#variable_conflict use_column
DECLARE
	request pg_catalog.jsonb;
	answer pg_catalog.jsonb;
BEGIN
	FOREACH request IN ARRAY requests LOOP
		answer := contacts.upsert(request, workspace_id);
	END LOOP;
	-- It has another one's history and counters now, even if its values are as they were: undo_import() must see that.
	UPDATE contacts.contact c SET updated_at = GREATEST(c.updated_at, pg_catalog.now())
		WHERE c.workspace_id OPERATOR(pg_catalog.=) finish_merge.workspace_id AND c.id OPERATOR(pg_catalog.=) into_id
			AND c.version OPERATOR(pg_catalog.=) into_version;
	IF FOUND THEN
		answer := contacts.upsert(request, workspace_id);
	ELSIF EXISTS (
		SELECT FROM contacts.contact c
		WHERE c.workspace_id OPERATOR(pg_catalog.=) finish_merge.workspace_id AND c.id OPERATOR(pg_catalog.=) into_id
			AND c.version OPERATOR(pg_catalog.=) into_version) THEN
		PERFORM contacts_internal.raise_not_written();
	END IF;
	RETURN answer;
END
$$;
COMMENT ON FUNCTION contacts_internal.finish_merge(text, bigint, jsonb[], bigint) IS
	'part of contacts.merge(): upserts what the duplicate had, and raises the version; returns the answer';
REVOKE ALL ON FUNCTION contacts_internal.finish_merge(text, bigint, jsonb[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts.merge(duplicate text, into_contact text, workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_merge';
COMMENT ON FUNCTION contacts.merge(text, text, bigint) IS
	'gives a contact what a duplicate of it has more: values, tags, counters, history and the stricter status; deletes the '
	'duplicate; returns the contact as contact_upsert() does. Both are named by id or address';
REVOKE ALL ON FUNCTION contacts.merge(text, text, bigint) FROM PUBLIC;
