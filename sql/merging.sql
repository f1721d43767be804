-- Merging: contacts.merge makes one contact of two (src/pg/merge.c).
--
-- It locks both contacts first, in the order of their addresses, then their counters (docs/architecture.md, "Order of locks"). What
-- writes a contact pins no search_path, and qualifies every name and operator, as in addresses.sql.

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
	SET DateStyle = ISO
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
