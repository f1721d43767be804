-- The trigger functions of the definitions: they keep fields and tags sound, and tell every backend of a change by
-- giving the workspace a new definitions_version. contacts_internal.install_definition_triggers() attaches them.

CREATE FUNCTION contacts_internal.before_workspace_write() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	drawn bigint;
BEGIN
	IF TG_OP = 'INSERT' THEN
		-- A restore of rows alone, behind install(), brings workspace 1 again, maybe under a name that it was given since. Its
		-- contacts may have come before, but not its fields.
		IF EXISTS (
			SELECT FROM contacts.workspace w
			WHERE w.workspace_id = NEW.workspace_id
				AND (w.name = NEW.name OR (w.workspace_id, w.name) = (1, 'default') AND NOT EXISTS (
					SELECT FROM contacts.field f WHERE f.workspace_id = w.workspace_id AND NOT f.immutable))) THEN
			UPDATE contacts.workspace w SET name = NEW.name, status_policy = NEW.status_policy, created_at = NEW.created_at
				WHERE w.workspace_id = NEW.workspace_id;
			RETURN NULL;
		END IF;
		-- The sequence may be behind the rows: after a failover, or explicit ids.
		WHILE NEW.workspace_id IS NULL LOOP
			drawn := nextval('contacts.workspace_workspace_id_seq');
			IF NOT EXISTS (SELECT FROM contacts.workspace w WHERE w.workspace_id = drawn)
				AND NOT EXISTS (SELECT FROM contacts.deleted_workspace d WHERE d.workspace_id = drawn)
				AND NOT EXISTS (SELECT FROM contacts.contact c WHERE c.workspace_id = drawn) THEN
				NEW.workspace_id := drawn;
			END IF;
		END LOOP;
		DELETE FROM contacts.deleted_workspace d WHERE d.workspace_id = NEW.workspace_id;
	END IF;
	-- From a sequence, whatever the writer says: a version that was rolled back never comes again for other content.
	NEW.definitions_version := nextval('contacts.definitions_version_seq');
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION contacts_internal.before_workspace_write() IS
	'trigger: gives a workspace its id, unless it brings one, and a new definitions_version';
REVOKE ALL ON FUNCTION contacts_internal.before_workspace_write() FROM PUBLIC;

CREATE FUNCTION contacts_internal.after_workspace_insert() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	INSERT INTO contacts.field (workspace_id, merge_tag, label, type, required, immutable, "position")
		VALUES (NEW.workspace_id, 'email_address', 'Email Address', 'TEXT', true, true, 0);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION contacts_internal.after_workspace_insert() IS 'trigger: gives a workspace its field email_address';
REVOKE ALL ON FUNCTION contacts_internal.after_workspace_insert() FROM PUBLIC;

CREATE FUNCTION contacts_internal.delete_rows(workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	-- In the order of the addresses, as arrays of requests lock them.
	PERFORM FROM contacts.contact c WHERE c.workspace_id = delete_rows.workspace_id ORDER BY c.email_address FOR UPDATE;
	-- They have no foreign key to workspace: checking one would lock the workspace's row at every new contact and event.
	DELETE FROM contacts.contact c WHERE c.workspace_id = delete_rows.workspace_id;
	DELETE FROM contacts.consumer c WHERE c.workspace_id = delete_rows.workspace_id;
	DELETE FROM contacts.delivery d WHERE d.workspace_id = delete_rows.workspace_id;
	DELETE FROM contacts.event e WHERE e.workspace_id = delete_rows.workspace_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.delete_rows(bigint) IS
	'part of the deletion of a workspace: its contacts, consumers and events';
REVOKE ALL ON FUNCTION contacts_internal.delete_rows(bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.purge_deleted_workspaces() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	id bigint;
BEGIN
	FOR id IN
		SELECT d.workspace_id
		FROM contacts.deleted_workspace d
		WHERE NOT EXISTS (SELECT FROM contacts.workspace w WHERE w.workspace_id = d.workspace_id)
	LOOP
		PERFORM contacts_internal.delete_rows(id);
	END LOOP;
	-- No transaction that saw one of these is still open.
	DELETE FROM contacts.deleted_workspace d WHERE d.deleted_at < now() - interval '1 day';
END
$$;
COMMENT ON FUNCTION contacts_internal.purge_deleted_workspaces() IS
	'part of purge_events(): deletes what upserts under way added to a workspace while it was being deleted';
REVOKE ALL ON FUNCTION contacts_internal.purge_deleted_workspaces() FROM PUBLIC;

CREATE FUNCTION contacts_internal.after_workspace_delete() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM contacts_internal.delete_rows(OLD.workspace_id);
	-- An upsert under way that has seen the workspace may still add to it: purge_deleted_workspaces() looks again.
	INSERT INTO contacts.deleted_workspace (workspace_id) VALUES (OLD.workspace_id)
		ON CONFLICT (workspace_id) DO UPDATE SET deleted_at = now();
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION contacts_internal.after_workspace_delete() IS
	'trigger: deletes the contacts, consumers and events of a deleted workspace, and notes that it is deleted';
REVOKE ALL ON FUNCTION contacts_internal.after_workspace_delete() FROM PUBLIC;

CREATE FUNCTION contacts_internal.before_field_write() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF TG_OP <> 'DELETE' AND (
		cardinality(NEW.options) > 20000
		OR (SELECT sum(octet_length(o)) FROM unnest(NEW.options) o) > 1048576) THEN
		RAISE EXCEPTION 'The field % has too many options, or too long ones.', NEW.merge_tag
			USING ERRCODE = 'program_limit_exceeded', SCHEMA = 'contacts', TABLE = 'field', COLUMN = 'options',
				HINT = 'A field has at most 20,000 options, of 1 MiB together. Use a TEXT field.';
	END IF;
	IF TG_OP = 'INSERT' THEN
		-- A restore of rows alone brings the field again that its workspace has had from the start.
		IF NEW.immutable AND EXISTS (
			SELECT FROM contacts.field f
			WHERE f.workspace_id = NEW.workspace_id AND f.merge_tag = NEW.merge_tag
				AND (f.label, f.immutable, f."position") = (NEW.label, NEW.immutable, NEW."position")) THEN
			RETURN NULL;
		END IF;
		-- Behind the others, but for those in the last place that there is, which stay behind it.
		NEW."position" := coalesce(NEW."position", (
			SELECT max(f."position") + 1
			FROM contacts.field f
			WHERE f.workspace_id = NEW.workspace_id AND f."position" < 2147483647), 0);
		RETURN NEW;
	END IF;
	IF TG_OP = 'DELETE' THEN
		-- The order of locks is: a definition, its workspace (see after_definitions_change), contacts. create_tags follows
		-- it too; in another order the two could wait for each other.
		PERFORM FROM contacts.workspace w WHERE w.workspace_id = OLD.workspace_id FOR NO KEY UPDATE;
		IF NOT FOUND THEN
			RETURN OLD; -- goes with its workspace
		END IF;
	END IF;
	IF OLD.immutable THEN
		RAISE EXCEPTION 'The field % is immutable and can be neither changed nor deleted.', OLD.merge_tag
			USING ERRCODE = 'check_violation', SCHEMA = 'contacts', TABLE = 'field', COLUMN = 'immutable',
				HINT = 'Define another field.';
	END IF;
	IF TG_OP = 'DELETE' THEN
		RETURN OLD;
	END IF;
	IF NEW.type <> OLD.type THEN
		RAISE EXCEPTION 'The type of the field % cannot be changed from % to %.', OLD.merge_tag, OLD.type, NEW.type
			USING ERRCODE = 'check_violation', SCHEMA = 'contacts', TABLE = 'field', COLUMN = 'type',
				HINT = 'Define another field, copy the values, and delete this one.';
	END IF;
	IF (NEW.workspace_id, NEW.merge_tag) <> (OLD.workspace_id, OLD.merge_tag) THEN
		RAISE EXCEPTION 'The merge tag of the field % cannot be changed.', OLD.merge_tag
			USING ERRCODE = 'check_violation', SCHEMA = 'contacts', TABLE = 'field', COLUMN = 'merge_tag',
				HINT = 'The contacts'' values are stored under it. Define another field, copy the values, and delete this one.';
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION contacts_internal.before_field_write() IS
	'trigger: numbers a new field; keeps immutable fields, merge tags and types as they are';
REVOKE ALL ON FUNCTION contacts_internal.before_field_write() FROM PUBLIC;

CREATE FUNCTION contacts_internal.after_field_delete() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- In the order of the addresses, as arrays of requests lock them.
	PERFORM FROM contacts.contact c
		WHERE c.workspace_id = OLD.workspace_id AND c.data ? OLD.merge_tag
		ORDER BY c.email_address FOR NO KEY UPDATE;
	-- The version goes up too, so that an upsert which read the contact before decides again.
	UPDATE contacts.contact c
		SET data = c.data - OLD.merge_tag, version = c.version + 1, updated_at = greatest(c.updated_at, now())
		WHERE c.workspace_id = OLD.workspace_id AND c.data ? OLD.merge_tag;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION contacts_internal.after_field_delete() IS 'trigger: deletes the values of a deleted field from the contacts';
REVOKE ALL ON FUNCTION contacts_internal.after_field_delete() FROM PUBLIC;

CREATE FUNCTION contacts_internal.before_field_truncate() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RAISE EXCEPTION 'contacts.field cannot be truncated: every workspace has the immutable field email_address.'
		USING ERRCODE = 'check_violation', SCHEMA = 'contacts', TABLE = 'field',
			HINT = 'Use DELETE FROM contacts.field WHERE NOT immutable.';
END
$$;
COMMENT ON FUNCTION contacts_internal.before_field_truncate() IS 'trigger: keeps the immutable fields';
REVOKE ALL ON FUNCTION contacts_internal.before_field_truncate() FROM PUBLIC;

CREATE FUNCTION contacts_internal.before_tag_insert() RETURNS trigger
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_before_tag_insert';
COMMENT ON FUNCTION contacts_internal.before_tag_insert() IS
	'trigger: gives a tag an id that no tag and no contact of its workspace has, unless it brings one';
REVOKE ALL ON FUNCTION contacts_internal.before_tag_insert() FROM PUBLIC;

CREATE FUNCTION contacts_internal.before_tag_update() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF (NEW.workspace_id, NEW.tag_id) IS DISTINCT FROM (OLD.workspace_id, OLD.tag_id) THEN
		RAISE EXCEPTION 'The ID of tag % cannot be changed.', OLD.tag_id
			USING ERRCODE = 'check_violation', SCHEMA = 'contacts', TABLE = 'tag', COLUMN = 'tag_id',
				HINT = 'The contacts hold it. Define another tag.';
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION contacts_internal.before_tag_update() IS 'trigger: keeps the ids of tags as they are';
REVOKE ALL ON FUNCTION contacts_internal.before_tag_update() FROM PUBLIC;

CREATE FUNCTION contacts_internal.after_definitions_change() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	workspace record;
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		UPDATE contacts.workspace SET definitions_version = DEFAULT;
	ELSE
		UPDATE contacts.workspace w SET definitions_version = DEFAULT
			WHERE EXISTS (SELECT FROM changed c WHERE c.workspace_id = w.workspace_id);
	END IF;
	IF TG_TABLE_NAME = 'field' AND TG_OP <> 'DELETE' THEN
		-- Each backend that serves the workspace has them in memory. The workspaces are locked: nobody else adds to them now.
		FOR workspace IN
			SELECT f.workspace_id AS id, count(*) AS fields, sum(cardinality(f.options)) AS options,
				coalesce(sum((SELECT sum(octet_length(o)) FROM unnest(f.options) o)), 0)
					+ coalesce(sum(octet_length(f.default_value::text)), 0) AS bytes
			FROM contacts.field f
			WHERE f.workspace_id IN (SELECT c.workspace_id FROM changed c)
			GROUP BY f.workspace_id
		LOOP
			IF workspace.fields > 5000 THEN
				RAISE EXCEPTION 'Workspace % has too many fields.', workspace.id
					USING ERRCODE = 'program_limit_exceeded', SCHEMA = 'contacts', TABLE = 'field',
						HINT = 'A workspace has at most 5,000 fields.';
			ELSIF workspace.options > 100000 OR workspace.bytes > 8388608 THEN
				RAISE EXCEPTION 'The options and default values of workspace % are too many, or too long.', workspace.id
					USING ERRCODE = 'program_limit_exceeded', SCHEMA = 'contacts', TABLE = 'field',
						HINT = 'A workspace has at most 100,000 options, and 8 MiB of options and default values.';
			END IF;
		END LOOP;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION contacts_internal.after_definitions_change() IS
	'trigger: tells every backend that the fields or tags of a workspace have changed, and keeps them from growing too large';
REVOKE ALL ON FUNCTION contacts_internal.after_definitions_change() FROM PUBLIC;

CREATE FUNCTION contacts_internal.before_contact_update() RETURNS trigger
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_before_contact_update';
COMMENT ON FUNCTION contacts_internal.before_contact_update() IS
	'trigger: raises the version of a contact whose UPDATE leaves it alone';
REVOKE ALL ON FUNCTION contacts_internal.before_contact_update() FROM PUBLIC;
