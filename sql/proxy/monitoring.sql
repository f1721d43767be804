-- Monitoring: the counts of all partitions, to the same roles as in each.

CREATE FUNCTION contacts_internal.count_deliveries(
	number integer, OUT workspace_id bigint, OUT consumer text, OUT pending bigint, OUT leased bigint, OUT dead bigint,
	OUT oldest_age interval
) RETURNS SETOF record
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_internal_at';
COMMENT ON FUNCTION contacts_internal.count_deliveries(integer) IS 'what a partition counts';
REVOKE ALL ON FUNCTION contacts_internal.count_deliveries(integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.count_deliveries(
	OUT workspace_id bigint, OUT consumer text, OUT pending bigint, OUT leased bigint, OUT dead bigint,
	OUT oldest_age interval
) RETURNS SETOF record
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = warning -- PL/Proxy's notice that it connects anew after such an error
	AS $$
BEGIN
	FOR n IN 0 .. contacts_internal.partition_count() - 1 LOOP
		BEGIN
			RETURN QUERY SELECT * FROM contacts_internal.count_deliveries(n);
		EXCEPTION WHEN insufficient_privilege THEN
			-- A member of a workspace in one partition may be a stranger in another, where nothing is there for him. But a part is not
			-- shown to a role that expects the whole.
			IF NOT contacts_internal.is_member_elsewhere(n) THEN
				RAISE;
			END IF;
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.count_deliveries() IS
	'what all partitions count that know the caller';
REVOKE ALL ON FUNCTION contacts_internal.count_deliveries() FROM PUBLIC;

CREATE FUNCTION contacts_internal.count_imports(
	number integer, OUT workspace_id bigint, OUT import_id bigint, OUT state text, OUT total bigint, OUT done bigint, OUT created bigint,
	OUT updated bigint, OUT unchanged bigint, OUT skipped bigint, OUT failed bigint, OUT rate double precision,
	OUT started_at timestamptz, OUT updated_at timestamptz, OUT finished_at timestamptz
) RETURNS SETOF record
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_internal_at';
COMMENT ON FUNCTION contacts_internal.count_imports(integer) IS 'what a partition counts';
REVOKE ALL ON FUNCTION contacts_internal.count_imports(integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.count_imports(
	OUT workspace_id bigint, OUT import_id bigint, OUT state text, OUT total bigint, OUT done bigint, OUT created bigint,
	OUT updated bigint, OUT unchanged bigint, OUT skipped bigint, OUT failed bigint, OUT rate double precision,
	OUT started_at timestamptz, OUT updated_at timestamptz, OUT finished_at timestamptz
) RETURNS SETOF record
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = warning -- PL/Proxy's notice that it connects anew after such an error
	AS $$
BEGIN
	FOR n IN 0 .. contacts_internal.partition_count() - 1 LOOP
		BEGIN
			RETURN QUERY SELECT * FROM contacts_internal.count_imports(n);
		EXCEPTION WHEN insufficient_privilege THEN
			-- A member of a workspace in one partition may be a stranger in another, where nothing is there for him. But a part is not
			-- shown to a role that expects the whole.
			IF NOT contacts_internal.is_member_elsewhere(n) THEN
				RAISE;
			END IF;
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.count_imports() IS
	'what all partitions count that know the caller';
REVOKE ALL ON FUNCTION contacts_internal.count_imports() FROM PUBLIC;

CREATE VIEW contacts.event_lag AS
	SELECT l.workspace_id, l.consumer, pg_catalog.sum(l.pending)::bigint AS pending, pg_catalog.sum(l.leased)::bigint AS leased,
		pg_catalog.sum(l.dead)::bigint AS dead, pg_catalog.max(l.oldest_age) AS oldest_age
	FROM contacts_internal.count_deliveries() l
	GROUP BY l.workspace_id, l.consumer;
COMMENT ON VIEW contacts.event_lag IS
	'per consumer: deliveries waiting, handed out and dead in all partitions, and the age of the oldest that is not dead';
REVOKE ALL ON contacts.event_lag FROM PUBLIC;

CREATE VIEW contacts.import_counts AS
	SELECT i.workspace_id, i.import_id, i.state, i.total, i.done, i.created, i.updated, i.unchanged, i.skipped, i.failed,
		i.rate, i.started_at, i.updated_at, i.finished_at
	FROM contacts_internal.count_imports() i;
COMMENT ON VIEW contacts.import_counts IS 'per import of all partitions: its state and counts';
REVOKE ALL ON contacts.import_counts FROM PUBLIC;

CREATE FUNCTION contacts_internal.grant_monitoring(number integer, role_name name) RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_at';
COMMENT ON FUNCTION contacts_internal.grant_monitoring(integer, name) IS
	'contacts.grant_monitoring in a partition';
REVOKE ALL ON FUNCTION contacts_internal.grant_monitoring(integer, name) FROM PUBLIC;

CREATE FUNCTION contacts.grant_monitoring(role_name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
BEGIN
	PERFORM contacts_internal.refuse_in_transaction('contacts.grant_monitoring()');
	FOR n IN 0 .. contacts_internal.partition_count() - 1 LOOP
		PERFORM contacts_internal.grant_monitoring(n, role_name);
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts.grant_monitoring(name) IS
	'in every partition: lets a role of the partitions see contacts.event_lag and contacts.import_counts of all workspaces: counts, and no contact';
REVOKE ALL ON FUNCTION contacts.grant_monitoring(name) FROM PUBLIC;

CREATE FUNCTION contacts_internal.revoke_monitoring(number integer, role_name name) RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_at';
COMMENT ON FUNCTION contacts_internal.revoke_monitoring(integer, name) IS
	'contacts.revoke_monitoring in a partition';
REVOKE ALL ON FUNCTION contacts_internal.revoke_monitoring(integer, name) FROM PUBLIC;

CREATE FUNCTION contacts.revoke_monitoring(role_name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
BEGIN
	PERFORM contacts_internal.refuse_in_transaction('contacts.revoke_monitoring()');
	FOR n IN 0 .. contacts_internal.partition_count() - 1 LOOP
		PERFORM contacts_internal.revoke_monitoring(n, role_name);
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts.revoke_monitoring(name) IS
	'in every partition: takes back what grant_monitoring gave, but not what a member needs';
REVOKE ALL ON FUNCTION contacts.revoke_monitoring(name) FROM PUBLIC;

CREATE FUNCTION contacts_internal.event_line(event contacts.claimed_event) RETURNS text
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_event_line';
COMMENT ON FUNCTION contacts_internal.event_line(contacts.claimed_event) IS
	'what contact-worker prints for the event: one line of JSON, bigint ids as strings';
REVOKE ALL ON FUNCTION contacts_internal.event_line(contacts.claimed_event) FROM PUBLIC;
