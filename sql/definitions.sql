-- Functions that define workspaces, fields and tags, and that count what happens to a contact.
--
-- Null is what is not given, and stays as it is. Each looks first, and a repetition writes nothing. The order of locks is: a
-- definition, its workspace (by after_definitions_change()), contacts; so none locks the workspace to keep others out.

CREATE FUNCTION contacts_internal.require_triggers() RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF current_setting('session_replication_role') = 'replica' THEN
		RAISE EXCEPTION 'Definitions cannot be changed where session_replication_role is replica.'
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts',
				HINT = 'SET session_replication_role = origin: triggers complete a definition, and tell other sessions of it.';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.require_triggers() IS
	'part of define_workspace, define_field and define_tag: an error where the triggers of definitions do not fire';
REVOKE ALL ON FUNCTION contacts_internal.require_triggers() FROM PUBLIC;

CREATE FUNCTION contacts.define_workspace(
	name text,
	status_policy contacts.status_policy DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	known record;
	id bigint;
BEGIN
	SELECT w.workspace_id, (w.name, w.status_policy) = (
			coalesce(define_workspace.name, w.name), coalesce(define_workspace.status_policy, w.status_policy)) AS same
		INTO known FROM contacts.workspace w
		WHERE CASE WHEN define_workspace.workspace_id IS NULL THEN w.name = define_workspace.name
			ELSE w.workspace_id = define_workspace.workspace_id END;
	IF known.same THEN
		RETURN known.workspace_id;
	END IF;
	PERFORM contacts_internal.require_triggers();
	UPDATE contacts.workspace w
		SET name = CASE WHEN define_workspace.workspace_id IS NULL THEN w.name ELSE coalesce(define_workspace.name, w.name) END,
			status_policy = coalesce(define_workspace.status_policy, w.status_policy)
		WHERE w.workspace_id = known.workspace_id
			AND (define_workspace.workspace_id IS NOT NULL OR w.name = define_workspace.name)
		RETURNING w.workspace_id INTO id;
	IF id IS NULL AND define_workspace.workspace_id IS NOT NULL THEN
		RAISE EXCEPTION 'Workspace % does not exist.', define_workspace.workspace_id
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'workspace',
				HINT = 'Leave workspace_id out to create a workspace.';
	ELSIF id IS NULL THEN
		INSERT INTO contacts.workspace AS w (name, status_policy)
			VALUES (define_workspace.name, coalesce(define_workspace.status_policy, 'api'))
			ON CONFLICT (name) DO UPDATE SET status_policy = coalesce(define_workspace.status_policy, w.status_policy)
			RETURNING w.workspace_id INTO id;
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION contacts.define_workspace(text, contacts.status_policy, bigint) IS
	'creates the workspace of that name, or changes what is given of it; with workspace_id it renames or changes that one; '
	'returns its id';
REVOKE ALL ON FUNCTION contacts.define_workspace(text, contacts.status_policy, bigint) FROM PUBLIC;

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
	-- Again where another session has made or deleted the field meanwhile.
	FOR attempt IN 1 .. 3 LOOP
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
				IF violated = 'field_pkey' AND current_setting('transaction_isolation') <> 'read committed' THEN
					RAISE EXCEPTION 'could not serialize access due to concurrent update' USING ERRCODE = 'serialization_failure';
				ELSIF NOT EXISTS (
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

CREATE FUNCTION contacts.record(
	contact_id text,
	counter text,
	by bigint DEFAULT 1,
	workspace_id bigint DEFAULT NULL
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(record.workspace_id, contacts_internal.current_workspace());
	total bigint;
BEGIN
	IF counter IS NULL OR counter NOT IN ('total_opens', 'total_clicks', 'total_bounces', 'total_delivered') THEN
		RAISE EXCEPTION 'There is no counter %.', coalesce(quote_literal(counter), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'statistics',
				HINT = 'The counters are total_opens, total_clicks, total_bounces and total_delivered.';
	END IF;
	IF by IS NULL OR by < 0 THEN
		RAISE EXCEPTION 'A counter only grows: by must be 0 or more.'
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'statistics', COLUMN = counter,
				HINT = 'UPDATE contacts.statistics corrects a counter.';
	END IF;
	IF NOT EXISTS (SELECT FROM contacts.contact c WHERE c.workspace_id = workspace AND c.id = record.contact_id) THEN
		RAISE EXCEPTION 'Contact % does not exist in workspace %.', coalesce(contact_id, 'NULL'), workspace
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'contact', COLUMN = 'id',
				HINT = 'contact_id is the id in the answer of contact_upsert().';
	END IF;
	INSERT INTO contacts.statistics AS s
			(workspace_id, contact_id, total_opens, total_clicks, total_bounces, total_delivered)
		VALUES (workspace, record.contact_id,
			CASE counter WHEN 'total_opens' THEN by ELSE 0 END,
			CASE counter WHEN 'total_clicks' THEN by ELSE 0 END,
			CASE counter WHEN 'total_bounces' THEN by ELSE 0 END,
			CASE counter WHEN 'total_delivered' THEN by ELSE 0 END)
		ON CONFLICT (workspace_id, contact_id) DO UPDATE SET
			total_opens = s.total_opens + excluded.total_opens,
			total_clicks = s.total_clicks + excluded.total_clicks,
			total_bounces = s.total_bounces + excluded.total_bounces,
			total_delivered = s.total_delivered + excluded.total_delivered
		RETURNING CASE counter
			WHEN 'total_opens' THEN s.total_opens
			WHEN 'total_clicks' THEN s.total_clicks
			WHEN 'total_bounces' THEN s.total_bounces
			ELSE s.total_delivered END
			INTO total;
	RETURN total;
END
$$;
COMMENT ON FUNCTION contacts.record(text, text, bigint, bigint) IS
	'adds to total_opens, total_clicks, total_bounces or total_delivered of a contact; returns the new total';
REVOKE ALL ON FUNCTION contacts.record(text, text, bigint, bigint) FROM PUBLIC;
