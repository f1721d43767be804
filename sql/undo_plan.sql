-- The contacts that an import has changed, a chunk at a time, and what is to be done with each: the part of contacts.undo_import() that reads.
--
-- What the import has done is in contacts.history, under its import_id. Nobody has changed a contact since if the contact's version
-- is the last one of these rows, and they have all versions from their first to their last. Only the deletion of a field raises
-- a version and is no change: where fields of the import are gone, the version may be higher by as many as had a value, and what
-- the import wrote is compared with what is there.
--
-- Evidence may come and change nothing: whoever was unsubscribed by the import may have said so himself since. So a contact is kept
-- of which the history has a row that is not the import's, of a version that the import has made or a later one.

CREATE FUNCTION contacts_internal.undo_ids(import_id bigint, after text, workspace_id bigint) RETURNS text[]
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET jit = off
	AS $$
#variable_conflict use_column
BEGIN
	RETURN ARRAY(
		SELECT DISTINCT h.contact_id
		FROM contacts.history h
		WHERE h.workspace_id = undo_ids.workspace_id AND h.import_id = undo_ids.import_id AND h.contact_id > undo_ids.after
		ORDER BY h.contact_id
		LIMIT 1000);
END
$$;
COMMENT ON FUNCTION contacts_internal.undo_ids(bigint, text, bigint) IS
	'part of contacts.undo_import(): the next 1,000 contacts of an import, behind the one with that id';
REVOKE ALL ON FUNCTION contacts_internal.undo_ids(bigint, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.next_undo(import_id bigint, workspace_id bigint) RETURNS text[]
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	progress record;
	ids text[];
	moment timestamptz;
BEGIN
	SELECT * INTO progress
		FROM contacts.import_progress p
		WHERE p.workspace_id = next_undo.workspace_id AND p.import_id = next_undo.import_id
		FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'Import % is gone.', next_undo.import_id
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('It, or workspace %s, was deleted meanwhile, or your access to it was revoked.',
					next_undo.workspace_id);
	ELSIF progress.state <> 'undoing' OR progress.backend_pid IS DISTINCT FROM contacts_internal.session_pid() THEN
		RAISE EXCEPTION 'Another session has taken over or ended the undo of import %.', next_undo.import_id
			USING ERRCODE = 'object_in_use', HINT = 'TABLE contacts.import_progress shows how far it is.';
	END IF;
	IF progress.history_purged_at IS NOT NULL THEN
		RAISE EXCEPTION 'The rest of import % cannot be undone: some of its history is gone.', next_undo.import_id
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', TABLE = 'history',
				HINT = 'contacts.purge_history() deletes what is old. Load a table with the values as they shall be.';
	END IF;
	ids := contacts_internal.undo_ids(next_undo.import_id, coalesce(progress.undone_up_to, ''), next_undo.workspace_id);
	IF cardinality(ids) = 0 THEN
		moment := clock_timestamp();
		UPDATE contacts.import_progress p SET state = 'undone', undone_at = moment
			WHERE p.workspace_id = next_undo.workspace_id AND p.import_id = next_undo.import_id;
		RETURN NULL;
	END IF;
	-- In the order of the addresses, as arrays of requests lock them. From here on they are what the plan sees.
	PERFORM FROM contacts.contact c
		WHERE c.workspace_id = next_undo.workspace_id AND c.id = ANY (ids)
		ORDER BY c.email_address FOR UPDATE;
	RETURN ids;
END
$$;
COMMENT ON FUNCTION contacts_internal.next_undo(bigint, bigint) IS
	'part of contacts.undo_import(): locks the next contacts and returns their ids; null when there are none, and all is undone';
REVOKE ALL ON FUNCTION contacts_internal.next_undo(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.undo_plan(import_id bigint, ids text[], workspace_id bigint)
	RETURNS TABLE (contact_id text, action text, request jsonb, lost text)
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	-- The planner does not know what an array and jsonb have in them, and of whom row level security applies to it expects next to nothing:
	-- nested loops would go through the tags of all contacts for each.
	SET enable_nestloop = off SET jit = off
	AS $$
		WITH change AS MATERIALIZED (
			SELECT h.contact_id, h.contact_version AS version, h.changes
			FROM contacts.history h
			WHERE h.workspace_id = undo_plan.workspace_id AND h.import_id = undo_plan.import_id
				AND h.contact_id = ANY (ids) AND h.changes <> '{}'
		), touched AS (
			SELECT c.contact_id, min(c.version) AS first, max(c.version) AS last, count(DISTINCT c.version) AS versions,
				(array_agg(c.changes #>> '{status,old}' ORDER BY c.version) FILTER (WHERE c.changes ? 'status'))[1] AS old_status,
				(array_agg(c.changes #>> '{status,new}' ORDER BY c.version DESC) FILTER (WHERE c.changes ? 'status'))[1] AS new_status
			FROM change c GROUP BY c.contact_id
		), value AS (
			-- of each field: what it was before the import, and what the import has made of it
			SELECT c.contact_id, v.key, f.merge_tag IS NOT NULL AS is_defined,
				coalesce((array_agg(v.value -> 'old' ORDER BY c.version))[1], 'null') AS old,
				coalesce((array_agg(v.value -> 'new' ORDER BY c.version DESC))[1], 'null') AS new
			FROM change c CROSS JOIN jsonb_each(c.changes -> 'fields') v
				LEFT JOIN contacts.field f ON f.workspace_id = undo_plan.workspace_id AND f.merge_tag = v.key
			GROUP BY c.contact_id, v.key, f.merge_tag
		), fields AS (
			SELECT v.contact_id, bool_or(NOT v.is_defined) AS some_gone,
				count(*) FILTER (WHERE NOT v.is_defined AND v.new <> 'null') AS raised,
				string_agg(v.key, ', ' ORDER BY v.key) FILTER (WHERE NOT v.is_defined AND v.old <> 'null') AS lost,
				coalesce(jsonb_object_agg(v.key, v.old) FILTER (WHERE v.is_defined), '{}') AS old,
				coalesce(jsonb_object_agg(v.key, v.new) FILTER (WHERE v.is_defined), '{}') AS new
			FROM value v GROUP BY v.contact_id
		), tag AS (
			SELECT c.contact_id, t.tag_id,
				(array_agg(s.added ORDER BY c.version))[1] AS first_added,
				(array_agg(s.added ORDER BY c.version DESC))[1] AS last_added
			FROM change c CROSS JOIN (VALUES (true, 'added'), (false, 'removed')) s (added, key)
				CROSS JOIN jsonb_array_elements(c.changes -> 'tags' -> s.key) e
				JOIN contacts.tag t ON t.workspace_id = undo_plan.workspace_id AND t.tag_id = (e ->> 'id')::bigint
			GROUP BY c.contact_id, t.tag_id
		), tags AS (
			SELECT t.contact_id,
				coalesce(jsonb_agg(t.tag_id) FILTER (WHERE NOT t.first_added), '[]') AS to_add,
				coalesce(jsonb_agg(t.tag_id) FILTER (WHERE t.first_added), '[]') AS to_remove,
				array_agg(t.tag_id) FILTER (WHERE t.last_added) AS there,
				array_agg(t.tag_id) FILTER (WHERE NOT t.last_added) AS not_there
			FROM tag t GROUP BY t.contact_id
		)
		SELECT i.contact_id,
			CASE
				WHEN c.id IS NULL THEN CASE WHEN i.first = 1 THEN 'nothing' ELSE 'gone' END
				WHEN i.versions <> i.last - i.first + 1 THEN 'keep'
				-- where a field of the import is gone, by what is there
				WHEN c.version <> i.last AND NOT (f.some_gone AND c.version = i.last + f.raised
					AND (i.new_status IS NULL OR c.status::text = i.new_status)
					AND coalesce(t.there, '{}') <@ c.tags AND NOT coalesce(t.not_there, '{}') && c.tags
					AND NOT EXISTS (SELECT FROM jsonb_each(f.new) n WHERE coalesce(c.data -> n.key, 'null') <> n.value)
					-- of a contact that the import has created we know all
					AND (i.first > 1 OR c.data = jsonb_strip_nulls(f.new) AND coalesce(t.there, '{}') @> ARRAY(
						SELECT d.tag_id FROM contacts.tag d
						WHERE d.workspace_id = undo_plan.workspace_id AND d.tag_id = ANY (c.tags)))) IS TRUE THEN 'keep'
				WHEN EXISTS (
					SELECT FROM contacts.history o
					WHERE o.workspace_id = undo_plan.workspace_id AND o.contact_id = i.contact_id AND o.contact_version >= i.first
						AND o.import_id IS DISTINCT FROM undo_plan.import_id) THEN 'prove'
				WHEN i.first = 1 THEN 'delete'
				ELSE 'restore'
			END,
			jsonb_build_object('email_address', c.email_address, 'partial_update', true, 'fields', coalesce(f.old, '{}'),
				'add_tags', coalesce(t.to_add, '[]'), 'remove_tags', coalesce(t.to_remove, '[]'), 'status', i.old_status,
				'source', format('undo of import %s', undo_plan.import_id)),
			f.lost
		FROM touched i
			LEFT JOIN contacts.contact c ON c.workspace_id = undo_plan.workspace_id AND c.id = ANY (ids) AND c.id = i.contact_id
			LEFT JOIN fields f ON f.contact_id = i.contact_id
			LEFT JOIN tags t ON t.contact_id = i.contact_id
	$$;
COMMENT ON FUNCTION contacts_internal.undo_plan(bigint, text[], bigint) IS
	'part of contacts.undo_import(): what is to be done with each contact, and with which request; lost are fields that are gone '
	'and had a value before';
REVOKE ALL ON FUNCTION contacts_internal.undo_plan(bigint, text[], bigint) FROM PUBLIC;
