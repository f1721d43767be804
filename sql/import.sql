-- contacts.import() (docs/files.md, "Import") loads a staging table, commits chunk by chunk, and keeps what could not be loaded.
--
-- A staging table need have no key, and ctid is none: an UPDATE or VACUUM FULL between a crash and the next call moves rows.
-- So the first call copies the rows, in one transaction, into contacts.import_chunk. From there a chunk is deleted by the
-- transaction that upserts it and moves the progress on, so a row is loaded exactly once whenever that is interrupted.

CREATE FUNCTION contacts_internal.install_imports() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	CREATE TABLE contacts.import_progress (
		workspace_id bigint NOT NULL REFERENCES contacts.workspace ON DELETE CASCADE,
		import_id bigint GENERATED ALWAYS AS IDENTITY,
		staging_table text NOT NULL,
		parameters jsonb NOT NULL DEFAULT '{}',
		state text NOT NULL DEFAULT 'running' CONSTRAINT "state is running, finished, abandoned, undoing or undone" CHECK (
			state IN ('running', 'finished', 'abandoned', 'undoing', 'undone')),
		total bigint NOT NULL DEFAULT 0,
		done bigint NOT NULL DEFAULT 0,
		created bigint NOT NULL DEFAULT 0,
		updated bigint NOT NULL DEFAULT 0,
		unchanged bigint NOT NULL DEFAULT 0,
		skipped bigint NOT NULL DEFAULT 0,
		failed bigint NOT NULL DEFAULT 0,
		seconds double precision NOT NULL DEFAULT 0,
		rate double precision GENERATED ALWAYS AS (done / nullif(seconds, 0)) STORED,
		started_at timestamptz NOT NULL DEFAULT now(),
		updated_at timestamptz NOT NULL DEFAULT now(),
		finished_at timestamptz,
		backend_pid integer,
		fingerprint bigint,
		restored bigint NOT NULL DEFAULT 0,
		deleted bigint NOT NULL DEFAULT 0,
		kept bigint NOT NULL DEFAULT 0,
		undone_up_to text COLLATE "C",
		undone_at timestamptz,
		history_purged_at timestamptz,
		PRIMARY KEY (workspace_id, import_id),
		CONSTRAINT "done is created, updated, unchanged, skipped and failed" CHECK (
			done = created + updated + unchanged + skipped + failed AND done <= total)
	) WITH (fillfactor = 50); -- each chunk updates its row, on its own page
	CREATE UNIQUE INDEX import_running_key ON contacts.import_progress (workspace_id, staging_table) WHERE state = 'running';
	COMMENT ON TABLE contacts.import_progress IS
		'contact_upsert: the imports; rows, seconds in their chunks, and rows a second; backend_pid is the last backend that '
		'was at it; fingerprint is null until the rows are copied; contacts that an undo has restored, deleted and kept, up to which '
		'id, and when it was done';

	CREATE TABLE contacts.import_chunk (
		workspace_id bigint NOT NULL,
		import_id bigint NOT NULL,
		first_row bigint NOT NULL,
		rows jsonb[] NOT NULL,
		PRIMARY KEY (workspace_id, import_id, first_row),
		FOREIGN KEY (workspace_id, import_id) REFERENCES contacts.import_progress ON DELETE CASCADE
	);
	COMMENT ON TABLE contacts.import_chunk IS 'contact_upsert: the rows that an import has still to load';

	CREATE TABLE contacts.import_error (
		workspace_id bigint NOT NULL,
		import_id bigint NOT NULL,
		row_number bigint NOT NULL,
		row jsonb NOT NULL,
		code text NOT NULL,
		message text NOT NULL,
		error jsonb NOT NULL,
		PRIMARY KEY (workspace_id, import_id, row_number),
		FOREIGN KEY (workspace_id, import_id) REFERENCES contacts.import_progress ON DELETE CASCADE
	);
	COMMENT ON TABLE contacts.import_error IS
		'contact_upsert: the rows that an import could not load, without their nulls, counted from 1, and why';
END
$$;
COMMENT ON FUNCTION contacts_internal.install_imports() IS 'part of contacts.install(): imports, their rows to come and their bad rows';
REVOKE ALL ON FUNCTION contacts_internal.install_imports() FROM PUBLIC;

CREATE FUNCTION contacts_internal.in_transaction_block() RETURNS boolean
	LANGUAGE C VOLATILE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'contacts_in_transaction_block';
COMMENT ON FUNCTION contacts_internal.in_transaction_block() IS
	'whether the statement is one of several in a transaction, so that a procedure cannot commit';
REVOKE ALL ON FUNCTION contacts_internal.in_transaction_block() FROM PUBLIC;

CREATE FUNCTION contacts_internal.require_commits(call text, otherwise text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF contacts_internal.in_transaction_block() THEN
		RAISE EXCEPTION '% commits chunk by chunk, so it cannot run inside a transaction.', call
			USING ERRCODE = 'invalid_transaction_termination',
				HINT = 'CALL it on its own: with autocommit, not after BEGIN, and not in one query string with other statements.';
	ELSIF pg_is_in_recovery() THEN
		RAISE EXCEPTION '% cannot run on a standby.', call
			USING ERRCODE = 'read_only_sql_transaction', HINT = concat_ws(' ', 'CALL it on the primary.', otherwise);
	ELSIF current_setting('transaction_read_only')::boolean THEN
		RAISE EXCEPTION '% cannot run in a read-only transaction.', call
			USING ERRCODE = 'read_only_sql_transaction',
				HINT = concat_ws(' ', 'SET default_transaction_read_only = off;', otherwise);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.require_commits(text, text) IS
	'part of import() and undo_import(): an error where the call cannot write and commit; otherwise is what else can be done, or null';
REVOKE ALL ON FUNCTION contacts_internal.require_commits(text, text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_import_call(
	staging_table regclass, chunk integer, flags boolean[], mode text, workspace_id bigint
) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	PERFORM contacts_internal.require_commits('contacts.import()', NULL);
	PERFORM contacts_internal.require_workspace(check_import_call.workspace_id);
	IF staging_table IS NULL OR chunk IS NULL OR array_position(flags, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'staging_table, chunk, partial_update, create_tags and history must not be null.'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Leave out what is to have its default.';
	ELSIF chunk NOT BETWEEN 1 AND 100000 THEN
		RAISE EXCEPTION 'chunk must be from 1 to 100000.'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is how many rows are loaded between two commits.';
	ELSIF mode NOT IN ('upsert', 'create', 'update', 'fill') THEN
		RAISE EXCEPTION 'mode must be one of upsert, create, update and fill.'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is the mode of each row, as in a request; leave it out for upsert.';
	END IF;
	PERFORM contacts_internal.check_import_columns(staging_table, check_import_call.workspace_id);
	PERFORM contacts_internal.check_staging(staging_table);
END
$$;
COMMENT ON FUNCTION contacts_internal.check_import_call(regclass, integer, boolean[], text, bigint) IS
	'part of contacts.import(): what is wrong with its arguments and its table is an error, before anything is written';
REVOKE ALL ON FUNCTION contacts_internal.check_import_call(regclass, integer, boolean[], text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_import_columns(staging_table regclass, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	known text[] := ARRAY['email_address', 'status', 'tags'] || ARRAY(
		SELECT contacts_internal.column_of_field(f.merge_tag)
		FROM contacts.field f
		WHERE f.workspace_id = check_import_columns.workspace_id AND f.merge_tag <> 'email_address'
		ORDER BY f."position", f.merge_tag);
	columns text[] := ARRAY(
		SELECT a.attname::text
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		WHERE a.attrelid = staging_table AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
		ORDER BY a.attnum);
	unknown text := (
		SELECT string_agg(quote_ident(c), ', ' ORDER BY n)
		FROM unnest(columns) WITH ORDINALITY AS u (c, n)
		WHERE c <> ALL (known));
BEGIN
	IF 'email_address' = ANY (columns) AND unknown IS NULL THEN
		RETURN;
	END IF;
	RAISE EXCEPTION '% cannot be imported: %.', staging_table, concat_ws('; ',
			CASE WHEN cardinality(columns) = 0 THEN 'it is no table with columns'
				WHEN 'email_address' <> ALL (columns) THEN 'it has no column email_address' END,
			'workspace ' || check_import_columns.workspace_id || ' has no field for the columns ' || unknown)
		USING ERRCODE = 'undefined_column',
			HINT = format('The columns may be %s. Rename or drop the others, define fields for them, or import a view that '
				'selects the right ones.', array_to_string(known, ', '));
END
$$;
COMMENT ON FUNCTION contacts_internal.check_import_columns(regclass, bigint) IS
	'part of contacts.import(): a table without email_address, or with columns that are no field, is an error that names them';
REVOKE ALL ON FUNCTION contacts_internal.check_import_columns(regclass, bigint) FROM PUBLIC;

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

CREATE FUNCTION contacts_internal.staging_chunks(staging_table regclass, chunk integer)
	RETURNS TABLE (first_row bigint, rows jsonb[], fingerprint bigint)
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_staging_chunks';
COMMENT ON FUNCTION contacts_internal.staging_chunks(regclass, integer) IS
	'part of contacts.import(): the rows of a staging table, read as its owner, each one jsonb without its nulls, since null is '
	'no value and leaves what is there; the fingerprint beside the last rows is that of all';
REVOKE ALL ON FUNCTION contacts_internal.staging_chunks(regclass, integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.find_import(
	name text,
	workspace_id bigint,
	OUT import_id bigint, OUT state text, OUT parameters jsonb, OUT total bigint, OUT done bigint, OUT fingerprint bigint
)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	-- Not simply the largest id: a sequence that was behind the data gives smaller ones later.
	id bigint := (
		SELECT p.import_id
		FROM contacts.import_progress p
		WHERE p.workspace_id = find_import.workspace_id AND p.staging_table = name
		ORDER BY p.state = 'running' DESC, p.started_at DESC, p.import_id DESC
		LIMIT 1);
BEGIN
	IF id IS NULL THEN
		RETURN;
	END IF;
	SELECT p.import_id, p.state, p.parameters, p.total, p.done, p.fingerprint
		INTO find_import.import_id, find_import.state, find_import.parameters, find_import.total, find_import.done,
			find_import.fingerprint
		FROM contacts.import_progress p
		WHERE p.workspace_id = find_import.workspace_id AND p.import_id = id
		FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'Another session is importing %.', name
			USING ERRCODE = 'object_in_use', HINT = 'TABLE contacts.import_progress shows how far it is.';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.find_import(text, bigint) IS
	'part of contacts.import(): the last import of the table of that name, locked; an error if another session is at it';
REVOKE ALL ON FUNCTION contacts_internal.find_import(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.new_import(name text, parameters jsonb, workspace_id bigint) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	id bigint;
BEGIN
	-- Where the sequence is behind the data, each try takes it past one id that is in use.
	FOR try IN 0 .. (SELECT count(*) FROM contacts.import_progress p WHERE p.workspace_id = new_import.workspace_id) LOOP
		INSERT INTO contacts.import_progress AS p (workspace_id, staging_table, parameters, backend_pid)
			VALUES (new_import.workspace_id, name, new_import.parameters, pg_backend_pid())
			ON CONFLICT DO NOTHING
			RETURNING p.import_id INTO id;
		IF id IS NOT NULL THEN
			RETURN id;
		ELSIF EXISTS (
			SELECT FROM contacts.import_progress p
			WHERE p.workspace_id = new_import.workspace_id AND p.staging_table = name AND p.state = 'running'
		) THEN
			RAISE EXCEPTION 'Another session is importing %.', name
				USING ERRCODE = 'object_in_use', HINT = 'TABLE contacts.import_progress shows how far it is.';
		END IF;
	END LOOP;
	RAISE EXCEPTION 'contacts.import_progress takes no row for the import of %.', name
		USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Look for a trigger or rule of your own on that table.';
END
$$;
COMMENT ON FUNCTION contacts_internal.new_import(text, jsonb, bigint) IS
	'part of contacts.import(): notes an import that begins; returns its id; an error if another session was faster';
REVOKE ALL ON FUNCTION contacts_internal.new_import(text, jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_import_parameters(
	name text, import_id bigint, began_with jsonb, called_with jsonb
) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	before text;
	now text;
BEGIN
	SELECT string_agg(format('%s => %s', key, coalesce(b.value, 'nothing')), ', ' ORDER BY key),
			string_agg(format('%s => %s', key, coalesce(c.value, 'nothing')), ', ' ORDER BY key)
		INTO before, now
		FROM jsonb_each_text(began_with) AS b (key, value) FULL JOIN jsonb_each_text(called_with) AS c (key, value) USING (key)
		WHERE b.value IS DISTINCT FROM c.value;
	IF before IS NOT NULL THEN
		RAISE EXCEPTION 'Import % of % began with %, and this call has %.', check_import_parameters.import_id, name, before, now
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('Call it with %s to load the rest of the rows, or with restart => true to give them up and begin '
					'with the table as it is now.', before);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.check_import_parameters(text, bigint, jsonb, jsonb) IS
	'part of contacts.import(): an import that goes on with other parameters is an error that shows the difference';
REVOKE ALL ON FUNCTION contacts_internal.check_import_parameters(text, bigint, jsonb, jsonb) FROM PUBLIC;

CREATE FUNCTION contacts_internal.begin_import(staging_table regclass, parameters jsonb, restart boolean, workspace_id bigint)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
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
BEGIN
	SELECT * INTO last FROM contacts_internal.find_import(name, begin_import.workspace_id);
	IF restart AND last.state = 'running' THEN
		UPDATE contacts.import_progress p SET state = 'abandoned', updated_at = now()
			WHERE p.workspace_id = begin_import.workspace_id AND p.import_id = last.import_id;
		DELETE FROM contacts.import_chunk c
			WHERE c.workspace_id = begin_import.workspace_id AND c.import_id = last.import_id;
	END IF;
	IF restart OR last.import_id IS NULL OR last.state IN ('abandoned', 'undoing', 'undone') THEN
		RETURN contacts_internal.new_import(name, parameters, begin_import.workspace_id);
	END IF;

	IF last.fingerprint IS NOT NULL THEN
		IF last.state = 'running' THEN
			PERFORM contacts_internal.check_import_parameters(name, last.import_id, last.parameters, parameters);
		END IF;
		-- restart => false asks no more
		same := restart IS NOT NULL
			OR last.parameters = parameters AND last.fingerprint = contacts_internal.staging_fingerprint(staging_table);
		IF last.state = 'finished' AND same THEN
			RAISE NOTICE 'Nothing to do: import % has loaded these rows of %.', last.import_id, name
				USING HINT = 'restart => true loads them again.';
			RETURN NULL;
		ELSIF last.state = 'finished' THEN
			RETURN contacts_internal.new_import(name, parameters, begin_import.workspace_id);
		ELSIF NOT same THEN
			RAISE EXCEPTION '% has changed since import % of it began, and that has % of % rows still to load.',
					name, last.import_id, last.total - last.done, last.total
				USING ERRCODE = 'object_not_in_prerequisite_state',
					HINT = 'restart => false loads the rest of the rows as they were; restart => true gives them up, and begins '
						'with the table as it is now.';
		END IF;
		RAISE NOTICE 'Import % of % goes on behind row % of %.', last.import_id, name, last.done, last.total;
	END IF;
	UPDATE contacts.import_progress p
		SET backend_pid = pg_backend_pid(), updated_at = clock_timestamp(), parameters = begin_import.parameters
		WHERE p.workspace_id = begin_import.workspace_id AND p.import_id = last.import_id;
	RETURN last.import_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.begin_import(regclass, jsonb, boolean, bigint) IS
	'part of contacts.import(): the id of the import to go on with, a new one or one that was interrupted; null if all is done';
REVOKE ALL ON FUNCTION contacts_internal.begin_import(regclass, jsonb, boolean, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.hold_import(
	import_id bigint, workspace_id bigint, OUT total bigint, OUT done bigint, OUT is_copied boolean
)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	state text;
	backend_pid integer;
BEGIN
	SELECT p.total, p.done, p.fingerprint IS NOT NULL, p.state, p.backend_pid
		INTO hold_import.total, hold_import.done, hold_import.is_copied, state, backend_pid
		FROM contacts.import_progress p
		WHERE p.workspace_id = hold_import.workspace_id AND p.import_id = hold_import.import_id
		FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'Import % is gone.', hold_import.import_id
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('It, or workspace %s, was deleted meanwhile, or your access to it was revoked.',
					hold_import.workspace_id);
	ELSIF state <> 'running' OR backend_pid IS DISTINCT FROM pg_backend_pid() THEN
		RAISE EXCEPTION 'Another session has taken over or ended import %.', hold_import.import_id
			USING ERRCODE = 'object_in_use', HINT = 'TABLE contacts.import_progress shows how far it is.';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.hold_import(bigint, bigint) IS
	'part of contacts.import(): locks an import until the transaction ends; an error if it is no longer this session''s';
REVOKE ALL ON FUNCTION contacts_internal.hold_import(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.copy_staging(staging_table regclass, chunk integer, import_id bigint, workspace_id bigint)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	copied bigint := 0;
	hash_sum bigint := 0;
	staged record;
BEGIN
	IF (contacts_internal.hold_import(copy_staging.import_id, copy_staging.workspace_id)).is_copied THEN
		RETURN;
	END IF;
	FOR staged IN SELECT * FROM contacts_internal.staging_chunks(staging_table, chunk) LOOP
		INSERT INTO contacts.import_chunk (workspace_id, import_id, first_row, rows)
			VALUES (copy_staging.workspace_id, copy_staging.import_id, staged.first_row, staged.rows);
		copied := copied + cardinality(staged.rows);
		hash_sum := staged.fingerprint;
	END LOOP;
	UPDATE contacts.import_progress p
		SET total = copied, fingerprint = hash_sum, updated_at = clock_timestamp()
		WHERE p.workspace_id = copy_staging.workspace_id AND p.import_id = copy_staging.import_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.copy_staging(regclass, integer, bigint, bigint) IS
	'part of contacts.import(): copies the rows in chunks, unless an interrupted call has';
REVOKE ALL ON FUNCTION contacts_internal.copy_staging(regclass, integer, bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.upsert_rows(
	rows jsonb[], first_row bigint, partial_update boolean, create_tags boolean, mode text, history boolean,
	import_id bigint, workspace_id bigint
) RETURNS SETOF contacts.upsert_result
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 1000
	AS 'MODULE_PATHNAME', 'contacts_upsert_rows';
COMMENT ON FUNCTION contacts_internal.upsert_rows(jsonb[], bigint, boolean, boolean, text, boolean, bigint, bigint) IS
	'part of contacts.import(): contacts.upsert_many for rows of a staging table, of which an error says the numbers; a text of '
	'tags is their names, separated by commas; history keeps each change, whatever the level of the workspace';
REVOKE ALL ON FUNCTION contacts_internal.upsert_rows(jsonb[], bigint, boolean, boolean, text, boolean, bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.next_chunk(import_id bigint, workspace_id bigint, OUT first_row bigint, OUT rows jsonb[])
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	progress record;
BEGIN
	SELECT * INTO progress FROM contacts_internal.hold_import(next_chunk.import_id, next_chunk.workspace_id);
	IF progress.done = progress.total THEN
		UPDATE contacts.import_progress p SET state = 'finished', finished_at = clock_timestamp()
			WHERE p.workspace_id = next_chunk.workspace_id AND p.import_id = next_chunk.import_id;
		RETURN;
	END IF;
	DELETE FROM contacts.import_chunk c
		WHERE c.workspace_id = next_chunk.workspace_id AND c.import_id = next_chunk.import_id
			AND c.first_row = progress.done + 1
		RETURNING c.first_row, c.rows INTO next_chunk.first_row, next_chunk.rows;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'Import % has lost its rows from row % on.', next_chunk.import_id, progress.done + 1
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', TABLE = 'import_chunk',
				HINT = 'restart => true begins with the table as it is now.';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.next_chunk(bigint, bigint) IS
	'part of contacts.import(): takes the next rows to load; when there are none the import is finished, and they are null';
REVOKE ALL ON FUNCTION contacts_internal.next_chunk(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.note_rows(
	import_id bigint, first_row bigint, rows jsonb[], created bigint, updated bigint, unchanged bigint, skipped bigint,
	bad_positions bigint[], errors jsonb[], workspace_id bigint
) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO contacts.import_error (workspace_id, import_id, row_number, row, code, message, error)
		SELECT note_rows.workspace_id, note_rows.import_id, first_row - 1 + e.place, rows[e.place],
			e.error ->> 'code', e.error ->> 'message', e.error
		FROM unnest(bad_positions, errors) AS e (place, error);
	UPDATE contacts.import_progress p
		SET done = p.done + cardinality(rows), created = p.created + note_rows.created,
			updated = p.updated + note_rows.updated, unchanged = p.unchanged + note_rows.unchanged,
			skipped = p.skipped + note_rows.skipped,
			failed = p.failed + coalesce(cardinality(bad_positions), 0),
			-- the commit of the chunk before is in it
			seconds = p.seconds + extract(epoch FROM clock_timestamp() - p.updated_at), updated_at = clock_timestamp()
		WHERE p.workspace_id = note_rows.workspace_id AND p.import_id = note_rows.import_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.note_rows(
	bigint, bigint, jsonb[], bigint, bigint, bigint, bigint, bigint[], jsonb[], bigint) IS
	'part of contacts.import(): keeps the bad ones of rows in contacts.import_error, and counts all in contacts.import_progress';
REVOKE ALL ON FUNCTION contacts_internal.note_rows(
	bigint, bigint, jsonb[], bigint, bigint, bigint, bigint, bigint[], jsonb[], bigint) FROM PUBLIC;

-- import_rows() has every name qualified and pins no search_path: so triggers of the user's own find what they find in any upsert.
CREATE FUNCTION contacts_internal.import_rows(
	import_id bigint, first_row bigint, rows jsonb[], partial_update boolean, create_tags boolean, mode text, history boolean,
	workspace_id bigint
) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
DECLARE
	created bigint;
	updated bigint;
	unchanged bigint;
	skipped bigint;
	bad_positions bigint[];
	errors pg_catalog.jsonb[];
BEGIN
	BEGIN
		SELECT pg_catalog.count(*) FILTER (WHERE r.outcome OPERATOR(pg_catalog.=) 'created'),
				pg_catalog.count(*) FILTER (WHERE r.outcome OPERATOR(pg_catalog.=) 'updated'),
				pg_catalog.count(*) FILTER (WHERE r.outcome OPERATOR(pg_catalog.=) 'unchanged'),
				pg_catalog.count(*) FILTER (WHERE r.outcome OPERATOR(pg_catalog.=) 'skipped'),
				pg_catalog.array_agg(r."position") FILTER (WHERE r.outcome OPERATOR(pg_catalog.=) 'failed'),
				pg_catalog.array_agg(r.error) FILTER (WHERE r.outcome OPERATOR(pg_catalog.=) 'failed')
			INTO created, updated, unchanged, skipped, bad_positions, errors
			FROM contacts_internal.upsert_rows(
				rows, first_row, partial_update, create_tags, mode, history, import_id, workspace_id) r;
	EXCEPTION
		WHEN deadlock_detected OR serialization_failure THEN
			RAISE; -- for load_chunk() to try again
		WHEN OTHERS THEN
			-- No row is to blame, and this ends the import. Yet it may come at one row: once more, row by row, until the error is
			-- there again, now with its number. If it is not, the rows are loaded.
			IF pg_catalog.cardinality(rows) OPERATOR(pg_catalog.=) 1 THEN
				RAISE;
			END IF;
			FOR i IN 1 .. pg_catalog.cardinality(rows) LOOP
				PERFORM contacts_internal.import_rows(import_id, first_row OPERATOR(pg_catalog.+) i OPERATOR(pg_catalog.-) 1,
					rows[i:i], partial_update, create_tags, mode, history, workspace_id);
			END LOOP;
			RETURN;
	END;
	PERFORM contacts_internal.note_rows(
		import_id, first_row, rows, created, updated, unchanged, skipped, bad_positions, errors, workspace_id);
END
$$;
COMMENT ON FUNCTION contacts_internal.import_rows(bigint, bigint, jsonb[], boolean, boolean, text, boolean, bigint) IS
	'part of contacts.import(): upserts rows, and notes what became of them';
REVOKE ALL ON FUNCTION contacts_internal.import_rows(bigint, bigint, jsonb[], boolean, boolean, text, boolean, bigint) FROM PUBLIC;

-- load_chunk() pins no search_path, as import_rows() does not. In READ COMMITTED a serialization failure is a row that another
-- session has moved to another partition.
CREATE FUNCTION contacts_internal.load_chunk(
	import_id bigint, partial_update boolean, create_tags boolean, mode text, history boolean, workspace_id bigint
) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
DECLARE
	tries CONSTANT integer := 10;
	first_row bigint;
	rows pg_catalog.jsonb[];
BEGIN
	FOR try IN 1 .. tries LOOP
		BEGIN
			SELECT c.first_row, c.rows INTO first_row, rows FROM contacts_internal.next_chunk(import_id, workspace_id) c;
			IF rows IS NULL THEN
				RETURN false;
			END IF;
			PERFORM contacts_internal.import_rows(
				import_id, first_row, rows, partial_update, create_tags, mode, history, workspace_id);
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
COMMENT ON FUNCTION contacts_internal.load_chunk(bigint, boolean, boolean, text, boolean, bigint) IS
	'part of contacts.import(): loads the next rows, again where a deadlock or a serialization failure has ended that; false if there are none';
REVOKE ALL ON FUNCTION contacts_internal.load_chunk(bigint, boolean, boolean, text, boolean, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.end_import(import_id bigint, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	progress record;
BEGIN
	SELECT * INTO progress
		FROM contacts.import_progress p
		WHERE p.workspace_id = end_import.workspace_id AND p.import_id = end_import.import_id;
	IF progress.import_id IS NULL THEN
		RETURN;
	END IF;
	RAISE NOTICE 'Import % of %: % rows, % created, % updated, % unchanged, % failed.', progress.import_id,
			progress.staging_table, progress.done, progress.created, progress.updated, progress.unchanged,
			CASE WHEN progress.skipped > 0 THEN progress.skipped || ' skipped, ' ELSE '' END || progress.failed
		USING HINT = CASE WHEN progress.failed > 0 THEN format(
			'SELECT * FROM contacts.import_error WHERE workspace_id = %s AND import_id = %s;',
			progress.workspace_id, progress.import_id) ELSE 'contacts.import_progress keeps these numbers.' END;
END
$$;
COMMENT ON FUNCTION contacts_internal.end_import(bigint, bigint) IS 'part of contacts.import(): says what became of it';
REVOKE ALL ON FUNCTION contacts_internal.end_import(bigint, bigint) FROM PUBLIC;

-- A procedure that commits cannot pin its search_path: every name in it is qualified.
CREATE PROCEDURE contacts.import(
	staging_table regclass,
	chunk integer DEFAULT 1000,
	partial_update boolean DEFAULT true,
	create_tags boolean DEFAULT false,
	mode text DEFAULT NULL,
	history boolean DEFAULT true,
	restart boolean DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
)
	LANGUAGE plpgsql
	AS $$
DECLARE
	workspace CONSTANT bigint := COALESCE(workspace_id, contacts_internal.current_workspace());
	mode_of_rows CONSTANT text := COALESCE(mode, 'upsert');
	import_id bigint;
BEGIN
	PERFORM contacts_internal.check_import_call(
		staging_table, chunk, ARRAY[partial_update, create_tags, history], mode_of_rows, workspace);
	-- Where no commit is possible this is the error, before anything is done.
	COMMIT;
	-- A session that waits for another one's import must see it afterwards, whatever the session's default is.
	SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
	import_id := contacts_internal.begin_import(staging_table,
		pg_catalog.jsonb_build_object('partial_update', partial_update, 'create_tags', create_tags, 'mode', mode_of_rows,
			'history', history),
		restart, workspace);
	-- From now on other sessions see it, and keep away from the table.
	COMMIT;
	SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
	IF import_id IS NOT NULL THEN
		PERFORM contacts_internal.copy_staging(staging_table, chunk, import_id, workspace);
	END IF;
	WHILE import_id IS NOT NULL LOOP
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		EXIT WHEN NOT contacts_internal.load_chunk(
			import_id, partial_update, create_tags, mode_of_rows, history, workspace);
	END LOOP;
	COMMIT;
	PERFORM contacts_internal.end_import(import_id, workspace);
END
$$;
COMMENT ON PROCEDURE contacts.import(regclass, integer, boolean, boolean, text, boolean, boolean, bigint) IS
	'upserts the rows of a table whose columns are those of an import view, and commits after each chunk (1 to 100000 rows). '
	'contacts.import_progress shows how far it is, contacts.import_error keeps the bad rows. Called again after an '
	'interruption it goes on, each row exactly once; after the end it does nothing as long as the rows are the same. '
	'restart => true loads all again, false the rest of the rows as they were; mode is that of each row, as in a request. '
	'history => false keeps no more history than the workspace does, and then undo_import() cannot work. '
	'Not inside a transaction';
REVOKE ALL ON PROCEDURE contacts.import(regclass, integer, boolean, boolean, text, boolean, boolean, bigint) FROM PUBLIC;
