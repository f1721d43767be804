-- contacts.import() (docs/files.md, "Import") loads a staging table, commits chunk by chunk, and keeps what could not be loaded. A dry run
-- goes the same way, but for the contacts, which it does not touch.

CREATE FUNCTION contacts_internal.load_rows(
	rows jsonb[], row_numbers bigint[], parameters jsonb, matched jsonb, separators jsonb, defined text[], import_id bigint,
	workspace_id bigint, OUT created bigint, OUT updated bigint, OUT unchanged bigint, OUT skipped bigint, OUT failed bigint,
	OUT values_cleared bigint, OUT tags_removed bigint, OUT statuses_changed bigint
)
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_load_rows';
COMMENT ON FUNCTION contacts_internal.load_rows(jsonb[], bigint[], jsonb, jsonb, jsonb, text[], bigint, bigint) IS
	'part of contacts.import(): upserts rows of a staging table, keeps all errors of the bad ones, and counts what they did, and '
	'what contacts have lost by them; of an error that no row is to blame for, the context has their numbers';
REVOKE ALL ON FUNCTION contacts_internal.load_rows(jsonb[], bigint[], jsonb, jsonb, jsonb, text[], bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.next_chunk(
	import_id bigint, workspace_id bigint, OUT rows jsonb[], OUT row_numbers bigint[], OUT parameters jsonb, OUT matched jsonb,
	OUT separators jsonb, OUT defined text[]
)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	progress record;
	next_row bigint;
	moment timestamptz;
BEGIN
	SELECT * INTO progress FROM contacts_internal.hold_import(next_chunk.import_id, next_chunk.workspace_id);
	IF progress.done = progress.total THEN
		moment := clock_timestamp();
		UPDATE contacts.import_progress p
			SET state = CASE WHEN contacts_internal.is_dry_run(p.parameters) THEN 'tried' ELSE 'finished' END,
				finished_at = moment
			WHERE p.workspace_id = next_chunk.workspace_id AND p.import_id = next_chunk.import_id;
		RETURN;
	END IF;
	SELECT c.first_row INTO next_row
		FROM contacts.import_chunk c
		WHERE c.workspace_id = next_chunk.workspace_id AND c.import_id = next_chunk.import_id
		ORDER BY c.first_row LIMIT 1;
	DELETE FROM contacts.import_chunk c
		WHERE c.workspace_id = next_chunk.workspace_id AND c.import_id = next_chunk.import_id AND c.first_row = next_row
		RETURNING c.rows, c.row_numbers INTO next_chunk.rows, next_chunk.row_numbers;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'Import % has lost % of its rows.', next_chunk.import_id, progress.total - progress.done
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', TABLE = 'import_chunk',
				HINT = 'restart => true begins with the table as it is now.';
	END IF;
	next_chunk.row_numbers := coalesce(next_chunk.row_numbers,
		ARRAY(SELECT generate_series(next_row, next_row + cardinality(next_chunk.rows) - 1)));
	next_chunk.parameters := progress.parameters;
	next_chunk.matched := progress.matched;
	next_chunk.separators := progress.separators;
	next_chunk.defined := progress.defined;
END
$$;
COMMENT ON FUNCTION contacts_internal.next_chunk(bigint, bigint) IS
	'part of contacts.import(): takes the next rows to load, with how the import reads them; when there are none the import is '
	'finished, and they are null';
REVOKE ALL ON FUNCTION contacts_internal.next_chunk(bigint, bigint) FROM PUBLIC;

-- import_rows() has every name qualified and pins no search_path: so triggers of the user's own find what they find in any upsert.
CREATE FUNCTION contacts_internal.import_rows(
	import_id bigint, rows jsonb[], row_numbers bigint[], parameters jsonb, matched jsonb, separators jsonb, defined text[],
	workspace_id bigint
) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
DECLARE
	loaded record;
BEGIN
	BEGIN
		SELECT r.* INTO loaded
			FROM contacts_internal.load_rows(rows, row_numbers, parameters, matched, separators, defined, import_id, workspace_id) r;
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
				PERFORM contacts_internal.import_rows(
					import_id, rows[i:i], row_numbers[i:i], parameters, matched, separators, defined, workspace_id);
			END LOOP;
			RETURN;
	END;
	PERFORM contacts_internal.note_rows(import_id, pg_catalog.cardinality(rows), loaded.created, loaded.updated, loaded.unchanged,
		loaded.skipped, loaded.failed, loaded.values_cleared, loaded.tags_removed, loaded.statuses_changed, workspace_id);
END
$$;
COMMENT ON FUNCTION contacts_internal.import_rows(bigint, jsonb[], bigint[], jsonb, jsonb, jsonb, text[], bigint) IS
	'part of contacts.import(): loads rows, and notes what became of them';
REVOKE ALL ON FUNCTION contacts_internal.import_rows(bigint, jsonb[], bigint[], jsonb, jsonb, jsonb, text[], bigint) FROM PUBLIC;

-- load_chunk() pins no search_path, as import_rows() does not. In READ COMMITTED a serialization failure is a row that another
-- session has moved to another partition.
CREATE FUNCTION contacts_internal.load_chunk(import_id bigint, workspace_id bigint) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
DECLARE
	tries CONSTANT integer := 10;
	next_rows record;
BEGIN
	IF contacts_internal.is_elsewhere(workspace_id) THEN
		RETURN contacts_internal.call_there('load_chunk', workspace_id, import_id::pg_catalog.text);
	END IF;
	FOR try IN 1 .. tries LOOP
		BEGIN
			SELECT c.* INTO next_rows FROM contacts_internal.next_chunk(import_id, workspace_id) c;
			IF next_rows.rows IS NULL THEN
				RETURN false;
			END IF;
			PERFORM contacts_internal.import_rows(import_id, next_rows.rows, next_rows.row_numbers, next_rows.parameters,
				next_rows.matched, next_rows.separators, next_rows.defined, workspace_id);
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
COMMENT ON FUNCTION contacts_internal.load_chunk(bigint, bigint) IS
	'part of contacts.import(): loads the next rows, again where a deadlock or a serialization failure has ended that; false if there are none';
REVOKE ALL ON FUNCTION contacts_internal.load_chunk(bigint, bigint) FROM PUBLIC;

-- A procedure that commits cannot pin its search_path: every name in it is qualified.
CREATE PROCEDURE contacts.import(
	staging_table regclass,
	chunk integer DEFAULT 1000,
	partial_update boolean DEFAULT true,
	create_tags boolean DEFAULT false,
	mode text DEFAULT NULL,
	blank text DEFAULT NULL,
	columns jsonb DEFAULT NULL,
	unknown text DEFAULT 'refuse',
	date_format text DEFAULT NULL,
	separator text DEFAULT NULL,
	source text DEFAULT NULL,
	history boolean DEFAULT true,
	events boolean DEFAULT true,
	dry_run boolean DEFAULT false,
	retry boolean DEFAULT false,
	restart boolean DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
)
	LANGUAGE plpgsql
	AS $$
DECLARE
	workspace CONSTANT bigint := COALESCE(workspace_id, contacts_internal.current_workspace());
	parameters pg_catalog.jsonb;
	import_id bigint;
BEGIN
	parameters := contacts_internal.check_import_call(staging_table, chunk,
		pg_catalog.jsonb_build_object('partial_update', partial_update, 'create_tags', create_tags, 'mode', mode, 'blank', blank,
			'columns', columns, 'unknown', unknown, 'date_format', date_format, 'separator', separator, 'source', source,
			'history', history, 'events', events, 'dry_run', dry_run),
		retry, restart, workspace);
	-- Where no commit is possible this is the error, before anything is done.
	COMMIT;
	-- A session that waits for another one's import must see it afterwards, whatever the session's default is.
	SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
	import_id := contacts_internal.begin_import(staging_table, chunk, parameters, retry, restart, workspace);
	-- From now on other sessions see it, and keep away from the table.
	COMMIT;
	SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
	IF import_id IS NOT NULL THEN
		PERFORM contacts_internal.copy_staging(staging_table, chunk, import_id, workspace);
	END IF;
	WHILE import_id IS NOT NULL LOOP
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		EXIT WHEN NOT contacts_internal.load_chunk(import_id, workspace);
	END LOOP;
	COMMIT;
	PERFORM contacts_internal.end_import(import_id, workspace);
END
$$;
COMMENT ON PROCEDURE contacts.import(
	regclass, integer, boolean, boolean, text, text, jsonb, text, text, text, text, boolean, boolean, boolean, boolean, boolean,
	bigint) IS
	'upserts the rows of a table, whose columns it matches by their names, and commits after each chunk (1 to 100000 rows). '
	'contacts.import_progress shows how far it is, contacts.import_error has all errors of the bad rows. dry_run => true counts and '
	'keeps the errors, and touches no contact. Called again after an interruption it goes on, each row exactly once; after the end it does '
	'nothing as long as the rows are the same; retry => true loads the bad rows again, restart => true all, false the rest of the rows as '
	'they were. history => false keeps no more history than the workspace does, and then undo_import() cannot work. '
	'Not inside a transaction';
REVOKE ALL ON PROCEDURE contacts.import(
	regclass, integer, boolean, boolean, text, text, jsonb, text, text, text, text, boolean, boolean, boolean, boolean, boolean,
	bigint) FROM PUBLIC;
