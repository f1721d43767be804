-- define_workspace, define_field and define_tag (docs/api.md, "Definitions") write the tables of definitions.sql.
--
-- Null is what is not given, and stays as it is. Each function looks first, and a repetition writes nothing. The order of
-- locks is: a definition, its workspace (by after_definitions_change()), contacts; so no function locks the workspace to keep
-- others out.

CREATE FUNCTION contacts.define_workspace(
	name text,
	status_policy contacts.status_policy DEFAULT NULL,
	history contacts.history_level DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	known record;
	id bigint;
BEGIN
	IF contacts_internal.is_elsewhere(coalesce(define_workspace.workspace_id, 0)) THEN
		RETURN contacts_internal.workspace_there(name, status_policy, history, workspace_id);
	END IF;
	SELECT w.workspace_id, (w.name, w.status_policy, w.history) = (
			coalesce(define_workspace.name, w.name), coalesce(define_workspace.status_policy, w.status_policy),
			coalesce(define_workspace.history, w.history)) AS same
		INTO known FROM contacts.workspace w
		WHERE CASE WHEN define_workspace.workspace_id IS NULL THEN w.name = define_workspace.name
			ELSE w.workspace_id = define_workspace.workspace_id END;
	IF known.same THEN
		RETURN known.workspace_id;
	END IF;
	PERFORM contacts_internal.require_triggers();
	UPDATE contacts.workspace w
		SET name = CASE WHEN define_workspace.workspace_id IS NULL THEN w.name ELSE coalesce(define_workspace.name, w.name) END,
			status_policy = coalesce(define_workspace.status_policy, w.status_policy),
			history = coalesce(define_workspace.history, w.history)
		WHERE w.workspace_id = known.workspace_id
			AND (define_workspace.workspace_id IS NOT NULL OR w.name = define_workspace.name)
		RETURNING w.workspace_id INTO id;
	IF id IS NULL AND define_workspace.workspace_id IS NOT NULL THEN
		PERFORM contacts_internal.raise_error('WORKSPACE_NOT_FOUND',
			format('Workspace %s does not exist.', define_workspace.workspace_id),
			'Leave workspace_id out to create a workspace.');
	ELSIF id IS NULL THEN
		INSERT INTO contacts.workspace AS w (name, status_policy, history)
			VALUES (define_workspace.name, coalesce(define_workspace.status_policy, 'api'),
				coalesce(define_workspace.history, 'status'))
			ON CONFLICT (name) DO UPDATE SET status_policy = coalesce(define_workspace.status_policy, w.status_policy),
				history = coalesce(define_workspace.history, w.history)
			RETURNING w.workspace_id INTO id;
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION contacts.define_workspace(text, contacts.status_policy, contacts.history_level, bigint) IS
	'creates the workspace of that name, or changes what is given of it; with workspace_id it renames or changes that one; '
	'returns its id';
REVOKE ALL ON FUNCTION contacts.define_workspace(text, contacts.status_policy, contacts.history_level, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.define_field(
	merge_tag text,
	label text DEFAULT NULL,
	type contacts.field_type DEFAULT NULL,
	options text[] DEFAULT NULL,
	default_value jsonb DEFAULT NULL,
	required boolean DEFAULT NULL,
	tracked boolean DEFAULT NULL,
	place integer DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
) RETURNS text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(define_field.workspace_id, contacts_internal.current_workspace());
	known record;
	violated text;
BEGIN
	IF contacts_internal.is_elsewhere(workspace) THEN
		PERFORM contacts_internal.require_writing('contacts.define_field()');
		RETURN contacts_internal.call_there('define_field', workspace, merge_tag, label, type::text, options::text, default_value::text,
			required::text, tracked::text, place::text);
	END IF;
	PERFORM contacts_internal.require_workspace(workspace);
	-- Again where another session has made or deleted the field meanwhile, which can happen in a row.
	FOR attempt IN 1 .. 20 LOOP
		SELECT f.merge_tag, (f.label, f.type, f.options, f.default_value, f.required, f.tracked, f."position")
				IS NOT DISTINCT FROM (coalesce(define_field.label, f.label), coalesce(define_field.type, f.type),
					nullif(coalesce(define_field.options, f.options), '{}'),
					nullif(coalesce(define_field.default_value, f.default_value), 'null'),
					coalesce(define_field.required, f.required), coalesce(define_field.tracked, f.tracked),
					coalesce(define_field.place, f."position")) AS same
			INTO known
			FROM contacts.field f
			WHERE f.workspace_id = workspace AND f.merge_tag = define_field.merge_tag;
		IF known.same THEN
			RETURN known.merge_tag;
		END IF;
		PERFORM contacts_internal.require_triggers();
		IF known.merge_tag IS NOT NULL THEN
			UPDATE contacts.field f
				SET label = coalesce(define_field.label, f.label), type = coalesce(define_field.type, f.type),
					options = nullif(coalesce(define_field.options, f.options), '{}'),
					default_value = nullif(coalesce(define_field.default_value, f.default_value), 'null'),
					required = coalesce(define_field.required, f.required),
					tracked = coalesce(define_field.tracked, f.tracked),
					"position" = coalesce(define_field.place, f."position")
				WHERE f.workspace_id = workspace AND f.merge_tag = define_field.merge_tag;
			IF FOUND THEN
				RETURN define_field.merge_tag;
			END IF;
		ELSE
			BEGIN
				INSERT INTO contacts.field
						(workspace_id, merge_tag, label, type, options, default_value, required, tracked, "position")
					VALUES (workspace, define_field.merge_tag, define_field.label, coalesce(define_field.type, 'TEXT'),
						nullif(define_field.options, '{}'), nullif(define_field.default_value, 'null'),
						coalesce(define_field.required, false), coalesce(define_field.tracked, false), define_field.place);
				RETURN define_field.merge_tag;
			EXCEPTION WHEN unique_violation THEN
				GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
				violated := regexp_replace(violated, '_[0-9]+$', ''); -- of a shard
				IF violated = 'field_pkey' AND current_setting('transaction_isolation') <> 'read committed' THEN
					RAISE EXCEPTION 'could not serialize access due to concurrent update' USING ERRCODE = 'serialization_failure';
				ELSIF violated <> 'field_pkey' AND NOT EXISTS (
					SELECT FROM contacts.field f WHERE f.workspace_id = workspace AND f.merge_tag = define_field.merge_tag) THEN
					RAISE; -- another field has the label
				END IF;
			END;
		END IF;
	END LOOP;
	RAISE EXCEPTION 'The field % could not be written.', define_field.merge_tag
		USING ERRCODE = 'triggered_data_change_violation', SCHEMA = 'contacts', TABLE = 'field',
			HINT = 'Look for a trigger on contacts.field that returns NULL.';
END
$$;
COMMENT ON FUNCTION contacts.define_field(
	text, text, contacts.field_type, text[], jsonb, boolean, boolean, integer, bigint) IS
	'creates a field, or changes what is given of the one with that merge tag; options ''{}'' and default_value ''null'' '
	'clear; place is its position; returns the merge tag';
REVOKE ALL ON FUNCTION contacts.define_field(
	text, text, contacts.field_type, text[], jsonb, boolean, boolean, integer, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.define_tag(
	name text,
	description text DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(define_tag.workspace_id, contacts_internal.current_workspace());
	id bigint;
BEGIN
	IF contacts_internal.is_elsewhere(workspace) THEN
		PERFORM contacts_internal.require_writing('contacts.define_tag()');
		RETURN contacts_internal.call_there('define_tag', workspace, name, description);
	END IF;
	PERFORM contacts_internal.require_workspace(workspace);
	-- A repetition writes nothing and draws no id.
	SELECT t.tag_id INTO id
		FROM contacts.tag t
		WHERE t.workspace_id = workspace AND t.name = contacts_internal.trim(define_tag.name)
			AND t.description IS NOT DISTINCT FROM nullif(coalesce(define_tag.description, t.description), '');
	IF id IS NULL THEN
		PERFORM contacts_internal.require_triggers();
		INSERT INTO contacts.tag AS t (workspace_id, name, description)
			VALUES (workspace, contacts_internal.trim(define_tag.name), nullif(define_tag.description, ''))
			ON CONFLICT (workspace_id, contacts_internal.fold_case(name)) DO UPDATE
				SET name = excluded.name, description = nullif(coalesce(define_tag.description, t.description), '')
			RETURNING t.tag_id INTO id;
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION contacts.define_tag(text, text, bigint) IS
	'creates a tag, or changes the spelling, and the description if it is given ('''' clears it), of the one with that name; '
	'returns its id';
REVOKE ALL ON FUNCTION contacts.define_tag(text, text, bigint) FROM PUBLIC;
