-- contacts.undistribute() makes plain tables again of those that Citus has spread over servers (distribute.sql): tables as contacts.install() makes
-- them, into which the rows are copied. Citus itself has no way back for a table with an identity column.

CREATE FUNCTION contacts_internal.check_plain_tables() RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	own text;
BEGIN
	WITH tables AS (
		SELECT old.oid AS old, new.oid AS new, n AS name
		FROM unnest(contacts_internal.distributable_tables()) n
			JOIN pg_class old ON old.relname = n AND old.relnamespace = 'contacts_undistributed'::regnamespace
			JOIN pg_class new ON new.relname = n AND new.relnamespace = 'contacts'::regnamespace
	)
	SELECT string_agg(o.what, ', ' ORDER BY o.what) INTO own
		FROM (
			SELECT format('column %I of contacts.%I', a.attname, t.name) AS what
				FROM tables t JOIN pg_attribute a ON a.attrelid = t.old AND a.attnum > 0 AND NOT a.attisdropped
				WHERE NOT EXISTS (SELECT FROM pg_attribute b WHERE b.attrelid = t.new AND b.attname = a.attname AND b.atttypid = a.atttypid)
			UNION ALL
			SELECT format('index %I of contacts.%I', c.relname, t.name)
				FROM tables t JOIN pg_index i ON i.indrelid = t.old JOIN pg_class c ON c.oid = i.indexrelid
				WHERE NOT EXISTS (SELECT FROM pg_index j JOIN pg_class d ON d.oid = j.indexrelid WHERE j.indrelid = t.new AND d.relname = c.relname)
			UNION ALL
			SELECT format('constraint %I of contacts.%I', k.conname, t.name)
				FROM tables t JOIN pg_constraint k ON k.conrelid = t.old
				WHERE NOT EXISTS (SELECT FROM pg_constraint l WHERE l.conrelid = t.new AND l.conname = k.conname)
		) o;
	IF own IS NOT NULL THEN
		PERFORM contacts_internal.raise_not_distributable(format('What has been added to the contact tables is in the way: %s.', own),
			'Drop it before the call, and add it again behind it.');
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.check_plain_tables() IS
	'part of undistribute(): an error that names what the plain tables would lack';
REVOKE ALL ON FUNCTION contacts_internal.check_plain_tables() FROM PUBLIC;

CREATE FUNCTION contacts_internal.copy_privileges() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	statement text;
BEGIN
	FOR statement IN
		SELECT format('GRANT %s%s ON %s contacts.%I TO %s%s', x.privilege_type, o.columns, o.kind, o.name,
				CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
				CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
			FROM (
				SELECT c.relname AS name, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, '' AS columns, c.relacl AS acl, c.relowner AS owner
					FROM pg_class c WHERE c.relnamespace = 'contacts_undistributed'::regnamespace AND c.relkind IN ('r', 'S')
				UNION ALL
				SELECT c.relname, 'TABLE', format(' (%I)', a.attname), a.attacl, c.relowner
					FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'contacts_undistributed'::regnamespace AND c.relkind = 'r'
			) o, aclexplode(o.acl) x
			WHERE x.grantee <> o.owner
	LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.copy_privileges() IS 'part of undistribute(): grants on the plain tables what was granted on the others';
REVOKE ALL ON FUNCTION contacts_internal.copy_privileges() FROM PUBLIC;

CREATE FUNCTION contacts_internal.copy_rows(table_name text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
DECLARE
	columns text;
	owned record;
	highest bigint;
BEGIN
	SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns
		FROM pg_attribute a WHERE a.attrelid = format('contacts.%I', table_name)::regclass AND a.attnum > 0 AND NOT a.attisdropped
			AND a.attgenerated = '';
	EXECUTE format('INSERT INTO contacts.%1$I (%2$s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM contacts_undistributed.%1$I', table_name, columns);
	-- Each server has given numbers of its own: what comes now is behind all of them. Versions of definitions are drawn from the clock on.
	FOR owned IN
		SELECT s.relname AS name, a.attname AS column_name
		FROM pg_class s JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
			JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
		WHERE s.relkind = 'S' AND d.refclassid = 'pg_class'::regclass AND d.refobjid = format('contacts.%I', table_name)::regclass
			AND s.relname <> 'definitions_version_seq'
	LOOP
		EXECUTE format('SELECT max(%I) FROM contacts.%I', owned.column_name, table_name) INTO highest;
		EXECUTE format('SELECT setval(%L, greatest($1, s.last_value), s.is_called OR $1 >= s.last_value) FROM contacts_undistributed.%I s',
			format('contacts.%I', owned.name), owned.name) USING coalesce(highest, 0);
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.copy_rows(text) IS 'part of undistribute(): copies the rows of a table, and moves its sequences behind them';
REVOKE ALL ON FUNCTION contacts_internal.copy_rows(text) FROM PUBLIC;

CREATE FUNCTION contacts.undistribute() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = warning
	AS $$
DECLARE
	tables CONSTANT text[] := contacts_internal.distributable_tables();
	table_name text;
	repeated text;
BEGIN
	PERFORM contacts_internal.check_citus('contacts.undistribute()');
	IF NOT contacts_internal.is_distributed() THEN
		PERFORM contacts_internal.raise_not_distributable('The contact tables are not distributed.', 'There is nothing to do.');
	END IF;
	-- One connection to each server: what several read, none of them could change.
	PERFORM set_config('citus.enable_unsafe_triggers', 'on', true), set_config('citus.multi_shard_modify_mode', 'sequential', true);
	PERFORM contacts_internal.check_own_objects();
	SELECT w.name INTO repeated FROM contacts.workspace w GROUP BY w.name HAVING count(w.workspace_id) > 1 ORDER BY w.name LIMIT 1;
	IF FOUND THEN
		PERFORM contacts_internal.raise_not_distributable(format('More than one workspace has the name %s.', quote_literal(repeated)),
			'Give each a name of its own: SELECT contacts.define_workspace(name, workspace_id => ...).');
	END IF;
	CREATE SCHEMA contacts_undistributed;
	FOREACH table_name IN ARRAY tables LOOP
		EXECUTE format('ALTER TABLE contacts.%I SET SCHEMA contacts_undistributed', table_name);
	END LOOP;
	PERFORM contacts_internal.make_tables(NULL);
	PERFORM contacts_internal.revoke_default_privileges(of_tables => true);
	PERFORM contacts_internal.check_plain_tables();
	PERFORM contacts_internal.copy_privileges();
	FOREACH table_name IN ARRAY tables LOOP
		PERFORM contacts_internal.copy_rows(table_name);
	END LOOP;
	PERFORM contacts_internal.ensure_triggers();
	PERFORM contacts_internal.ensure_policies();
	FOR i IN REVERSE cardinality(tables) .. 1 LOOP
		EXECUTE format('DROP TABLE contacts_undistributed.%I', tables[i]);
	END LOOP;
	DROP SCHEMA contacts_undistributed;
END
$$;
COMMENT ON FUNCTION contacts.undistribute() IS
	'makes plain tables of this server, as contacts.install() makes them, of what contacts.distribute() has spread over servers';
REVOKE ALL ON FUNCTION contacts.undistribute() FROM PUBLIC;
