-- How an import begins, goes on, and copies its rows.
--
-- A staging table need have no key, and ctid is none: an UPDATE or VACUUM FULL between a crash and the next call moves rows.
-- So the first call copies the rows, in one transaction, into contacts.import_chunk. From there a chunk is deleted by the
-- transaction that upserts it and moves the progress on, so a row is loaded exactly once whenever that is interrupted. A row that failed is
-- in contacts.import_error; retry => true puts it back, in one transaction too.

CREATE FUNCTION contacts_internal.check_staging(staging_table regclass) RETURNS void
	LANGUAGE C STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_check_staging';
COMMENT ON FUNCTION contacts_internal.check_staging(regclass) IS
	'part of contacts.import(): an error unless the caller may read all of a staging table';
REVOKE ALL ON FUNCTION contacts_internal.check_staging(regclass) FROM PUBLIC;

CREATE FUNCTION contacts_internal.staging_fingerprint(staging_table regclass) RETURNS bigint
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_staging_fingerprint';
COMMENT ON FUNCTION contacts_internal.staging_fingerprint(regclass) IS
	'part of contacts.import(): a number that the same rows have, in whatever order';
REVOKE ALL ON FUNCTION contacts_internal.staging_fingerprint(regclass) FROM PUBLIC;

CREATE FUNCTION contacts_internal.staging_chunks(staging_table regclass, chunk integer, list_columns text[])
	RETURNS TABLE (first_row bigint, rows jsonb[], fingerprint bigint, separators jsonb)
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_staging_chunks';
COMMENT ON FUNCTION contacts_internal.staging_chunks(regclass, integer, text[]) IS
	'part of contacts.import(): the rows of a staging table, read as its owner, each one jsonb without its nulls; the '
	'fingerprint beside the last rows is that of all, and the separators are those of the lists in all of them';
REVOKE ALL ON FUNCTION contacts_internal.staging_chunks(regclass, integer, text[]) FROM PUBLIC;

CREATE FUNCTION contacts_internal.abandon_import(import_id bigint, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
BEGIN
	UPDATE contacts.import_progress p SET state = 'abandoned', updated_at = now()
		WHERE p.workspace_id = abandon_import.workspace_id AND p.import_id = abandon_import.import_id;
	DELETE FROM contacts.import_chunk c
		WHERE c.workspace_id = abandon_import.workspace_id AND c.import_id = abandon_import.import_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.abandon_import(bigint, bigint) IS
	'part of contacts.import(): gives up the rows that an import has still to load';
REVOKE ALL ON FUNCTION contacts_internal.abandon_import(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.abandon_dry_run(name text, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	id CONSTANT bigint := (
		SELECT p.import_id
		FROM contacts.import_progress p
		WHERE p.workspace_id = abandon_dry_run.workspace_id AND p.staging_table = name AND p.state = 'running'
			AND contacts_internal.is_dry_run(p.parameters));
	backend_pid integer;
BEGIN
	IF id IS NULL THEN
		RETURN;
	END IF;
	SELECT p.backend_pid INTO backend_pid
		FROM contacts.import_progress p
		WHERE p.workspace_id = abandon_dry_run.workspace_id AND p.import_id = id
		FOR UPDATE SKIP LOCKED;
	IF NOT FOUND OR contacts_internal.is_at_work(backend_pid) THEN
		RAISE EXCEPTION 'Another session is at a dry run of %.', name
			USING ERRCODE = 'object_in_use', HINT = 'TABLE contacts.import_progress shows how far it is.';
	END IF;
	PERFORM contacts_internal.abandon_import(id, abandon_dry_run.workspace_id);
END
$$;
COMMENT ON FUNCTION contacts_internal.abandon_dry_run(text, bigint) IS
	'part of contacts.import(): gives up a dry run of the table that was interrupted; an error if another session is at it';
REVOKE ALL ON FUNCTION contacts_internal.abandon_dry_run(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_dry_run(name text, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	last record;
BEGIN
	SELECT p.import_id, p.total, p.done, p.backend_pid INTO last
		FROM contacts.import_progress p
		WHERE p.workspace_id = check_dry_run.workspace_id AND p.staging_table = name AND p.state = 'running';
	IF last.import_id IS NULL THEN
		RETURN;
	ELSIF contacts_internal.is_at_work(last.backend_pid) THEN
		RAISE EXCEPTION 'Another session is importing %.', name
			USING ERRCODE = 'object_in_use', HINT = 'TABLE contacts.import_progress shows how far it is.';
	END IF;
	RAISE EXCEPTION 'Import % of % is not finished: it has % of % rows still to load.',
			last.import_id, name, last.total - last.done, last.total
		USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Call contacts.import() as before to load them, or undo it. A dry run comes before an import or after it.';
END
$$;
COMMENT ON FUNCTION contacts_internal.check_dry_run(text, bigint) IS
	'part of contacts.import(): an error if an import of the table is not finished; locks nothing';
REVOKE ALL ON FUNCTION contacts_internal.check_dry_run(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.put_back_bad_rows(import_id bigint, chunk integer, workspace_id bigint) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	chunk_bytes CONSTANT bigint := 32 * 1024 * 1024;
	again bigint;
BEGIN
	IF contacts_internal.is_elsewhere(put_back_bad_rows.workspace_id) THEN
		RETURN contacts_internal.call_there('put_back_bad_rows', put_back_bad_rows.workspace_id, put_back_bad_rows.import_id::text, chunk::text);
	END IF;
	-- The rows go back to those that wait, under their numbers.
	INSERT INTO contacts.import_chunk (workspace_id, import_id, first_row, rows, row_numbers)
		SELECT put_back_bad_rows.workspace_id, put_back_bad_rows.import_id, min(n.row_number), array_agg(n.row ORDER BY n.row_number),
			array_agg(n.row_number ORDER BY n.row_number)
		FROM (
			SELECT e.row_number, e.row, (row_number() OVER w - 1) / put_back_bad_rows.chunk AS by_count,
				sum(octet_length(e.row::text)) OVER w / chunk_bytes AS by_size
			FROM contacts.import_error e
			WHERE e.workspace_id = put_back_bad_rows.workspace_id AND e.import_id = put_back_bad_rows.import_id AND e.error_number = 1
			WINDOW w AS (ORDER BY e.row_number)
		) n
		GROUP BY n.by_count, n.by_size;
	DELETE FROM contacts.import_error e
		WHERE e.workspace_id = put_back_bad_rows.workspace_id AND e.import_id = put_back_bad_rows.import_id AND e.error_number > 1;
	DELETE FROM contacts.import_error e
		WHERE e.workspace_id = put_back_bad_rows.workspace_id AND e.import_id = put_back_bad_rows.import_id;
	GET DIAGNOSTICS again = ROW_COUNT;
	RETURN again;
END
$$;
COMMENT ON FUNCTION contacts_internal.put_back_bad_rows(bigint, integer, bigint) IS
	'part of contacts.import(): puts the bad rows of an import back to those that it has still to load; returns how many';
REVOKE ALL ON FUNCTION contacts_internal.put_back_bad_rows(bigint, integer, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.retry_import(
	name text, import_id bigint, state text, began_with jsonb, called_with jsonb, chunk integer, workspace_id bigint
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	again bigint;
	moment CONSTANT timestamptz := clock_timestamp();
	session CONSTANT integer := contacts_internal.session_pid();
BEGIN
	IF retry_import.import_id IS NULL OR state NOT IN ('running', 'finished') THEN
		RAISE EXCEPTION 'There is no import of % whose bad rows could be tried again.', name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'retry => true is for the bad rows of the last import of a table, as long as that is not undone.';
	END IF;
	PERFORM contacts_internal.check_import_parameters(name, retry_import.import_id, began_with, called_with);
	again := contacts_internal.put_back_bad_rows(retry_import.import_id, chunk, retry_import.workspace_id);
	IF again = 0 AND state = 'finished' THEN
		RAISE NOTICE 'Nothing to do: import % of % has no bad rows.', retry_import.import_id, name
			USING HINT = 'restart => true loads all rows again.';
		RETURN NULL;
	END IF;
	RAISE NOTICE 'Import % of % tries % rows again.', retry_import.import_id, name, again;
	UPDATE contacts.import_progress p
		SET state = 'running', finished_at = NULL, done = p.done - again, failed = p.failed - again,
			backend_pid = session, updated_at = moment
		WHERE p.workspace_id = retry_import.workspace_id AND p.import_id = retry_import.import_id;
	RETURN retry_import.import_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.retry_import(text, bigint, text, jsonb, jsonb, integer, bigint) IS
	'part of contacts.import(): has the bad rows of an import loaded again; returns its id, or null if there are none';
REVOKE ALL ON FUNCTION contacts_internal.retry_import(text, bigint, text, jsonb, jsonb, integer, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.begin_import(
	staging_table regclass, chunk integer, parameters jsonb, retry boolean, restart boolean, workspace_id bigint
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	-- an import is found by the name of its table
	SET quote_all_identifiers = off
	AS $$
#variable_conflict use_column
DECLARE
	name text := (
		SELECT format('%I.%I', n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid = staging_table);
	last record;
	same boolean;
	match record;
	moment CONSTANT timestamptz := clock_timestamp();
	session CONSTANT integer := contacts_internal.session_pid();
BEGIN
	PERFORM contacts_internal.abandon_dry_run(name, begin_import.workspace_id);
	IF contacts_internal.is_dry_run(parameters) THEN
		PERFORM contacts_internal.check_dry_run(name, begin_import.workspace_id);
		RETURN contacts_internal.new_import(staging_table, name, parameters, begin_import.workspace_id);
	END IF;
	SELECT * INTO last FROM contacts_internal.find_import(name, begin_import.workspace_id);
	IF retry THEN
		RETURN contacts_internal.retry_import(
			name, last.import_id, last.state, last.parameters, parameters, chunk, begin_import.workspace_id);
	ELSIF restart AND last.state = 'running' THEN
		PERFORM contacts_internal.abandon_import(last.import_id, begin_import.workspace_id);
	END IF;
	IF restart OR last.import_id IS NULL OR last.state IN ('abandoned', 'undoing', 'undone') THEN
		RETURN contacts_internal.new_import(staging_table, name, parameters, begin_import.workspace_id);
	END IF;

	IF last.fingerprint IS NOT NULL THEN
		IF last.state = 'running' THEN
			PERFORM contacts_internal.check_import_parameters(name, last.import_id, last.parameters, parameters);
		END IF;
		-- restart => false asks no more
		same := restart IS NOT NULL
			OR last.parameters = parameters AND last.fingerprint = contacts_internal.staging_fingerprint(staging_table);
		IF last.state = 'finished' AND same THEN
			RAISE NOTICE 'Nothing to do: import % has loaded these rows of %.', last.import_id,
					name || CASE WHEN last.failed > 0 THEN format(', but for %s that failed', last.failed) ELSE '' END
				USING HINT = CASE WHEN last.failed > 0 THEN 'retry => true tries those again, when what was wrong is mended. ' ELSE '' END
					|| 'restart => true loads all rows again.';
			RETURN NULL;
		ELSIF last.state = 'finished' THEN
			RETURN contacts_internal.new_import(staging_table, name, parameters, begin_import.workspace_id);
		ELSIF NOT same THEN
			RAISE EXCEPTION '% has changed since import % of it began, and that has % of % rows still to load.',
					name, last.import_id, last.total - last.done, last.total
				USING ERRCODE = 'object_not_in_prerequisite_state',
					HINT = 'restart => false loads the rest of the rows as they were; restart => true gives them up, and begins '
						'with the table as it is now.';
		END IF;
		RAISE NOTICE 'Import % of % goes on: % of % rows are done.', last.import_id, name, last.done, last.total;
	ELSE
		-- An import that has copied no row has not really begun.
		SELECT * INTO match
			FROM contacts_internal.match_import(staging_table, parameters, true, begin_import.workspace_id);
		UPDATE contacts.import_progress p
			SET parameters = begin_import.parameters, matched = match.matched, defined = match.defined
			WHERE p.workspace_id = begin_import.workspace_id AND p.import_id = last.import_id;
	END IF;
	UPDATE contacts.import_progress p
		SET backend_pid = session, updated_at = moment
		WHERE p.workspace_id = begin_import.workspace_id AND p.import_id = last.import_id;
	RETURN last.import_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.begin_import(regclass, integer, jsonb, boolean, boolean, bigint) IS
	'part of contacts.import(): the id of the import to go on with, a new one or one that was interrupted; null if all is done';
REVOKE ALL ON FUNCTION contacts_internal.begin_import(regclass, integer, jsonb, boolean, boolean, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.list_columns(matched jsonb, workspace_id bigint) RETURNS text[]
	LANGUAGE C STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_list_columns';
COMMENT ON FUNCTION contacts_internal.list_columns(jsonb, bigint) IS
	'part of contacts.import(): the columns whose cells are lists';
REVOKE ALL ON FUNCTION contacts_internal.list_columns(jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.copy_staging(staging_table regclass, chunk integer, import_id bigint, workspace_id bigint)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	progress record;
	lists text[];
	copied bigint := 0;
	hash_sum bigint := 0;
	found_separators jsonb := '{}';
	staged record;
	list record;
	moment timestamptz;
BEGIN
	SELECT * INTO progress FROM contacts_internal.hold_import(copy_staging.import_id, copy_staging.workspace_id);
	IF progress.is_copied THEN
		RETURN;
	END IF;
	lists := contacts_internal.list_columns(progress.matched, copy_staging.workspace_id);
	-- For the rest of this transaction, where the server has lz4: pglz takes longer for a row than all else that is done with it here.
	PERFORM set_config('default_toast_compression', 'lz4', true)
		FROM pg_settings s
		WHERE s.name = 'default_toast_compression' AND 'lz4' = ANY (s.enumvals);
	-- A separator that is given need not be looked for.
	FOR staged IN SELECT * FROM contacts_internal.staging_chunks(staging_table, chunk,
			CASE WHEN progress.parameters ? 'separator' THEN '{}' ELSE lists END) LOOP
		INSERT INTO contacts.import_chunk (workspace_id, import_id, first_row, rows)
			VALUES (copy_staging.workspace_id, copy_staging.import_id, staged.first_row, staged.rows);
		copied := copied + cardinality(staged.rows);
		hash_sum := staged.fingerprint;
		found_separators := staged.separators;
	END LOOP;
	IF progress.parameters ? 'separator' THEN
		found_separators := jsonb_object(lists, array_fill(progress.parameters ->> 'separator', ARRAY[cardinality(lists)]));
	END IF;
	FOR list IN SELECT s.key AS name, left(s.value, 1) AS taken, substr(s.value, 2, 1) AS other
		FROM jsonb_each_text(found_separators) s WHERE length(s.value) > 1 ORDER BY s.key LOOP
		RAISE NOTICE 'The lists in column % are read by "%", and some of its cells have "%" too.', quote_ident(list.name), list.taken, list.other
			USING HINT = format('What has "%1$s" in it is one item. If that separates items, undo the import and call it with separator => %1$L.',
				list.other);
		found_separators := found_separators || jsonb_build_object(list.name, list.taken);
	END LOOP;
	moment := clock_timestamp();
	UPDATE contacts.import_progress p
		SET total = copied, fingerprint = hash_sum, separators = found_separators, updated_at = moment
		WHERE p.workspace_id = copy_staging.workspace_id AND p.import_id = copy_staging.import_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.copy_staging(regclass, integer, bigint, bigint) IS
	'part of contacts.import(): copies the rows in chunks, unless an interrupted call has, and finds out how their lists are separated';
REVOKE ALL ON FUNCTION contacts_internal.copy_staging(regclass, integer, bigint, bigint) FROM PUBLIC;

