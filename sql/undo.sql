-- contacts.undo_import() (docs/files.md, "Undo") takes an import back, contact by contact, in the order of their ids, and commits
-- chunk by chunk.
--
-- What the import has done is in contacts.history, under its import_id. Nobody has changed a contact since if the contact's version
-- is the last one of these rows, and they have all versions from their first to their last. Only the deletion of a field raises
-- a version and is no change: where fields of the import are gone, the version may be higher by as many as had a value, and what
-- the import wrote is compared with what is there.
--
-- Evidence may come and change nothing: whoever was unsubscribed by the import may have said so himself since. So a contact is kept
-- of which the history has a row that is not the import's, of a version that the import has made or a later one.

CREATE FUNCTION contacts_internal.install_undo() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	CREATE TABLE contacts.import_kept (
		workspace_id bigint NOT NULL,
		import_id bigint NOT NULL,
		contact_id text COLLATE "C" NOT NULL,
		code text NOT NULL,
		message text NOT NULL,
		PRIMARY KEY (workspace_id, import_id, contact_id),
		FOREIGN KEY (workspace_id, import_id) REFERENCES contacts.import_progress ON DELETE CASCADE
	);
	COMMENT ON TABLE contacts.import_kept IS
		'contact_upsert: the contacts that the undo of an import has left as they are, wholly or in part, and why';
END
$$;
COMMENT ON FUNCTION contacts_internal.install_undo() IS 'part of contacts.install(): what the undo of an import has kept';
REVOKE ALL ON FUNCTION contacts_internal.install_undo() FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_undo(import_id bigint, dry_run boolean, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	progress record;
BEGIN
	PERFORM contacts_internal.require_coordinator('contacts.undo_import()');
	IF check_undo.import_id IS NULL OR dry_run IS NULL THEN
		RAISE EXCEPTION 'import_id and dry_run must not be null.'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'TABLE contacts.import_progress has the ids of the imports.';
	ELSIF NOT dry_run THEN
		PERFORM contacts_internal.require_commits('contacts.undo_import()', 'With dry_run => true it works here too.');
	END IF;
	PERFORM contacts_internal.require_workspace(check_undo.workspace_id);
	SELECT * INTO progress
		FROM contacts.import_progress p
		WHERE p.workspace_id = check_undo.workspace_id AND p.import_id = check_undo.import_id;
	IF progress.import_id IS NULL THEN
		RAISE EXCEPTION 'There is no import % in workspace %.', check_undo.import_id, check_undo.workspace_id
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'import_progress',
				HINT = 'TABLE contacts.import_progress lists the imports.';
	ELSIF contacts_internal.is_dry_run(progress.parameters) THEN
		RAISE EXCEPTION 'Import % of % was a dry run: there is nothing to undo.', progress.import_id, progress.staging_table
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', TABLE = 'import_progress',
				HINT = 'It has touched no contact.';
	ELSIF progress.state = 'undone' THEN
		RAISE EXCEPTION 'Import % of % is undone already.', progress.import_id, progress.staging_table
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', TABLE = 'import_progress',
				HINT = 'contacts.import_progress says when, and contacts.import_kept lists the contacts that it has kept.';
	ELSIF progress.state IN ('running', 'undoing') AND contacts_internal.is_at_work(progress.backend_pid) THEN
		RAISE EXCEPTION 'Another session is % import % of %.', CASE progress.state WHEN 'running' THEN 'at' ELSE 'undoing' END,
				progress.import_id, progress.staging_table
			USING ERRCODE = 'object_in_use', SCHEMA = 'contacts', TABLE = 'import_progress',
				HINT = 'Wait until it has ended, or cancel it: contacts.import_progress has its backend_pid.';
	ELSIF NOT coalesce((progress.parameters ->> 'history')::boolean, true) THEN
		RAISE EXCEPTION 'Import % of % cannot be undone: it was made with history => false.', progress.import_id,
				progress.staging_table
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', TABLE = 'history',
				HINT = 'Load a table with the values as they shall be.';
	ELSIF progress.history_purged_at IS NOT NULL THEN
		RAISE EXCEPTION 'Import % of % cannot be undone: some of its history is gone.', progress.import_id, progress.staging_table
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', TABLE = 'history',
				HINT = 'contacts.purge_history() deletes what is old. Load a table with the values as they shall be.';
	ELSIF progress.state <> 'undoing' AND progress.created + progress.updated > 0 AND NOT EXISTS (
		SELECT FROM contacts.history h
		WHERE h.workspace_id = check_undo.workspace_id AND h.import_id = check_undo.import_id) THEN
		RAISE EXCEPTION 'Import % of % cannot be undone: its history is gone.', progress.import_id, progress.staging_table
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', TABLE = 'history',
				HINT = 'contacts.purge_history() deletes what is old. Load a table with the values as they shall be.';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.check_undo(bigint, boolean, bigint) IS
	'part of contacts.undo_import(): what speaks against it is an error, before anything is written';
REVOKE ALL ON FUNCTION contacts_internal.check_undo(bigint, boolean, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_at_work(pid integer) RETURNS boolean
	LANGUAGE sql VOLATILE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT EXISTS (
			SELECT FROM pg_stat_activity a
			-- The state of another role's session is hidden, and may be anything.
			WHERE a.pid = is_at_work.pid AND a.pid <> pg_backend_pid() AND a.state IS DISTINCT FROM 'idle')
	$$;
COMMENT ON FUNCTION contacts_internal.is_at_work(integer) IS
	'part of contacts.undo_import(): whether that backend is another one, and not known to be idle';
REVOKE ALL ON FUNCTION contacts_internal.is_at_work(integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.begin_undo(import_id bigint, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	progress record;
	moment timestamptz;
	session CONSTANT integer := contacts_internal.session_pid();
BEGIN
	SELECT * INTO progress
		FROM contacts.import_progress p
		WHERE p.workspace_id = begin_undo.workspace_id AND p.import_id = begin_undo.import_id
		FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'Another session is at import %.', begin_undo.import_id
			USING ERRCODE = 'object_in_use', HINT = 'TABLE contacts.import_progress shows how far it is.';
	END IF;
	-- Again, now that nobody else can change it.
	PERFORM contacts_internal.check_undo(begin_undo.import_id, true, begin_undo.workspace_id);
	DELETE FROM contacts.import_chunk c
		WHERE c.workspace_id = begin_undo.workspace_id AND c.import_id = begin_undo.import_id;
	moment := clock_timestamp();
	UPDATE contacts.import_progress p
		SET state = 'undoing', backend_pid = session, updated_at = moment
		WHERE p.workspace_id = begin_undo.workspace_id AND p.import_id = begin_undo.import_id;
	IF progress.state = 'undoing' THEN
		RAISE NOTICE 'The undo of import % of % goes on.', progress.import_id, progress.staging_table;
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.begin_undo(bigint, bigint) IS
	'part of contacts.undo_import(): takes the import over; what it has still to load is given up';
REVOKE ALL ON FUNCTION contacts_internal.begin_undo(bigint, bigint) FROM PUBLIC;

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

CREATE FUNCTION contacts_internal.restore_contacts(requests jsonb, workspace_id bigint) RETURNS SETOF contacts.upsert_result
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 1000
	AS 'MODULE_PATHNAME', 'contacts_restore_contacts';
COMMENT ON FUNCTION contacts_internal.restore_contacts(jsonb, bigint) IS
	'part of contacts.undo_import(): the failures of contacts.upsert_many for requests that restore what was: no policy and no required field '
	'speaks against it';
REVOKE ALL ON FUNCTION contacts_internal.restore_contacts(jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.note_undo(
	import_id bigint, undone_up_to text, restored bigint, deleted bigint, kept_ids text[], codes text[], messages text[],
	workspace_id bigint
) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	moment CONSTANT timestamptz := clock_timestamp();
BEGIN
	INSERT INTO contacts.import_kept (workspace_id, import_id, contact_id, code, message)
		SELECT note_undo.workspace_id, note_undo.import_id, k.contact_id, k.code, k.message
		FROM unnest(kept_ids, codes, messages) AS k (contact_id, code, message);
	UPDATE contacts.import_progress p
		SET restored = p.restored + note_undo.restored, deleted = p.deleted + note_undo.deleted,
			kept = p.kept + coalesce(cardinality(kept_ids), 0), undone_up_to = note_undo.undone_up_to,
			updated_at = moment
		WHERE p.workspace_id = note_undo.workspace_id AND p.import_id = note_undo.import_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.note_undo(bigint, text, bigint, bigint, text[], text[], text[], bigint) IS
	'part of contacts.undo_import(): lists the contacts that are kept, and counts all in contacts.import_progress';
REVOKE ALL ON FUNCTION contacts_internal.note_undo(bigint, text, bigint, bigint, text[], text[], text[], bigint) FROM PUBLIC;

-- delete_created() and undo_contacts() have every name qualified and pin no search_path: so triggers of the user's own find what
-- they find in any upsert.
CREATE FUNCTION contacts_internal.delete_created(ids text[], workspace_id bigint) RETURNS TABLE (contact_id text, code text, message text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET DateStyle = ISO
	AS $$
DECLARE
	created_id text;
	deleted bigint;
BEGIN
	BEGIN
		DELETE FROM contacts.contact c
			WHERE c.workspace_id OPERATOR(pg_catalog.=) delete_created.workspace_id AND c.id OPERATOR(pg_catalog.=) ANY (ids);
		GET DIAGNOSTICS deleted = ROW_COUNT;
		IF deleted OPERATOR(pg_catalog.=) COALESCE(pg_catalog.cardinality(ids), 0) THEN
			RETURN;
		END IF;
	EXCEPTION WHEN OTHERS THEN
		NULL; -- once more, one by one, to see which it is
	END;
	FOREACH created_id IN ARRAY ids LOOP
		BEGIN
			DELETE FROM contacts.contact c
				WHERE c.workspace_id OPERATOR(pg_catalog.=) delete_created.workspace_id AND c.id OPERATOR(pg_catalog.=) created_id;
			-- The contact may have gone with another: then there is none to keep.
			IF NOT FOUND AND EXISTS (
				SELECT FROM contacts.contact c
				WHERE c.workspace_id OPERATOR(pg_catalog.=) delete_created.workspace_id
					AND c.id OPERATOR(pg_catalog.=) created_id) THEN
				RAISE EXCEPTION 'The contact could not be deleted: look for a trigger on contacts.contact that returns NULL, or a policy.'
					USING ERRCODE = 'triggered_data_change_violation';
			END IF;
		EXCEPTION WHEN OTHERS THEN
			-- A row that refers to the contact, or a trigger, may speak against it; all else ends the undo.
			IF pg_catalog.left(SQLSTATE, 2) OPERATOR(pg_catalog.<>) ALL (ARRAY['22', '23', '27', '44', 'P0']) THEN
				RAISE;
			END IF;
			contact_id := created_id;
			code := SQLSTATE;
			message := SQLERRM;
			RETURN NEXT;
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.delete_created(text[], bigint) IS
	'part of contacts.undo_import(): deletes contacts; returns those that a rule of the user''s own keeps';
REVOKE ALL ON FUNCTION contacts_internal.delete_created(text[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.undo_contacts(import_id bigint, ids text[], workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
DECLARE
	created text[];
	restored_ids text[];
	requests pg_catalog.jsonb;
	kept_ids text[];
	codes text[];
	messages text[];
	failed_ids text[];
	failed_codes text[];
	failed_messages text[];
	failed_restores pg_catalog.int8;
BEGIN
	SELECT pg_catalog.array_agg(p.contact_id ORDER BY p.contact_id) FILTER (WHERE p.action OPERATOR(pg_catalog.=) 'delete'),
			pg_catalog.array_agg(p.contact_id ORDER BY p.contact_id) FILTER (WHERE p.action OPERATOR(pg_catalog.=) 'restore'),
			pg_catalog.jsonb_agg(p.request ORDER BY p.contact_id) FILTER (WHERE p.action OPERATOR(pg_catalog.=) 'restore'),
			pg_catalog.array_agg(p.contact_id ORDER BY p.contact_id) FILTER (WHERE n.code IS NOT NULL),
			pg_catalog.array_agg(n.code ORDER BY p.contact_id) FILTER (WHERE n.code IS NOT NULL),
			pg_catalog.array_agg(n.message ORDER BY p.contact_id) FILTER (WHERE n.code IS NOT NULL)
		INTO created, restored_ids, requests, kept_ids, codes, messages
		FROM contacts_internal.undo_plan(import_id, ids, workspace_id) p
			LEFT JOIN LATERAL (
				VALUES
					('keep', 'CHANGED_SINCE', 'The contact has changed since the import, and is kept as it is.'),
					('prove', 'EVIDENCE_SINCE', 'Evidence has been given for the contact since the import, and it is kept as it is.'),
					('gone', 'DELETED_SINCE', 'The contact has been deleted since the import.'),
					('restore', CASE WHEN p.lost IS NOT NULL THEN 'FIELD_GONE' END, pg_catalog.concat(
						'The contact is restored, but not the fields that are gone: ', p.lost))
			) n (action, code, message) ON n.action OPERATOR(pg_catalog.=) p.action;
	SELECT pg_catalog.array_agg(r.id), pg_catalog.array_agg(r.error OPERATOR(pg_catalog.->>) 'code'),
			pg_catalog.array_agg(r.error OPERATOR(pg_catalog.->>) 'message'), pg_catalog.count(*)
		INTO failed_ids, failed_codes, failed_messages, failed_restores
		FROM contacts_internal.restore_contacts(requests, workspace_id) r
		WHERE r.outcome OPERATOR(pg_catalog.=) 'failed';
	SELECT pg_catalog.array_cat(failed_ids, pg_catalog.array_agg(d.contact_id)),
			pg_catalog.array_cat(failed_codes, pg_catalog.array_agg(d.code)),
			pg_catalog.array_cat(failed_messages, pg_catalog.array_agg(d.message))
		INTO failed_ids, failed_codes, failed_messages
		FROM contacts_internal.delete_created(created, workspace_id) d;
	-- A contact that could not be restored is not one of which a field is gone.
	SELECT pg_catalog.array_agg(k.id), pg_catalog.array_agg(k.code), pg_catalog.array_agg(k.message)
		INTO kept_ids, codes, messages
		FROM (
			SELECT k.id, k.code, k.message FROM ROWS FROM (
				pg_catalog.unnest(kept_ids), pg_catalog.unnest(codes), pg_catalog.unnest(messages)) k (id, code, message)
			WHERE k.id OPERATOR(pg_catalog.<>) ALL (COALESCE(failed_ids, '{}'))
			UNION ALL
			SELECT f.id, f.code, f.message FROM ROWS FROM (
				pg_catalog.unnest(failed_ids), pg_catalog.unnest(failed_codes), pg_catalog.unnest(failed_messages)) f (id, code, message)
		) k;
	PERFORM contacts_internal.note_undo(import_id, ids[pg_catalog.cardinality(ids)],
		COALESCE(pg_catalog.cardinality(restored_ids), 0) OPERATOR(pg_catalog.-) failed_restores,
		COALESCE(pg_catalog.cardinality(created), 0)
			OPERATOR(pg_catalog.-) (COALESCE(pg_catalog.cardinality(failed_ids), 0) OPERATOR(pg_catalog.-) failed_restores),
		kept_ids, codes, messages, workspace_id);
END
$$;
COMMENT ON FUNCTION contacts_internal.undo_contacts(bigint, text[], bigint) IS
	'part of contacts.undo_import(): restores, deletes or keeps contacts that are locked, and notes what became of them';
REVOKE ALL ON FUNCTION contacts_internal.undo_contacts(bigint, text[], bigint) FROM PUBLIC;

-- undo_chunk() pins no search_path, as undo_contacts() does not, and tries again as load_chunk() does.
CREATE FUNCTION contacts_internal.undo_chunk(import_id bigint, workspace_id bigint) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
DECLARE
	tries CONSTANT integer := 10;
	ids text[];
BEGIN
	IF contacts_internal.is_elsewhere(workspace_id) THEN
		RETURN contacts_internal.call_there('undo_chunk', workspace_id, import_id::pg_catalog.text);
	END IF;
	FOR try IN 1 .. tries LOOP
		BEGIN
			ids := contacts_internal.next_undo(import_id, workspace_id);
			IF ids IS NULL THEN
				RETURN false;
			END IF;
			PERFORM contacts_internal.undo_contacts(import_id, ids, workspace_id);
			RETURN true;
		EXCEPTION WHEN deadlock_detected OR serialization_failure THEN
			-- All that the chunk has locked is free again, which is what the other session waits for.
			IF try OPERATOR(pg_catalog.=) tries THEN
				RAISE;
			END IF;
			PERFORM pg_catalog.pg_sleep(0.1);
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.undo_chunk(bigint, bigint) IS
	'part of contacts.undo_import(): undoes the next contacts, again where a deadlock or a serialization failure has ended that; '
	'false if there are none';
REVOKE ALL ON FUNCTION contacts_internal.undo_chunk(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.undo_counts(import_id bigint, after text, workspace_id bigint) RETURNS bigint[]
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	counts bigint[] := '{0,0,0}';
	ids text[];
BEGIN
	IF contacts_internal.is_elsewhere(workspace_id) THEN
		RETURN contacts_internal.call_there('undo_counts', workspace_id, import_id::text, after);
	END IF;
	LOOP
		ids := contacts_internal.undo_ids(import_id, after, workspace_id);
		EXIT WHEN cardinality(ids) = 0;
		SELECT ARRAY[counts[1] + count(*) FILTER (WHERE p.action = 'restore'), counts[2] + count(*) FILTER (WHERE p.action = 'delete'),
				counts[3] + count(*) FILTER (WHERE p.action IN ('keep', 'prove', 'gone') OR p.action = 'restore' AND p.lost IS NOT NULL)]
			INTO counts
			FROM contacts_internal.undo_plan(import_id, ids, workspace_id) p;
		after := ids[cardinality(ids)];
	END LOOP;
	RETURN counts;
END
$$;
COMMENT ON FUNCTION contacts_internal.undo_counts(bigint, text, bigint) IS
	'part of contacts.undo_import(): how many contacts, behind the one with that id, it would restore, delete and keep';
REVOKE ALL ON FUNCTION contacts_internal.undo_counts(bigint, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.count_undo(import_id bigint, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	progress record;
	counts bigint[];
BEGIN
	SELECT * INTO progress
		FROM contacts.import_progress p
		WHERE p.workspace_id = count_undo.workspace_id AND p.import_id = count_undo.import_id;
	IF progress.import_id IS NULL THEN
		RETURN;
	END IF;
	counts := contacts_internal.undo_counts(count_undo.import_id, coalesce(progress.undone_up_to, ''), count_undo.workspace_id);
	RAISE NOTICE 'Undo of import % of %: % to restore, % to delete, % to keep.', progress.import_id,
			progress.staging_table, progress.restored + counts[1], progress.deleted + counts[2], progress.kept + counts[3]
		USING HINT = format('Nothing was written. CALL contacts.undo_import(%s); does it, and lists in contacts.import_kept what it keeps.',
			progress.import_id);
END
$$;
COMMENT ON FUNCTION contacts_internal.count_undo(bigint, bigint) IS 'part of contacts.undo_import(): says what it would do';
REVOKE ALL ON FUNCTION contacts_internal.count_undo(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.end_undo(import_id bigint, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	progress record;
BEGIN
	SELECT * INTO progress
		FROM contacts.import_progress p
		WHERE p.workspace_id = end_undo.workspace_id AND p.import_id = end_undo.import_id;
	IF progress.import_id IS NULL THEN
		RETURN;
	END IF;
	RAISE NOTICE 'Import % of % is undone: % restored, % deleted, % kept.', progress.import_id,
			progress.staging_table, progress.restored, progress.deleted, progress.kept
		USING HINT = CASE WHEN progress.kept > 0 THEN format(
			'SELECT * FROM contacts.import_kept WHERE workspace_id = %s AND import_id = %s;',
			progress.workspace_id, progress.import_id) ELSE 'contacts.import_progress keeps these numbers.' END;
END
$$;
COMMENT ON FUNCTION contacts_internal.end_undo(bigint, bigint) IS 'part of contacts.undo_import(): says what became of it';
REVOKE ALL ON FUNCTION contacts_internal.end_undo(bigint, bigint) FROM PUBLIC;

-- A procedure that commits cannot pin its search_path: every name in it is qualified.
CREATE PROCEDURE contacts.undo_import(
	import_id bigint,
	dry_run boolean DEFAULT false,
	workspace_id bigint DEFAULT NULL
)
	LANGUAGE plpgsql
	AS $$
DECLARE
	workspace CONSTANT bigint := COALESCE(workspace_id, contacts_internal.current_workspace());
BEGIN
	PERFORM contacts_internal.check_undo(import_id, dry_run, workspace);
	IF dry_run THEN
		PERFORM contacts_internal.count_undo(import_id, workspace);
		RETURN;
	END IF;
	-- Where no commit is possible this is the error, before anything is done.
	COMMIT;
	SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
	PERFORM contacts_internal.begin_undo(import_id, workspace);
	LOOP
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		EXIT WHEN NOT contacts_internal.undo_chunk(import_id, workspace);
	END LOOP;
	COMMIT;
	PERFORM contacts_internal.end_undo(import_id, workspace);
END
$$;
COMMENT ON PROCEDURE contacts.undo_import(bigint, boolean, bigint) IS
	'takes an import back: what nobody has changed since gets its old values, tags and status, or is deleted if the import has '
	'created it; the rest is kept and listed in contacts.import_kept. Commits chunk by chunk; called again after an interruption it '
	'goes on. dry_run => true says what it would do. Not inside a transaction';
REVOKE ALL ON PROCEDURE contacts.undo_import(bigint, boolean, bigint) FROM PUBLIC;
