-- How contacts.undo_import() begins: whether the import can be taken back, by whom, and that nobody else is at it.

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
