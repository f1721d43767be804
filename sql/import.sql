-- contacts.import(): loads a staging table, commits chunk by chunk, and keeps what could not be loaded.
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
		state text NOT NULL DEFAULT 'running' CONSTRAINT "state is running, finished or abandoned" CHECK (
			state IN ('running', 'finished', 'abandoned')),
		total bigint NOT NULL DEFAULT 0,
		done bigint NOT NULL DEFAULT 0,
		created bigint NOT NULL DEFAULT 0,
		updated bigint NOT NULL DEFAULT 0,
		unchanged bigint NOT NULL DEFAULT 0,
		failed bigint NOT NULL DEFAULT 0,
		seconds double precision NOT NULL DEFAULT 0,
		rate double precision GENERATED ALWAYS AS (done / nullif(seconds, 0)) STORED,
		started_at timestamptz NOT NULL DEFAULT now(),
		updated_at timestamptz NOT NULL DEFAULT now(),
		finished_at timestamptz,
		backend_pid integer,
		fingerprint numeric NOT NULL DEFAULT 0,
		PRIMARY KEY (workspace_id, import_id),
		CONSTRAINT "done is created, updated, unchanged and failed" CHECK (
			done = created + updated + unchanged + failed AND done <= total)
	) WITH (fillfactor = 50); -- each chunk updates its row, on its own page
	COMMENT ON TABLE contacts.import_progress IS
		'contact_upsert: the imports; rows, seconds in their chunks, and rows a second; backend_pid is who was last at it';

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

	PERFORM contacts_internal.show_to_members(t) FROM unnest(ARRAY['import_progress', 'import_chunk', 'import_error']) t;
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

CREATE FUNCTION contacts_internal.check_import_call(staging_table regclass, chunk integer, workspace_id bigint, flags boolean[])
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	IF contacts_internal.in_transaction_block() THEN
		RAISE EXCEPTION 'contacts.import() commits chunk by chunk, so it cannot run inside a transaction.'
			USING ERRCODE = 'invalid_transaction_termination',
				HINT = 'CALL it on its own: with autocommit, not after BEGIN, and not in one query string with other statements.';
	ELSIF to_regclass('contacts.import_progress') IS NULL THEN
		RAISE EXCEPTION 'The contact tables are not installed in this database.'
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'SELECT contacts.install();';
	ELSIF staging_table IS NULL OR chunk IS NULL OR array_position(flags, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'staging_table, chunk, partial_update and create_tags must not be null.'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Leave out what is to have its default.';
	ELSIF chunk NOT BETWEEN 1 AND 100000 THEN
		RAISE EXCEPTION 'chunk must be from 1 to 100000.'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is how many rows are loaded between two commits.';
	ELSIF NOT EXISTS (SELECT FROM contacts.workspace w WHERE w.workspace_id = check_import_call.workspace_id) THEN
		RAISE EXCEPTION 'Workspace % does not exist.', check_import_call.workspace_id
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'workspace',
				HINT = 'SELECT contacts.define_workspace(name) creates one.';
	END IF;
	PERFORM contacts_internal.check_import_columns(staging_table, check_import_call.workspace_id);
END
$$;
COMMENT ON FUNCTION contacts_internal.check_import_call(regclass, integer, bigint, boolean[]) IS
	'part of contacts.import(): what is wrong with its arguments and its table is an error, before anything is written';
REVOKE ALL ON FUNCTION contacts_internal.check_import_call(regclass, integer, bigint, boolean[]) FROM PUBLIC;

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

-- The rows of a staging table as jsonb, without nulls: null is no value, and leaves what is there. What a type's output
-- depends on is pinned wherever this is run, so that the rows of a table are the same in every session.
CREATE FUNCTION contacts_internal.staging_query(staging_table regclass) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('SELECT jsonb_strip_nulls(to_jsonb(staged.*)) FROM %s AS staged', staging_table)
	$$;
COMMENT ON FUNCTION contacts_internal.staging_query(regclass) IS 'part of contacts.import(): reads a staging table, a row as one jsonb';
REVOKE ALL ON FUNCTION contacts_internal.staging_query(regclass) FROM PUBLIC;

CREATE FUNCTION contacts_internal.staging_fingerprint(staging_table regclass) RETURNS numeric
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC' SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET extra_float_digits = 1
	AS $$
DECLARE
	fingerprint numeric;
BEGIN
	EXECUTE format('SELECT coalesce(sum(jsonb_hash_extended(s.r, 0)), 0) FROM (%s) AS s (r)',
		contacts_internal.staging_query(staging_table)) INTO fingerprint;
	RETURN fingerprint;
END
$$;
COMMENT ON FUNCTION contacts_internal.staging_fingerprint(regclass) IS
	'part of contacts.import(): a number that the same rows have, in whatever order';
REVOKE ALL ON FUNCTION contacts_internal.staging_fingerprint(regclass) FROM PUBLIC;

CREATE FUNCTION contacts_internal.copy_staging(staging_table regclass, name text, chunk integer, workspace_id bigint) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC' SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET extra_float_digits = 1
	-- a large table too is read from its beginning, so that a row's number is its place in it
	SET synchronize_seqscans = off
	AS $$
#variable_conflict use_column
DECLARE
	-- beside the number of rows: keeps the memory of a chunk bounded, whatever is in the rows
	max_bytes CONSTANT bigint := 32 * 1024 * 1024;
	id bigint;
	staged jsonb;
	chunk_rows jsonb[] := '{}';
	chunk_bytes bigint := 0;
	copied bigint := 0;
	hash_sum numeric := 0;
BEGIN
	INSERT INTO contacts.import_progress AS p (workspace_id, staging_table, backend_pid)
		VALUES (copy_staging.workspace_id, copy_staging.name, pg_backend_pid())
		RETURNING p.import_id INTO id;
	FOR staged IN EXECUTE contacts_internal.staging_query(staging_table) LOOP
		IF cardinality(chunk_rows) = chunk OR (chunk_bytes + pg_column_size(staged) > max_bytes AND chunk_bytes > 0) THEN
			INSERT INTO contacts.import_chunk (workspace_id, import_id, first_row, rows)
				VALUES (copy_staging.workspace_id, id, copied - cardinality(chunk_rows) + 1, chunk_rows);
			chunk_rows := '{}';
			chunk_bytes := 0;
		END IF;
		chunk_rows := chunk_rows || staged;
		chunk_bytes := chunk_bytes + pg_column_size(staged);
		copied := copied + 1;
		hash_sum := hash_sum + jsonb_hash_extended(staged, 0);
	END LOOP;
	IF copied > 0 THEN
		INSERT INTO contacts.import_chunk (workspace_id, import_id, first_row, rows)
			VALUES (copy_staging.workspace_id, id, copied - cardinality(chunk_rows) + 1, chunk_rows);
	END IF;
	UPDATE contacts.import_progress p
		SET total = copied, fingerprint = hash_sum, updated_at = clock_timestamp()
		WHERE p.workspace_id = copy_staging.workspace_id AND p.import_id = id;
	RETURN id;
END
$$;
COMMENT ON FUNCTION contacts_internal.copy_staging(regclass, text, integer, bigint) IS
	'part of contacts.import(): begins an import, with a copy of the rows in chunks; returns its id';
REVOKE ALL ON FUNCTION contacts_internal.copy_staging(regclass, text, integer, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.find_import(
	name text,
	workspace_id bigint,
	OUT import_id bigint, OUT state text, OUT total bigint, OUT done bigint, OUT fingerprint numeric
)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	-- Of two first calls at once, one has this. Later ones meet at the row of the import.
	alone boolean := pg_try_advisory_xact_lock(hashtext('contacts.import'),
		hashtext(format('%s %s', find_import.workspace_id, name)));
	id bigint := (
		SELECT max(p.import_id)
		FROM contacts.import_progress p
		WHERE p.workspace_id = find_import.workspace_id AND p.staging_table = name);
BEGIN
	IF alone AND id IS NOT NULL THEN
		SELECT p.import_id, p.state, p.total, p.done, p.fingerprint
			INTO find_import.import_id, find_import.state, find_import.total, find_import.done, find_import.fingerprint
			FROM contacts.import_progress p
			WHERE p.workspace_id = find_import.workspace_id AND p.import_id = id
			FOR UPDATE SKIP LOCKED;
		alone := FOUND;
	END IF;
	IF NOT alone THEN
		RAISE EXCEPTION 'Another session is importing %.', name
			USING ERRCODE = 'object_in_use', HINT = 'TABLE contacts.import_progress shows how far it is.';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.find_import(text, bigint) IS
	'part of contacts.import(): the last import of the table of that name, locked; an error if another session is at it';
REVOKE ALL ON FUNCTION contacts_internal.find_import(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.begin_import(staging_table regclass, chunk integer, workspace_id bigint, restart boolean)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
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
	IF restart OR last.import_id IS NULL OR last.state = 'abandoned' THEN
		RETURN contacts_internal.copy_staging(staging_table, name, chunk, begin_import.workspace_id);
	END IF;

	-- restart => false asks no more
	same := restart IS NOT NULL OR last.fingerprint = contacts_internal.staging_fingerprint(staging_table);
	IF last.state = 'finished' AND same THEN
		RAISE NOTICE 'Nothing to do: import % has loaded these rows of %.', last.import_id, name
			USING HINT = 'restart => true loads them again.';
		RETURN NULL;
	ELSIF last.state = 'finished' THEN
		RETURN contacts_internal.copy_staging(staging_table, name, chunk, begin_import.workspace_id);
	ELSIF NOT same THEN
		RAISE EXCEPTION '% has changed since import % of it began, and that has % of % rows still to load.',
				name, last.import_id, last.total - last.done, last.total
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'restart => false loads the rest of the rows as they were; restart => true gives them up, and begins with '
					'the table as it is now.';
	END IF;
	RAISE NOTICE 'Import % of % goes on behind row % of %.', last.import_id, name, last.done, last.total;
	UPDATE contacts.import_progress p SET backend_pid = pg_backend_pid(), updated_at = clock_timestamp()
		WHERE p.workspace_id = begin_import.workspace_id AND p.import_id = last.import_id;
	RETURN last.import_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.begin_import(regclass, integer, bigint, boolean) IS
	'part of contacts.import(): the id of the import to go on with, a new one or one that was interrupted; null if all is done';
REVOKE ALL ON FUNCTION contacts_internal.begin_import(regclass, integer, bigint, boolean) FROM PUBLIC;

CREATE FUNCTION contacts_internal.import_requests(rows jsonb[], partial_update boolean, create_tags boolean) RETURNS jsonb
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_import_requests';
COMMENT ON FUNCTION contacts_internal.import_requests(jsonb[], boolean, boolean) IS
	'part of contacts.import(): the requests for rows of a staging table; a text of tags is their names, separated by commas';
REVOKE ALL ON FUNCTION contacts_internal.import_requests(jsonb[], boolean, boolean) FROM PUBLIC;

CREATE FUNCTION contacts_internal.next_chunk(workspace_id bigint, import_id bigint, OUT first_row bigint, OUT rows jsonb[])
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	progress record;
BEGIN
	SELECT p.state, p.total, p.done, p.backend_pid INTO progress
		FROM contacts.import_progress p
		WHERE p.workspace_id = next_chunk.workspace_id AND p.import_id = next_chunk.import_id
		FOR UPDATE;
	IF progress.state IS DISTINCT FROM 'running' OR progress.backend_pid IS DISTINCT FROM pg_backend_pid() THEN
		RAISE EXCEPTION 'Another session has taken over or ended import %.', next_chunk.import_id
			USING ERRCODE = 'object_in_use', HINT = 'TABLE contacts.import_progress shows how far it is.';
	END IF;
	IF progress.done = progress.total THEN
		UPDATE contacts.import_progress p SET state = 'finished', finished_at = clock_timestamp()
			WHERE p.workspace_id = next_chunk.workspace_id AND p.import_id = next_chunk.import_id;
	ELSE
		DELETE FROM contacts.import_chunk c
			WHERE c.workspace_id = next_chunk.workspace_id AND c.import_id = next_chunk.import_id
				AND c.first_row = progress.done + 1
			RETURNING c.first_row, c.rows INTO STRICT next_chunk.first_row, next_chunk.rows;
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.next_chunk(bigint, bigint) IS
	'part of contacts.import(): takes the next rows to load; when there are none the import is finished, and they are null';
REVOKE ALL ON FUNCTION contacts_internal.next_chunk(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.note_rows(
	workspace_id bigint, import_id bigint, first_row bigint, rows jsonb[], created bigint, updated bigint, unchanged bigint,
	bad_positions bigint[], errors jsonb[]
) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO contacts.import_error (workspace_id, import_id, row_number, row, code, message, error)
		SELECT note_rows.workspace_id, note_rows.import_id, first_row - 1 + e."position", rows[e."position"],
			e.error ->> 'code', e.error ->> 'message', e.error
		FROM unnest(bad_positions, errors) AS e ("position", error);
	UPDATE contacts.import_progress p
		SET done = p.done + cardinality(rows), created = p.created + note_rows.created,
			updated = p.updated + note_rows.updated, unchanged = p.unchanged + note_rows.unchanged,
			failed = p.failed + coalesce(cardinality(bad_positions), 0),
			-- the commit of the chunk before is in it
			seconds = p.seconds + extract(epoch FROM clock_timestamp() - p.updated_at), updated_at = clock_timestamp()
		WHERE p.workspace_id = note_rows.workspace_id AND p.import_id = note_rows.import_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.note_rows(bigint, bigint, bigint, jsonb[], bigint, bigint, bigint, bigint[], jsonb[]) IS
	'part of contacts.import(): keeps the bad ones of rows in contacts.import_error, and counts all in contacts.import_progress';
REVOKE ALL ON FUNCTION contacts_internal.note_rows(
	bigint, bigint, bigint, jsonb[], bigint, bigint, bigint, bigint[], jsonb[]) FROM PUBLIC;

-- It has every name qualified and pins nothing, so that triggers of the user's own find what they find in any upsert.
CREATE FUNCTION contacts_internal.import_rows(
	workspace_id bigint, import_id bigint, first_row bigint, rows jsonb[], partial_update boolean, create_tags boolean
) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
DECLARE
	half CONSTANT integer := pg_catalog.cardinality(rows) OPERATOR(pg_catalog./) 2;
	created bigint := 0;
	updated bigint := 0;
	unchanged bigint := 0;
	bad_positions bigint[];
	errors pg_catalog.jsonb[];
	state pg_catalog.text;
	message pg_catalog.text;
BEGIN
	BEGIN
		SELECT pg_catalog.count(*) FILTER (WHERE r.outcome OPERATOR(pg_catalog.=) 'created'),
				pg_catalog.count(*) FILTER (WHERE r.outcome OPERATOR(pg_catalog.=) 'updated'),
				pg_catalog.count(*) FILTER (WHERE r.outcome OPERATOR(pg_catalog.=) 'unchanged'),
				pg_catalog.array_agg(r."position") FILTER (WHERE r.outcome OPERATOR(pg_catalog.=) 'failed'),
				pg_catalog.array_agg(r.error) FILTER (WHERE r.outcome OPERATOR(pg_catalog.=) 'failed')
			INTO created, updated, unchanged, bad_positions, errors
			FROM contacts.upsert_many(contacts_internal.import_requests(rows, partial_update, create_tags), 'continue',
				workspace_id) r;
	EXCEPTION
		WHEN data_exception OR integrity_constraint_violation OR raise_exception OR triggered_data_change_violation THEN
			-- A constraint or a trigger of the user's own refused a row. Which one?
			IF half OPERATOR(pg_catalog.>) 0 THEN
				PERFORM contacts_internal.import_rows(workspace_id, import_id, first_row, rows[:half], partial_update, create_tags);
				PERFORM contacts_internal.import_rows(workspace_id, import_id, first_row OPERATOR(pg_catalog.+) half,
					rows[half OPERATOR(pg_catalog.+) 1:], partial_update, create_tags);
				RETURN;
			END IF;
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
			bad_positions := '{1}';
			errors := ARRAY[pg_catalog.jsonb_build_object('code', state, 'sqlstate', state, 'message', message)];
	END;
	PERFORM contacts_internal.note_rows(workspace_id, import_id, first_row, rows, created, updated, unchanged, bad_positions, errors);
END
$$;
COMMENT ON FUNCTION contacts_internal.import_rows(bigint, bigint, bigint, jsonb[], boolean, boolean) IS
	'part of contacts.import(): upserts rows, and notes what became of them';
REVOKE ALL ON FUNCTION contacts_internal.import_rows(bigint, bigint, bigint, jsonb[], boolean, boolean) FROM PUBLIC;

CREATE FUNCTION contacts_internal.end_import(workspace_id bigint, import_id bigint) RETURNS void
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
			progress.staging_table, progress.done, progress.created, progress.updated, progress.unchanged, progress.failed
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
	restart boolean DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
)
	LANGUAGE plpgsql
	AS $$
DECLARE
	workspace CONSTANT bigint := coalesce(workspace_id, contacts_internal.current_workspace());
	import_id bigint;
	first_row bigint;
	rows pg_catalog.jsonb[];
BEGIN
	PERFORM contacts_internal.check_import_call(staging_table, chunk, workspace, ARRAY[partial_update, create_tags]);
	-- Where no commit is possible this is the error, before anything is done.
	COMMIT;
	-- Who waits for another session's import must see it afterwards, whatever the session's default is.
	SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
	import_id := contacts_internal.begin_import(staging_table, chunk, workspace, restart);
	WHILE import_id IS NOT NULL LOOP
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		SELECT c.first_row, c.rows INTO first_row, rows FROM contacts_internal.next_chunk(workspace, import_id) c;
		EXIT WHEN rows IS NULL;
		PERFORM contacts_internal.import_rows(workspace, import_id, first_row, rows, partial_update, create_tags);
	END LOOP;
	COMMIT;
	PERFORM contacts_internal.end_import(workspace, import_id);
END
$$;
COMMENT ON PROCEDURE contacts.import(regclass, integer, boolean, boolean, boolean, bigint) IS
	'upserts the rows of a table whose columns are those of an import view, and commits after each chunk (1 to 100000 rows). '
	'contacts.import_progress shows how far it is, contacts.import_error keeps the bad rows. Called again after an '
	'interruption it goes on, each row exactly once; after the end it does nothing as long as the rows are the same. '
	'restart => true loads all again, false the rest of the rows as they were. Not inside a transaction';
REVOKE ALL ON PROCEDURE contacts.import(regclass, integer, boolean, boolean, boolean, bigint) FROM PUBLIC;
