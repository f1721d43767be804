-- Consumers. Those of one workspace are where the workspace is. Those of workspace 0 are in every partition under one name, and each
-- partition has its own share of their events: a claim hands out those of one partition, the next claim those of the next one. Numbers of
-- leases are those of a partition, number modulo count (contacts.set_partition), so an acknowledgement finds its way.

CREATE FUNCTION contacts_internal.subscribe(number integer, consumer text, types contacts.event_type[], from_beginning boolean, max_attempts integer, workspace_id bigint) RETURNS bigint
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_at';
COMMENT ON FUNCTION contacts_internal.subscribe(integer, text, contacts.event_type[], boolean, integer, bigint) IS
	'contacts.subscribe in a partition';
REVOKE ALL ON FUNCTION contacts_internal.subscribe(integer, text, contacts.event_type[], boolean, integer, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.unsubscribe(number integer, consumer text, workspace_id bigint) RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_at';
COMMENT ON FUNCTION contacts_internal.unsubscribe(integer, text, bigint) IS
	'contacts.unsubscribe in a partition';
REVOKE ALL ON FUNCTION contacts_internal.unsubscribe(integer, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.claim(number integer, consumer text, max integer, lease interval, workspace_id bigint) RETURNS SETOF contacts.claimed_event
	LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100
	AS 'MODULE_PATHNAME', 'contacts_proxy_at';
COMMENT ON FUNCTION contacts_internal.claim(integer, text, integer, interval, bigint) IS
	'contacts.claim in a partition';
REVOKE ALL ON FUNCTION contacts_internal.claim(integer, text, integer, interval, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.ack(number integer, consumer text, lease bigint, event_ids bigint[], workspace_id bigint) RETURNS integer
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_at';
COMMENT ON FUNCTION contacts_internal.ack(integer, text, bigint, bigint[], bigint) IS
	'contacts.ack in a partition';
REVOKE ALL ON FUNCTION contacts_internal.ack(integer, text, bigint, bigint[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.fail(number integer, consumer text, lease bigint, event_id bigint, error text, workspace_id bigint) RETURNS boolean
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_at';
COMMENT ON FUNCTION contacts_internal.fail(integer, text, bigint, bigint, text, bigint) IS
	'contacts.fail in a partition';
REVOKE ALL ON FUNCTION contacts_internal.fail(integer, text, bigint, bigint, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.release(number integer, consumer text, lease bigint, event_ids bigint[], workspace_id bigint) RETURNS integer
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_at';
COMMENT ON FUNCTION contacts_internal.release(integer, text, bigint, bigint[], bigint) IS
	'contacts.release in a partition';
REVOKE ALL ON FUNCTION contacts_internal.release(integer, text, bigint, bigint[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.extend(number integer, consumer text, lease bigint, duration interval, workspace_id bigint) RETURNS integer
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_at';
COMMENT ON FUNCTION contacts_internal.extend(integer, text, bigint, interval, bigint) IS
	'contacts.extend in a partition';
REVOKE ALL ON FUNCTION contacts_internal.extend(integer, text, bigint, interval, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.retry_dead(number integer, consumer text, event_id bigint, workspace_id bigint) RETURNS integer
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_at';
COMMENT ON FUNCTION contacts_internal.retry_dead(integer, text, bigint, bigint) IS
	'contacts.retry_dead in a partition';
REVOKE ALL ON FUNCTION contacts_internal.retry_dead(integer, text, bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.purge_events(number integer, older_than interval, max integer) RETURNS integer
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_at';
COMMENT ON FUNCTION contacts_internal.purge_events(integer, interval, integer) IS
	'contacts.purge_events in a partition';
REVOKE ALL ON FUNCTION contacts_internal.purge_events(integer, interval, integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.partition_of_lease(lease bigint, workspace_id bigint) RETURNS integer
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE coalesce(workspace_id, contacts_internal.current_workspace())
			WHEN 0 THEN coalesce(abs(mod(lease, contacts_internal.partition_count())), 0)::integer
			ELSE contacts.partition_of(workspace_id) END
	$$;
COMMENT ON FUNCTION contacts_internal.partition_of_lease(bigint, bigint) IS
	'part of ack, fail, release and extend: the partition that has a lease';
REVOKE ALL ON FUNCTION contacts_internal.partition_of_lease(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.subscribe(
	consumer text,
	types contacts.event_type[] DEFAULT NULL,
	from_beginning boolean DEFAULT false,
	max_attempts integer DEFAULT 20,
	workspace_id bigint DEFAULT NULL
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	workspace CONSTANT bigint := coalesce(workspace_id, contacts_internal.current_workspace());
	id bigint;
BEGIN
	PERFORM contacts_internal.refuse_in_transaction('contacts.subscribe()');
	IF workspace <> 0 THEN
		RETURN contacts_internal.subscribe(contacts.partition_of(workspace), consumer, types, from_beginning, max_attempts, workspace);
	END IF;
	-- All are asked first: one that is down leaves nothing half done.
	FOR n IN 0 .. contacts_internal.partition_count() - 1 LOOP
		PERFORM contacts_internal.extension_version(n);
	END LOOP;
	FOR n IN 0 .. contacts_internal.partition_count() - 1 LOOP
		id := contacts_internal.subscribe(n, consumer, types, from_beginning, max_attempts, 0);
	END LOOP;
	RETURN id;
END
$$;
COMMENT ON FUNCTION contacts.subscribe(text, contacts.event_type[], boolean, integer, bigint) IS
	'registers a consumer of the events that are committed from then on, with from_beginning of the whole log too; with workspace_id 0 in '
	'every partition, one after the other: repeat it if that ends with an error; returns its id, that of the last partition';
REVOKE ALL ON FUNCTION contacts.subscribe(text, contacts.event_type[], boolean, integer, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_monitor(number integer) RETURNS boolean
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_internal_at';
COMMENT ON FUNCTION contacts_internal.is_monitor(integer) IS 'whether the caller sees the counts of all workspaces in a partition';
REVOKE ALL ON FUNCTION contacts_internal.is_monitor(integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_member_elsewhere(number integer) RETURNS boolean
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = warning
	AS $$
DECLARE
	is_member boolean := false;
BEGIN
	FOR n IN 0 .. contacts_internal.partition_count() - 1 LOOP
		CONTINUE WHEN n = number;
		BEGIN
			IF contacts_internal.is_monitor(n) THEN
				RETURN false;
			END IF;
			is_member := true;
		EXCEPTION WHEN insufficient_privilege THEN
			CONTINUE; -- a stranger there, too
		END;
	END LOOP;
	RETURN is_member;
END
$$;
COMMENT ON FUNCTION contacts_internal.is_member_elsewhere(integer) IS
	'part of views over all partitions: whether the caller, whom that partition does not know, sees some workspaces of others, and not all';
REVOKE ALL ON FUNCTION contacts_internal.is_member_elsewhere(integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.list_consumers(
	number integer, OUT workspace_id bigint, OUT consumer_id bigint, OUT name text, OUT types contacts.event_type[],
	OUT max_attempts integer, OUT active boolean
) RETURNS SETOF record
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_internal_at';
COMMENT ON FUNCTION contacts_internal.list_consumers(integer) IS 'the consumers of a partition that the caller sees';
REVOKE ALL ON FUNCTION contacts_internal.list_consumers(integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.list_consumers(
	OUT workspace_id bigint, OUT consumer_id bigint, OUT name text, OUT types contacts.event_type[],
	OUT max_attempts integer, OUT active boolean
) RETURNS SETOF record
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = warning -- PL/Proxy's notice that it connects anew after such an error
	AS $$
BEGIN
	FOR n IN 0 .. contacts_internal.partition_count() - 1 LOOP
		BEGIN
			RETURN QUERY SELECT * FROM contacts_internal.list_consumers(n);
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
COMMENT ON FUNCTION contacts_internal.list_consumers() IS
	'the consumers of all partitions that know the caller';
REVOKE ALL ON FUNCTION contacts_internal.list_consumers() FROM PUBLIC;

CREATE VIEW contacts.consumer AS
	SELECT c.workspace_id, c.consumer_id, c.name, c.types, c.max_attempts, c.active
	FROM contacts_internal.list_consumers() c;
COMMENT ON VIEW contacts.consumer IS
	'the consumers of all partitions, as contacts.consumer is in each: one of workspace 0 is there once for each partition';
REVOKE ALL ON contacts.consumer FROM PUBLIC;

CREATE FUNCTION contacts.unsubscribe(consumer text, workspace_id bigint DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	workspace CONSTANT bigint := coalesce(workspace_id, contacts_internal.current_workspace());
	removed integer := 0;
BEGIN
	PERFORM contacts_internal.refuse_in_transaction('contacts.unsubscribe()');
	IF workspace <> 0 THEN
		PERFORM contacts_internal.unsubscribe(contacts.partition_of(workspace), consumer, workspace);
		RETURN;
	END IF;
	-- Again after an error halfway: not all have it any more.
	FOR n IN 0 .. contacts_internal.partition_count() - 1 LOOP
		IF EXISTS (SELECT FROM contacts_internal.list_consumers(n) c WHERE c.workspace_id = 0 AND c.name = consumer) THEN
			PERFORM contacts_internal.unsubscribe(n, consumer, 0);
			removed := removed + 1;
		END IF;
	END LOOP;
	IF removed = 0 THEN
		PERFORM contacts_internal.unsubscribe(0, consumer, 0); -- the error that there is none
	END IF;
END
$$;
COMMENT ON FUNCTION contacts.unsubscribe(text, bigint) IS
	'removes a consumer and its deliveries; with workspace_id 0 in every partition that has it';
REVOKE ALL ON FUNCTION contacts.unsubscribe(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.claim(
	consumer text,
	max integer DEFAULT 100,
	lease interval DEFAULT '30 s',
	workspace_id bigint DEFAULT NULL
) RETURNS SETOF contacts.claimed_event
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 100
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	workspace CONSTANT bigint := coalesce(workspace_id, contacts_internal.current_workspace());
	answered boolean := false;
	failure text;
BEGIN
	PERFORM contacts_internal.refuse_in_transaction('contacts.claim()');
	IF workspace <> 0 THEN
		RETURN QUERY SELECT * FROM contacts_internal.claim(contacts.partition_of(workspace), consumer, max, lease, workspace);
		RETURN;
	END IF;
	FOR turn IN 1 .. contacts_internal.partition_count() LOOP
		BEGIN
			RETURN QUERY SELECT * FROM contacts_internal.claim(contacts_internal.next_partition(), consumer, max, lease, 0);
			EXIT WHEN FOUND;
			answered := true;
		EXCEPTION WHEN sqlclient_unable_to_establish_sqlconnection OR connection_failure
			OR sqlserver_rejected_establishment_of_sqlconnection THEN
			-- The others' events need not wait for it.
			IF turn = contacts_internal.partition_count() AND NOT answered THEN
				RAISE;
			END IF;
			GET STACKED DIAGNOSTICS failure = PG_EXCEPTION_DETAIL;
			RAISE WARNING USING MESSAGE = SQLERRM, DETAIL = failure, HINT = 'Its events wait until it is back.';
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts.claim(text, integer, interval, bigint) IS
	'hands out events that are due, oldest first, and to no other claim while the lease runs; of a contact one at a time; with '
	'workspace_id 0 those of one partition, in turn, and none only if none of them has any';
REVOKE ALL ON FUNCTION contacts.claim(text, integer, interval, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.ack(
	consumer text,
	lease bigint,
	event_ids bigint[],
	workspace_id bigint DEFAULT NULL
) RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	workspace CONSTANT bigint := coalesce(workspace_id, contacts_internal.current_workspace());
BEGIN
	PERFORM contacts_internal.refuse_in_transaction('contacts.ack()');
	RETURN contacts_internal.ack(contacts_internal.partition_of_lease(lease, workspace), consumer, lease, event_ids, workspace);
END
$$;
COMMENT ON FUNCTION contacts.ack(text, bigint, bigint[], bigint) IS
	'events of a lease are done; returns how many, without those that were done before or that another lease has by now';
REVOKE ALL ON FUNCTION contacts.ack(text, bigint, bigint[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts.fail(
	consumer text,
	lease bigint,
	event_id bigint,
	error text,
	workspace_id bigint DEFAULT NULL
) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	workspace CONSTANT bigint := coalesce(workspace_id, contacts_internal.current_workspace());
BEGIN
	PERFORM contacts_internal.refuse_in_transaction('contacts.fail()');
	RETURN contacts_internal.fail(contacts_internal.partition_of_lease(lease, workspace), consumer, lease, event_id, error, workspace);
END
$$;
COMMENT ON FUNCTION contacts.fail(text, bigint, bigint, text, bigint) IS
	'an event of a lease is to be tried again later, or is dead after max_attempts; false if the lease has it no more';
REVOKE ALL ON FUNCTION contacts.fail(text, bigint, bigint, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.release(
	consumer text,
	lease bigint,
	event_ids bigint[],
	workspace_id bigint DEFAULT NULL
) RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	workspace CONSTANT bigint := coalesce(workspace_id, contacts_internal.current_workspace());
BEGIN
	PERFORM contacts_internal.refuse_in_transaction('contacts.release()');
	RETURN contacts_internal.release(contacts_internal.partition_of_lease(lease, workspace), consumer, lease, event_ids, workspace);
END
$$;
COMMENT ON FUNCTION contacts.release(text, bigint, bigint[], bigint) IS
	'gives events of a lease back, untouched, to be claimed at once; returns how many';
REVOKE ALL ON FUNCTION contacts.release(text, bigint, bigint[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts.extend(
	consumer text,
	lease bigint,
	duration interval,
	workspace_id bigint DEFAULT NULL
) RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	workspace CONSTANT bigint := coalesce(workspace_id, contacts_internal.current_workspace());
BEGIN
	PERFORM contacts_internal.refuse_in_transaction('contacts.extend()');
	RETURN contacts_internal.extend(contacts_internal.partition_of_lease(lease, workspace), consumer, lease, duration, workspace);
END
$$;
COMMENT ON FUNCTION contacts.extend(text, bigint, interval, bigint) IS
	'makes a lease last that long from now on, or as long as it does; returns how many events it still has';
REVOKE ALL ON FUNCTION contacts.extend(text, bigint, interval, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.retry_dead(
	consumer text,
	event_id bigint DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
) RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	workspace CONSTANT bigint := coalesce(workspace_id, contacts_internal.current_workspace());
	retried integer := 0;
BEGIN
	PERFORM contacts_internal.refuse_in_transaction('contacts.retry_dead()');
	IF workspace <> 0 THEN
		RETURN contacts_internal.retry_dead(contacts.partition_of(workspace), consumer, event_id, workspace);
	END IF;
	FOR n IN 0 .. contacts_internal.partition_count() - 1 LOOP
		retried := retried + contacts_internal.retry_dead(n, consumer, event_id, 0);
	END LOOP;
	RETURN retried;
END
$$;
COMMENT ON FUNCTION contacts.retry_dead(text, bigint, bigint) IS
	'makes a dead event, or all, due again, maybe after later ones of their contacts; returns how many';
REVOKE ALL ON FUNCTION contacts.retry_dead(text, bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.purge_events(older_than interval, max integer DEFAULT 10000) RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	purged integer := 0;
BEGIN
	PERFORM contacts_internal.refuse_in_transaction('contacts.purge_events()');
	FOR n IN 0 .. contacts_internal.partition_count() - 1 LOOP
		-- The first one is asked in any case, and refuses what makes no sense.
		EXIT WHEN n > 0 AND purged >= max;
		purged := purged + contacts_internal.purge_events(n, older_than, max - purged);
	END LOOP;
	RETURN purged;
END
$$;
COMMENT ON FUNCTION contacts.purge_events(interval, integer) IS
	'deletes up to max events of the log that are older and that no consumer needs any more; returns how many; at most max of all partitions together';
REVOKE ALL ON FUNCTION contacts.purge_events(interval, integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.purge_history(number integer, older_than interval, max integer) RETURNS integer
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_at';
COMMENT ON FUNCTION contacts_internal.purge_history(integer, interval, integer) IS
	'contacts.purge_history in a partition';
REVOKE ALL ON FUNCTION contacts_internal.purge_history(integer, interval, integer) FROM PUBLIC;

CREATE FUNCTION contacts.purge_history(older_than interval, max integer DEFAULT 10000) RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	purged integer := 0;
BEGIN
	PERFORM contacts_internal.refuse_in_transaction('contacts.purge_history()');
	FOR n IN 0 .. contacts_internal.partition_count() - 1 LOOP
		-- The first one is asked in any case, and refuses what makes no sense.
		EXIT WHEN n > 0 AND purged >= max;
		purged := purged + contacts_internal.purge_history(n, older_than, max - purged);
	END LOOP;
	RETURN purged;
END
$$;
COMMENT ON FUNCTION contacts.purge_history(interval, integer) IS
	'deletes up to max rows of the history that are older; returns how many; for the owner of the tables; at most max of all partitions together';
REVOKE ALL ON FUNCTION contacts.purge_history(interval, integer) FROM PUBLIC;
