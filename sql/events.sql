-- The outbox (docs/events.md, "Outbox"): contacts.event is a log of automation events, contacts.consumer says which of them
-- are wanted, contacts.delivery holds what each consumer has still to do. This file makes the tables and registers consumers;
-- claim.sql hands events out.
--
-- No role but the owner of the tables has a privilege to write them. Upserts and consumers write them through C, which
-- checks what its caller may do and then acts as the owner (src/pg/owner.h).

CREATE TYPE contacts.event_type AS ENUM ('CONTACT_SUBSCRIBED_PENDING', 'TAG_ADDED', 'TAG_REMOVED', 'FIELD_UPDATED');
COMMENT ON TYPE contacts.event_type IS 'what happened to a contact';
REVOKE ALL ON TYPE contacts.event_type FROM PUBLIC;

CREATE FUNCTION contacts_internal.before_consumer_change() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET lock_timeout = '2s'
	AS $$
BEGIN
	-- A writer takes ROW EXCLUSIVE on contacts.event before it looks for consumers. This lock waits for the writers under
	-- way, which do not see the change, and holds the next ones until they do: so the change applies exactly to the
	-- events committed after it. Writers queue behind a waiting lock, hence the time limit.
	EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', contacts_internal.here('contacts.event'));
	RETURN NULL;
EXCEPTION WHEN lock_not_available THEN
	RAISE EXCEPTION 'The consumer cannot be changed while a transaction that wrote events stays open.'
		USING ERRCODE = 'lock_not_available', SCHEMA = 'contacts', TABLE = 'consumer',
			HINT = 'Try again when it has ended; pg_locks shows which session holds a lock on contacts.event.';
END
$$;
COMMENT ON FUNCTION contacts_internal.before_consumer_change() IS
	'trigger: makes a change of consumers apply to exactly the events that are committed after it';
REVOKE ALL ON FUNCTION contacts_internal.before_consumer_change() FROM PUBLIC;

CREATE FUNCTION contacts_internal.before_consumer_insert() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	sequence regclass;
BEGIN
	-- Deliveries name their consumer by consumer_id alone. The lock of before_consumer_change() is held: no other
	-- session inserts one now.
	IF EXISTS (SELECT FROM contacts.consumer c WHERE c.consumer_id = NEW.consumer_id) THEN
		sequence := pg_get_serial_sequence('contacts.consumer', 'consumer_id');
		-- In a partition of several, the next one of its own: contacts.set_partition().
		SELECT setval(sequence, i.behind + s.seqincrement - mod(mod(i.behind - s.seqstart, s.seqincrement) + s.seqincrement, s.seqincrement))
			INTO NEW.consumer_id
			FROM (SELECT greatest(max(c.consumer_id), coalesce(pg_sequence_last_value(sequence), 0)) FROM contacts.consumer c) i (behind),
				pg_sequence s
			WHERE s.seqrelid = sequence;
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION contacts_internal.before_consumer_insert() IS
	'trigger: gives a consumer an id that no other has, where the sequence is behind';
REVOKE ALL ON FUNCTION contacts_internal.before_consumer_insert() FROM PUBLIC;

CREATE FUNCTION contacts_internal.after_event_delete() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- Without its event nothing is left to deliver; and the id may come again.
	IF TG_OP = 'TRUNCATE' THEN
		DELETE FROM contacts.delivery;
	ELSE
		DELETE FROM contacts.delivery d USING deleted e
			WHERE d.workspace_id = e.workspace_id AND d.event_id = e.event_id;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION contacts_internal.after_event_delete() IS 'trigger: deletes the deliveries of deleted events';
REVOKE ALL ON FUNCTION contacts_internal.after_event_delete() FROM PUBLIC;

CREATE FUNCTION contacts_internal.after_consumer_delete() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- Deliveries that a writer under way still adds are read by no session, and purge_events() deletes them. A foreign key
	-- instead would make every writer lock the consumer's row.
	DELETE FROM contacts.delivery d WHERE d.consumer_id = OLD.consumer_id;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION contacts_internal.after_consumer_delete() IS 'trigger: deletes the deliveries of a deleted consumer';
REVOKE ALL ON FUNCTION contacts_internal.after_consumer_delete() FROM PUBLIC;

CREATE FUNCTION contacts_internal.install_events(partitions integer) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM contacts_internal.make_table('event', $columns$
		workspace_id bigint NOT NULL,
		event_id bigint GENERATED ALWAYS AS IDENTITY,
		contact_id text COLLATE "C" NOT NULL,
		contact_version bigint NOT NULL,
		ordinal integer NOT NULL,
		type contacts.event_type NOT NULL,
		detail jsonb NOT NULL DEFAULT '{}',
		created_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (workspace_id, event_id)
	$columns$, NULL, partitions);
	-- For erase(): without it, to find the events of one contact among 10,000,000 is a scan of all (docs/benchmarks.md,
	-- "Events of a contact").
	CREATE INDEX event_contact_idx ON contacts.event (workspace_id, contact_id);
	COMMENT ON TABLE contacts.event IS 'contact_upsert: the log of automation events, until purge_events()';

	CREATE TABLE contacts.consumer (
		workspace_id bigint NOT NULL,
		consumer_id bigint GENERATED ALWAYS AS IDENTITY,
		name text COLLATE "C" NOT NULL,
		types contacts.event_type[],
		max_attempts integer NOT NULL DEFAULT 20,
		active boolean NOT NULL DEFAULT true,
		PRIMARY KEY (workspace_id, consumer_id),
		UNIQUE (workspace_id, name),
		CONSTRAINT "consumer name has 1 to 64 characters" CHECK (length(name) BETWEEN 1 AND 64),
		CONSTRAINT "types is null or names event types" CHECK (
			cardinality(types) > 0 AND array_position(types, NULL) IS NULL),
		CONSTRAINT "max_attempts is positive" CHECK (max_attempts > 0)
	);
	COMMENT ON TABLE contacts.consumer IS
		'contact_upsert: the consumers of events; workspace_id 0 is every workspace, types null is every type, '
		'an inactive one is given no new events';

	-- The low-water mark is no column of contacts.consumer: every upsert reads that table, and would walk over the row versions
	-- that claims leave behind.
	CREATE TABLE contacts.low_water_mark (
		workspace_id bigint NOT NULL,
		consumer_id bigint NOT NULL,
		queued_xid bigint NOT NULL DEFAULT 0,
		server bigint NOT NULL DEFAULT 0,
		raised_at timestamptz NOT NULL DEFAULT '-infinity',
		PRIMARY KEY (workspace_id, consumer_id),
		FOREIGN KEY (workspace_id, consumer_id) REFERENCES contacts.consumer ON DELETE CASCADE
	) WITH (fillfactor = 50);
	COMMENT ON TABLE contacts.low_water_mark IS
		'contact_upsert: the low-water mark of each consumer: the queued_xid from which a claim begins to look, and the server '
		'whose transactions it is about';

	-- A claim changes columns that no index has and whose values have one size from the start, and half of each page is left
	-- for the second version of its rows: so claims are HOT updates. due_at, which is indexed, changes at a failure.
	-- All indexes but the key are partial, and the key begins with event_id: see src/pg/due.c.
	PERFORM contacts_internal.make_table('delivery', $columns$
		workspace_id bigint NOT NULL,
		consumer_id bigint NOT NULL,
		event_id bigint NOT NULL,
		queued_xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
		contact_version bigint NOT NULL,
		lease bigint NOT NULL DEFAULT 0,
		leased_until timestamptz NOT NULL DEFAULT '-infinity',
		due_at timestamptz,
		ordinal integer NOT NULL,
		attempts integer NOT NULL DEFAULT 0,
		dead boolean NOT NULL DEFAULT false,
		contact_id text COLLATE "C" NOT NULL,
		last_error text,
		PRIMARY KEY (event_id, consumer_id, workspace_id)
	$columns$, 'fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, '
		'autovacuum_vacuum_cost_delay = 0', partitions);
	CREATE INDEX delivery_queue_idx ON contacts.delivery (consumer_id, queued_xid, event_id)
		WHERE due_at IS NULL AND queued_xid >= 0;
	CREATE INDEX delivery_contact_idx ON contacts.delivery
		(consumer_id, workspace_id, contact_id, queued_xid, contact_version, ordinal) WHERE due_at IS NULL;
	CREATE INDEX delivery_due_idx ON contacts.delivery (consumer_id, due_at) WHERE due_at IS NOT NULL;
	CREATE INDEX delivery_failed_idx ON contacts.delivery
		(consumer_id, workspace_id, contact_id, contact_version, ordinal) WHERE due_at IS NOT NULL AND NOT dead;
	COMMENT ON TABLE contacts.delivery IS
		'contact_upsert: what a consumer has still to acknowledge; due_at is null until it has failed once';

	CREATE SEQUENCE contacts.delivery_lease_seq OWNED BY contacts.delivery.lease;
	COMMENT ON SEQUENCE contacts.delivery_lease_seq IS 'contact_upsert: a number for each call of claim()';
END
$$;
COMMENT ON FUNCTION contacts_internal.install_events(integer) IS 'part of contacts.install(): events, consumers and deliveries';
REVOKE ALL ON FUNCTION contacts_internal.install_events(integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_consumer_of(consumer_id bigint, workspace_id bigint) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT EXISTS (
			SELECT FROM contacts.consumer c
			WHERE c.workspace_id = is_consumer_of.workspace_id AND c.consumer_id = is_consumer_of.consumer_id)
	$$;
COMMENT ON FUNCTION contacts_internal.is_consumer_of(bigint, bigint) IS
	'part of a policy: whether a consumer is one of that workspace';
REVOKE ALL ON FUNCTION contacts_internal.is_consumer_of(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.subscribe(
	consumer text,
	types contacts.event_type[] DEFAULT NULL,
	from_beginning boolean DEFAULT false,
	max_attempts integer DEFAULT 20,
	workspace_id bigint DEFAULT NULL
) RETURNS bigint
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_subscribe';
COMMENT ON FUNCTION contacts.subscribe(text, contacts.event_type[], boolean, integer, bigint) IS
	'registers a consumer of the events that are committed from then on, with from_beginning of the whole log too; '
	'changes one that exists to what is given, and queues nothing again; returns its id. For the owner of the tables, and '
	'members with EXECUTE on it';
REVOKE ALL ON FUNCTION contacts.subscribe(text, contacts.event_type[], boolean, integer, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.subscribe(
	consumer text,
	types contacts.event_type[],
	from_beginning boolean,
	max_attempts integer,
	workspace_id bigint
) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := subscribe.workspace_id;
	current_xid bigint;
	id bigint;
	known record;
BEGIN
	IF consumer IS NULL OR length(consumer) NOT BETWEEN 1 AND 64 THEN
		RAISE EXCEPTION 'The name of a consumer has 1 to 64 characters.'
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'consumer', COLUMN = 'name',
				HINT = 'Name it after what it does, such as mailer.';
	END IF;
	IF workspace <> 0 THEN
		PERFORM contacts_internal.require_workspace(workspace);
	END IF;
	IF from_beginning AND current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION 'from_beginning needs the isolation level READ COMMITTED.'
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'consumer',
				HINT = 'The snapshot of this transaction is older than the newest events of the log.';
	END IF;

	-- Most calls are a worker's that starts again: they change nothing and take no lock.
	SELECT c.consumer_id, (c.types, c.max_attempts, c.active)
			IS NOT DISTINCT FROM (subscribe.types, subscribe.max_attempts, true) AS same
		INTO known FROM contacts.consumer c WHERE c.workspace_id = workspace AND c.name = consumer;
	IF known.same THEN
		RETURN known.consumer_id;
	END IF;

	INSERT INTO contacts.consumer AS c (workspace_id, name, types, max_attempts)
		VALUES (workspace, consumer, subscribe.types, subscribe.max_attempts)
		ON CONFLICT (workspace_id, name) DO NOTHING
		RETURNING c.consumer_id INTO id;
	IF id IS NULL THEN
		UPDATE contacts.consumer c
			SET types = subscribe.types, max_attempts = subscribe.max_attempts, active = true
			WHERE c.workspace_id = workspace AND c.name = consumer
			RETURNING c.consumer_id INTO id;
	ELSE
		-- Deliveries that a writer queued for a deleted consumer of this id: ids repeat where a sequence went back.
		DELETE FROM contacts.delivery d WHERE d.consumer_id = id AND d.due_at IS NULL;
		DELETE FROM contacts.delivery d WHERE d.consumer_id = id AND d.due_at IS NOT NULL;
		-- With a mark of this server, the first claim need not treat what is queued until then as another server's.
		INSERT INTO contacts.low_water_mark (workspace_id, consumer_id, server)
			SELECT workspace, id, s.system_identifier FROM pg_control_system() s;
		IF from_beginning THEN
			current_xid := pg_current_xact_id()::text::bigint;
			INSERT INTO contacts.delivery
					(workspace_id, consumer_id, event_id, queued_xid, contact_id, contact_version, ordinal)
				SELECT e.workspace_id, id, e.event_id, current_xid, e.contact_id, e.contact_version, e.ordinal
				FROM contacts.event e
				WHERE workspace IN (e.workspace_id, 0)
					AND (subscribe.types IS NULL OR e.type = ANY (subscribe.types));
		END IF;
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION contacts_internal.subscribe(text, contacts.event_type[], boolean, integer, bigint) IS
	'the body of contacts.subscribe(), run as the owner of the tables';
REVOKE ALL ON FUNCTION contacts_internal.subscribe(text, contacts.event_type[], boolean, integer, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.unsubscribe(consumer text, workspace_id bigint DEFAULT NULL) RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_unsubscribe';
COMMENT ON FUNCTION contacts.unsubscribe(text, bigint) IS
	'removes a consumer and its deliveries; for the owner of the tables, and members with EXECUTE on it';
REVOKE ALL ON FUNCTION contacts.unsubscribe(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.unsubscribe(consumer text, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	DELETE FROM contacts.consumer c WHERE c.workspace_id = unsubscribe.workspace_id AND c.name = consumer;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'There is no consumer % in workspace %.', coalesce(quote_literal(consumer), 'NULL'),
				unsubscribe.workspace_id
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'consumer',
				HINT = 'SELECT contacts.subscribe(consumer) registers one; TABLE contacts.consumer lists them.';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.unsubscribe(text, bigint) IS
	'the body of contacts.unsubscribe(), run as the owner of the tables';
REVOKE ALL ON FUNCTION contacts_internal.unsubscribe(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.purge_events(older_than interval, max integer DEFAULT 10000) RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	SET jit = off SET plan_cache_mode = force_custom_plan
	SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
	SET enable_hashjoin = off SET enable_mergejoin = off
	AS $$
DECLARE
	workspace bigint := -1;
	exists_still boolean;
	first_kept bigint;
	purged integer := 0;
	deleted integer;
BEGIN
	PERFORM contacts_internal.require_writing('contacts.purge_events()');
	PERFORM contacts_internal.check_versions();
	IF older_than IS NULL OR older_than < interval '0' OR max IS NULL OR max < 1 THEN
		RAISE EXCEPTION 'older_than must not be negative, and max must be positive.'
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'event',
				HINT = 'SELECT contacts.purge_events(''30 days''), again until it returns 0.';
	END IF;
	IF cardinality(contacts_internal.workspaces_elsewhere()) > 0 THEN
		RETURN contacts_internal.purge_there('purge_events', older_than, max);
	END IF;
	LOOP
		-- From one workspace of the log to the next, by its key: some have been deleted while a writer was under way.
		SELECT e.workspace_id INTO workspace
			FROM contacts.event e WHERE e.workspace_id > workspace ORDER BY e.workspace_id LIMIT 1;
		EXIT WHEN NOT FOUND;
		exists_still := EXISTS (SELECT FROM contacts.workspace w WHERE w.workspace_id = workspace);
		-- By the key, whose order is that of time but for transactions side by side: what is left out today goes tomorrow.
		SELECT e.event_id INTO first_kept
			FROM contacts.event e
			WHERE e.workspace_id = workspace AND e.created_at >= now() - older_than AND exists_still
			ORDER BY e.event_id LIMIT 1;
		DELETE FROM contacts.event e
			WHERE e.workspace_id = workspace AND e.event_id IN (
				SELECT old.event_id
				FROM contacts.event old
				WHERE old.workspace_id = workspace AND (first_kept IS NULL OR old.event_id < first_kept)
					AND NOT (exists_still AND EXISTS (
						SELECT FROM contacts.delivery d
							JOIN contacts.consumer c ON c.workspace_id IN (workspace, 0) AND c.consumer_id = d.consumer_id
						WHERE d.workspace_id = workspace AND d.event_id = old.event_id))
				ORDER BY old.event_id
				LIMIT max - purged);
		GET DIAGNOSTICS deleted = ROW_COUNT;
		purged := purged + deleted;
		EXIT WHEN purged >= max;
	END LOOP;
	IF purged = 0 THEN
		-- Deliveries that a writer queued for a consumer, or in a workspace, that was being deleted, or whose event is gone.
		DELETE FROM contacts.delivery d
			WHERE NOT EXISTS (
					SELECT FROM contacts.consumer c
					WHERE c.consumer_id = d.consumer_id AND c.workspace_id IN (d.workspace_id, 0))
				OR NOT EXISTS (
					SELECT FROM contacts.event e WHERE e.workspace_id = d.workspace_id AND e.event_id = d.event_id);
	END IF;
	PERFORM contacts_internal.purge_deleted_workspaces();
	RETURN purged;
END
$$;
COMMENT ON FUNCTION contacts.purge_events(interval, integer) IS
	'deletes up to max events of the log that are older and that no consumer needs any more; returns how many';
REVOKE ALL ON FUNCTION contacts.purge_events(interval, integer) FROM PUBLIC;
