-- contacts.distribute() has Citus spread the tables over its servers, by workspace; undistribute.sql is the way back (docs/scale-out.md, "Citus (experimental)").
--
-- Every table is divided by workspace_id in the same way, so that a workspace is on one server with all that it has: its definitions and
-- members, too, which row level security asks for. What is in the way is an error before anything is done.

CREATE FUNCTION contacts_internal.distributable_tables() RETURNS text[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		-- a table behind those that it refers to
		SELECT '{workspace,deleted_workspace,field,tag,member,contact,statistics,event,consumer,low_water_mark,delivery,history,suppression,'
			'import_progress,import_chunk,import_error,import_kept}'::text[]
	$$;
COMMENT ON FUNCTION contacts_internal.distributable_tables() IS 'part of distribute(): the tables, each behind those that it refers to';
REVOKE ALL ON FUNCTION contacts_internal.distributable_tables() FROM PUBLIC;

CREATE FUNCTION contacts_internal.raise_not_distributable(what text, hint text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RAISE EXCEPTION '%', what
		USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', HINT = hint;
END
$$;
COMMENT ON FUNCTION contacts_internal.raise_not_distributable(text, text) IS 'part of distribute() and undistribute(): raises what is in the way';
REVOKE ALL ON FUNCTION contacts_internal.raise_not_distributable(text, text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_citus(call text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	is_coordinator boolean;
BEGIN
	PERFORM contacts_internal.require_writing(call);
	PERFORM contacts_internal.check_versions();
	IF NOT pg_has_role((SELECT c.relowner FROM pg_class c WHERE c.oid = 'contacts.contact'::regclass), 'USAGE') THEN
		RAISE EXCEPTION '% is for the owner of the contact tables.', call
			USING ERRCODE = 'insufficient_privilege', HINT = 'Call it as that role.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_extension x WHERE x.extname = 'citus') THEN
		RAISE EXCEPTION '% needs Citus, which this database does not have.', call
			USING ERRCODE = 'feature_not_supported', HINT = 'Install Citus, add it to shared_preload_libraries, and CREATE EXTENSION citus.';
	END IF;
	EXECUTE 'SELECT g.groupid = 0 FROM pg_catalog.pg_dist_local_group g' INTO is_coordinator;
	IF NOT is_coordinator THEN
		PERFORM contacts_internal.raise_not_distributable(format('%s is for the coordinator of Citus, and this is a worker.', call),
			'Connect to the coordinator.');
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.check_citus(text) IS
	'part of distribute() and undistribute(): an error unless the tables'' owner calls on a coordinator of Citus';
REVOKE ALL ON FUNCTION contacts_internal.check_citus(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_distributed() RETURNS boolean
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	found boolean := false;
BEGIN
	IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
		EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition p WHERE p.logicalrelid = to_regclass(''contacts.contact''))' INTO found;
	END IF;
	RETURN found;
END
$$;
COMMENT ON FUNCTION contacts_internal.is_distributed() IS 'whether Citus has the tables';
REVOKE ALL ON FUNCTION contacts_internal.is_distributed() FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_servers() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	server record;
	servers integer := 0;
	cure CONSTANT text := 'On each server: shared_preload_libraries = ''citus, contact_upsert'', the same files of contact_upsert, and a restart.';
BEGIN
	IF NOT contacts_internal.is_ready_for_shards() THEN
		PERFORM contacts_internal.raise_not_distributable('contact_upsert is not in shared_preload_libraries, behind citus.', cure);
	END IF;
	-- Citus brings the extension to a server with the first object that needs it.
	FOR server IN EXECUTE $sql$
			SELECT w.nodename AS name, w.nodeport AS port, w.success, w.result
			FROM (SELECT n.nodename, n.nodeport, r.success, r.result
				FROM pg_catalog.pg_dist_node n, pg_catalog.run_command_on_workers($cmd$
					SELECT CASE WHEN to_regclass('pg_catalog.pg_dist_node') IS NULL THEN 'no Citus'
						WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_available_extensions x WHERE x.name = 'contact_upsert') THEN 'no files'
						WHEN pg_catalog.current_setting('shared_preload_libraries') !~ 'citus.*contact_upsert' THEN 'not loaded'
						ELSE 'ready' END $cmd$) r
				WHERE n.nodename = r.nodename AND n.nodeport = r.nodeport AND n.groupid <> 0 AND n.isactive) w $sql$
	LOOP
		IF NOT server.success OR server.result <> 'ready' THEN
			PERFORM contacts_internal.raise_not_distributable(format('The server %s:%s is not ready: %s.', server.name, server.port, server.result), cure);
		END IF;
		servers := servers + 1;
	END LOOP;
	IF servers = 0 THEN
		PERFORM contacts_internal.raise_not_distributable('Citus has no worker.', 'SELECT citus_add_node(name, port) adds one.');
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.check_servers() IS 'part of distribute(): an error unless each server of Citus has what it needs';
REVOKE ALL ON FUNCTION contacts_internal.check_servers() FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_own_objects() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	tables CONSTANT regclass[] := ARRAY(SELECT ('contacts.' || n)::regclass FROM unnest(contacts_internal.distributable_tables()) n);
	own text;
BEGIN
	IF EXISTS (SELECT FROM pg_class c WHERE c.oid = ANY (tables) AND c.relkind <> 'r') THEN
		PERFORM contacts_internal.raise_not_distributable('The contact tables are partitioned.',
			'Citus divides them itself: distribute tables that contacts.install() has made without partitions.');
	END IF;
	SELECT string_agg(o.what, ', ' ORDER BY o.what) INTO own
		FROM (
			SELECT format('trigger %I on %s', t.tgname, t.tgrelid::regclass) AS what
				FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
				WHERE t.tgrelid = ANY (tables) AND NOT t.tgisinternal
					AND (f.pronamespace <> 'contacts_internal'::regnamespace OR t.tgenabled = 'D')
			UNION ALL
			SELECT format('policy %I on %s', p.polname, p.polrelid::regclass)
				FROM pg_policy p
				WHERE p.polrelid = ANY (tables) AND p.polname NOT IN ('members_only', 'own_roles_only')
			UNION ALL
			SELECT format('rule %I on %s', r.rulename, r.ev_class::regclass) FROM pg_rewrite r WHERE r.ev_class = ANY (tables)
			UNION ALL
			SELECT format('foreign key %I of %s', k.conname, k.conrelid::regclass)
				FROM pg_constraint k
				WHERE k.contype = 'f' AND (k.conrelid = ANY (tables)) <> (k.confrelid = ANY (tables))
			UNION ALL
			SELECT format('unique index %s', i.indexrelid::regclass)
				FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
				WHERE i.indrelid = ANY (tables) AND i.indisunique AND c.relname <> 'workspace_name_key' AND NOT EXISTS (
					SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = 'workspace_id' AND a.attnum = ANY (i.indkey::int2[]))
			UNION ALL
			SELECT DISTINCT format('dropped columns of %s', a.attrelid::regclass)
				FROM pg_attribute a WHERE a.attrelid = ANY (tables) AND a.attnum > 0 AND a.attisdropped
			UNION ALL
			SELECT format('view %s', v.oid::regclass)
				FROM pg_class v JOIN pg_rewrite r ON r.ev_class = v.oid JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
				WHERE v.relkind IN ('v', 'm') AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (tables)
				GROUP BY v.oid
		) o;
	IF own IS NOT NULL THEN
		PERFORM contacts_internal.raise_not_distributable(format('What has been added to the contact tables is in the way: %s.', own),
			'Drop it before the call. A rule of your own that Citus can have is added behind it.');
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.check_own_objects() IS
	'part of distribute() and undistribute(): an error that names what a user has added and what cannot be moved';
REVOKE ALL ON FUNCTION contacts_internal.check_own_objects() FROM PUBLIC;

CREATE FUNCTION contacts_internal.drop_triggers() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	made record;
BEGIN
	-- Rows that move are no new rows.
	FOR made IN
		SELECT t.tgname, c.relname
		FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN unnest(contacts_internal.distributable_tables()) n ON n = c.relname
		WHERE c.relnamespace = 'contacts'::regnamespace AND NOT t.tgisinternal
	LOOP
		EXECUTE format('DROP TRIGGER %I ON contacts.%I', made.tgname, made.relname);
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.drop_triggers() IS
	'part of distribute() and undistribute(): drops the triggers of contacts.install(), which ensure_triggers() brings back';
REVOKE ALL ON FUNCTION contacts_internal.drop_triggers() FROM PUBLIC;

CREATE FUNCTION contacts_internal.distribute_tables(shard_count integer) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = warning
	AS $$
DECLARE
	table_name text;
BEGIN
	IF EXISTS (SELECT FROM contacts.consumer c WHERE c.workspace_id = 0) THEN
		PERFORM contacts_internal.raise_not_distributable('There is a consumer of every workspace.',
			'Unsubscribe it, and subscribe one in each workspace: SELECT name FROM contacts.consumer WHERE workspace_id = 0 names it.');
	END IF;
	PERFORM contacts_internal.drop_triggers();
	-- Names are unique on each server alone; define_workspace() looks on all of them.
	ALTER TABLE contacts.workspace DROP CONSTRAINT workspace_name_key;
	FOREACH table_name IN ARRAY contacts_internal.distributable_tables() LOOP
		IF table_name = 'workspace' THEN
			EXECUTE 'SELECT create_distributed_table(''contacts.workspace'', ''workspace_id'', colocate_with => ''none'', shard_count => $1)' USING shard_count;
		ELSE
			EXECUTE 'SELECT create_distributed_table($1, ''workspace_id'', colocate_with => ''contacts.workspace'')'
				USING format('contacts.%I', table_name)::regclass;
		END IF;
	END LOOP;
	PERFORM contacts_internal.ensure_triggers();
	EXECUTE $sql$ SELECT create_distributed_function('contacts.tables_version()'),
		create_distributed_function('contacts_internal.call_here(bigint, text, text[], text[])', 'workspace_id',
			colocate_with => 'contacts.contact', force_delegation => true) $sql$;
END
$$;
COMMENT ON FUNCTION contacts_internal.distribute_tables(integer) IS 'part of distribute(): moves the tables';
REVOKE ALL ON FUNCTION contacts_internal.distribute_tables(integer) FROM PUBLIC;

CREATE FUNCTION contacts.distribute(shard_count integer DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM contacts_internal.check_citus('contacts.distribute()');
	PERFORM contacts_internal.check_servers();
	PERFORM set_config('citus.enable_unsafe_triggers', 'on', true), set_config('citus.multi_shard_modify_mode', 'sequential', true);
	IF contacts_internal.is_distributed() THEN
		IF shard_count IS NOT NULL THEN
			PERFORM contacts_internal.raise_not_distributable('The contact tables are distributed already.',
				'Leave shard_count out to complete what new servers lack. SELECT alter_distributed_table() of Citus changes shards.');
		END IF;
	ELSE
		PERFORM contacts_internal.check_own_objects();
		PERFORM contacts_internal.distribute_tables(shard_count);
	END IF;
	PERFORM contacts_internal.complete_servers();
END
$$;
COMMENT ON FUNCTION contacts.distribute(integer) IS
	'has Citus spread the tables over its servers, by workspace, in shard_count shards; again, it gives new servers what they lack';
REVOKE ALL ON FUNCTION contacts.distribute(integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.run_on_servers(statement text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	failed text;
BEGIN
	IF NOT contacts_internal.is_distributed() THEN
		RETURN;
	END IF;
	EXECUTE 'SELECT string_agg(format(''%s:%s: %s'', r.nodename, r.nodeport, r.result), E''\n'')
			FROM run_command_on_workers($1) r WHERE NOT r.success'
		INTO failed USING format('SET citus.enable_ddl_propagation = off; SET lock_timeout = ''10s''; %s', statement);
	IF failed IS NOT NULL THEN
		RAISE EXCEPTION 'A statement failed on another server.'
			USING ERRCODE = 'external_routine_exception', DETAIL = failed, HINT = statement;
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.run_on_servers(text) IS
	'part of grant_access() and its like: where the tables are distributed, executes on each worker what Citus does not do there itself, and commits it';
REVOKE ALL ON FUNCTION contacts_internal.run_on_servers(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.grant_on_servers(role_name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- Of a grant on a table Citus tells its servers, and not of one on what an extension has.
	IF contacts_internal.is_distributed() THEN
		PERFORM contacts_internal.run_on_servers(string_agg(s, '; '))
			FROM contacts_internal.member_privileges('GRANT', role_name) s WHERE s ~ '^GRANT (EXECUTE|USAGE ON SCHEMA)';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.grant_on_servers(name) IS
	'part of grant_access() and distribute(): lets a member call on each worker what it may call on the coordinator';
REVOKE ALL ON FUNCTION contacts_internal.grant_on_servers(name) FROM PUBLIC;

CREATE FUNCTION contacts_internal.monitor_on_servers(role_name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF contacts_internal.is_distributed() THEN
		PERFORM contacts_internal.run_on_servers(concat_ws('; ',
				string_agg(s, '; '), format('GRANT USAGE ON SCHEMA contacts_internal TO %I', role_name),
				format('GRANT EXECUTE ON FUNCTION contacts_internal.monitor(), contacts_internal.call_here(bigint, text, text[], text[]) TO %I', role_name)))
			FROM contacts_internal.monitor_privileges('GRANT', role_name) s;
		EXECUTE format('GRANT USAGE ON SCHEMA contacts_internal TO %I', role_name);
		EXECUTE format('GRANT EXECUTE ON FUNCTION contacts_internal.call_here(bigint, text, text[], text[]) TO %I', role_name);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.monitor_on_servers(name) IS
	'part of grant_monitoring() and distribute(): lets a role count on each worker what it may count on the coordinator';
REVOKE ALL ON FUNCTION contacts_internal.monitor_on_servers(name) FROM PUBLIC;

CREATE FUNCTION contacts_internal.former_members() RETURNS SETOF name
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	-- The tables' owner is no member, and what the coordinator lets somebody call is an administrator's doing.
	spared text[] := ARRAY(
		SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = 'contacts.contact'::regclass
		UNION
		SELECT pg_get_userbyid(a.grantee) FROM pg_proc p, aclexplode(p.proacl) a
			WHERE p.oid = 'contacts_internal.call_there(text, bigint, text[])'::regprocedure AND a.grantee <> 0);
BEGIN
	RETURN QUERY EXECUTE $sql$
		SELECT DISTINCT n.name::name
		FROM run_command_on_workers($cmd$
				SELECT coalesce(json_agg(DISTINCT pg_catalog.pg_get_userbyid(a.grantee)), '[]')
				FROM pg_catalog.pg_proc p, pg_catalog.aclexplode(p.proacl) a
				WHERE p.oid = 'contacts_internal.call_there(text, bigint, text[])'::pg_catalog.regprocedure AND a.grantee NOT IN (0, p.proowner) $cmd$) r,
			json_array_elements_text(CASE WHEN r.success THEN r.result ELSE '[]' END::json) n (name)
		WHERE n.name <> ALL ($1) AND n.name NOT IN (SELECT DISTINCT m.role_name FROM contacts.member m) $sql$
		USING spared;
END
$$;
COMMENT ON FUNCTION contacts_internal.former_members() IS
	'part of distribute(): the roles that may call on a worker and are no members any more, as revoke_access() leaves them';
REVOKE ALL ON FUNCTION contacts_internal.former_members() FROM PUBLIC;

CREATE FUNCTION contacts_internal.complete_servers() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	role_name name;
BEGIN
	FOR role_name IN SELECT f FROM contacts_internal.former_members() f LOOP
		-- A server that does not have the role has nothing to take.
		PERFORM contacts_internal.run_on_servers(format('DO %L',
				format('BEGIN IF pg_catalog.to_regrole(%L) IS NOT NULL THEN %s; END IF; END', quote_ident(role_name), string_agg(s, '; '))))
			FROM contacts_internal.member_privileges('REVOKE', role_name) s WHERE s ~ '^REVOKE (EXECUTE|USAGE ON SCHEMA)';
	END LOOP;
	FOR role_name IN SELECT DISTINCT m.role_name FROM contacts.member m LOOP
		IF to_regrole(quote_ident(role_name)) IS NOT NULL THEN
			PERFORM contacts_internal.grant_on_servers(role_name);
		END IF;
	END LOOP;
	FOR role_name IN
		SELECT r.rolname FROM pg_proc p, aclexplode(p.proacl) a JOIN pg_roles r ON r.oid = a.grantee
		WHERE p.oid = 'contacts_internal.monitor()'::regprocedure AND a.grantee <> p.proowner
	LOOP
		PERFORM contacts_internal.monitor_on_servers(role_name);
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.complete_servers() IS 'part of distribute(): gives each server what members need there, and takes from former ones what they had';
REVOKE ALL ON FUNCTION contacts_internal.complete_servers() FROM PUBLIC;

CREATE FUNCTION contacts_internal.new_workspace_there(name text) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
DECLARE
	drawn bigint;
BEGIN
	LOOP
		drawn := nextval('contacts.workspace_workspace_id_seq');
		EXIT WHEN NOT EXISTS (SELECT FROM contacts.workspace w WHERE w.workspace_id = drawn)
			AND NOT EXISTS (SELECT FROM contacts.deleted_workspace d WHERE d.workspace_id = drawn)
			AND NOT EXISTS (SELECT FROM contacts.contact c WHERE c.workspace_id = drawn);
	END LOOP;
	INSERT INTO contacts.workspace (workspace_id, name) VALUES (drawn, new_workspace_there.name);
	RETURN drawn;
END
$$;
COMMENT ON FUNCTION contacts_internal.new_workspace_there(text) IS
	'part of define_workspace(), where the tables are distributed: makes a workspace on its server';
REVOKE ALL ON FUNCTION contacts_internal.new_workspace_there(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.workspace_there(
	name text,
	status_policy contacts.status_policy,
	history contacts.history_level,
	workspace_id bigint
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	id bigint := workspace_there.workspace_id;
	named bigint;
BEGIN
	PERFORM contacts_internal.check_citus('contacts.define_workspace()');
	-- No key of one server keeps names unique on all: one session at a time looks on all of them. No member can lock this table.
	LOCK TABLE contacts.deleted_workspace IN SHARE ROW EXCLUSIVE MODE;
	SELECT w.workspace_id INTO named FROM contacts.workspace w WHERE w.name = workspace_there.name;
	IF id IS NOT NULL AND named <> id THEN
		RAISE EXCEPTION 'Another workspace has the name %.', quote_literal(workspace_there.name)
			USING ERRCODE = 'unique_violation', SCHEMA = 'contacts', TABLE = 'workspace', CONSTRAINT = 'workspace_name_key',
				HINT = format('It is workspace %s.', named);
	END IF;
	id := coalesce(id, named, contacts_internal.new_workspace_there(workspace_there.name));
	PERFORM contacts_internal.call_there('define_workspace', id, name, status_policy::text, history::text);
	RETURN id;
END
$$;
COMMENT ON FUNCTION contacts_internal.workspace_there(text, contacts.status_policy, contacts.history_level, bigint) IS
	'define_workspace() where the tables are distributed';
REVOKE ALL ON FUNCTION contacts_internal.workspace_there(text, contacts.status_policy, contacts.history_level, bigint) FROM PUBLIC;
