-- Functions that define workspaces, fields and tags, and that count what happens to a contact.

CREATE FUNCTION contacts.define_workspace(
	name text,
	status_policy contacts.status_policy DEFAULT 'api',
	workspace_id bigint DEFAULT NULL
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	id bigint := define_workspace.workspace_id;
BEGIN
	IF id IS NULL THEN
		PERFORM pg_advisory_xact_lock(hashtext('contacts.define_workspace'));
		SELECT min(w.workspace_id) INTO id FROM contacts.workspace w WHERE w.name = define_workspace.name;
	ELSIF NOT EXISTS (SELECT FROM contacts.workspace w WHERE w.workspace_id = id) THEN
		RAISE EXCEPTION 'Workspace % does not exist.', id
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'workspace',
				HINT = 'Leave workspace_id out to create a workspace.';
	END IF;
	IF id IS NULL THEN
		INSERT INTO contacts.workspace AS w (name, status_policy)
			VALUES (define_workspace.name, define_workspace.status_policy)
			RETURNING w.workspace_id INTO id;
	ELSE
		UPDATE contacts.workspace w
			SET name = define_workspace.name, status_policy = define_workspace.status_policy
			WHERE w.workspace_id = id
				AND (w.name, w.status_policy)
					IS DISTINCT FROM (define_workspace.name, define_workspace.status_policy);
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION contacts.define_workspace(text, contacts.status_policy, bigint) IS
	'creates the workspace of that name, or changes it; with workspace_id it changes that one; returns its id';
REVOKE ALL ON FUNCTION contacts.define_workspace(text, contacts.status_policy, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.define_field(
	merge_tag text,
	label text,
	type contacts.field_type DEFAULT 'TEXT',
	options text[] DEFAULT NULL,
	default_value jsonb DEFAULT NULL,
	required boolean DEFAULT false,
	tracked boolean DEFAULT false,
	place integer DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
) RETURNS text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(define_field.workspace_id, contacts_internal.current_workspace());
BEGIN
	-- A repetition writes nothing.
	IF EXISTS (
		SELECT FROM contacts.field f
		WHERE f.workspace_id = workspace AND f.merge_tag = define_field.merge_tag
			AND (f.label, f.type, f.options, f.default_value, f.required, f.tracked, f."position")
				IS NOT DISTINCT FROM (define_field.label, define_field.type, define_field.options,
					define_field.default_value, define_field.required, define_field.tracked,
					coalesce(define_field.place, f."position"))) THEN
		RETURN define_field.merge_tag;
	END IF;
	-- Of two calls at once the second would fail by the label, which ON CONFLICT does not look at.
	PERFORM pg_advisory_xact_lock(hashtext('contacts.define_field'), hashint8(workspace));
	INSERT INTO contacts.field AS f
			(workspace_id, merge_tag, label, type, options, default_value, required, tracked, "position")
		VALUES (workspace, define_field.merge_tag, define_field.label, define_field.type,
			define_field.options, define_field.default_value, define_field.required, define_field.tracked,
			define_field.place)
		ON CONFLICT (workspace_id, merge_tag) DO UPDATE
			SET (label, type, options, default_value, required, tracked, "position")
				= (excluded.label, excluded.type, excluded.options, excluded.default_value, excluded.required,
					excluded.tracked, coalesce(define_field.place, f."position"));
	RETURN define_field.merge_tag;
END
$$;
COMMENT ON FUNCTION contacts.define_field(
	text, text, contacts.field_type, text[], jsonb, boolean, boolean, integer, bigint) IS
	'creates a field, or changes the one with that merge tag to what is given; returns the merge tag';
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
			AND t.description IS NOT DISTINCT FROM coalesce(define_tag.description, t.description);
	IF id IS NULL THEN
		INSERT INTO contacts.tag AS t (workspace_id, name, description)
			VALUES (workspace, contacts_internal.trim(define_tag.name), define_tag.description)
			ON CONFLICT (workspace_id, contacts_internal.fold_case(name)) DO UPDATE
				SET name = excluded.name, description = coalesce(excluded.description, t.description)
			RETURNING t.tag_id INTO id;
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION contacts.define_tag(text, text, bigint) IS
	'creates a tag, or changes the spelling and the description of the one with that name; returns its id';
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
