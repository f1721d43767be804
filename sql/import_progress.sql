-- The record of an import (docs/files.md, "Progress and errors"): its table, its rows to come, its errors; who is at it; what it says.
--
-- One session at a time works on an import. It holds the import's row in contacts.import_progress while a chunk is under way, and its
-- backend_pid is there in between: a session that finds another's at the next chunk ends with an error.

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
		matched jsonb NOT NULL DEFAULT '{}',
		separators jsonb NOT NULL DEFAULT '{}',
		defined text[] NOT NULL DEFAULT '{}',
		state text NOT NULL DEFAULT 'running' CONSTRAINT "state is running, finished, tried, abandoned, undoing or undone" CHECK (
			state IN ('running', 'finished', 'tried', 'abandoned', 'undoing', 'undone')),
		total bigint NOT NULL DEFAULT 0,
		done bigint NOT NULL DEFAULT 0,
		created bigint NOT NULL DEFAULT 0,
		updated bigint NOT NULL DEFAULT 0,
		unchanged bigint NOT NULL DEFAULT 0,
		skipped bigint NOT NULL DEFAULT 0,
		failed bigint NOT NULL DEFAULT 0,
		values_cleared bigint NOT NULL DEFAULT 0,
		tags_removed bigint NOT NULL DEFAULT 0,
		statuses_changed bigint NOT NULL DEFAULT 0,
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
		'was at it; fingerprint is null until the rows are copied; matched is each column with its target, separators has those of '
		'lists, defined the merge tags of fields that were defined for it; a dry run ends as tried; contacts that an undo has restored, deleted and kept, up to which '
		'id, and when it was done';

	CREATE TABLE contacts.import_chunk (
		workspace_id bigint NOT NULL,
		import_id bigint NOT NULL,
		first_row bigint NOT NULL,
		rows jsonb[] NOT NULL,
		row_numbers bigint[],
		PRIMARY KEY (workspace_id, import_id, first_row),
		FOREIGN KEY (workspace_id, import_id) REFERENCES contacts.import_progress ON DELETE CASCADE
	);
	COMMENT ON TABLE contacts.import_chunk IS 'contact_upsert: the rows that an import has still to load; they have consecutive numbers, or those in row_numbers';

	CREATE TABLE contacts.import_error (
		workspace_id bigint NOT NULL,
		import_id bigint NOT NULL,
		row_number bigint NOT NULL,
		error_number integer NOT NULL DEFAULT 1,
		row jsonb NOT NULL,
		"column" text,
		value text,
		code text NOT NULL,
		message text NOT NULL,
		hint text,
		error jsonb NOT NULL,
		PRIMARY KEY (workspace_id, import_id, row_number, error_number),
		FOREIGN KEY (workspace_id, import_id) REFERENCES contacts.import_progress ON DELETE CASCADE
	);
	COMMENT ON TABLE contacts.import_error IS
		'contact_upsert: why an import could not load rows, an error each; rows are without their nulls, counted from 1; column is the '
		'one of the file, value its cell';
END
$$;
COMMENT ON FUNCTION contacts_internal.install_imports() IS 'part of contacts.install(): imports, their rows to come and their bad rows';
REVOKE ALL ON FUNCTION contacts_internal.install_imports() FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_dry_run(parameters jsonb) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce((parameters ->> 'dry_run')::boolean, false)
	$$;
COMMENT ON FUNCTION contacts_internal.is_dry_run(jsonb) IS 'whether an import with those parameters is a dry run';
REVOKE ALL ON FUNCTION contacts_internal.is_dry_run(jsonb) FROM PUBLIC;

CREATE FUNCTION contacts_internal.address_column(matched jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce((SELECT m.key FROM jsonb_each_text(matched) m WHERE m.value = 'email_address' LIMIT 1), 'email_address')
	$$;
COMMENT ON FUNCTION contacts_internal.address_column(jsonb) IS
	'part of erase() and export(): the column of an import that is the address, by import_progress.matched';
REVOKE ALL ON FUNCTION contacts_internal.address_column(jsonb) FROM PUBLIC;

CREATE FUNCTION contacts_internal.find_import(
	name text,
	workspace_id bigint,
	OUT import_id bigint, OUT state text, OUT parameters jsonb, OUT total bigint, OUT done bigint, OUT failed bigint,
	OUT fingerprint bigint
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
			AND NOT contacts_internal.is_dry_run(p.parameters)
		ORDER BY p.state = 'running' DESC, p.started_at DESC, p.import_id DESC
		LIMIT 1);
BEGIN
	IF id IS NULL THEN
		RETURN;
	END IF;
	SELECT p.import_id, p.state, p.parameters, p.total, p.done, p.failed, p.fingerprint
		INTO find_import.import_id, find_import.state, find_import.parameters, find_import.total, find_import.done,
			find_import.failed, find_import.fingerprint
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
	'part of contacts.import(): the last import of the table of that name that was no dry run, locked; an error if another session '
	'is at it';
REVOKE ALL ON FUNCTION contacts_internal.find_import(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.note_import(
	name text, parameters jsonb, matched jsonb, defined text[], workspace_id bigint
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	id bigint;
BEGIN
	IF contacts_internal.is_elsewhere(note_import.workspace_id) THEN
		RETURN contacts_internal.call_there('note_import', note_import.workspace_id, name, note_import.parameters::text,
			note_import.matched::text, note_import.defined::text);
	END IF;
	INSERT INTO contacts.import_progress AS p (workspace_id, staging_table, parameters, matched, defined, backend_pid)
		VALUES (note_import.workspace_id, name, note_import.parameters, note_import.matched, note_import.defined, contacts_internal.session_pid())
		ON CONFLICT DO NOTHING
		RETURNING p.import_id INTO id;
	RETURN id;
END
$$;
COMMENT ON FUNCTION contacts_internal.note_import(text, jsonb, jsonb, text[], bigint) IS
	'part of contacts.import(): notes an import that begins and returns its id; null if that is in use, or another session was faster';
REVOKE ALL ON FUNCTION contacts_internal.note_import(text, jsonb, jsonb, text[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.new_import(staging_table regclass, name text, parameters jsonb, workspace_id bigint)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	id bigint;
	match record;
BEGIN
	SELECT * INTO match
		FROM contacts_internal.match_import(staging_table, new_import.parameters, true, new_import.workspace_id);
	-- Where the sequence is behind the data, each try takes it past one id that is in use.
	FOR try IN 0 .. (SELECT count(*) FROM contacts.import_progress p WHERE p.workspace_id = new_import.workspace_id) LOOP
		id := contacts_internal.note_import(name, new_import.parameters, match.matched, match.defined, new_import.workspace_id);
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
COMMENT ON FUNCTION contacts_internal.new_import(regclass, text, jsonb, bigint) IS
	'part of contacts.import(): matches the columns, notes an import that begins and returns its id; an error if another session was '
	'faster';
REVOKE ALL ON FUNCTION contacts_internal.new_import(regclass, text, jsonb, bigint) FROM PUBLIC;

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

CREATE FUNCTION contacts_internal.hold_import(
	import_id bigint, workspace_id bigint, OUT total bigint, OUT done bigint, OUT is_copied boolean, OUT parameters jsonb,
	OUT matched jsonb, OUT separators jsonb, OUT defined text[]
)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	state text;
	backend_pid integer;
BEGIN
	SELECT p.total, p.done, p.fingerprint IS NOT NULL, p.parameters, p.matched, p.separators, p.defined, p.state, p.backend_pid
		INTO hold_import.total, hold_import.done, hold_import.is_copied, hold_import.parameters, hold_import.matched,
			hold_import.separators, hold_import.defined, state, backend_pid
		FROM contacts.import_progress p
		WHERE p.workspace_id = hold_import.workspace_id AND p.import_id = hold_import.import_id
		FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'Import % is gone.', hold_import.import_id
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('It, or workspace %s, was deleted meanwhile, or your access to it was revoked.',
					hold_import.workspace_id);
	ELSIF state <> 'running' OR backend_pid IS DISTINCT FROM contacts_internal.session_pid() THEN
		RAISE EXCEPTION 'Another session has taken over or ended import %.', hold_import.import_id
			USING ERRCODE = 'object_in_use', HINT = 'TABLE contacts.import_progress shows how far it is.';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.hold_import(bigint, bigint) IS
	'part of contacts.import(): locks an import until the transaction ends; an error if it is no longer this session''s';
REVOKE ALL ON FUNCTION contacts_internal.hold_import(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.note_rows(
	import_id bigint, row_count bigint, created bigint, updated bigint, unchanged bigint, skipped bigint, failed bigint,
	values_cleared bigint, tags_removed bigint, statuses_changed bigint, workspace_id bigint
) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	moment CONSTANT timestamptz := clock_timestamp(); -- not in the UPDATE: no volatile function is, so that rows may be on another server
BEGIN
	UPDATE contacts.import_progress p
		SET done = p.done + row_count, created = p.created + note_rows.created, updated = p.updated + note_rows.updated,
			unchanged = p.unchanged + note_rows.unchanged, skipped = p.skipped + note_rows.skipped,
			failed = p.failed + note_rows.failed, values_cleared = p.values_cleared + note_rows.values_cleared,
			tags_removed = p.tags_removed + note_rows.tags_removed,
			statuses_changed = p.statuses_changed + note_rows.statuses_changed,
			-- the commit of the chunk before is in it
			seconds = p.seconds + extract(epoch FROM moment - p.updated_at), updated_at = moment
		WHERE p.workspace_id = note_rows.workspace_id AND p.import_id = note_rows.import_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.note_rows(
	bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint) IS
	'part of contacts.import(): counts what became of rows in contacts.import_progress';
REVOKE ALL ON FUNCTION contacts_internal.note_rows(
	bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.end_import(import_id bigint, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	p record;
	is_dry_run boolean;
	counts text;
	losses text;
	left_out text[];
	bad_rows text := '';
BEGIN
	SELECT * INTO p
		FROM contacts.import_progress p
		WHERE p.workspace_id = end_import.workspace_id AND p.import_id = end_import.import_id;
	IF p.import_id IS NULL THEN
		RETURN;
	END IF;
	is_dry_run := contacts_internal.is_dry_run(p.parameters);
	counts := format(CASE WHEN is_dry_run THEN '%s rows, %s to create, %s to update, %s unchanged, %s%s bad'
			ELSE '%s rows, %s created, %s updated, %s unchanged, %s%s failed' END,
		p.done, p.created, p.updated, p.unchanged, CASE WHEN p.skipped > 0 THEN p.skipped || ' skipped, ' ELSE '' END, p.failed);
	losses := format(CASE WHEN is_dry_run THEN '%s values to clear, %s tags to remove, %s statuses to change'
			ELSE '%s values cleared, %s tags removed, %s statuses changed' END,
		p.values_cleared, p.tags_removed, p.statuses_changed);
	-- Those that "columns" leaves out are no news.
	left_out := ARRAY(
		SELECT quote_ident(m.name)
		FROM contacts.match_columns(
			ARRAY(SELECT jsonb_object_keys(p.matched)), p.parameters -> 'columns', end_import.workspace_id) m
		WHERE m.problem = 'unknown' AND p.matched -> m.name = 'null'
		ORDER BY m.name COLLATE "C");
	IF left_out <> '{}' THEN
		losses := losses || '; unknown and left out: ' || array_to_string(left_out[1:20], ', ')
			|| CASE WHEN cardinality(left_out) > 20 THEN format(' and %s more', cardinality(left_out) - 20) ELSE '' END;
	END IF;
	IF p.failed > 0 THEN
		bad_rows := format('SELECT * FROM contacts.import_error WHERE workspace_id = %s AND import_id = %s '
			'ORDER BY row_number; says what is wrong. ',
			p.workspace_id, p.import_id);
	END IF;
	IF is_dry_run THEN
		RAISE NOTICE 'Dry run (import %) of %: %; %.', p.import_id, p.staging_table, counts, losses
			USING HINT = bad_rows || 'No contact was touched. What your own triggers, constraints and policies would do is not known, '
				'nor what becomes of an address that comes again in a later chunk.';
	ELSE
		RAISE NOTICE 'Import % of %: %; %.', p.import_id, p.staging_table, counts, losses
			USING HINT = bad_rows || CASE WHEN p.failed > 0 THEN 'retry => true loads these rows, as they were, when what kept them out is mended. ' ELSE '' END
				|| CASE WHEN (p.parameters ->> 'history')::boolean THEN format('CALL contacts.undo_import(%s); takes the import back.', p.import_id)
					ELSE 'It cannot be undone: it keeps no history.' END;
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.end_import(bigint, bigint) IS
	'part of contacts.import(): says what became of it, what contacts have lost by it, where its errors are, how it is undone';
REVOKE ALL ON FUNCTION contacts_internal.end_import(bigint, bigint) FROM PUBLIC;
