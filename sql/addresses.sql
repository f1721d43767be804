-- Addresses: contacts.change_address gives a contact another one, contacts.merge makes one contact of two.
--
-- Both lock first what they change, contacts in the order of their addresses (docs/architecture.md, "Order of locks").

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

CREATE FUNCTION contacts_internal.is_address_key(constraint_name text) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT EXISTS (
			SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
			WHERE c.relname = constraint_name AND c.relnamespace = 'contacts'::regnamespace AND i.indisunique
				AND i.indnkeyatts = 2 AND i.indpred IS NULL
				AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text)
					FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::smallint[]))
					= '{email_address,workspace_id}')
	$$;
COMMENT ON FUNCTION contacts_internal.is_address_key(text) IS
	'whether a unique key of that name is the one of contacts.contact, or of a partition, that makes addresses unique';
REVOKE ALL ON FUNCTION contacts_internal.is_address_key(text) FROM PUBLIC;

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

CREATE FUNCTION contacts_internal.move_to_address(id text, address text, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	violated text;
BEGIN
	UPDATE contacts.contact c SET email_address = address, updated_at = greatest(c.updated_at, now())
		WHERE c.workspace_id = move_to_address.workspace_id AND c.id = move_to_address.id;
	IF NOT FOUND THEN
		PERFORM contacts_internal.raise_not_written();
	END IF;
EXCEPTION WHEN unique_violation THEN
	GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
	IF contacts_internal.is_address_key(violated) THEN
		PERFORM contacts_internal.raise_error('ADDRESS_TAKEN', 'Another contact has this email address.',
			'contacts.merge(duplicate, into_contact) makes one contact of two.', 'email_address', address);
	END IF;
	RAISE; -- a unique index of the user's own
END
$$;
COMMENT ON FUNCTION contacts_internal.move_to_address(text, text, bigint) IS
	'part of change_address(): gives a contact a normalised address, or raises ADDRESS_TAKEN';
REVOKE ALL ON FUNCTION contacts_internal.move_to_address(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.change_address(contact text, email_address text, workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(change_address.workspace_id, contacts_internal.current_workspace());
	address text;
	known record;
BEGIN
	PERFORM contacts_internal.require_writing('contacts.change_address()');
	PERFORM contacts_internal.require_workspace(workspace);
	address := contacts_internal.normalize_address(change_address.email_address);
	SELECT c.id, c.email_address, c.status INTO known
		FROM contacts.contact c
		WHERE c.workspace_id = workspace AND c.id = contacts_internal.contact_id(change_address.contact, workspace)
		FOR UPDATE;
	IF known.id IS NULL THEN
		PERFORM contacts_internal.raise_no_contact(change_address.contact);
	END IF;
	IF known.email_address <> address THEN
		PERFORM contacts_internal.move_to_address(known.id, address, workspace);
		-- Only now, because the UPDATE has waited for a session that was deleting a contact with that address.
		IF known.status IN ('SUBSCRIBED', 'UNCONFIRMED') AND contacts_internal.is_suppressed(address, workspace) AND EXISTS (
			SELECT FROM contacts.workspace w WHERE w.workspace_id = workspace AND w.status_policy = 'guarded') THEN
			PERFORM contacts_internal.raise_error('RESUBSCRIBE_REFUSED',
				'This contact has opted out and cannot be resubscribed without consent.',
				'Whoever had this address has opted out. Where there is consent now, contacts.lift_suppression(email_address) '
				'comes first.', 'email_address', address);
		END IF;
	END IF;
	RETURN contacts.upsert(jsonb_build_object('email_address', address, 'partial_update', true), workspace);
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
	SELECT * INTO of_duplicate
		FROM contacts.statistics s
		WHERE s.workspace_id = merge_statistics.workspace_id AND s.contact_id = duplicate_id
		FOR UPDATE;
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

CREATE FUNCTION contacts_internal.merge_request(duplicate_id text, into_id text, workspace_id bigint) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT jsonb_build_object(
			'email_address', k.email_address,
			'partial_update', true,
			-- Values and tags that have lost their definition are not shown, and go with the duplicate.
			'fields', (
				SELECT jsonb_object_agg(v.key, v.value)
				FROM jsonb_each(d.data) v
					JOIN contacts.field f ON f.workspace_id = d.workspace_id AND f.merge_tag = v.key
				WHERE NOT k.data ? v.key),
			'add_tags', (
				SELECT jsonb_agg(t.tag_id)
				FROM contacts.tag t
				WHERE t.workspace_id = d.workspace_id AND t.tag_id = ANY (d.tags) AND t.tag_id <> ALL (k.tags)),
			'status', (
				SELECT d.status
				FROM (VALUES ('{SUBSCRIBED,UNCONFIRMED,UNSUBSCRIBED,CLEANED,COMPLAINED}'::contacts.status[])) AS s (by_strictness)
				WHERE array_position(by_strictness, d.status) > array_position(by_strictness, k.status)))
		FROM contacts.contact d JOIN contacts.contact k ON k.workspace_id = d.workspace_id
		WHERE d.workspace_id = merge_request.workspace_id AND d.id = duplicate_id AND k.id = into_id
	$$;
COMMENT ON FUNCTION contacts_internal.merge_request(text, text, bigint) IS
	'part of merge(): the request that gives a contact what a duplicate has more';
REVOKE ALL ON FUNCTION contacts_internal.merge_request(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.merge(
	duplicate text,
	into_contact text,
	workspace_id bigint,
	OUT duplicate_id text, OUT into_id text, OUT request jsonb
)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := merge.workspace_id;
	names text[];
BEGIN
	duplicate_id := contacts_internal.contact_id(duplicate, workspace);
	into_id := contacts_internal.contact_id(into_contact, workspace);
	IF duplicate_id = into_id THEN
		PERFORM contacts_internal.raise_error('INVALID_REQUEST', 'A contact cannot be merged into itself.',
			'Name two contacts of the workspace.', 'into_contact', into_contact);
	END IF;
	PERFORM FROM contacts.contact c
		WHERE c.workspace_id = workspace AND c.id IN (duplicate_id, into_id)
		ORDER BY c.email_address
		FOR UPDATE;
	request := contacts_internal.merge_request(duplicate_id, into_id, workspace);
	IF request IS NULL THEN
		SELECT array_agg(n.name ORDER BY n.number) INTO names
			FROM (VALUES (1, duplicate, duplicate_id), (2, into_contact, into_id)) AS n (number, name, id)
			WHERE NOT EXISTS (SELECT FROM contacts.contact c WHERE c.workspace_id = workspace AND c.id = n.id);
		PERFORM contacts_internal.raise_no_contact(names[1]);
	END IF;
	PERFORM contacts_internal.merge_statistics(duplicate_id, into_id, workspace);
	-- The duplicate goes first: it may have a value that only one contact can have, by a unique index of the user's own.
	DELETE FROM contacts.contact c WHERE c.workspace_id = workspace AND c.id = duplicate_id;
	IF NOT FOUND THEN
		PERFORM contacts_internal.raise_not_written();
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.merge(text, text, bigint) IS
	'part of contacts.merge(): locks both contacts, adds up the statistics, deletes the duplicate; returns what is left to upsert';
REVOKE ALL ON FUNCTION contacts_internal.merge(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.merge(duplicate text, into_contact text, workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_merge';
COMMENT ON FUNCTION contacts.merge(text, text, bigint) IS
	'gives a contact what a duplicate of it has more: values, tags, counters, history and the stricter status; deletes the '
	'duplicate; returns the contact as contact_upsert() does. Both are named by id or address';
REVOKE ALL ON FUNCTION contacts.merge(text, text, bigint) FROM PUBLIC;
