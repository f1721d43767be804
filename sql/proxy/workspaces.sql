-- Workspaces: a new one is made in the partition that its name hashes to, its home. One that is there already is looked for in all: it may have
-- been renamed, or have come with a split. No partition sees the names of another, so who gives a workspace a name that it has not yet holds that
-- name at its home meanwhile: looks for it in all partitions, and writes it in one.

CREATE FUNCTION contacts_internal.define_workspace(number integer, name text, status_policy contacts.status_policy, history contacts.history_level, workspace_id bigint) RETURNS bigint
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_at';
COMMENT ON FUNCTION contacts_internal.define_workspace(integer, text, contacts.status_policy, contacts.history_level, bigint) IS
	'contacts.define_workspace in a partition';
REVOKE ALL ON FUNCTION contacts_internal.define_workspace(integer, text, contacts.status_policy, contacts.history_level, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.find_workspace(number integer, name text) RETURNS bigint
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_internal_at';
COMMENT ON FUNCTION contacts_internal.find_workspace(integer, text) IS
	'part of define_workspace: the workspace of that name in a partition';
REVOKE ALL ON FUNCTION contacts_internal.find_workspace(integer, text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.partition_of_name(name text) RETURNS integer
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce(mod(('x' || left(encode(sha256(convert_to(name, 'UTF8')), 'hex'), 7))::bit(28)::integer,
			contacts_internal.partition_count()), 0)
	$$;
COMMENT ON FUNCTION contacts_internal.partition_of_name(text) IS 'part of define_workspace: the partition that makes the workspace of a name';
REVOKE ALL ON FUNCTION contacts_internal.partition_of_name(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.find_partition(name text, OUT number integer, OUT workspace_id bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	home CONSTANT integer := contacts_internal.partition_of_name(name);
	count CONSTANT integer := contacts_internal.partition_count();
BEGIN
	-- Most are where their names say.
	FOR step IN 0 .. count - 1 LOOP
		number := mod(home + step, count);
		workspace_id := contacts_internal.find_workspace(number, name);
		IF workspace_id IS NOT NULL THEN
			RETURN;
		END IF;
	END LOOP;
	number := home;
END
$$;
COMMENT ON FUNCTION contacts_internal.find_partition(text) IS
	'part of define_workspace: the workspace of that name and its partition; null, and the one that would make it, if there is none';
REVOKE ALL ON FUNCTION contacts_internal.find_partition(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.hold_name(number integer, name text) RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_internal_at';
COMMENT ON FUNCTION contacts_internal.hold_name(integer, text) IS
	'part of define_workspace: keeps other sessions of proxies from giving that name to a workspace';
REVOKE ALL ON FUNCTION contacts_internal.hold_name(integer, text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.release_name(number integer, name text) RETURNS boolean
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_internal_at';
COMMENT ON FUNCTION contacts_internal.release_name(integer, text) IS
	'part of define_workspace: ends what hold_name() began; false if it had ended before';
REVOKE ALL ON FUNCTION contacts_internal.release_name(integer, text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.release_name_after(number integer, name text, state text, message text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- The time of a statement that was cancelled is up, so nothing would end the wait for a partition that is silent. A connection that was lost
	-- has released the name.
	IF state <> '57014' AND NOT (state LIKE '08%' AND message ~ format('artition %s ', number)) THEN
		PERFORM contacts_internal.release_name(number, name);
	END IF;
EXCEPTION WHEN OTHERS THEN
	NULL; -- the first error is the one that counts
END
$$;
COMMENT ON FUNCTION contacts_internal.release_name_after(integer, text, text, text) IS
	'part of define_workspace: release_name() after an error, unless the partition does not answer; then the name is held until the session ends';
REVOKE ALL ON FUNCTION contacts_internal.release_name_after(integer, text, text, text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.give_name(
	name text, status_policy contacts.status_policy, history contacts.history_level, workspace_id bigint
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	known record;
BEGIN
	SELECT f.number, f.workspace_id INTO known FROM contacts_internal.find_partition(name) f;
	IF workspace_id IS NULL THEN
		RETURN contacts_internal.define_workspace(known.number, name, status_policy, history, NULL);
	ELSIF known.workspace_id <> workspace_id AND known.number <> contacts.partition_of(workspace_id) THEN
		-- The partition of that one does not see the other. That it exists is checked first.
		PERFORM contacts_internal.define_workspace(contacts.partition_of(workspace_id), NULL, NULL, NULL, workspace_id);
		RAISE EXCEPTION 'duplicate key value violates unique constraint "workspace_name_key"'
			USING ERRCODE = 'unique_violation', DETAIL = format('Key (name)=(%s) already exists.', name),
				SCHEMA = 'contacts', TABLE = 'workspace', CONSTRAINT = 'workspace_name_key';
	END IF;
	RETURN contacts_internal.define_workspace(contacts.partition_of(workspace_id), name, status_policy, history, workspace_id);
END
$$;
COMMENT ON FUNCTION contacts_internal.give_name(text, contacts.status_policy, contacts.history_level, bigint) IS
	'part of define_workspace: creates or renames, while the name is held';
REVOKE ALL ON FUNCTION contacts_internal.give_name(text, contacts.status_policy, contacts.history_level, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.define_workspace(
	name text,
	status_policy contacts.status_policy DEFAULT NULL,
	history contacts.history_level DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	home CONSTANT integer := contacts_internal.partition_of_name(name);
	known bigint;
	id bigint;
BEGIN
	PERFORM contacts_internal.refuse_in_transaction('contacts.define_workspace()');
	IF name IS NULL THEN
		RETURN contacts_internal.define_workspace(
			CASE WHEN workspace_id IS NULL THEN home ELSE contacts.partition_of(workspace_id) END, NULL, status_policy, history, workspace_id);
	END IF;
	SELECT f.workspace_id INTO known FROM contacts_internal.find_partition(name) f;
	IF known = coalesce(workspace_id, known) THEN
		-- Without its name: if it has another by now, this does not make a second one.
		RETURN contacts_internal.define_workspace(contacts.partition_of(known), NULL, status_policy, history, known);
	END IF;
	BEGIN
		PERFORM contacts_internal.hold_name(home, name);
		id := contacts_internal.give_name(name, status_policy, history, workspace_id);
	EXCEPTION WHEN query_canceled OR OTHERS THEN
		PERFORM contacts_internal.release_name_after(home, name, SQLSTATE, SQLERRM);
		RAISE;
	END;
	IF NOT contacts_internal.release_name(home, name) THEN
		RAISE WARNING 'Whether workspace % is the only one of the name "%" is not certain.', id, name
			USING DETAIL = format('The connection to partition %s was made anew, or leads through a pooler of transactions, which keeps no lock of a session.', home),
				HINT = 'Look for it in contacts.workspace of each partition, and rename one if there are two. Name workspaces through connections that last.';
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION contacts.define_workspace(text, contacts.status_policy, contacts.history_level, bigint) IS
	'creates the workspace of that name, or changes what is given of it; with workspace_id it renames or changes that one; '
	'returns its id';
REVOKE ALL ON FUNCTION contacts.define_workspace(text, contacts.status_policy, contacts.history_level, bigint) FROM PUBLIC;
