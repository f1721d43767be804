-- Import views (docs/files.md, "Import views") show the contacts of a workspace with one column for each field, for loading
-- files: SELECT reads contacts, INSERT and COPY upsert them. A view is the user's own and no member of the extension; what it
-- calls is.

CREATE FUNCTION contacts_internal.view_value(target text, type text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		-- A value of another type got there past the functions. It is null, so that a file made from the view leaves it alone.
		SELECT CASE
			WHEN type IN ('NUMBER', 'BOOLEAN') THEN format(
				'CASE jsonb_typeof(c.data -> %1$L) WHEN %2$L THEN c.data ->> %1$L END', target, lower(type))
			WHEN type = 'DROPDOWN_MULTIPLE' THEN format(
				'CASE jsonb_typeof(c.data -> %1$L) WHEN ''array'' THEN ARRAY(SELECT jsonb_array_elements_text(c.data -> %1$L))::text END',
				target)
			WHEN type IS NOT NULL THEN format('CASE jsonb_typeof(c.data -> %1$L) WHEN ''string'' THEN c.data ->> %1$L END', target)
			WHEN target = 'email_address' THEN 'c.email_address'
			WHEN target IN ('status', 'contact.status') THEN 'c.status::text'
			WHEN target IN ('tags', 'contact.tags') THEN
				'ARRAY(SELECT t.name FROM contacts.tag t WHERE t.workspace_id = c.workspace_id AND t.tag_id = ANY (c.tags) '
				'ORDER BY t.tag_id)::text'
			WHEN target IN ('created_at', 'contact.created_at') THEN
				'to_char(c.created_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS"Z"'')'
			ELSE 'NULL::text' END
	$$;
COMMENT ON FUNCTION contacts_internal.view_value(text, text) IS
	'part of create_import_view(): what a column with that target shows, a text: of a field of that type, or, without a type, of the contact; '
	'null of what a contact does not have';
REVOKE ALL ON FUNCTION contacts_internal.view_value(text, text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.view_columns(columns jsonb, workspace_id bigint)
	RETURNS TABLE (name text, target text, type text)
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	fields CONSTANT text[] := ARRAY(
		SELECT f.merge_tag
		FROM contacts.field f
		WHERE f.workspace_id = view_columns.workspace_id AND f.merge_tag <> 'email_address'
		ORDER BY f."position", f.merge_tag);
	own CONSTANT text[] := ARRAY['email_address']
		|| CASE WHEN 'status' = ANY (fields) THEN 'contact.status' ELSE 'status' END
		|| CASE WHEN 'tags' = ANY (fields) THEN 'contact.tags' ELSE 'tags' END;
	-- Names that columns gives, those of the default columns in their places.
	renamed CONSTANT text[] := ARRAY(
		SELECT m.name FROM contacts.match_columns(ARRAY(SELECT jsonb_object_keys(columns)), columns, view_columns.workspace_id) m);
	given CONSTANT text[] := ARRAY(
		SELECT coalesce(m.target, '')
		FROM contacts.match_columns(renamed, columns, view_columns.workspace_id) m ORDER BY m."position");
	names CONSTANT text[] := ARRAY(
			SELECT coalesce(renamed[array_position(given, d.target)], d.target)
			FROM unnest(own || fields) WITH ORDINALITY d (target, n)
			WHERE array_position(given, d.target) IS NOT NULL OR d.target <> ALL (renamed)
			ORDER BY d.n)
		|| ARRAY(
			SELECT renamed[g.n] FROM unnest(given) WITH ORDINALITY g (target, n) WHERE g.target <> ALL (own || fields) OR array_position(given, g.target) < g.n
			ORDER BY g.n);
	problems text;
BEGIN
	SELECT string_agg(format('%I (%s%s)', m.name, m.problem, coalesce(', nearest: ' || m.nearest, '')), ', ' ORDER BY m."position")
		INTO problems
		FROM contacts.match_columns(names, columns, view_columns.workspace_id) m
		WHERE m.problem IS NOT NULL;
	problems := coalesce(problems, (
		SELECT 'a name has 1 to 63 bytes, and ' || quote_ident(n) || ' has ' || octet_length(n)
		FROM unnest(names) n WHERE octet_length(n) NOT BETWEEN 1 AND 63 LIMIT 1));
	IF problems IS NULL AND NOT EXISTS (
		SELECT FROM contacts.match_columns(names, columns, view_columns.workspace_id) m WHERE m.target = 'email_address') THEN
		problems := 'none is the address';
	END IF;
	IF problems IS NOT NULL THEN
		RAISE EXCEPTION 'The view cannot have such columns: %.', problems
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'columns has the name of each column that is not to be called as usual, with what it is: a merge tag, or a name of '
					'the contact''s own such as status, add_tags, source and created_at; or null for one that is left out.';
	END IF;
	RETURN QUERY SELECT m.name, m.target, m.type
		FROM contacts.match_columns(names, columns, view_columns.workspace_id) m ORDER BY m."position";
END
$$;
COMMENT ON FUNCTION contacts_internal.view_columns(jsonb, bigint) IS
	'part of create_import_view(): the columns of a view: the contact''s own and each field by position, called as "columns" says, and behind '
	'them what else that names';
REVOKE ALL ON FUNCTION contacts_internal.view_columns(jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.upsert_view_row() RETURNS trigger
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_upsert_view_row';
COMMENT ON FUNCTION contacts_internal.upsert_view_row() IS
	'trigger of an import view: upserts the inserted row; its arguments are the workspace, keys of the request that are true, and mode=, '
	'blank=, columns=, date_format= and separator=, each with its value';
REVOKE ALL ON FUNCTION contacts_internal.upsert_view_row() FROM PUBLIC;

CREATE FUNCTION contacts_internal.refuse_view_change() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RAISE EXCEPTION 'The import view % takes INSERT and COPY only.', TG_RELID::regclass
		USING ERRCODE = 'feature_not_supported', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
			HINT = CASE TG_OP
				WHEN 'DELETE' THEN 'Delete contacts from contacts.contact.'
				ELSE 'INSERT a row with the same email_address: what is not null in it changes the contact.' END;
END
$$;
COMMENT ON FUNCTION contacts_internal.refuse_view_change() IS 'trigger of an import view: says what to do instead of UPDATE and DELETE';
REVOKE ALL ON FUNCTION contacts_internal.refuse_view_change() FROM PUBLIC;

CREATE FUNCTION contacts_internal.workspace_of_view(view regclass) RETURNS bigint
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		-- The first argument of the trigger; tgargs has a zero byte behind each, \000 when it is escaped. chr(92), because
		-- what a backslash means in a literal is a setting of the session.
		SELECT split_part(encode(t.tgargs, 'escape'), chr(92) || '000', 1)::bigint
		FROM pg_trigger t
		WHERE t.tgrelid = view AND t.tgfoid = 'contacts_internal.upsert_view_row()'::regprocedure AND t.tgnargs > 0
	$$;
COMMENT ON FUNCTION contacts_internal.workspace_of_view(regclass) IS 'the workspace of an import view; null for anything else';
REVOKE ALL ON FUNCTION contacts_internal.workspace_of_view(regclass) FROM PUBLIC;

CREATE FUNCTION contacts_internal.view_rights(view regclass) RETURNS SETOF text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('ALTER VIEW %s OWNER TO %I', view, pg_get_userbyid(c.relowner)) FROM pg_class c WHERE c.oid = view
		UNION ALL
		SELECT format('GRANT %s ON %s TO %s%s', a.privilege_type, view,
			CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
			CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
		FROM pg_class c, aclexplode(c.relacl) a
		WHERE c.oid = view AND a.grantee <> c.relowner
	$$;
COMMENT ON FUNCTION contacts_internal.view_rights(regclass) IS
	'part of create_import_view(): the statements that give a view of that name its owner and its privileges again';
REVOKE ALL ON FUNCTION contacts_internal.view_rights(regclass) FROM PUBLIC;

CREATE FUNCTION contacts_internal.make_room_for_view(view regclass, workspace_id bigint, replace boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	view_workspace bigint := contacts_internal.workspace_of_view(view);
BEGIN
	IF view IS NULL THEN
		RETURN;
	ELSIF view_workspace IS NULL THEN
		RAISE EXCEPTION '% exists already, and is no import view.', view
			USING ERRCODE = 'duplicate_table', HINT = 'Choose another name, or drop or rename what has it.';
	ELSIF view_workspace <> make_room_for_view.workspace_id THEN
		RAISE EXCEPTION 'The import view % exists already, for workspace %.', view, view_workspace
			USING ERRCODE = 'duplicate_table', HINT = 'Choose another name, or drop the view.';
	ELSIF NOT replace THEN
		RAISE EXCEPTION 'The import view % exists already.', view
			USING ERRCODE = 'duplicate_table', HINT = 'replace => true makes it anew, with the fields that there are now.';
	END IF;
	EXECUTE format('DROP VIEW %s', view);
END
$$;
COMMENT ON FUNCTION contacts_internal.make_room_for_view(regclass, bigint, boolean) IS
	'part of create_import_view(): drops the import view of that name if it is to be replaced; anything else is an error';
REVOKE ALL ON FUNCTION contacts_internal.make_room_for_view(regclass, bigint, boolean) FROM PUBLIC;

CREATE FUNCTION contacts_internal.full_view_name(name text, default_schema name) RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	parts text[];
BEGIN
	BEGIN
		parts := parse_ident(name);
	EXCEPTION WHEN invalid_parameter_value THEN
		parts := '{}';
	END;
	IF cardinality(parts) = 1 THEN
		parts := ARRAY[default_schema::text, parts[1]];
	END IF;
	IF name IS NULL OR cardinality(parts) <> 2 OR octet_length(parts[2]) > 63 THEN
		RAISE EXCEPTION '% cannot be the name of a view.', coalesce(quote_literal(name), 'NULL')
			USING ERRCODE = 'invalid_name',
				HINT = 'Write it as in SQL, with a schema or without: contact_import, crm.contact_import, "Contact Import".';
	ELSIF parts[1] IS NULL THEN
		RAISE EXCEPTION 'There is no schema to create the view % in.', name
			USING ERRCODE = 'invalid_schema_name', HINT = 'Name one, as in crm.contact_import, or set search_path.';
	END IF;
	RETURN format('%I.%I', parts[1], parts[2]);
END
$$;
COMMENT ON FUNCTION contacts_internal.full_view_name(text, name) IS
	'part of create_import_view(): the name as SQL reads it, with its schema, quoted where it must be';
REVOKE ALL ON FUNCTION contacts_internal.full_view_name(text, name) FROM PUBLIC;

CREATE FUNCTION contacts_internal.keep_unnamed_columns(view text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	view_column text;
BEGIN
	FOR view_column IN SELECT a.attname FROM pg_attribute a WHERE a.attrelid = view::regclass AND a.attnum > 0 ORDER BY a.attnum LOOP
		-- NOT_NAMED in src/pg/import_view.c
		EXECUTE format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %L', view, view_column, 'contact_upsert: column not named');
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.keep_unnamed_columns(text) IS
	'part of create_import_view(): gives the columns a default by which the trigger of a view that clears blank cells knows a column that '
	'an INSERT or COPY does not name';
REVOKE ALL ON FUNCTION contacts_internal.keep_unnamed_columns(text) FROM PUBLIC;

CREATE FUNCTION contacts.create_import_view(
	name text,
	partial_update boolean DEFAULT true,
	create_tags boolean DEFAULT false,
	replace boolean DEFAULT false,
	mode text DEFAULT NULL,
	blank text DEFAULT NULL,
	columns jsonb DEFAULT NULL,
	date_format text DEFAULT NULL,
	separator text DEFAULT NULL,
	-- as a default, it is evaluated with the caller's search_path
	default_schema name DEFAULT pg_catalog.current_schema(),
	workspace_id bigint DEFAULT NULL
) RETURNS regclass
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(create_import_view.workspace_id, contacts_internal.current_workspace());
	view text := contacts_internal.full_view_name(name, default_schema);
	selected text;
	rights text[];
	statement text;
	trigger_arguments text := quote_literal(workspace)
		|| CASE WHEN partial_update THEN ', ''partial_update''' ELSE '' END
		|| CASE WHEN create_tags THEN ', ''create_tags''' ELSE '' END
		|| CASE WHEN mode <> 'upsert' THEN ', ' || quote_literal('mode=' || mode) ELSE '' END
		|| CASE WHEN blank IS NOT NULL THEN ', ' || quote_literal('blank=' || blank) ELSE '' END
		|| CASE WHEN date_format IS NOT NULL THEN ', ' || quote_literal('date_format=' || date_format) ELSE '' END
		|| CASE WHEN separator IS NOT NULL THEN ', ' || quote_literal('separator=' || separator) ELSE '' END;
BEGIN
	PERFORM contacts_internal.require_one_server('contacts.create_import_view()');
	PERFORM contacts_internal.require_workspace(workspace);
	IF array_position(ARRAY[partial_update, create_tags, replace], NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'partial_update, create_tags and replace must not be null.'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Leave out what is to have its default.';
	END IF;
	PERFORM contacts_internal.check_import_values(jsonb_strip_nulls(jsonb_build_object('mode', mode, 'blank', blank,
		'partial_update', partial_update, 'date_format', date_format, 'separator', separator)));
	IF jsonb_typeof(columns) <> 'object' THEN
		RAISE EXCEPTION 'columns must be an object.'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'It is an object such as {"Opt-in Time": "optin_time", "Notes": null}: the name of a column, and what it is.';
	END IF;
	SELECT string_agg(format('%s AS %I', contacts_internal.view_value(v.target, v.type), v.name), ', ' ORDER BY v.n),
			trigger_arguments || ', ' || quote_literal('columns=' || jsonb_object_agg(
				v.name, contacts_internal.lasting_target(v.target, v.type))::text)
		INTO selected, trigger_arguments
		FROM contacts_internal.view_columns(coalesce(columns, '{}'), workspace) WITH ORDINALITY v (name, target, type, n);
	rights := ARRAY(SELECT contacts_internal.view_rights(to_regclass(view)));
	PERFORM contacts_internal.make_room_for_view(to_regclass(view), workspace, replace);

	-- Its reader's rights: a member sees as much through another's view as in the table.
	EXECUTE format('CREATE VIEW %1$s WITH (security_invoker = true) AS
		SELECT %3$s
		FROM contacts.contact c
		WHERE c.workspace_id = %2$L', view, workspace, selected);
	IF blank = 'clear' AND partial_update THEN
		PERFORM contacts_internal.keep_unnamed_columns(view);
	END IF;
	EXECUTE format('COMMENT ON VIEW %s IS %L', view, format(
		'contact_upsert: the contacts of workspace %s; INSERT and COPY upsert', workspace));
	EXECUTE format('CREATE TRIGGER upsert INSTEAD OF INSERT ON %s
		FOR EACH ROW EXECUTE FUNCTION contacts_internal.upsert_view_row(%s)', view, trigger_arguments);
	-- The first is there so that PostgreSQL comes as far as the second, which speaks up even if no row is meant.
	EXECUTE format('CREATE TRIGGER insert_only_rows INSTEAD OF UPDATE OR DELETE ON %s
		FOR EACH ROW EXECUTE FUNCTION contacts_internal.refuse_view_change()', view);
	EXECUTE format('CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON %s
		EXECUTE FUNCTION contacts_internal.refuse_view_change()', view);
	FOREACH statement IN ARRAY rights LOOP
		EXECUTE statement;
	END LOOP;
	RETURN view::regclass;
END
$$;
COMMENT ON FUNCTION contacts.create_import_view(
	text, boolean, boolean, boolean, text, text, jsonb, text, text, name, bigint) IS
	'makes a view of the contacts of a workspace for files: email_address, status, tags and a column for each field, by '
	'position, all of them text. INSERT and COPY upsert: with partial_update (the default) a blank cell leaves a value as it is, or with '
	'blank => clear clears it; without, the row replaces all values. create_tags makes tags of unknown names; mode is that of each row, as '
	'in a request; columns gives columns other names, and adds some. The name is written as in SQL';
REVOKE ALL ON FUNCTION contacts.create_import_view(
	text, boolean, boolean, boolean, text, text, jsonb, text, text, name, bigint) FROM PUBLIC;
