-- Access: the table contacts.member says which roles may act for which workspace; grant_access and revoke_access keep it, and
-- grant and revoke the privileges that a member needs. docs/api.md, "Tenants and roles", is the promise.

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

CREATE FUNCTION contacts_internal.install_access() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	CREATE TABLE contacts.member (
		workspace_id bigint NOT NULL REFERENCES contacts.workspace ON DELETE CASCADE,
		role_name name NOT NULL,
		PRIMARY KEY (workspace_id, role_name)
	);
	COMMENT ON TABLE contacts.member IS 'contact_upsert: which roles, and their members, may act for which workspace';
END
$$;
COMMENT ON FUNCTION contacts_internal.install_access() IS 'part of contacts.install(): which roles may act for which workspace';
REVOKE ALL ON FUNCTION contacts_internal.install_access() FROM PUBLIC;

CREATE FUNCTION contacts_internal.member_privileges(verb text, role_name name) RETURNS SETOF text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('%s %s %s %I', verb, privilege, CASE verb WHEN 'GRANT' THEN 'TO' ELSE 'FROM' END, role_name)
		FROM (
			-- The functions that a member calls; a function that is not in this list is the owner's alone.
			SELECT format('EXECUTE ON ROUTINE %s', p.oid::regprocedure)
			FROM pg_extension x
				JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid
					AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
				JOIN pg_proc p ON p.oid = d.objid
			WHERE x.extname = 'contact_upsert' AND (p.pronamespace = x.extnamespace AND p.proname = 'contact_upsert'
				OR p.pronamespace = 'contacts'::regnamespace AND p.proname IN (
					'upsert', 'apply', 'upsert_many', 'preview', 'define_field', 'define_tag', 'record', 'record_many',
					'claim', 'ack', 'fail', 'release', 'extend', 'retry_dead', 'relay', 'import', 'undo_import',
					'create_import_view', 'match_columns',
					'get', 'search', 'export', 'request_schema',
					'erase', 'lift_suppression', 'change_address', 'merge')
				OR p.pronamespace = 'contacts_internal'::regnamespace AND p.proname IN (
					-- what defaults, constraints, indexes, policies and views of the tables call
					'object_id', 'check_contact', 'is_tag_name', 'fold_case', 'is_option_list', 'is_field_value',
					'is_member', 'is_consumer_of', 'is_elsewhere', 'call_there', 'call_here', 'here', 'session_pid', 'workspaces_elsewhere', 'require_one_server', 'require_coordinator', 'count_deliveries', 'count_imports',
					-- what the functions above and contact-worker call
					'current_workspace', 'check_versions', 'require_workspace', 'raise_no_workspace', 'require_triggers', 'trim', 'event_line',
					'contact_id', 'check_counts', 'raise_error', 'mentions_address', 'known_addresses', 'gone_contacts',
					-- parts of request_schema() and export()
					'padded_pattern', 'field_schema', 'key_schema', 'export_events', 'export_import_rows', 'address_column',
					-- parts of change_address() and merge()
					'require_writing', 'require_contact_triggers', 'normalize_address', 'is_suppressed', 'is_address_key',
					'raise_no_contact', 'raise_not_written', 'raise_address_taken', 'hold_contact', 'guard_address',
					'move_to_address', 'hold_contacts', 'merge_requests', 'merge_statistics', 'merge', 'finish_merge',
					-- parts of create_import_view(), and the triggers of its views
					'full_view_name', 'view_columns', 'view_value', 'view_rights', 'keep_unnamed_columns', 'workspace_of_view',
					'make_room_for_view', 'upsert_view_row', 'refuse_view_change',
					-- what a proxy calls
					'serve', 'answer', 'extension_version', 'list_consumers', 'is_monitor',
					-- parts of import()
					'in_transaction_block', 'require_commits', 'check_import_call', 'check_import_values', 'check_import_options',
					'check_staging', 'check_import_parameters', 'columns_of_table', 'match_import', 'raise_bad_columns',
					'make_merge_tag', 'lasting_target', 'new_merge_tag', 'define_column', 'is_dry_run', 'abandon_dry_run', 'abandon_import', 'check_dry_run',
					'find_import', 'note_import', 'new_import', 'begin_import', 'put_back_bad_rows', 'retry_import', 'hold_import', 'list_columns', 'copy_staging',
					'staging_fingerprint', 'staging_chunks', 'next_chunk', 'import_rows', 'load_rows', 'note_rows', 'load_chunk',
					'end_import',
					-- parts of undo_import()
					'check_undo', 'is_at_work', 'begin_undo', 'undo_ids', 'next_undo', 'undo_plan', 'restore_contacts', 'note_undo',
					'delete_created', 'undo_contacts', 'undo_chunk', 'undo_counts', 'count_undo', 'end_undo'))
			UNION ALL
			SELECT format('USAGE ON SCHEMA %I', n.nspname)
			FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace
			WHERE x.extname = 'contact_upsert' AND n.nspname <> 'public'
			UNION ALL
			VALUES
				('USAGE ON SCHEMA contacts, contacts_internal'),
				-- A new definitions_version tells of a member's change of fields and tags; all else is the owner's.
				('SELECT, UPDATE (definitions_version) ON contacts.workspace'),
				('SELECT ON contacts.member'),
				-- neither an id nor what is immutable is chosen by a member
				('SELECT, DELETE, INSERT (workspace_id, merge_tag, label, type, options, default_value, required, tracked, '
					'"position"), UPDATE (label, type, options, default_value, required, tracked, "position") ON contacts.field'),
				('SELECT, DELETE, INSERT (workspace_id, name, description), UPDATE (name, description) ON contacts.tag'),
				('SELECT, INSERT, UPDATE, DELETE ON contacts.contact, contacts.statistics'),
				('USAGE ON SEQUENCE contacts.definitions_version_seq'),
				('SELECT ON contacts.event, contacts.consumer, contacts.delivery, contacts.history'),
				('SELECT ON contacts.suppression'),
				('SELECT ON contacts.event_lag, contacts.import_counts'),
				('SELECT, INSERT (workspace_id, staging_table, parameters, matched, defined, backend_pid), '
					'UPDATE (state, parameters, matched, separators, defined, total, done, values_cleared, tags_removed, statuses_changed, '
					'created, updated, unchanged, skipped, failed, seconds, updated_at, finished_at, backend_pid, fingerprint, '
					'restored, deleted, kept, undone_up_to, undone_at), DELETE '
					'ON contacts.import_progress'),
				('SELECT, INSERT, DELETE ON contacts.import_chunk'),
				('SELECT, INSERT, DELETE ON contacts.import_error'),
				('SELECT, INSERT ON contacts.import_kept')
		) AS needed (privilege)
	$$;
COMMENT ON FUNCTION contacts_internal.member_privileges(text, name) IS
	'part of grant_access and revoke_access: the statements that grant or revoke what a member needs';
REVOKE ALL ON FUNCTION contacts_internal.member_privileges(text, name) FROM PUBLIC;

CREATE FUNCTION contacts_internal.require_role(role_name name) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = require_role.role_name) THEN
		RAISE EXCEPTION 'Role % does not exist.', coalesce(quote_ident(role_name), 'NULL')
			USING ERRCODE = 'undefined_object', HINT = 'CREATE ROLE first. Access is for roles, not for PUBLIC.';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.require_role(name) IS
	'part of grant_access and grant_monitoring: an error unless there is a role of that name';
REVOKE ALL ON FUNCTION contacts_internal.require_role(name) FROM PUBLIC;

CREATE FUNCTION contacts.grant_access(role_name name, workspace_id bigint DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(grant_access.workspace_id, contacts_internal.current_workspace());
	statement text;
BEGIN
	PERFORM contacts_internal.require_role(grant_access.role_name);
	PERFORM contacts_internal.require_workspace(workspace);
	PERFORM contacts_internal.grant_on_servers(grant_access.role_name);
	INSERT INTO contacts.member (workspace_id, role_name) VALUES (workspace, grant_access.role_name)
		ON CONFLICT DO NOTHING;
	FOR statement IN SELECT contacts_internal.member_privileges('GRANT', grant_access.role_name) LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts.grant_access(name, bigint) IS
	'lets a role, and its members, act for a workspace: membership and every privilege that this needs';
REVOKE ALL ON FUNCTION contacts.grant_access(name, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.revoke_what_others_granted(role_name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	own_role CONSTANT text := current_setting('role');
	other record;
BEGIN
	-- A REVOKE takes back what the object's owner, or the one role that runs it, has granted.
	FOR other IN
		WITH granted (object, acl, owner, attribute) AS (
			SELECT format('SCHEMA %I', n.nspname), n.nspacl, n.nspowner, ''
				FROM pg_namespace n WHERE n.nspname IN ('contacts', 'contacts_internal')
			UNION ALL
			SELECT format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass), c.relacl, c.relowner, ''
				FROM pg_class c WHERE c.relnamespace = 'contacts'::regnamespace
			UNION ALL
			SELECT format('TABLE %s', c.oid::regclass), a.attacl, c.relowner, format(' (%I)', a.attname)
				FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'contacts'::regnamespace
			UNION ALL
			SELECT format('ROUTINE %s', p.oid::regprocedure), p.proacl, p.proowner, ''
				FROM pg_extension x
					JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid
						AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
					JOIN pg_proc p ON p.oid = d.objid
				WHERE x.extname = 'contact_upsert'
		)
		SELECT pg_get_userbyid(a.grantor) AS grantor,
			format('REVOKE %s%s ON %s FROM %I', a.privilege_type, g.attribute, g.object, role_name) AS statement
		FROM granted g, aclexplode(g.acl) a
		WHERE a.grantee = to_regrole(quote_ident(role_name)) AND a.grantor <> g.owner
		ORDER BY 1, 2
	LOOP
		IF pg_has_role(session_user, other.grantor, 'MEMBER') THEN
			PERFORM set_config('role', other.grantor, true);
			EXECUTE other.statement;
			PERFORM set_config('role', own_role, true);
		ELSE
			RAISE WARNING 'What role % granted stays.', quote_ident(other.grantor)
				USING HINT = format('As that role: %s;', other.statement);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.revoke_what_others_granted(name) IS
	'part of revoke_access: revokes as their grantors the privileges that are not granted by an object''s owner';
REVOKE ALL ON FUNCTION contacts_internal.revoke_what_others_granted(name) FROM PUBLIC;

CREATE FUNCTION contacts.revoke_access(role_name name, workspace_id bigint DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(revoke_access.workspace_id, contacts_internal.current_workspace());
	statement text;
BEGIN
	DELETE FROM contacts.member m
		WHERE m.workspace_id = workspace AND m.role_name = revoke_access.role_name;
	IF EXISTS (SELECT m.role_name FROM contacts.member m WHERE m.role_name = revoke_access.role_name)
		OR NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = revoke_access.role_name) THEN
		RETURN;
	END IF;
	FOR statement IN SELECT contacts_internal.member_privileges('REVOKE', revoke_access.role_name) LOOP
		EXECUTE statement;
	END LOOP;
	PERFORM contacts.revoke_monitoring(revoke_access.role_name);
	PERFORM contacts_internal.revoke_what_others_granted(revoke_access.role_name);
END
$$;
COMMENT ON FUNCTION contacts.revoke_access(name, bigint) IS
	'takes back what grant_access gave; the privileges go with the role''s last workspace';
REVOKE ALL ON FUNCTION contacts.revoke_access(name, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.revoke_default_privileges(of_tables boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	statement text;
BEGIN
	FOR statement IN
		WITH made (object, acl, owner, of_install) AS (
			SELECT format('SCHEMA %I', n.nspname), n.nspacl, n.nspowner, false
				FROM pg_namespace n WHERE n.nspname IN ('contacts', 'contacts_internal')
			UNION ALL
			SELECT format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass),
					c.relacl, c.relowner, c.relkind <> 'v'
				FROM pg_class c WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind IN ('r', 'p', 'S', 'v')
			UNION ALL
			SELECT format('TYPE %s', t.oid::regtype), t.typacl, t.typowner, false
				FROM pg_type t
				WHERE t.typnamespace = 'contacts'::regnamespace AND t.typcategory <> 'A'
					AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
			UNION ALL
			SELECT format('ROUTINE %s', p.oid::regprocedure), p.proacl, p.proowner,
					p.oid IS NOT DISTINCT FROM to_regprocedure('contacts.tables_version()')
				FROM pg_proc p
				WHERE p.pronamespace IN ('contacts'::regnamespace, 'contacts_internal'::regnamespace)
					OR p.proname = 'contact_upsert' AND p.prolang = (SELECT l.oid FROM pg_language l WHERE l.lanname = 'c')
		)
		SELECT DISTINCT format('REVOKE ALL ON %s FROM %s', m.object,
			CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
		FROM made m, aclexplode(m.acl) a
		WHERE m.of_install = of_tables AND a.grantee <> m.owner
	LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.revoke_default_privileges(boolean) IS
	'part of CREATE EXTENSION and contacts.install(): takes back what ALTER DEFAULT PRIVILEGES grants on a new object';
REVOKE ALL ON FUNCTION contacts_internal.revoke_default_privileges(boolean) FROM PUBLIC;
