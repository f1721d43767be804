-- The parts of contacts.install() that make the tables of definitions and contacts.

CREATE FUNCTION contacts_internal.is_member(workspace_id bigint) RETURNS boolean
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_is_member';
COMMENT ON FUNCTION contacts_internal.is_member(bigint) IS
	'part of the policies: whether the current role may act for a workspace, as contacts.member says';
REVOKE ALL ON FUNCTION contacts_internal.is_member(bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.after_member_change() RETURNS trigger
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_after_member_change';
COMMENT ON FUNCTION contacts_internal.after_member_change() IS
	'trigger: makes every backend forget which roles are members of which workspaces';
REVOKE ALL ON FUNCTION contacts_internal.after_member_change() FROM PUBLIC;

CREATE FUNCTION contacts_internal.show_to_members(table_name text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	EXECUTE format('ALTER TABLE contacts.%I ENABLE ROW LEVEL SECURITY', table_name);
	EXECUTE format('CREATE POLICY members_only ON contacts.%I USING (contacts_internal.is_member(workspace_id))', table_name);
END
$$;
COMMENT ON FUNCTION contacts_internal.show_to_members(text) IS
	'part of contacts.install(): row level security for a table with a workspace_id';
REVOKE ALL ON FUNCTION contacts_internal.show_to_members(text) FROM PUBLIC;

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
		created_at timestamptz NOT NULL DEFAULT now()
	);
	ALTER SEQUENCE contacts.definitions_version_seq OWNED BY contacts.workspace.definitions_version;
	CREATE SEQUENCE contacts.workspace_workspace_id_seq OWNED BY contacts.workspace.workspace_id;
	COMMENT ON TABLE contacts.workspace IS 'contact_upsert: one tenant';

	CREATE TABLE contacts.deleted_workspace (
		workspace_id bigint PRIMARY KEY,
		deleted_at timestamptz NOT NULL DEFAULT now()
	);
	ALTER TABLE contacts.deleted_workspace ENABLE ROW LEVEL SECURITY; -- without a policy: the owner's alone
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

	CREATE TABLE contacts.member (
		workspace_id bigint NOT NULL REFERENCES contacts.workspace ON DELETE CASCADE,
		role_name name NOT NULL,
		PRIMARY KEY (workspace_id, role_name)
	);
	COMMENT ON TABLE contacts.member IS 'contact_upsert: which roles, and their members, may act for which workspace';

	-- Whatever way members change, also by replication.
	CREATE TRIGGER members_changed AFTER INSERT OR UPDATE OR DELETE ON contacts.member
		FOR EACH ROW EXECUTE FUNCTION contacts_internal.after_member_change();
	CREATE TRIGGER members_truncated AFTER TRUNCATE ON contacts.member
		EXECUTE FUNCTION contacts_internal.after_member_change();
	ALTER TABLE contacts.member ENABLE ALWAYS TRIGGER members_changed;
	ALTER TABLE contacts.member ENABLE ALWAYS TRIGGER members_truncated;

	ALTER TABLE contacts.member ENABLE ROW LEVEL SECURITY;
	-- to_regrole: a role that has been dropped is nobody, and no error for everybody else.
	CREATE POLICY own_roles_only ON contacts.member
		USING (pg_has_role(to_regrole(quote_ident(role_name)), 'MEMBER'));
	PERFORM contacts_internal.show_to_members(t) FROM unnest(ARRAY['workspace', 'field', 'tag']) t;
END
$$;
COMMENT ON FUNCTION contacts_internal.install_definitions() IS
	'part of contacts.install(): workspaces, their fields and tags, and who may act for them';
REVOKE ALL ON FUNCTION contacts_internal.install_definitions() FROM PUBLIC;

CREATE FUNCTION contacts_internal.install_definition_triggers() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	definition_table text;
BEGIN
	CREATE TRIGGER new_definitions_version BEFORE INSERT OR UPDATE ON contacts.workspace
		FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_workspace_write();
	CREATE TRIGGER define_email_address AFTER INSERT ON contacts.workspace
		FOR EACH ROW EXECUTE FUNCTION contacts_internal.after_workspace_insert();
	CREATE TRIGGER delete_contacts AFTER DELETE ON contacts.workspace
		FOR EACH ROW EXECUTE FUNCTION contacts_internal.after_workspace_delete();

	CREATE TRIGGER keep_identity BEFORE INSERT OR UPDATE OR DELETE ON contacts.field
		FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_field_write();
	CREATE TRIGGER keep_immutable BEFORE TRUNCATE ON contacts.field
		EXECUTE FUNCTION contacts_internal.before_field_truncate();
	CREATE TRIGGER delete_values AFTER DELETE ON contacts.field
		FOR EACH ROW EXECUTE FUNCTION contacts_internal.after_field_delete();
	CREATE TRIGGER draw_id BEFORE INSERT ON contacts.tag
		FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_tag_insert();
	-- It stands for the column's default, and so is there under session_replication_role = replica too.
	ALTER TABLE contacts.tag ENABLE ALWAYS TRIGGER draw_id;
	CREATE TRIGGER keep_identity BEFORE UPDATE ON contacts.tag
		FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_tag_update();
	CREATE TRIGGER definitions_truncated AFTER TRUNCATE ON contacts.tag
		EXECUTE FUNCTION contacts_internal.after_definitions_change();

	-- A trigger with a transition table is for one kind of statement.
	FOREACH definition_table IN ARRAY ARRAY['field', 'tag'] LOOP
		EXECUTE format('CREATE TRIGGER definitions_inserted AFTER INSERT ON contacts.%I
			REFERENCING NEW TABLE AS changed EXECUTE FUNCTION contacts_internal.after_definitions_change()', definition_table);
		EXECUTE format('CREATE TRIGGER definitions_updated AFTER UPDATE ON contacts.%I
			REFERENCING NEW TABLE AS changed EXECUTE FUNCTION contacts_internal.after_definitions_change()', definition_table);
		EXECUTE format('CREATE TRIGGER definitions_deleted AFTER DELETE ON contacts.%I
			REFERENCING OLD TABLE AS changed EXECUTE FUNCTION contacts_internal.after_definitions_change()', definition_table);
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.install_definition_triggers() IS
	'part of contacts.install(): what keeps definitions sound and tells every backend of a change';
REVOKE ALL ON FUNCTION contacts_internal.install_definition_triggers() FROM PUBLIC;

CREATE FUNCTION contacts_internal.install_contacts() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	CREATE TABLE contacts.contact (
		workspace_id bigint NOT NULL,
		id text COLLATE "C" NOT NULL DEFAULT contacts_internal.object_id(),
		email_address text COLLATE "C" NOT NULL,
		status contacts.status NOT NULL DEFAULT 'SUBSCRIBED',
		tags bigint[] NOT NULL DEFAULT '{}',
		data jsonb NOT NULL DEFAULT '{}',
		version bigint NOT NULL DEFAULT 1,
		created_at timestamptz NOT NULL DEFAULT now(),
		updated_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (workspace_id, id),
		UNIQUE (workspace_id, email_address),
		CONSTRAINT contact_is_valid CHECK (
			contacts_internal.check_contact(id, email_address, tags, data, version, created_at, updated_at))
	) WITH (fillfactor = 85); -- room for the next version of a row on its own page: a HOT update touches no index
	CREATE INDEX contact_tags_idx ON contacts.contact USING gin (tags);
	CREATE TRIGGER raise_version BEFORE UPDATE ON contacts.contact
		FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_contact_update();
	COMMENT ON TABLE contacts.contact IS 'contact_upsert: the contacts, one for each workspace and e-mail address';

	CREATE TABLE contacts.statistics (
		workspace_id bigint NOT NULL,
		contact_id text COLLATE "C" NOT NULL,
		total_opens bigint NOT NULL DEFAULT 0,
		total_clicks bigint NOT NULL DEFAULT 0,
		total_bounces bigint NOT NULL DEFAULT 0,
		total_delivered bigint NOT NULL DEFAULT 0,
		PRIMARY KEY (workspace_id, contact_id),
		FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts.contact ON DELETE CASCADE,
		CONSTRAINT "statistics are not negative" CHECK (
			total_opens >= 0 AND total_clicks >= 0 AND total_bounces >= 0 AND total_delivered >= 0)
	) WITH (fillfactor = 70);
	COMMENT ON TABLE contacts.statistics IS 'contact_upsert: the counters of a contact; no row means zeros';

	PERFORM contacts_internal.show_to_members(t) FROM unnest(ARRAY['contact', 'statistics']) t;
END
$$;
COMMENT ON FUNCTION contacts_internal.install_contacts() IS 'part of contacts.install(): the contacts and their statistics';
REVOKE ALL ON FUNCTION contacts_internal.install_contacts() FROM PUBLIC;
