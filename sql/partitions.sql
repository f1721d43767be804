-- Partitions (docs/scale-out.md, "Hash-partitioned on one server"): contacts.install(partitions => n) makes the tables that grow with
-- contacts hash-partitioned by workspace_id: contact, statistics, event, delivery and history. All that belongs to a workspace is then
-- in the partition of one number, in each of them.
--
-- What a partitioned table cannot have, its partitions get: storage parameters. What a partition needs of its own is row level
-- security: for who reads it past its table, the table's policies do not count.

CREATE FUNCTION contacts_internal.check_partition_count(partitions integer) RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF partitions NOT BETWEEN 1 AND 1024 THEN
		RAISE EXCEPTION 'There cannot be % partitions.', partitions
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts',
				HINT = 'partitions is from 1 to 1024, such as 8; without it the tables are not partitioned.';
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.check_partition_count(integer) IS
	'part of contacts.install(): an error unless tables can have that many partitions; null is none';
REVOKE ALL ON FUNCTION contacts_internal.check_partition_count(integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.make_table(table_name text, columns text, storage text, partitions integer) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	parameters CONSTANT text := coalesce('WITH (' || storage || ')', '');
	part text;
BEGIN
	IF partitions IS NULL THEN
		EXECUTE format('CREATE TABLE contacts.%I (%s) %s', table_name, columns, parameters);
		RETURN;
	END IF;
	EXECUTE format('CREATE TABLE contacts.%I (%s) PARTITION BY HASH (workspace_id)', table_name, columns);
	FOR number IN 0 .. partitions - 1 LOOP
		part := format('%s_%s', table_name, number);
		EXECUTE format('CREATE TABLE contacts.%I PARTITION OF contacts.%I FOR VALUES WITH (MODULUS %s, REMAINDER %s) %s',
			part, table_name, partitions, number, parameters);
		EXECUTE format('COMMENT ON TABLE contacts.%I IS %L', part, format(
			'contact_upsert: partition %s of %s of contacts.%s', number, partitions, table_name));
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.make_table(text, text, text, integer) IS
	'part of contacts.install(): makes one of the tables that can be hash-partitioned; partitions null: it is not';
REVOKE ALL ON FUNCTION contacts_internal.make_table(text, text, text, integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.partitioning(relation regclass) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE
			WHEN p.partrelid IS NULL THEN 'is not partitioned'
			WHEN pg_get_partkeydef(relation) <> 'HASH (workspace_id)' THEN 'is partitioned by ' || pg_get_partkeydef(relation)
			WHEN n.number = 1 THEN 'has 1 partition'
			ELSE format('has %s partitions', n.number) END
		FROM (SELECT count(*) FROM pg_inherits i WHERE i.inhparent = relation) AS n (number)
			LEFT JOIN pg_partitioned_table p ON p.partrelid = relation
	$$;
COMMENT ON FUNCTION contacts_internal.partitioning(regclass) IS 'part of contacts.install(): how a table is partitioned, in words';
REVOKE ALL ON FUNCTION contacts_internal.partitioning(regclass) FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_partitions(partitions integer) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	wanted CONSTANT text := CASE partitions WHEN 1 THEN 'has 1 partition' ELSE 'has ' || partitions || ' partitions' END;
	other record;
BEGIN
	SELECT t.name, contacts_internal.partitioning(c.oid) AS found INTO other
		FROM unnest(ARRAY['contact', 'statistics', 'event', 'delivery', 'history']) WITH ORDINALITY AS t (name, number)
			JOIN pg_class c ON c.relnamespace = 'contacts'::regnamespace AND c.relname = t.name
		WHERE contacts_internal.partitioning(c.oid) <> wanted
		ORDER BY t.number
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'The contact tables are there already: contacts.% %.', other.name, other.found
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', TABLE = other.name,
				HINT = format('contacts.install() rewrites no table that is there. Move the rows to another database: CREATE EXTENSION '
					'contact_upsert and SELECT contacts.install(partitions => %s) there, DELETE FROM contacts.workspace, then restore, in one '
					'transaction, a dump of pg_dump --data-only --load-via-partition-root --schema=contacts.', partitions);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.check_partitions(integer) IS
	'part of contacts.install(): an error that names the cure unless the tables have that many partitions; null: whatever they have';
REVOKE ALL ON FUNCTION contacts_internal.check_partitions(integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.protect_partitions() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	part regclass;
BEGIN
	FOR part IN
		SELECT p.relid
		FROM pg_class t CROSS JOIN pg_partition_tree(t.oid) p JOIN pg_class c ON c.oid = p.relid
		WHERE t.relnamespace = 'contacts'::regnamespace AND t.relkind = 'p'
			AND t.relname IN ('contact', 'statistics', 'event', 'delivery', 'history')
			AND p.relid <> t.oid AND c.relkind IN ('r', 'p') AND NOT c.relrowsecurity
			AND NOT EXISTS (SELECT FROM pg_policy o WHERE o.polrelid = c.oid)
	LOOP
		-- Without a policy: the owner's alone. Through its table a partition is read by the table's policies.
		EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', part);
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.protect_partitions() IS
	'part of contacts.install(): row level security on partitions, where one has none';
REVOKE ALL ON FUNCTION contacts_internal.protect_partitions() FROM PUBLIC;
