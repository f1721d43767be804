-- What cannot be done through a proxy: PL/Proxy calls functions, each in a transaction of its own, and a session of the proxy's sees no
-- table of a partition's. These are here to say so.

CREATE FUNCTION contacts_internal.refuse_here(call text, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RAISE EXCEPTION '% cannot be called through a proxy.', call
		USING ERRCODE = 'feature_not_supported',
			HINT = format('Connect to partition %s, and call it there: contacts.partitions() shows where it is, contacts.partition_of() which '
				'one a workspace is in.', contacts.partition_of(workspace_id));
END
$$;
COMMENT ON FUNCTION contacts_internal.refuse_here(text, bigint) IS 'an error that names the partition to connect to';
REVOKE ALL ON FUNCTION contacts_internal.refuse_here(text, bigint) FROM PUBLIC;

CREATE PROCEDURE contacts.import(
	staging_table regclass,
	chunk integer DEFAULT 1000,
	partial_update boolean DEFAULT true,
	create_tags boolean DEFAULT false,
	mode text DEFAULT NULL,
	blank text DEFAULT NULL,
	columns jsonb DEFAULT NULL,
	unknown text DEFAULT 'refuse',
	date_format text DEFAULT NULL,
	separator text DEFAULT NULL,
	source text DEFAULT NULL,
	history boolean DEFAULT true,
	events boolean DEFAULT true,
	dry_run boolean DEFAULT false,
	retry boolean DEFAULT false,
	restart boolean DEFAULT NULL,
	workspace_id bigint DEFAULT NULL
)
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM contacts_internal.refuse_here('contacts.import()', workspace_id);
END
$$;
COMMENT ON PROCEDURE contacts.import(
	regclass, integer, boolean, boolean, text, text, jsonb, text, text, text, text, boolean, boolean, boolean, boolean, boolean,
	bigint) IS
	'an error: to be called in the partition, since it commits chunk by chunk, and reads a table of the partition';
REVOKE ALL ON PROCEDURE contacts.import(
	regclass, integer, boolean, boolean, text, text, jsonb, text, text, text, text, boolean, boolean, boolean, boolean, boolean,
	bigint) FROM PUBLIC;

CREATE PROCEDURE contacts.undo_import(
	import_id bigint,
	dry_run boolean DEFAULT false,
	workspace_id bigint DEFAULT NULL
)
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM contacts_internal.refuse_here('contacts.undo_import()', workspace_id);
END
$$;
COMMENT ON PROCEDURE contacts.undo_import(bigint, boolean, bigint) IS
	'an error: to be called in the partition, since it commits chunk by chunk';
REVOKE ALL ON PROCEDURE contacts.undo_import(bigint, boolean, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.create_import_view(
	name text,
	partial_update boolean DEFAULT true,
	create_tags boolean DEFAULT false,
	replace boolean DEFAULT false,
	mode text DEFAULT NULL,
	blank text DEFAULT NULL,
	columns jsonb DEFAULT NULL,
	date_format text DEFAULT NULL,
	separator text DEFAULT NULL,
	default_schema name DEFAULT pg_catalog.current_schema(),
	workspace_id bigint DEFAULT NULL
) RETURNS regclass
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM contacts_internal.refuse_here('contacts.create_import_view()', workspace_id);
END
$$;
COMMENT ON FUNCTION contacts.create_import_view(
	text, boolean, boolean, boolean, text, text, jsonb, text, text, name, bigint) IS
	'an error: to be called in the partition, since a view is in the database that is loaded';
REVOKE ALL ON FUNCTION contacts.create_import_view(
	text, boolean, boolean, boolean, text, text, jsonb, text, text, name, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.relay(
	consumer text,
	channel text,
	max integer DEFAULT 1000,
	workspace_id bigint DEFAULT NULL
) RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM contacts_internal.refuse_here('contacts.relay()', workspace_id);
END
$$;
COMMENT ON FUNCTION contacts.relay(text, text, integer, bigint) IS
	'an error: to be called in the partition, since NOTIFY is heard in the database that sends it';
REVOKE ALL ON FUNCTION contacts.relay(text, text, integer, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.install(partitions integer DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RAISE EXCEPTION '% cannot be called through a proxy.', 'contacts.install()'
		USING ERRCODE = 'feature_not_supported', HINT = 'Call it in each partition; contacts.partitions() shows where they are.';
END
$$;
COMMENT ON FUNCTION contacts.install(integer) IS 'an error: to be called in each partition, since the tables are made in each partition';
REVOKE ALL ON FUNCTION contacts.install(integer) FROM PUBLIC;

CREATE FUNCTION contacts.set_partition(number integer, "of" integer, split boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RAISE EXCEPTION '% cannot be called through a proxy.', 'contacts.set_partition()'
		USING ERRCODE = 'feature_not_supported', HINT = 'Call it in each partition; contacts.partitions() shows where they are.';
END
$$;
COMMENT ON FUNCTION contacts.set_partition(integer, integer, boolean) IS 'an error: to be called in each partition, since each partition is numbered in itself';
REVOKE ALL ON FUNCTION contacts.set_partition(integer, integer, boolean) FROM PUBLIC;

CREATE FUNCTION contacts.distribute(shard_count integer DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RAISE EXCEPTION '% cannot be called through a proxy.', 'contacts.distribute()'
		USING ERRCODE = 'feature_not_supported', HINT = 'It is for Citus, which spreads workspaces over servers in place of a proxy.';
END
$$;
COMMENT ON FUNCTION contacts.distribute(integer) IS 'an error: Citus is another way than a proxy';
REVOKE ALL ON FUNCTION contacts.distribute(integer) FROM PUBLIC;

CREATE FUNCTION contacts.undistribute() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RAISE EXCEPTION '% cannot be called through a proxy.', 'contacts.undistribute()'
		USING ERRCODE = 'feature_not_supported', HINT = 'It is for Citus, which spreads workspaces over servers in place of a proxy.';
END
$$;
COMMENT ON FUNCTION contacts.undistribute() IS 'an error: Citus is another way than a proxy';
REVOKE ALL ON FUNCTION contacts.undistribute() FROM PUBLIC;
