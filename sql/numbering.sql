-- One of several partitions (docs/scale-out.md, "PL/Proxy"): set_partition() makes the ids of different databases never meet. What it
-- writes down is in the sequences: their increment is how many partitions there are, and they start at a number of this one's residue.

CREATE FUNCTION contacts_internal.partition(OUT number bigint, OUT count bigint)
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_partition';
COMMENT ON FUNCTION contacts_internal.partition() IS
	'which partition this database is, from 0, and of how many; of 1 where contacts.set_partition() was never called';
REVOKE ALL ON FUNCTION contacts_internal.partition() FROM PUBLIC;

CREATE FUNCTION contacts_internal.next_in_partition(id bigint, number integer, count integer) RETURNS bigint
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'SELECT id + 1 + mod(mod(number - id - 1, count) + count, count)';
COMMENT ON FUNCTION contacts_internal.next_in_partition(bigint, integer, integer) IS
	'part of set_partition: the first id of that partition behind an id';
REVOKE ALL ON FUNCTION contacts_internal.next_in_partition(bigint, integer, integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.id_sequences(
	OUT sequence regclass, OUT id_table regclass, OUT id_column name, OUT increment bigint, OUT start bigint
) RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT s.seqrelid, d.refobjid, a.attname, s.seqincrement, s.seqstart
		FROM pg_sequence s
			JOIN pg_class c ON c.oid = s.seqrelid AND c.relnamespace = 'contacts'::regnamespace
			JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid AND d.refclassid = 'pg_class'::regclass
				AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
			JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
		WHERE a.attname <> 'definitions_version' -- a version of one workspace, compared with others of it alone
		ORDER BY a.attname <> 'workspace_id', d.refobjid::regclass::text
	$$;
COMMENT ON FUNCTION contacts_internal.id_sequences() IS 'part of set_partition: the sequences of ids and leases, that of workspaces first';
REVOKE ALL ON FUNCTION contacts_internal.id_sequences() FROM PUBLIC;

CREATE FUNCTION contacts_internal.remove_first_workspace(number integer, count integer) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- As install() made it, with nothing in it.
	DELETE FROM contacts.workspace w
		WHERE w.workspace_id = 1 AND w.name = 'default'
			AND (mod(1, remove_first_workspace.count) <> number
				OR NOT EXISTS (SELECT FROM contacts.workspace o WHERE o.workspace_id <> 1))
			AND NOT EXISTS (SELECT FROM contacts.contact c WHERE c.workspace_id = 1)
			AND NOT EXISTS (SELECT FROM contacts.field f WHERE f.workspace_id = 1 AND NOT f.immutable)
			AND NOT EXISTS (SELECT FROM contacts.tag t WHERE t.workspace_id = 1)
			AND NOT EXISTS (SELECT FROM contacts.event e WHERE e.workspace_id = 1)
			AND NOT EXISTS (SELECT FROM contacts.consumer c WHERE c.workspace_id = 1)
			AND NOT EXISTS (SELECT FROM contacts.member m WHERE m.workspace_id = 1);
	-- No contact or event can come after it: purge_events() need not look.
	DELETE FROM contacts.deleted_workspace d WHERE d.workspace_id = 1;
END
$$;
COMMENT ON FUNCTION contacts_internal.remove_first_workspace(integer, integer) IS
	'part of set_partition: removes the workspace that install() has made, unless somebody uses it';
REVOKE ALL ON FUNCTION contacts_internal.remove_first_workspace(integer, integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_partition_ids(
	id_table regclass, id_column name, number integer, count integer
) RETURNS bigint
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	highest bigint;
	stray bigint;
BEGIN
	EXECUTE format('SELECT max(t.%1$I), min(t.%1$I) FILTER (WHERE mod(t.%1$I, $2) <> $1) FROM %2$s t', id_column, id_table)
		INTO highest, stray USING number, count;
	IF stray IS NOT NULL AND id_column = 'workspace_id' THEN
		RAISE EXCEPTION 'Workspace % does not belong to partition % of %.', stray, number, count
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', TABLE = 'workspace', COLUMN = 'workspace_id',
				DETAIL = 'Nothing was changed.',
				HINT = format('Its partition is %s. Move it there, or begin with an empty database and import its contacts.', mod(stray, count));
	ELSIF stray IS NOT NULL AND id_column <> 'lease' THEN
		RAISE EXCEPTION '%.% has the id %, which partition % of % never gives out.', id_table, id_column, stray, number, count
			USING ERRCODE = 'object_not_in_prerequisite_state', SCHEMA = 'contacts', COLUMN = id_column,
				TABLE = (SELECT c.relname FROM pg_class c WHERE c.oid = id_table), DETAIL = 'Nothing was changed.',
				HINT = 'Number a database before anything is in it, and import then. Where this is a part of a database that is being '
					'split, whose other parts go on behind its ids: contacts.set_partition(number, of, split => true).';
	END IF;
	RETURN highest;
END
$$;
COMMENT ON FUNCTION contacts_internal.check_partition_ids(regclass, name, integer, integer) IS
	'part of set_partition: the highest id of a table; an error if one belongs to another partition';
REVOKE ALL ON FUNCTION contacts_internal.check_partition_ids(regclass, name, integer, integer) FROM PUBLIC;

CREATE FUNCTION contacts.set_partition(number integer, of integer, split boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	count CONSTANT integer := set_partition.of;
	was record;
	divides boolean; -- whether each id of the partition that this was can be one of a part of it
	same boolean;
	s record;
	highest bigint;
	position bigint;
	first CONSTANT integer := CASE number WHEN 0 THEN set_partition.of ELSE number END;
BEGIN
	PERFORM contacts_internal.require_writing('contacts.set_partition()');
	PERFORM contacts_internal.check_versions();
	IF number IS NULL OR count IS NULL OR split IS NULL OR number < 0 OR count < 1 OR count > 65536 OR number >= count THEN
		RAISE EXCEPTION 'There is no partition % of %.', coalesce(number::text, 'NULL'), coalesce(count::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Partitions are numbered from 0: of two, contacts.set_partition(0, 2) and contacts.set_partition(1, 2).';
	END IF;
	FOR s IN SELECT * FROM contacts_internal.id_sequences() LOOP
		-- Ids that have been drawn and are not committed yet would be overlooked.
		EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', s.id_table);
	END LOOP;
	SELECT p.number, p.count INTO was FROM contacts_internal.partition() p;
	same := was.count = count AND was.number = number;
	divides := mod(count, was.count) = 0 AND mod(number, was.count) = was.number;
	IF split AND NOT divides THEN
		RAISE EXCEPTION 'Partition % of % is no part of partition % of %, which this database is.', number, count, was.number, was.count
			USING ERRCODE = 'invalid_parameter_value',
				HINT = format('Its two halves are %s and %s of %s.', was.number, was.number + was.count, 2 * was.count);
	END IF;
	IF was.count = 1 AND count > 1 THEN
		PERFORM contacts_internal.remove_first_workspace(number, count);
	END IF;
	FOR s IN SELECT * FROM contacts_internal.id_sequences() LOOP
		IF s.id_column <> 'workspace_id' AND divides AND (same OR split OR was.count > 1) THEN
			highest := contacts_internal.check_partition_ids(s.id_table, s.id_column, 0, 1);
		ELSE
			highest := contacts_internal.check_partition_ids(s.id_table, s.id_column, number, count);
		END IF;
		-- A sequence that was moved and not called since is where its next id is: nothing goes back.
		EXECUTE format('SELECT CASE WHEN q.is_called THEN q.last_value ELSE q.last_value - $1 END FROM %s q', s.sequence)
			INTO position USING s.increment;
		highest := greatest(highest, position, 0);
		IF s.increment <> count OR s.start <> first OR mod(highest, count) <> mod(number, count) THEN
			EXECUTE format('ALTER SEQUENCE %s INCREMENT BY %s START WITH %s RESTART WITH %s', s.sequence, count, first,
				CASE WHEN count = 1 THEN highest + 1 ELSE contacts_internal.next_in_partition(highest, number, count) END);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts.set_partition(integer, integer, boolean) IS
	'makes this database partition number, from 0, of that many: the workspaces whose id is number modulo of are in it, and its ids and '
	'those of the others never meet; with split, of a part of a database that is split; safe to repeat. For the owner of the tables';
REVOKE ALL ON FUNCTION contacts.set_partition(integer, integer, boolean) FROM PUBLIC;
