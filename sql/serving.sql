-- What a partition does for its proxy (src/pg/serve.c): the extension contact_upsert_proxy calls these functions through PL/Proxy.
-- They run as their caller, and give no rights.

CREATE FUNCTION contacts_internal.serve(header text, function text, arguments text[])
	RETURNS SETOF text
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_serve';
COMMENT ON FUNCTION contacts_internal.serve(text, text, text[]) IS
	'calls a function of contact_upsert for a proxy; the header says its version and which partition it takes this database for; '
	'rows ''='' and the value, or ''!'' and the error';
REVOKE ALL ON FUNCTION contacts_internal.serve(text, text, text[]) FROM PUBLIC;

CREATE FUNCTION contacts_internal.answer(call text) RETURNS text
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_answer';
COMMENT ON FUNCTION contacts_internal.answer(text) IS
	'contacts.upsert for a proxy, as contacts_internal.serve would do it, and without a subtransaction; the request is behind the header';
REVOKE ALL ON FUNCTION contacts_internal.answer(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.extension_version() RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT x.extversion FROM pg_extension x WHERE x.extname = 'contact_upsert' $$;
COMMENT ON FUNCTION contacts_internal.extension_version() IS 'for contacts.partitions() of a proxy: the version of the extension here';
REVOKE ALL ON FUNCTION contacts_internal.extension_version() FROM PUBLIC;

CREATE FUNCTION contacts_internal.find_workspace(name text) RETURNS bigint
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT w.workspace_id FROM contacts.workspace w WHERE w.name = find_workspace.name $$;
COMMENT ON FUNCTION contacts_internal.find_workspace(text) IS
	'for contacts.define_workspace() of a proxy: the workspace of that name; null if there is none';
REVOKE ALL ON FUNCTION contacts_internal.find_workspace(text) FROM PUBLIC;

-- A lock of the session: it outlives the call, and ends with the proxy's connection. (hashtext() only has to be the same in one database.)
CREATE FUNCTION contacts_internal.hold_name(name text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF current_setting('lock_timeout') = '0' THEN
		PERFORM set_config('lock_timeout', '10s', true);
	END IF;
	PERFORM pg_advisory_lock(hashtext('contacts.workspace'), hashtext(name));
EXCEPTION WHEN lock_not_available THEN
	RAISE EXCEPTION 'Another session is giving the name "%" to a workspace.', name
		USING ERRCODE = 'lock_not_available', SCHEMA = 'contacts',
			HINT = 'Try again. If it stays so, look in pg_locks of this partition for the session that holds an advisory lock: a call that was cancelled may have left it, and ends with that session.';
END
$$;
COMMENT ON FUNCTION contacts_internal.hold_name(text) IS
	'for contacts.define_workspace() of a proxy, in the partition that a name hashes to: waits, for lock_timeout or else 10 s, until no other '
	'session of a proxy gives the name to a workspace, and keeps them away until release_name()';
REVOKE ALL ON FUNCTION contacts_internal.hold_name(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.release_name(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = error -- a lock that is not there is false, and no warning
	AS $$
DECLARE
	held CONSTANT boolean := pg_advisory_unlock(hashtext('contacts.workspace'), hashtext(name));
BEGIN
	-- A call of the same session that was cancelled may have left it held, too.
	WHILE held AND pg_advisory_unlock(hashtext('contacts.workspace'), hashtext(name)) LOOP
	END LOOP;
	RETURN held;
END
$$;
COMMENT ON FUNCTION contacts_internal.release_name(text) IS 'ends what hold_name() began; false if the session holds the name no more';
REVOKE ALL ON FUNCTION contacts_internal.release_name(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.list_consumers(
	OUT workspace_id bigint, OUT consumer_id bigint, OUT name text, OUT types contacts.event_type[], OUT max_attempts integer,
	OUT active boolean
) RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT c.workspace_id, c.consumer_id, c.name, c.types, c.max_attempts, c.active FROM contacts.consumer c $$;
COMMENT ON FUNCTION contacts_internal.list_consumers() IS 'for the view contacts.consumer of a proxy: the consumers that the caller sees';
REVOKE ALL ON FUNCTION contacts_internal.list_consumers() FROM PUBLIC;
