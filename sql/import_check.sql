-- What contacts.import() and undo_import() need to be able to run at all, and what is wrong with a call: errors before anything is written.

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

CREATE FUNCTION contacts_internal.check_import_options(date_format text, events boolean) RETURNS void
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_check_import_options';
COMMENT ON FUNCTION contacts_internal.check_import_options(text, boolean) IS
	'part of contacts.import() and create_import_view(): an error for a date_format that is none, and for events => false of a role that '
	'has not the rights of the tables'' owner';
REVOKE ALL ON FUNCTION contacts_internal.check_import_options(text, boolean) FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_import_values(parameters jsonb) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	problem text;
	hint text;
BEGIN
	IF parameters ->> 'mode' NOT IN ('upsert', 'create', 'update', 'fill') THEN
		problem := 'mode must be one of upsert, create, update and fill.';
		hint := 'It is the mode of each row, as in a request; leave it out for upsert.';
	ELSIF parameters ->> 'blank' NOT IN ('keep', 'clear') THEN
		problem := 'blank must be keep or clear.';
		hint := 'A blank cell keeps what is there, or clears it. keep is the default, and with partial_update => false there is only clear.';
	ELSIF parameters ->> 'blank' = 'keep' AND NOT (parameters ->> 'partial_update')::boolean THEN
		problem := 'blank => ''keep'' and partial_update => false do not go together.';
		hint := 'A row that replaces the contact has no value where its cell is blank. Leave one of the two out.';
	ELSIF parameters ->> 'unknown' NOT IN ('refuse', 'ignore', 'define') THEN
		problem := 'unknown must be refuse, ignore or define.';
		hint := 'An unknown column is an error, is left out, or becomes a TEXT field.';
	ELSIF parameters ->> 'separator' NOT IN (',', ';', '|') THEN
		problem := 'separator must be a comma, a semicolon or a vertical bar.';
		hint := 'It separates the items of a list in a cell. Leave it out, and each column''s is found out.';
	ELSIF octet_length(parameters ->> 'source') > 255 OR btrim(parameters ->> 'source') = '' THEN
		problem := 'source must have 1 to 255 bytes.';
		hint := 'It says in contacts.history where the rows come from. Leave it out for none.';
	END IF;
	IF problem IS NOT NULL THEN
		RAISE EXCEPTION '%', problem USING ERRCODE = 'invalid_parameter_value', HINT = hint;
	END IF;
	PERFORM contacts_internal.check_import_options(parameters ->> 'date_format', (parameters ->> 'events')::boolean);
END
$$;
COMMENT ON FUNCTION contacts_internal.check_import_values(jsonb) IS
	'part of contacts.import() and create_import_view(): an error for a parameter with a value that it cannot have';
REVOKE ALL ON FUNCTION contacts_internal.check_import_values(jsonb) FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_import_call(
	staging_table regclass, chunk integer, given jsonb, retry boolean, restart boolean, workspace_id bigint
) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	-- an import is found by the name of its table
	SET quote_all_identifiers = off
	AS $$
#variable_conflict use_column
DECLARE
	matched jsonb;
	dated text;
	name text := (
		SELECT format('%I.%I', n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid = check_import_call.staging_table);
	-- "columns" has nulls that mean something
	parameters jsonb := jsonb_build_object('mode', 'upsert') || jsonb_strip_nulls(given - 'columns')
		|| CASE WHEN given -> 'columns' <> 'null' THEN jsonb_build_object('columns', given -> 'columns') ELSE '{}' END;
BEGIN
	PERFORM contacts_internal.require_coordinator('contacts.import()');
	PERFORM contacts_internal.require_commits('contacts.import()', NULL);
	PERFORM contacts_internal.require_workspace(check_import_call.workspace_id);
	IF staging_table IS NULL OR chunk IS NULL OR retry IS NULL
		OR NOT parameters ?& ARRAY['partial_update', 'create_tags', 'unknown', 'history', 'events', 'dry_run'] THEN
		RAISE EXCEPTION 'staging_table, chunk, partial_update, create_tags, unknown, history, events, dry_run and retry must not be null.'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Leave out what is to have its default.';
	ELSIF chunk NOT BETWEEN 1 AND 100000 THEN
		RAISE EXCEPTION 'chunk must be from 1 to 100000.'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is how many rows are loaded between two commits.';
	ELSIF retry AND (restart IS NOT NULL OR contacts_internal.is_dry_run(parameters)) THEN
		RAISE EXCEPTION 'retry => true goes with neither restart nor dry_run.'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It loads the bad rows of the last import of the table again, and no others.';
	ELSIF restart IS NOT NULL AND contacts_internal.is_dry_run(parameters) THEN
		RAISE EXCEPTION 'restart does not go with dry_run => true.'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'A dry run always reads the whole table, and gives up nothing. Leave restart out.';
	END IF;
	PERFORM contacts_internal.check_import_values(parameters);
	-- what partial_update implies
	IF (parameters ->> 'blank' = CASE WHEN (parameters ->> 'partial_update')::boolean THEN 'keep' ELSE 'clear' END) THEN
		parameters := parameters - 'blank';
	END IF;
	-- An import that goes on keeps what its columns were matched to, whatever has become of the fields.
	IF NOT retry AND (restart OR contacts_internal.is_dry_run(parameters) OR NOT EXISTS (
		SELECT FROM contacts.import_progress p
		WHERE p.workspace_id = check_import_call.workspace_id AND p.state = 'running' AND p.fingerprint IS NOT NULL
			AND p.staging_table = name
			AND NOT contacts_internal.is_dry_run(p.parameters))) THEN
		SELECT m.matched INTO matched
			FROM contacts_internal.match_import(staging_table, parameters, false, check_import_call.workspace_id) m;
		-- A date of a date's type is read as YYYY-MM-DD, as which such a format would take it, with day and month the other way round.
		IF upper(ltrim(parameters ->> 'date_format')) LIKE 'YYYY%' THEN
			SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO dated
				FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
				WHERE a.attrelid = staging_table AND a.attnum > 0 AND t.typcategory = 'D' AND matched ->> a.attname IS NOT NULL;
		END IF;
		IF dated IS NOT NULL THEN
			RAISE EXCEPTION 'date_format is for dates in text, and % cannot be read by %: the column has a type of dates.',
					dated, quote_literal(parameters ->> 'date_format')
				USING ERRCODE = 'invalid_parameter_value',
					HINT = 'Leave date_format out; or make the column text, in that format, where others need it.';
		END IF;
	END IF;
	PERFORM contacts_internal.check_staging(staging_table);
	RETURN parameters;
END
$$;
COMMENT ON FUNCTION contacts_internal.check_import_call(regclass, integer, jsonb, boolean, boolean, bigint) IS
	'part of contacts.import(): what is wrong with its arguments and its table is an error, before anything is written; returns the '
	'parameters that an import keeps';
REVOKE ALL ON FUNCTION contacts_internal.check_import_call(regclass, integer, jsonb, boolean, boolean, bigint) FROM PUBLIC;

