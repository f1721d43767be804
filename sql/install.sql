-- contacts.install(): makes the user's tables, or brings them to the extension's version.
--
-- Three things have a version: the library, this script and the tables. The tables say theirs by contacts.tables_version(), a
-- function that install() makes beside them and that is the user's as they are: so pg_dump carries it, with the schema alone
-- too, and a dump that is restored into another version of the extension can be told. The function's text is read and the
-- function is never called: called by a superuser, it would run what its owner wrote.

CREATE FUNCTION contacts_internal.tables_version() RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT substring(p.prosrc FROM '[0-9]+[.][0-9]+[.][0-9]+')
		FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		WHERE n.nspname = 'contacts' AND p.proname = 'tables_version' AND p.pronargs = 0
	$$;
COMMENT ON FUNCTION contacts_internal.tables_version() IS 'part of contacts.install(): the tables'' version; null if they do not say';
REVOKE ALL ON FUNCTION contacts_internal.tables_version() FROM PUBLIC;

CREATE FUNCTION contacts_internal.note_tables_version(version text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	EXECUTE format('CREATE OR REPLACE FUNCTION contacts.tables_version() RETURNS text
		LANGUAGE sql IMMUTABLE PARALLEL SAFE AS %L', format('SELECT %L::pg_catalog.text', version));
	COMMENT ON FUNCTION contacts.tables_version() IS
		'contact_upsert: the version of the tables, which contacts.install() brings to the extension''s';
	REVOKE ALL ON FUNCTION contacts.tables_version() FROM PUBLIC;
END
$$;
COMMENT ON FUNCTION contacts_internal.note_tables_version(text) IS 'part of contacts.install(): writes down the tables'' version';
REVOKE ALL ON FUNCTION contacts_internal.note_tables_version(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_versions() RETURNS void
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_check_versions';
COMMENT ON FUNCTION contacts_internal.check_versions() IS
	'an error that names the cure unless there are tables, and library, script and tables fit each other';
REVOKE ALL ON FUNCTION contacts_internal.check_versions() FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_library(script_version text) RETURNS void
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_check_library';
COMMENT ON FUNCTION contacts_internal.check_library(text) IS 'an error that names the cure unless the library serves a script of that version';
REVOKE ALL ON FUNCTION contacts_internal.check_library(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_owners() RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	owners text;
BEGIN
	-- The tables' owner is one: what is written beside a contact is written with that role's rights.
	SELECT string_agg(DISTINCT pg_get_userbyid(c.relowner), ', ' ORDER BY pg_get_userbyid(c.relowner)) INTO owners
		FROM pg_class c
		WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind IN ('r', 'p')
		HAVING count(DISTINCT c.relowner) > 1;
	IF owners IS NOT NULL THEN
		RAISE EXCEPTION 'The tables in schema contacts belong to more than one role: %.', owners
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts',
				HINT = 'Give all of them to one role, with ALTER TABLE ... OWNER TO.';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.check_owners() IS 'part of contacts.install(): an error unless one role owns all tables';
REVOKE ALL ON FUNCTION contacts_internal.check_owners() FROM PUBLIC;

CREATE FUNCTION contacts_internal.make_tables(partitions integer) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM contacts_internal.install_definitions();
	PERFORM contacts_internal.install_access();
	PERFORM contacts_internal.install_contacts(partitions);
	PERFORM contacts_internal.install_events(partitions);
	PERFORM contacts_internal.install_history(partitions);
	PERFORM contacts_internal.install_imports();
	PERFORM contacts_internal.install_undo();
	PERFORM contacts_internal.install_erasure();
EXCEPTION WHEN unique_violation OR duplicate_table OR duplicate_object THEN
	-- Of two sessions that run install() at once the second waits here for the first one's commit.
	IF contacts_internal.tables_version() IS NULL THEN
		RAISE;
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.make_tables(integer) IS 'part of contacts.install(): the tables, where there are none; partitions null: none of them is partitioned';
REVOKE ALL ON FUNCTION contacts_internal.make_tables(integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.upgrade_tables(version text) RETURNS text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- A step from each version that was released: IF version = '1.0.0' THEN ALTER TABLE ...; RETURN '1.0.1'; END IF;
	RAISE EXCEPTION 'The contact tables of this database are of version %, from which no upgrade leads on.', version
		USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts',
			HINT = 'If they are newer than the extension, install its newer files and ALTER EXTENSION contact_upsert UPDATE.';
END
$$;
COMMENT ON FUNCTION contacts_internal.upgrade_tables(text) IS
	'part of contacts.install(): brings tables of that version to the next one, and returns it';
REVOKE ALL ON FUNCTION contacts_internal.upgrade_tables(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.add_first_workspace() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
BEGIN
	-- The one that calls work in which name none; its id comes from no sequence, and the sequence goes on behind it.
	INSERT INTO contacts.workspace (workspace_id, name) OVERRIDING SYSTEM VALUE
		SELECT 1, 'default' WHERE NOT EXISTS (SELECT FROM contacts.workspace)
			-- one of several partitions is empty until a workspace is defined
			AND (SELECT p.count FROM contacts_internal.partition() p) = 1
		ON CONFLICT DO NOTHING;
	IF FOUND THEN
		PERFORM setval(s.name, greatest(nextval(s.name) - 1, 1))
			FROM pg_get_serial_sequence('contacts.workspace', 'workspace_id') AS s (name);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.add_first_workspace() IS
	'part of contacts.install(): workspace 1, where there is none at all (a new database, a restored schema)';
REVOKE ALL ON FUNCTION contacts_internal.add_first_workspace() FROM PUBLIC;

CREATE FUNCTION contacts.install(partitions integer DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	script_version text := (SELECT x.extversion FROM pg_extension x WHERE x.extname = 'contact_upsert');
	version text;
BEGIN
	PERFORM contacts_internal.check_library(script_version);
	PERFORM contacts_internal.check_partition_count(partitions);
	IF to_regclass('contacts.workspace') IS NULL THEN
		PERFORM contacts_internal.make_tables(partitions);
		PERFORM contacts_internal.note_tables_version(script_version);
		PERFORM contacts_internal.revoke_default_privileges(of_tables => true);
	END IF;
	version := contacts_internal.tables_version();
	IF version IS NULL THEN
		RAISE EXCEPTION 'The contact tables of this database do not say their version.'
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts',
				HINT = 'contacts.tables_version(), which contacts.install() made beside them, is missing: restore it from a dump.';
	END IF;
	PERFORM contacts_internal.check_owners();
	PERFORM contacts_internal.check_partitions(partitions);
	IF version <> script_version THEN
		LOCK TABLE contacts.workspace IN ACCESS EXCLUSIVE MODE;
		version := contacts_internal.tables_version();
		WHILE version <> script_version LOOP
			version := contacts_internal.upgrade_tables(version);
		END LOOP;
		PERFORM contacts_internal.note_tables_version(version);
	END IF;
	PERFORM contacts_internal.ensure_triggers();
	PERFORM contacts_internal.ensure_policies();
	-- There is one, where tables have been distributed; and Citus does not take the question.
	IF NOT contacts_internal.is_distributed() THEN
		PERFORM contacts_internal.add_first_workspace();
	END IF;
	RETURN version;
END
$$;
COMMENT ON FUNCTION contacts.install(integer) IS
	'makes the tables in schema contacts, with partitions hash-partitioned by workspace, or brings them to the extension''s version, and '
	'their triggers back; safe to repeat; returns that version';
REVOKE ALL ON FUNCTION contacts.install(integer) FROM PUBLIC;

-- The last statement of the script: all that it makes is there.
SELECT contacts_internal.revoke_default_privileges(of_tables => false);
