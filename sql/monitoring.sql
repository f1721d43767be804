-- Monitoring: counts of deliveries and imports, to members for their workspaces, to roles with contacts.grant_monitoring() and
-- the owner of the tables for all. No contact is in them.

CREATE FUNCTION contacts_internal.count_deliveries(
	OUT workspace_id bigint, OUT consumer text, OUT pending bigint, OUT leased bigint, OUT dead bigint,
	OUT oldest_age interval
) RETURNS SETOF record
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_count_deliveries';
COMMENT ON FUNCTION contacts_internal.count_deliveries() IS
	'what the view event_lag shows: to members the consumers of their workspaces; to a role with grant_monitoring, and to the '
	'owner, all';
REVOKE ALL ON FUNCTION contacts_internal.count_deliveries() FROM PUBLIC;

CREATE VIEW contacts.event_lag AS
	SELECT l.workspace_id, l.consumer, l.pending, l.leased, l.dead, l.oldest_age FROM contacts_internal.count_deliveries() l;
COMMENT ON VIEW contacts.event_lag IS
	'per consumer: deliveries waiting, handed out and dead, and the age of the oldest that is not dead';
REVOKE ALL ON contacts.event_lag FROM PUBLIC;

CREATE FUNCTION contacts_internal.count_imports(
	OUT workspace_id bigint, OUT import_id bigint, OUT state text, OUT total bigint, OUT done bigint, OUT created bigint,
	OUT updated bigint, OUT unchanged bigint, OUT skipped bigint, OUT failed bigint, OUT rate double precision,
	OUT started_at timestamptz, OUT updated_at timestamptz, OUT finished_at timestamptz
) RETURNS SETOF record
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_count_imports';
COMMENT ON FUNCTION contacts_internal.count_imports() IS 'what the view import_counts shows, to the same';
REVOKE ALL ON FUNCTION contacts_internal.count_imports() FROM PUBLIC;

CREATE VIEW contacts.import_counts AS
	SELECT i.workspace_id, i.import_id, i.state, i.total, i.done, i.created, i.updated, i.unchanged, i.skipped, i.failed,
		i.rate, i.started_at, i.updated_at, i.finished_at
	FROM contacts_internal.count_imports() i;
COMMENT ON VIEW contacts.import_counts IS 'per import: its state and counts';
REVOKE ALL ON contacts.import_counts FROM PUBLIC;

CREATE FUNCTION contacts_internal.monitor() RETURNS void
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS '';
COMMENT ON FUNCTION contacts_internal.monitor() IS
	'does nothing: a role that may call it sees the counts of all workspaces (contacts.grant_monitoring)';
REVOKE ALL ON FUNCTION contacts_internal.monitor() FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_monitor() RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT has_function_privilege('contacts_internal.monitor()', 'EXECUTE') $$;
COMMENT ON FUNCTION contacts_internal.is_monitor() IS
	'for the views of a proxy: whether the caller sees the counts of all workspaces here, and so expects them from every partition';
REVOKE ALL ON FUNCTION contacts_internal.is_monitor() FROM PUBLIC;

CREATE FUNCTION contacts_internal.monitor_privileges(verb text, role_name name) RETURNS SETOF text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('%s %s %s %I', verb, privilege, CASE verb WHEN 'GRANT' THEN 'TO' ELSE 'FROM' END, role_name)
		FROM (
			VALUES
				('USAGE ON SCHEMA contacts'),
				('SELECT ON contacts.event_lag, contacts.import_counts'),
				('EXECUTE ON FUNCTION contacts_internal.count_deliveries(), contacts_internal.count_imports()'),
				-- what a proxy calls for them; a role that monitors has nothing else to call there
				('USAGE ON SCHEMA contacts_internal'),
				('EXECUTE ON FUNCTION contacts_internal.serve(text, text, text[]), contacts_internal.is_monitor()')
		) AS needed (privilege)
	$$;
COMMENT ON FUNCTION contacts_internal.monitor_privileges(text, name) IS
	'part of grant_monitoring and revoke_monitoring: what a role needs to see counts, beside contacts_internal.monitor()';
REVOKE ALL ON FUNCTION contacts_internal.monitor_privileges(text, name) FROM PUBLIC;

CREATE FUNCTION contacts.grant_monitoring(role_name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	statement text;
BEGIN
	PERFORM contacts_internal.require_role(grant_monitoring.role_name);
	PERFORM contacts_internal.monitor_on_servers(grant_monitoring.role_name);
	FOR statement IN SELECT contacts_internal.monitor_privileges('GRANT', grant_monitoring.role_name) LOOP
		EXECUTE statement;
	END LOOP;
	EXECUTE format('GRANT EXECUTE ON FUNCTION contacts_internal.monitor() TO %I', role_name);
END
$$;
COMMENT ON FUNCTION contacts.grant_monitoring(name) IS
	'lets a role see contacts.event_lag and contacts.import_counts of all workspaces: counts, and no contact';
REVOKE ALL ON FUNCTION contacts.grant_monitoring(name) FROM PUBLIC;

CREATE FUNCTION contacts.revoke_monitoring(role_name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	statement text;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = revoke_monitoring.role_name) THEN
		RETURN;
	END IF;
	EXECUTE format('REVOKE EXECUTE ON FUNCTION contacts_internal.monitor() FROM %I', role_name);
	IF NOT EXISTS (SELECT m.role_name FROM contacts.member m WHERE m.role_name = revoke_monitoring.role_name) THEN
		FOR statement IN SELECT contacts_internal.monitor_privileges('REVOKE', revoke_monitoring.role_name) LOOP
			EXECUTE statement;
		END LOOP;
	END IF;
END
$$;
COMMENT ON FUNCTION contacts.revoke_monitoring(name) IS 'takes back what grant_monitoring gave, but not what a member needs';
REVOKE ALL ON FUNCTION contacts.revoke_monitoring(name) FROM PUBLIC;
