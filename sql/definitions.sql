-- Definitions: workspaces, their fields and their tags, and the rules that every writer of them keeps (defining.sql has the
-- functions that write them). Triggers keep definitions sound, and tell every backend of a change by giving the workspace a
-- new definitions_version.

CREATE TYPE contacts.field_type AS ENUM
	('TEXT', 'NUMBER', 'BOOLEAN', 'DATE', 'DROPDOWN_SINGLE', 'DROPDOWN_MULTIPLE', 'COUNTRY');
COMMENT ON TYPE contacts.field_type IS 'what values a field takes';
REVOKE ALL ON TYPE contacts.field_type FROM PUBLIC;

CREATE TYPE contacts.status_policy AS ENUM ('api', 'guarded');
COMMENT ON TYPE contacts.status_policy IS
	'api: a request sets the status it names; guarded: an opted-out contact is mailed again only with "resubscribe"';
REVOKE ALL ON TYPE contacts.status_policy FROM PUBLIC;

CREATE TYPE contacts.history_level AS ENUM ('none', 'status', 'all');
COMMENT ON TYPE contacts.history_level IS
	'what contacts.history keeps: nothing; changes of the status and what carries a source or evidence; each change';
REVOKE ALL ON TYPE contacts.history_level FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_tag_name(name text) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_is_tag_name';
COMMENT ON FUNCTION contacts_internal.is_tag_name(text) IS 'whether it has 1 to 64 characters and no white space around it';
REVOKE ALL ON FUNCTION contacts_internal.is_tag_name(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.trim(value text) RETURNS text
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_trim';
COMMENT ON FUNCTION contacts_internal.trim(text) IS 'the text without the Unicode white space around it';
REVOKE ALL ON FUNCTION contacts_internal.trim(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.fold_case(name text) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_fold_case';
COMMENT ON FUNCTION contacts_internal.fold_case(text) IS
	'the name without its case, in UTF-8, by Unicode''s simple case folding; the same under every locale';
REVOKE ALL ON FUNCTION contacts_internal.fold_case(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_option_list(options text[]) RETURNS boolean
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	AS $$
		SELECT pg_catalog.array_ndims(options) OPERATOR(pg_catalog.=) 1
			AND pg_catalog.count(DISTINCT o COLLATE pg_catalog."C") OPERATOR(pg_catalog.>=) 2
			AND pg_catalog.bool_and(o IS NOT NULL AND o OPERATOR(pg_catalog.<>) '')
		FROM pg_catalog.unnest(options) o
	$$;
COMMENT ON FUNCTION contacts_internal.is_option_list(text[]) IS 'whether there are at least 2 different options, none of them empty';
REVOKE ALL ON FUNCTION contacts_internal.is_option_list(text[]) FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_field_value(type contacts.field_type, options text[], value jsonb) RETURNS boolean
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_is_field_value';
COMMENT ON FUNCTION contacts_internal.is_field_value(contacts.field_type, text[], jsonb) IS
	'whether a field of that type takes the value; null is one that every type takes';
REVOKE ALL ON FUNCTION contacts_internal.is_field_value(contacts.field_type, text[], jsonb) FROM PUBLIC;

CREATE FUNCTION contacts_internal.before_workspace_write() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
DECLARE
	drawn bigint;
	own record;
BEGIN
	IF TG_OP = 'INSERT' THEN
		-- A restore of rows alone, behind install(), brings workspace 1 again, maybe under a name that it was given since. Its
		-- contacts may have come before, but not its fields.
		IF EXISTS (
			SELECT FROM contacts.workspace w
			WHERE w.workspace_id = NEW.workspace_id
				AND (w.name = NEW.name OR (w.workspace_id, w.name) = (1, 'default') AND NOT EXISTS (
					SELECT FROM contacts.field f WHERE f.workspace_id = w.workspace_id AND NOT f.immutable))) THEN
			UPDATE contacts.workspace w
				SET name = NEW.name, status_policy = NEW.status_policy, history = NEW.history, created_at = NEW.created_at
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
		SELECT p.number, p.count INTO own FROM contacts_internal.partition() p;
		IF mod(NEW.workspace_id, own.count) <> own.number THEN
			RAISE EXCEPTION 'Workspace % does not belong to this database, partition % of %.', NEW.workspace_id, own.number, own.count
				USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'workspace', COLUMN = 'workspace_id',
					HINT = format('Its partition is %s. Leave workspace_id out for an id of this one.', mod(NEW.workspace_id, own.count));
		END IF;
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
	-- Contacts and events have no foreign key to workspace: to check one would lock the workspace's row at each of them.
	DELETE FROM contacts.contact c WHERE c.workspace_id = delete_rows.workspace_id;
	DELETE FROM contacts.consumer c WHERE c.workspace_id = delete_rows.workspace_id;
	DELETE FROM contacts.delivery d WHERE d.workspace_id = delete_rows.workspace_id;
	DELETE FROM contacts.event e WHERE e.workspace_id = delete_rows.workspace_id;
	DELETE FROM contacts.history h WHERE h.workspace_id = delete_rows.workspace_id;
	-- behind the contacts, which leave some
	DELETE FROM contacts.suppression s WHERE s.workspace_id = delete_rows.workspace_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.delete_rows(bigint) IS
	'part of the deletion of a workspace: its contacts, consumers, events, history and suppressions';
REVOKE ALL ON FUNCTION contacts_internal.delete_rows(bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.purge_deleted_workspaces() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
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
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
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
	'trigger: deletes the contacts, consumers, events and history of a deleted workspace, and notes that it is deleted';
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
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
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
	id bigint;
BEGIN
	-- before_workspace_write() draws the new version, whatever is written here: no volatile function is in an UPDATE, and each names its
	-- workspace, so that rows may be on another server.
	IF TG_OP = 'TRUNCATE' THEN
		UPDATE contacts.workspace w SET definitions_version = w.definitions_version;
	ELSE
		FOR id IN SELECT DISTINCT c.workspace_id FROM changed c ORDER BY c.workspace_id LOOP
			UPDATE contacts.workspace w SET definitions_version = w.definitions_version WHERE w.workspace_id = id;
		END LOOP;
	END IF;
	-- A shard of the table is field_102024, say.
	IF starts_with(TG_TABLE_NAME, 'field') AND TG_OP <> 'DELETE' THEN
		-- Fields and options have limits because each backend that serves the workspace has them in memory. The UPDATE above has
		-- locked the workspaces: no other session adds to them until this transaction ends.
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

CREATE FUNCTION contacts_internal.install_definitions() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- It starts at the clock, so that tables which are dropped and made again never repeat a version either.
	EXECUTE format('CREATE SEQUENCE contacts.definitions_version_seq START %s',
		(extract(epoch FROM clock_timestamp()) * 1000000)::bigint);

	CREATE TABLE contacts.workspace (
		-- by default from the sequence: before_workspace_write(); 0 is every workspace
		workspace_id bigint PRIMARY KEY CONSTRAINT "workspace_id is positive" CHECK (workspace_id > 0),
		name text NOT NULL UNIQUE CONSTRAINT "workspace name has 1 to 64 characters" CHECK (length(name) BETWEEN 1 AND 64),
		definitions_version bigint NOT NULL DEFAULT nextval('contacts.definitions_version_seq'),
		status_policy contacts.status_policy NOT NULL DEFAULT 'api',
		history contacts.history_level NOT NULL DEFAULT 'status',
		created_at timestamptz NOT NULL DEFAULT now()
	);
	ALTER SEQUENCE contacts.definitions_version_seq OWNED BY contacts.workspace.definitions_version;
	CREATE SEQUENCE contacts.workspace_workspace_id_seq OWNED BY contacts.workspace.workspace_id;
	COMMENT ON TABLE contacts.workspace IS 'contact_upsert: one tenant';

	CREATE TABLE contacts.deleted_workspace (
		workspace_id bigint PRIMARY KEY,
		deleted_at timestamptz NOT NULL DEFAULT now()
	);
	COMMENT ON TABLE contacts.deleted_workspace IS
		'contact_upsert: workspaces that were deleted of late, for purge_events() to look for contacts and events that came after';

	CREATE TABLE contacts.field (
		workspace_id bigint NOT NULL REFERENCES contacts.workspace ON DELETE CASCADE,
		merge_tag text COLLATE "C" NOT NULL,
		label text NOT NULL CONSTRAINT "label has 1 to 64 characters" CHECK (length(label) BETWEEN 1 AND 64),
		type contacts.field_type NOT NULL DEFAULT 'TEXT',
		options text[],
		default_value jsonb,
		required boolean NOT NULL DEFAULT false,
		tracked boolean NOT NULL DEFAULT false,
		immutable boolean NOT NULL DEFAULT false,
		"position" integer NOT NULL,
		PRIMARY KEY (workspace_id, merge_tag),
		UNIQUE (workspace_id, label),
		CONSTRAINT "merge_tag matches ^[a-z_][a-z0-9_]{1,62}$" CHECK (merge_tag ~ '^[a-z_][a-z0-9_]{1,62}$'),
		CONSTRAINT "dropdowns have 2 or more different options, other types none" CHECK (
			CASE WHEN type IN ('DROPDOWN_SINGLE', 'DROPDOWN_MULTIPLE')
				THEN options IS NOT NULL AND contacts_internal.is_option_list(options)
				ELSE options IS NULL END),
		CONSTRAINT "default_value is valid for the type" CHECK (contacts_internal.is_field_value(type, options, default_value)),
		CONSTRAINT "email_address is an immutable, required TEXT field" CHECK (
			merge_tag <> 'email_address'
			OR (type = 'TEXT' AND required AND immutable AND default_value IS NULL))
	);
	CREATE INDEX field_position_idx ON contacts.field (workspace_id, "position"); -- for the place of the next field
	COMMENT ON TABLE contacts.field IS 'contact_upsert: the fields that the contacts of a workspace can have';

	CREATE TABLE contacts.tag (
		workspace_id bigint NOT NULL REFERENCES contacts.workspace ON DELETE CASCADE,
		tag_id bigint NOT NULL, -- by default from the sequence: before_tag_insert()
		name text NOT NULL,
		description text,
		PRIMARY KEY (workspace_id, tag_id),
		CONSTRAINT "tag_id is positive" CHECK (tag_id > 0),
		CONSTRAINT "tag name has 1 to 64 characters and no space around it" CHECK (contacts_internal.is_tag_name(name))
	);
	CREATE SEQUENCE contacts.tag_tag_id_seq OWNED BY contacts.tag.tag_id;
	CREATE UNIQUE INDEX tag_name_key ON contacts.tag (workspace_id, contacts_internal.fold_case(name));
	COMMENT ON TABLE contacts.tag IS 'contact_upsert: the tags that the contacts of a workspace can have';
END
$$;
COMMENT ON FUNCTION contacts_internal.install_definitions() IS
	'part of contacts.install(): workspaces, their fields and tags';
REVOKE ALL ON FUNCTION contacts_internal.install_definitions() FROM PUBLIC;

CREATE FUNCTION contacts_internal.raise_no_workspace(workspace_id bigint) RETURNS void
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_raise_no_workspace';
COMMENT ON FUNCTION contacts_internal.raise_no_workspace(bigint) IS 'raises WORKSPACE_NOT_FOUND';
REVOKE ALL ON FUNCTION contacts_internal.raise_no_workspace(bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.require_workspace(workspace_id bigint) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM contacts_internal.check_versions();
	IF NOT EXISTS (SELECT FROM contacts.workspace w WHERE w.workspace_id = require_workspace.workspace_id) THEN
		PERFORM contacts_internal.raise_no_workspace(require_workspace.workspace_id);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.require_workspace(bigint) IS
	'an error that names the cure unless the tables are installed and the workspace exists';
REVOKE ALL ON FUNCTION contacts_internal.require_workspace(bigint) FROM PUBLIC;

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
