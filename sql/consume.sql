-- How a consumer works through its deliveries: claim, then ack, fail or release. Each is safe to repeat.
--
-- Why a contact's events come in order. An upsert draws the ids of its events while it holds the lock on the contact's
-- row, until its transaction ends. So of two events of a contact the one with the lower id belongs to the lower version,
-- and whoever sees the second sees the first: no earlier event can appear later. claim() hands out an event only if the
-- contact has no earlier one that is live, that is, neither acknowledged (deleted) nor dead.
--
-- The races, under READ COMMITTED, where FOR UPDATE checks a row again as it is now, but other rows by the snapshot:
--   claim, claim   The row that the other has locked is skipped; the one that it has leased meanwhile fails the check.
--   claim, ack     The earlier event is acknowledged after the snapshot: the later one waits for the next claim.
--   claim, fail    The same; and an event that failed after the snapshot fails the check, for it is due later.
--   ack, claim     The lease ran out and another claim took the event: ack waits for it, checks the lease again, and
--                  leaves the row alone.
--   retry_dead     A dead event comes back after later ones of its contact may have been handed out, or while one is: to
--                  be dead is to have given up the order. This alone breaks it.
--
-- Why a claim does not slow down while a long transaction keeps dead rows from being removed. It begins to look at the
-- consumer's floor, below which no delivery that has not failed yet is left or can appear. raise_floor() says how that
-- is known. Deliveries that have failed are few, and found by indexes that hold nothing else.
--
-- Why the plans are right whatever the planner believes. The table is sometimes empty, sometimes huge, and statistics tell
-- of the other time. So these functions plan at each call, for the size of the files is known; they leave the planner no
-- way but index scans; they compare (contact_id, event_id) as a row, which only the index of contacts can do; and they
-- begin a join at keys_of(), which says that it has one row.

CREATE TYPE contacts.claimed_event AS (
	event_id bigint,
	lease bigint,
	attempts integer,
	workspace_id bigint,
	contact_id text,
	contact_version bigint,
	ordinal integer,
	type contacts.event_type,
	detail jsonb,
	created_at timestamptz
);
COMMENT ON TYPE contacts.claimed_event IS 'an event handed out to a consumer; attempts counts this time';
REVOKE ALL ON TYPE contacts.claimed_event FROM PUBLIC;

CREATE FUNCTION contacts_internal.keys_of(consumer_id bigint, event_ids bigint[])
	RETURNS TABLE (consumer_id_key bigint, event_id_key bigint)
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 1
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN QUERY SELECT keys_of.consumer_id, e FROM unnest(event_ids) e;
END
$$;
COMMENT ON FUNCTION contacts_internal.keys_of(bigint, bigint[]) IS 'part of claim(), ack() and release(): keys to look up';
REVOKE ALL ON FUNCTION contacts_internal.keys_of(bigint, bigint[]) FROM PUBLIC;

CREATE FUNCTION contacts_internal.raise_floor(consumer_id bigint) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET jit = off SET plan_cache_mode = force_custom_plan
	SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
	AS $$
#variable_conflict use_column
DECLARE
	seen record;
	lowest bigint;
BEGIN
	SELECT f.floor, f.next_floor_xid, f.raised_at < clock_timestamp() - interval '1 s'
			AND (f.next_floor_xid <= pg_snapshot_xmin(s) OR f.next_floor_xid >= pg_snapshot_xmax(s)) AS may_rise
		INTO seen
		FROM contacts.consumer_floor f, pg_current_snapshot() s
		WHERE f.consumer_id = raise_floor.consumer_id;

	-- next_floor is the lowest waiting delivery of an earlier snapshot, next_floor_xid a transaction id that was given out
	-- after that snapshot. Whoever could commit a delivery below next_floor later had drawn its event's id by then, and a
	-- transaction id before that, for an upsert writes the contact first. So once all transactions below next_floor_xid
	-- have ended, nothing appears below next_floor any more, and what has appeared is seen now. (A transaction id that is
	-- still to come is from another server, on which this database was dumped: all that the dump holds had ended.)
	IF seen.may_rise AND pg_current_xact_id_if_assigned() IS NULL THEN
		SELECT d.event_id INTO lowest
			FROM contacts.delivery d
			WHERE d.consumer_id = raise_floor.consumer_id AND d.event_id >= seen.floor AND d.due_at IS NULL
			ORDER BY d.event_id LIMIT 1;
		IF lowest > seen.floor THEN
			PERFORM FROM contacts.consumer_floor f
				WHERE f.consumer_id = raise_floor.consumer_id AND f.next_floor_xid = seen.next_floor_xid
				FOR UPDATE SKIP LOCKED;
			IF FOUND THEN
				UPDATE contacts.consumer_floor f
					SET floor = least(f.next_floor, lowest), next_floor = lowest,
						next_floor_xid = pg_current_xact_id(), raised_at = clock_timestamp()
					WHERE f.consumer_id = raise_floor.consumer_id;
			END IF;
		END IF;
	END IF;
	RETURN coalesce(seen.floor, 0);
END
$$;
COMMENT ON FUNCTION contacts_internal.raise_floor(bigint) IS
	'part of claim(): the event_id from which to look, and once a second a step up for the calls to come';
REVOKE ALL ON FUNCTION contacts_internal.raise_floor(bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.lock_due(consumer_id bigint, max integer, at timestamptz) RETURNS bigint[]
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET jit = off SET plan_cache_mode = force_custom_plan
	SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
	SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
	AS $$
#variable_conflict use_column
DECLARE
	id bigint := lock_due.consumer_id;
	bottom bigint;
	ids bigint[];
BEGIN
	bottom := contacts_internal.raise_floor(id);
	ids := ARRAY(
		SELECT d.event_id
		FROM contacts.delivery d
		WHERE d.consumer_id = id AND d.due_at <= at AND d.leased_until <= at
			AND NOT EXISTS (
				SELECT FROM contacts.delivery f
				WHERE f.consumer_id = id AND f.contact_id = d.contact_id
					AND f.event_id < d.event_id AND f.due_at IS NOT NULL AND NOT f.dead)
			AND NOT EXISTS (
				SELECT FROM contacts.delivery w
				WHERE w.consumer_id = id AND w.due_at IS NULL
					AND (w.contact_id, w.event_id) >= (d.contact_id, bottom)
					AND (w.contact_id, w.event_id) < (d.contact_id, d.event_id))
		ORDER BY d.due_at
		LIMIT max
		FOR UPDATE OF d SKIP LOCKED);
	IF cardinality(ids) < max THEN
		ids := ids || ARRAY(
			SELECT d.event_id
			FROM contacts.delivery d
			WHERE d.consumer_id = id AND d.event_id >= bottom AND d.due_at IS NULL AND d.leased_until <= at
				AND NOT EXISTS (
					SELECT FROM contacts.delivery f
					WHERE f.consumer_id = id AND f.contact_id = d.contact_id
						AND f.event_id < d.event_id AND f.due_at IS NOT NULL AND NOT f.dead)
				AND NOT EXISTS (
					SELECT FROM contacts.delivery w
					WHERE w.consumer_id = id AND w.due_at IS NULL
						AND (w.contact_id, w.event_id) >= (d.contact_id, bottom)
						AND (w.contact_id, w.event_id) < (d.contact_id, d.event_id))
			ORDER BY d.event_id
			LIMIT max - cardinality(ids)
			FOR UPDATE OF d SKIP LOCKED);
	END IF;
	RETURN ids;
END
$$;
COMMENT ON FUNCTION contacts_internal.lock_due(bigint, integer, timestamptz) IS
	'part of claim() and relay(): the ids of the oldest events to hand out, whose deliveries it locks';
REVOKE ALL ON FUNCTION contacts_internal.lock_due(bigint, integer, timestamptz) FROM PUBLIC;

CREATE FUNCTION contacts.claim(
	consumer text,
	max integer DEFAULT 100,
	lease interval DEFAULT '30 s',
	workspace_id bigint DEFAULT NULL
) RETURNS SETOF contacts.claimed_event
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET jit = off SET plan_cache_mode = force_custom_plan
	SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
	SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(claim.workspace_id, contacts_internal.current_workspace());
	id bigint := contacts_internal.find_consumer(consumer, workspace);
	ids bigint[];
	lease_number bigint;
	max_attempts integer;
	leased integer;
	-- not now(): in a long transaction that is long ago
	at timestamptz := clock_timestamp();
BEGIN
	IF max IS NULL OR max < 1 THEN
		RAISE EXCEPTION 'max must be at least 1.'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is how many events to hand out at most.';
	ELSIF lease IS NULL OR lease <= interval '0' OR lease > interval '1 day' THEN
		RAISE EXCEPTION 'lease must be more than 0 and at most 1 day.'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'It is how long the events are yours. When you die, they wait that long for somebody else.';
	END IF;

	ids := contacts_internal.lock_due(id, max, at);
	IF cardinality(ids) = 0 THEN
		RETURN;
	END IF;

	lease_number := nextval('contacts.lease_seq');
	SELECT c.max_attempts INTO max_attempts
		FROM contacts.consumer c WHERE c.workspace_id = workspace AND c.consumer_id = id;
	UPDATE contacts.delivery d
		SET lease = lease_number, leased_until = at + claim.lease, attempts = d.attempts + 1
		FROM contacts_internal.keys_of(id, ids) AS k (consumer_id, event_id)
		WHERE d.consumer_id = k.consumer_id AND d.event_id = k.event_id AND d.attempts < max_attempts;
	GET DIAGNOSTICS leased = ROW_COUNT;
	IF leased < cardinality(ids) THEN
		-- Whoever had them last never came back to say so.
		UPDATE contacts.delivery d
			SET due_at = 'infinity', dead = true, last_error = 'The lease ran out.'
			FROM contacts_internal.keys_of(id, ids) AS k (consumer_id, event_id)
			WHERE d.consumer_id = k.consumer_id AND d.event_id = k.event_id AND d.lease <> lease_number;
	END IF;
	RETURN QUERY
		SELECT d.event_id, d.lease, d.attempts, e.workspace_id, e.contact_id, e.contact_version, e.ordinal, e.type,
			e.detail, e.created_at
		FROM contacts_internal.keys_of(id, ids) AS k (consumer_id, event_id)
			JOIN contacts.delivery d USING (consumer_id, event_id)
			JOIN contacts.event e ON e.workspace_id = d.workspace_id AND e.event_id = d.event_id
		WHERE d.lease = lease_number
		ORDER BY d.event_id;
END
$$;
COMMENT ON FUNCTION contacts.claim(text, integer, interval, bigint) IS
	'hands out events that are due, oldest first, and to nobody else while the lease runs; of a contact one at a time';
REVOKE ALL ON FUNCTION contacts.claim(text, integer, interval, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.ack(
	consumer text,
	lease bigint,
	event_ids bigint[],
	workspace_id bigint DEFAULT NULL
) RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET jit = off SET plan_cache_mode = force_custom_plan
	SET enable_seqscan = off SET enable_bitmapscan = off
	SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(ack.workspace_id, contacts_internal.current_workspace());
	id bigint := contacts_internal.find_consumer(consumer, workspace);
	acknowledged integer;
BEGIN
	IF ack.lease IS NULL OR event_ids IS NULL THEN
		RAISE EXCEPTION 'lease and event_ids must not be null.'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Both come from contacts.claim().';
	END IF;
	DELETE FROM contacts.delivery d
		USING contacts_internal.keys_of(id, event_ids) AS k (consumer_id, event_id)
		WHERE d.consumer_id = k.consumer_id AND d.event_id = k.event_id
			AND d.lease = ack.lease AND d.lease > 0;
	GET DIAGNOSTICS acknowledged = ROW_COUNT;
	RETURN acknowledged;
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
	SET jit = off SET plan_cache_mode = force_custom_plan
	SET enable_seqscan = off SET enable_bitmapscan = off
	SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(fail.workspace_id, contacts_internal.current_workspace());
	id bigint := contacts_internal.find_consumer(consumer, workspace);
BEGIN
	IF fail.lease IS NULL OR fail.event_id IS NULL THEN
		RAISE EXCEPTION 'lease and event_id must not be null.'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Both come from contacts.claim().';
	END IF;
	-- From half to the whole of 1 s, 2 s, 4 s ... 1 h, so that what failed together does not come back together.
	UPDATE contacts.delivery d
		SET lease = 0, leased_until = '-infinity', last_error = left(error, 1000),
			dead = d.attempts >= c.max_attempts,
			due_at = CASE WHEN d.attempts >= c.max_attempts THEN 'infinity' ELSE clock_timestamp()
				+ interval '1 s' * least(3600, 2 ^ least(d.attempts - 1, 12)) * (0.5 + random() / 2) END
		FROM contacts.consumer c
		WHERE d.consumer_id = id AND d.event_id = fail.event_id
			AND d.lease = fail.lease AND d.lease > 0 AND c.workspace_id = workspace AND c.consumer_id = id;
	RETURN FOUND;
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
	SET jit = off SET plan_cache_mode = force_custom_plan
	SET enable_seqscan = off SET enable_bitmapscan = off
	SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(release.workspace_id, contacts_internal.current_workspace());
	id bigint := contacts_internal.find_consumer(consumer, workspace);
	released integer;
BEGIN
	IF release.lease IS NULL OR event_ids IS NULL THEN
		RAISE EXCEPTION 'lease and event_ids must not be null.'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Both come from contacts.claim().';
	END IF;
	UPDATE contacts.delivery d
		SET lease = 0, leased_until = '-infinity', attempts = d.attempts - 1
		FROM contacts_internal.keys_of(id, event_ids) AS k (consumer_id, event_id)
		WHERE d.consumer_id = k.consumer_id AND d.event_id = k.event_id
			AND d.lease = release.lease AND d.lease > 0;
	GET DIAGNOSTICS released = ROW_COUNT;
	RETURN released;
END
$$;
COMMENT ON FUNCTION contacts.release(text, bigint, bigint[], bigint) IS
	'gives events of a lease back, untouched, for anybody to claim at once; returns how many';
REVOKE ALL ON FUNCTION contacts.release(text, bigint, bigint[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts.retry_dead(
	consumer text,
	event_id bigint DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
) RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(retry_dead.workspace_id, contacts_internal.current_workspace());
	id bigint := contacts_internal.find_consumer(consumer, workspace);
	revived integer;
BEGIN
	UPDATE contacts.delivery d
		SET lease = 0, leased_until = '-infinity', attempts = 0, due_at = clock_timestamp(),
			dead = false
		WHERE d.consumer_id = id AND d.due_at = 'infinity'
			AND (retry_dead.event_id IS NULL OR d.event_id = retry_dead.event_id);
	GET DIAGNOSTICS revived = ROW_COUNT;
	RETURN revived;
END
$$;
COMMENT ON FUNCTION contacts.retry_dead(text, bigint, bigint) IS
	'makes a dead event, or all, due again, maybe after later ones of their contacts; returns how many';
REVOKE ALL ON FUNCTION contacts.retry_dead(text, bigint, bigint) FROM PUBLIC;

-- These two have every name qualified and pin nothing, so that they are inlined: they run once an event.
CREATE FUNCTION contacts_internal.event_notification(
	workspace_id bigint,
	event_id bigint,
	contact_id text,
	contact_version bigint,
	type contacts.event_type,
	detail jsonb
) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
		SELECT pg_catalog.format(
			'{"type":"%s","workspace_id":"%s","contact_id":%s,"contact_version":"%s","event_id":"%s"%s}',
			type, workspace_id, pg_catalog.to_json(contact_id), contact_version, event_id,
			CASE
				WHEN detail OPERATOR(pg_catalog.?) 'tag'
					THEN pg_catalog.format(',"tag_id":"%s"', detail OPERATOR(pg_catalog.#>>) '{tag,id}')
				WHEN detail OPERATOR(pg_catalog.?) 'field'
					THEN pg_catalog.format(',"merge_tag":%s', detail OPERATOR(pg_catalog.#>) '{field,merge_tag}')
			END)
	$$;
COMMENT ON FUNCTION contacts_internal.event_notification(bigint, bigint, text, bigint, contacts.event_type, jsonb) IS
	'what an upsert sends with NOTIFY for the event: ids only, for every role may listen';
REVOKE ALL ON FUNCTION contacts_internal.event_notification(bigint, bigint, text, bigint, contacts.event_type, jsonb) FROM PUBLIC;

CREATE FUNCTION contacts_internal.event_line(event contacts.claimed_event) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
		SELECT pg_catalog.format(
			'{"type":"%s","workspace_id":"%s","contact_id":%s,"contact_version":"%s","ordinal":%s,"event_id":"%s"'
				',"created_at":"%s","attempts":%s,"detail":%s}',
			event.type, event.workspace_id, pg_catalog.to_json(event.contact_id), event.contact_version, event.ordinal,
			event.event_id,
			pg_catalog.to_char(pg_catalog.timezone('UTC', event.created_at), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
			event.attempts, event.detail)
	$$;
COMMENT ON FUNCTION contacts_internal.event_line(contacts.claimed_event) IS
	'what contact-worker prints for the event: one line of JSON, bigint ids as strings';
REVOKE ALL ON FUNCTION contacts_internal.event_line(contacts.claimed_event) FROM PUBLIC;

-- What it notifies of and deletes in one transaction needs no lease: nobody else takes what is locked.
CREATE FUNCTION contacts.relay(
	consumer text,
	channel text,
	max integer DEFAULT 1000,
	workspace_id bigint DEFAULT NULL
) RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET jit = off SET plan_cache_mode = force_custom_plan
	SET enable_seqscan = off SET enable_bitmapscan = off
	SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(relay.workspace_id, contacts_internal.current_workspace());
	id bigint := contacts_internal.find_consumer(consumer, workspace);
	ids bigint[];
BEGIN
	IF max IS NULL OR max < 1 THEN
		RAISE EXCEPTION 'max must be at least 1.'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is how many events to relay at most.';
	END IF;
	ids := contacts_internal.lock_due(id, max, clock_timestamp());
	IF cardinality(ids) > 0 THEN
		PERFORM pg_notify(channel, contacts_internal.event_notification(
				e.workspace_id, e.event_id, e.contact_id, e.contact_version, e.type, e.detail))
			FROM contacts_internal.keys_of(id, ids) AS k (consumer_id, event_id)
				JOIN contacts.delivery d USING (consumer_id, event_id)
				JOIN contacts.event e ON e.workspace_id = d.workspace_id AND e.event_id = d.event_id
			ORDER BY e.event_id;
		DELETE FROM contacts.delivery d
			USING contacts_internal.keys_of(id, ids) AS k (consumer_id, event_id)
			WHERE d.consumer_id = k.consumer_id AND d.event_id = k.event_id;
	END IF;
	RETURN cardinality(ids);
END
$$;
COMMENT ON FUNCTION contacts.relay(text, text, integer, bigint) IS
	'claims events, sends each with NOTIFY and acknowledges them, all in this transaction; returns how many';
REVOKE ALL ON FUNCTION contacts.relay(text, text, integer, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.count_deliveries(
	OUT workspace_id bigint, OUT consumer text, OUT pending bigint, OUT leased bigint, OUT dead bigint,
	OUT oldest_age interval
) RETURNS SETOF record
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
		SELECT c.workspace_id, c.name, coalesce(n.pending, 0), coalesce(n.leased, 0), coalesce(n.dead, 0),
			clock_timestamp() - (
				SELECT e.created_at
				FROM contacts.delivery d
					JOIN contacts.event e ON e.workspace_id = d.workspace_id AND e.event_id = d.event_id
				WHERE d.consumer_id = c.consumer_id AND d.event_id = n.oldest)
		FROM contacts.consumer c
			LEFT JOIN (
				SELECT d.consumer_id,
					count(*) FILTER (WHERE NOT d.dead AND d.leased_until <= clock_timestamp()) AS pending,
					count(*) FILTER (WHERE NOT d.dead AND d.leased_until > clock_timestamp()) AS leased,
					count(*) FILTER (WHERE d.dead) AS dead,
					min(d.event_id) FILTER (WHERE NOT d.dead) AS oldest
				FROM contacts.delivery d
				GROUP BY d.consumer_id) n ON n.consumer_id = c.consumer_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.count_deliveries() IS 'what the view event_lag shows, with the caller''s rights';
REVOKE ALL ON FUNCTION contacts_internal.count_deliveries() FROM PUBLIC;

-- Over a function, because before PostgreSQL 15 a view reads tables with its owner's rights, past row level security.
CREATE VIEW contacts.event_lag AS
	SELECT l.workspace_id, l.consumer, l.pending, l.leased, l.dead, l.oldest_age FROM contacts_internal.count_deliveries() l;
COMMENT ON VIEW contacts.event_lag IS
	'per consumer: deliveries waiting, handed out and dead, and the age of the oldest that is not dead';
REVOKE ALL ON contacts.event_lag FROM PUBLIC;
