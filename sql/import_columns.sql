-- The columns of files: contacts.match_columns() says what they are matched to; contacts.import() matches those of its table once, when
-- an import begins, and keeps it in contacts.import_progress.matched.

CREATE FUNCTION contacts.match_columns(names text[], columns jsonb DEFAULT NULL, workspace_id bigint DEFAULT NULL)
	RETURNS TABLE ("position" integer, name text, target text, type text, problem text, nearest text)
	LANGUAGE C STABLE PARALLEL UNSAFE ROWS 20
	AS 'MODULE_PATHNAME', 'contacts_match_columns';
COMMENT ON FUNCTION contacts.match_columns(text[], jsonb, bigint) IS
	'what the columns of a file are matched to: for each, in their order, the target and the type of its field; or the problem, which is '
	'unknown, ambiguous, duplicate or no such target, with the nearest name or the other column; neither for one that is left out';
REVOKE ALL ON FUNCTION contacts.match_columns(text[], jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.make_merge_tag(name text) RETURNS text
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_make_merge_tag';
COMMENT ON FUNCTION contacts_internal.make_merge_tag(text) IS
	'a merge tag made of the name of a column; empty if the name has no letter for it';
REVOKE ALL ON FUNCTION contacts_internal.make_merge_tag(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.columns_of_table(staging_table regclass) RETURNS text[]
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT ARRAY(
			SELECT a.attname::text
			FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
			WHERE a.attrelid = staging_table AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
			ORDER BY a.attnum)
	$$;
COMMENT ON FUNCTION contacts_internal.columns_of_table(regclass) IS
	'part of contacts.import(): the names of the columns of a table or view; none for anything else';
REVOKE ALL ON FUNCTION contacts_internal.columns_of_table(regclass) FROM PUBLIC;

CREATE FUNCTION contacts_internal.lasting_target(target text, type text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE WHEN type IS NULL AND target <> 'email_address' AND target NOT LIKE 'contact.%' THEN 'contact.' || target ELSE target END
	$$;
COMMENT ON FUNCTION contacts_internal.lasting_target(text, text) IS
	'a target as it is kept, so that it stays the contact''s own, should a field get a merge tag such as status or tags later; type is that of '
	'its field, or null';
REVOKE ALL ON FUNCTION contacts_internal.lasting_target(text, text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.new_merge_tag(name text, taken text[], workspace_id bigint) RETURNS text
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	base CONSTANT text := coalesce(nullif(contacts_internal.make_merge_tag(name), ''), 'field');
	own CONSTANT text[] := ARRAY['email_address', 'status', 'tags', 'add_tags', 'remove_tags', 'source', 'created_at'];
	candidate text := base;
BEGIN
	-- A field called like something of the contact's own would be found in its place.
	FOR number IN 2 .. 100000 LOOP
		IF candidate <> ALL (own || taken) AND NOT EXISTS (
			SELECT FROM contacts.field f WHERE f.workspace_id = new_merge_tag.workspace_id AND f.merge_tag = candidate) THEN
			RETURN candidate;
		END IF;
		-- 63 bytes, less "_" and the number
		candidate := left(base, 56) || '_' || number;
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION contacts_internal.new_merge_tag(text, text[], bigint) IS
	'part of contacts.import(): a merge tag for a new field that is called like a column, which no field has, nor one of those taken';
REVOKE ALL ON FUNCTION contacts_internal.new_merge_tag(text, text[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.define_column(name text, merge_tag text, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	new_label text := left(coalesce(nullif(btrim(name), ''), merge_tag), 64);
BEGIN
	-- Two long names may begin alike.
	IF EXISTS (
		SELECT FROM contacts.field f WHERE f.workspace_id = define_column.workspace_id AND f.label = new_label) THEN
		new_label := left(new_label, 63 - length(merge_tag)) || ' ' || left(merge_tag, 62);
	END IF;
	PERFORM contacts.define_field(merge_tag, new_label, workspace_id => define_column.workspace_id);
END
$$;
COMMENT ON FUNCTION contacts_internal.define_column(text, text, bigint) IS
	'part of contacts.import(): makes a TEXT field for a column';
REVOKE ALL ON FUNCTION contacts_internal.define_column(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.raise_bad_columns(
	staging_table regclass, names text[], columns jsonb, unknown text, workspace_id bigint
) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	problems text[];
	matched text;
BEGIN
	SELECT ARRAY[
			CASE WHEN cardinality(names) = 0 THEN 'it is no table with columns'
				WHEN NOT coalesce(bool_or(m.target = 'email_address'), false) THEN 'no column is the address' END,
			'two columns are the same: ' || string_agg(format('%I and %I are %s', m.nearest, m.name, m.target), ', ' ORDER BY m."position")
				FILTER (WHERE m.problem = 'duplicate'),
			'what a column is to be does not exist: ' || string_agg(format('%s for %I', quote_literal(m.target), m.name)
				|| coalesce(' (nearest: ' || m.nearest || ')', ''), ', ' ORDER BY m."position")
				FILTER (WHERE m.problem = 'no such target'),
			'a column could be several things: ' || string_agg(quote_ident(m.name), ', ' ORDER BY m."position")
				FILTER (WHERE m.problem = 'ambiguous'),
			'workspace ' || raise_bad_columns.workspace_id || ' has no field for ' || string_agg(quote_ident(m.name)
				|| coalesce(' (nearest: ' || m.nearest || ')', ''), ', ' ORDER BY m."position")
				FILTER (WHERE m.problem = 'unknown' AND unknown = 'refuse')],
			string_agg(format('%I is %s', m.name, coalesce(m.target, 'left out')), ', ' ORDER BY m."position") FILTER (WHERE m.problem IS NULL)
		INTO problems, matched
		FROM contacts.match_columns(names, raise_bad_columns.columns, raise_bad_columns.workspace_id) m;
	IF array_remove(problems, NULL) <> '{}' THEN
		RAISE EXCEPTION '% cannot be imported: %.', staging_table, array_to_string(problems, '; ')
			USING ERRCODE = 'undefined_column',
				HINT = 'columns => ''{"name of the column": "what it is"}'' says what a column is, null leaves it out; unknown => ''ignore'' '
					'leaves unknown columns out, unknown => ''define'' makes TEXT fields of them.'
					|| coalesce(' Matched so far: ' || matched || '.', '');
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.raise_bad_columns(regclass, text[], jsonb, text, bigint) IS
	'part of contacts.import(): an error that names each column that is not matched as it must be, and says what was matched';
REVOKE ALL ON FUNCTION contacts_internal.raise_bad_columns(regclass, text[], jsonb, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.match_import(
	staging_table regclass, parameters jsonb, begins boolean, workspace_id bigint, OUT matched jsonb, OUT defined text[]
)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	names CONSTANT text[] := contacts_internal.columns_of_table(staging_table);
	unknown CONSTANT text := parameters ->> 'unknown';
	found record;
	target text;
BEGIN
	IF begins AND unknown = 'define' AND NOT contacts_internal.is_dry_run(parameters) THEN
		-- Two imports at once that both lack a field: the second one waits, and finds that of the first.
		PERFORM FROM contacts.workspace w WHERE w.workspace_id = match_import.workspace_id FOR NO KEY UPDATE;
	END IF;
	PERFORM contacts_internal.raise_bad_columns(
		staging_table, names, parameters -> 'columns', unknown, match_import.workspace_id);
	matched := '{}';
	defined := '{}';
	FOR found IN
		SELECT m.name, contacts_internal.lasting_target(m.target, m.type) AS target, m.problem
		FROM contacts.match_columns(names, parameters -> 'columns', match_import.workspace_id) m ORDER BY m."position"
	LOOP
		target := found.target;
		IF found.problem = 'unknown' AND unknown = 'define' THEN
			target := contacts_internal.new_merge_tag(found.name, defined, match_import.workspace_id);
			defined := defined || target;
			IF begins AND NOT contacts_internal.is_dry_run(parameters) THEN
				PERFORM contacts_internal.define_column(found.name, target, match_import.workspace_id);
			END IF;
		END IF;
		matched := matched || jsonb_build_object(found.name, target);
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.match_import(regclass, jsonb, boolean, bigint) IS
	'part of contacts.import(): what the columns of a table are matched to, each with its target or null; the merge tags of fields that '
	'unknown => define makes of columns, or, in a dry run or before the import begins, would make';
REVOKE ALL ON FUNCTION contacts_internal.match_import(regclass, jsonb, boolean, bigint) FROM PUBLIC;
