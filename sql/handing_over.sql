-- Handing over: where Citus has spread the tables over servers (distribute.sql), a call for one workspace is executed on the server that has
-- its rows (src/pg/delegate.c, call_here.c). On every other installation is_elsewhere() is false, and nothing here is called.

CREATE FUNCTION contacts_internal.is_elsewhere(workspace_id bigint) RETURNS boolean
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_is_elsewhere';
COMMENT ON FUNCTION contacts_internal.is_elsewhere(bigint) IS
	'whether a call for that workspace is to be handed over: the tables are distributed, and this is not the call on its server';
REVOKE ALL ON FUNCTION contacts_internal.is_elsewhere(bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.call_there(call text, workspace_id bigint, VARIADIC arguments text[]) RETURNS text
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_call_there';
COMMENT ON FUNCTION contacts_internal.call_there(text, bigint, text[]) IS
	'hands a call of a function in schema contacts over to the server of the workspace; its arguments before workspace_id, and its result, as texts';
REVOKE ALL ON FUNCTION contacts_internal.call_there(text, bigint, text[]) FROM PUBLIC;

CREATE FUNCTION contacts_internal.call_here(workspace_id bigint, call text, arguments text[], settings text[]) RETURNS SETOF text
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 1
	AS 'MODULE_PATHNAME', 'contacts_call_here';
COMMENT ON FUNCTION contacts_internal.call_here(bigint, text, text[], text[]) IS
	'takes a call that has been handed over: Citus executes it on the server of the workspace';
REVOKE ALL ON FUNCTION contacts_internal.call_here(bigint, text, text[], text[]) FROM PUBLIC;

CREATE FUNCTION contacts_internal.session_pid() RETURNS integer
	LANGUAGE C STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'contacts_session_pid';
COMMENT ON FUNCTION contacts_internal.session_pid() IS
	'the process of the session that has made the call, on the server where it has made it: pg_backend_pid() where nothing is handed over';
REVOKE ALL ON FUNCTION contacts_internal.session_pid() FROM PUBLIC;

CREATE FUNCTION contacts_internal.here(relation regclass) RETURNS regclass
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_here';
COMMENT ON FUNCTION contacts_internal.here(regclass) IS
	'what stands for a table of schema contacts in a command that is no query: the table, or the shard of the workspace of the call under way';
REVOKE ALL ON FUNCTION contacts_internal.here(regclass) FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_ready_for_shards() RETURNS boolean
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_is_ready_for_shards';
COMMENT ON FUNCTION contacts_internal.is_ready_for_shards() IS
	'part of distribute(): whether the server has loaded the library at its start, behind Citus';
REVOKE ALL ON FUNCTION contacts_internal.is_ready_for_shards() FROM PUBLIC;

CREATE FUNCTION contacts_internal.workspaces_elsewhere() RETURNS bigint[]
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_workspaces_elsewhere';
COMMENT ON FUNCTION contacts_internal.workspaces_elsewhere() IS
	'a workspace of each group of shards, for calls about all workspaces that are handed over to each group; empty where there are none';
REVOKE ALL ON FUNCTION contacts_internal.workspaces_elsewhere() FROM PUBLIC;

CREATE FUNCTION contacts_internal.purge_there(call text, older_than interval, max integer) RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET IntervalStyle = postgres
	AS $$
DECLARE
	workspace bigint;
	purged integer := 0;
BEGIN
	FOREACH workspace IN ARRAY contacts_internal.workspaces_elsewhere() LOOP
		EXIT WHEN purged >= max;
		purged := purged + contacts_internal.call_there(call, workspace, older_than::text, (max - purged)::text)::integer;
	END LOOP;
	RETURN purged;
END
$$;
COMMENT ON FUNCTION contacts_internal.purge_there(text, interval, integer) IS
	'purge_events() and purge_history() where the tables are distributed: on one group of shards after the other';
REVOKE ALL ON FUNCTION contacts_internal.purge_there(text, interval, integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.require_one_server(call text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF cardinality(contacts_internal.workspaces_elsewhere()) > 0 THEN
		RAISE EXCEPTION '% cannot work where the tables are distributed.', call
			USING ERRCODE = 'feature_not_supported', SCHEMA = 'contacts',
				HINT = 'contacts.upsert_many() takes up to 100,000 requests a call.';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.require_one_server(text) IS 'an error for a call that Citus cannot have executed on another server';
REVOKE ALL ON FUNCTION contacts_internal.require_one_server(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.require_coordinator(call text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	is_coordinator boolean;
BEGIN
	IF cardinality(contacts_internal.workspaces_elsewhere()) = 0 THEN
		RETURN;
	END IF;
	-- One session is at an import, and that is known by its process: of several servers, two could have the same.
	EXECUTE 'SELECT g.groupid = 0 FROM pg_catalog.pg_dist_local_group g' INTO is_coordinator;
	IF NOT is_coordinator THEN
		RAISE EXCEPTION '% is for the coordinator of Citus, and this is a worker.', call
			USING ERRCODE = 'feature_not_supported', SCHEMA = 'contacts', HINT = 'Connect to the coordinator.';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.require_coordinator(text) IS
	'part of import() and undo_import(): where the tables are distributed, an error unless this is the coordinator';
REVOKE ALL ON FUNCTION contacts_internal.require_coordinator(text) FROM PUBLIC;
