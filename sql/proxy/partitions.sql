-- The way to a partition: two functions of PL/Proxy's, and what is to be known of the partitions. src/pg/proxy_call.c calls the former.

CREATE FUNCTION contacts_internal.send(header text, number integer, function text, arguments text[])
	RETURNS SETOF text
	LANGUAGE plproxy VOLATILE PARALLEL UNSAFE
	AS $$
		CLUSTER 'contacts';
		RUN ON $2;
		SELECT * FROM contacts_internal.serve($1, $3, $4);
	$$;
COMMENT ON FUNCTION contacts_internal.send(text, integer, text, text[]) IS
	'has the partition of that number call a function';
REVOKE ALL ON FUNCTION contacts_internal.send(text, integer, text, text[]) FROM PUBLIC;

-- One parameter, for the partition parses and plans the statement anew in each call.
CREATE FUNCTION contacts_internal.send_request(call text, number integer) RETURNS text
	LANGUAGE plproxy VOLATILE PARALLEL UNSAFE
	AS $$
		CLUSTER 'contacts';
		RUN ON $2;
		SELECT contacts_internal.answer($1);
	$$;
COMMENT ON FUNCTION contacts_internal.send_request(text, integer) IS
	'has the partition of that number upsert a contact';
REVOKE ALL ON FUNCTION contacts_internal.send_request(text, integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.partition_count() RETURNS integer
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_partition_count';
COMMENT ON FUNCTION contacts_internal.partition_count() IS
	'how many partitions the server contacts names';
REVOKE ALL ON FUNCTION contacts_internal.partition_count() FROM PUBLIC;

CREATE FUNCTION contacts.partition_of(workspace_id bigint DEFAULT NULL) RETURNS integer
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_partition_of';
COMMENT ON FUNCTION contacts.partition_of(bigint) IS
	'which partition has a workspace, or will have it: the option p0, p1 ... of the server contacts';
REVOKE ALL ON FUNCTION contacts.partition_of(bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.next_partition() RETURNS integer
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_next_partition';
COMMENT ON FUNCTION contacts_internal.next_partition() IS
	'part of claim: the partition that is next in turn';
REVOKE ALL ON FUNCTION contacts_internal.next_partition() FROM PUBLIC;

CREATE FUNCTION contacts_internal.refuse_in_transaction(call text) RETURNS void
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_refuse_in_transaction';
COMMENT ON FUNCTION contacts_internal.refuse_in_transaction(text) IS
	'an error that names the cure inside a transaction block, unless contact_upsert_proxy.allow_in_transaction is on';
REVOKE ALL ON FUNCTION contacts_internal.refuse_in_transaction(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.current_workspace() RETURNS bigint
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_current_workspace';
COMMENT ON FUNCTION contacts_internal.current_workspace() IS
	'the setting contact_upsert.workspace_id';
REVOKE ALL ON FUNCTION contacts_internal.current_workspace() FROM PUBLIC;

CREATE FUNCTION contacts_internal.extension_version(number integer) RETURNS text
	LANGUAGE C STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_proxy_internal_at';
COMMENT ON FUNCTION contacts_internal.extension_version(integer) IS
	'part of partitions: the version of the extension in a partition';
REVOKE ALL ON FUNCTION contacts_internal.extension_version(integer) FROM PUBLIC;

CREATE FUNCTION contacts_internal.warn_of_waiting() RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	missing text[] := '{}';
	cures text[] := '{}';
BEGIN
	IF coalesce((SELECT o.option_value FROM pg_foreign_server s, pg_options_to_table(s.srvoptions) o
			WHERE s.srvname = 'contacts' AND o.option_name = 'query_timeout'), '0') !~ '^ *0*[1-9]' THEN
		missing := missing || 'the server contacts has no query_timeout'::text;
		cures := cures || 'ALTER SERVER contacts OPTIONS (ADD query_timeout ''60''); (SET where it is 0)'::text;
	END IF;
	IF current_setting('statement_timeout') = '0' THEN
		missing := missing || 'this session has no statement_timeout'::text;
		cures := cures || format('ALTER ROLE %I SET statement_timeout = ''30s'';', current_user);
	END IF;
	IF missing <> '{}' THEN
		RAISE WARNING 'A call to a partition that goes silent waits for ever: %.', array_to_string(missing, ', and ')
			USING DETAIL = 'PL/Proxy gives up query_timeout seconds after a call began, once statement_timeout has cancelled it; neither does it alone.',
				HINT = array_to_string(cures, ' ');
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.warn_of_waiting() IS
	'part of partitions: warns where nothing ends a call to a partition that does not answer';
REVOKE ALL ON FUNCTION contacts_internal.warn_of_waiting() FROM PUBLIC;

CREATE FUNCTION contacts.partitions(OUT number integer, OUT connection text, OUT version text, OUT problem text) RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	FOR number, connection IN
		SELECT n.n, o.option_value
		FROM generate_series(0, contacts_internal.partition_count() - 1) n (n)
			JOIN pg_foreign_server s ON s.srvname = 'contacts'
			LEFT JOIN LATERAL pg_options_to_table(s.srvoptions) o ON o.option_name = format('p%s', n.n)
		ORDER BY n.n
	LOOP
		version := NULL;
		problem := NULL;
		BEGIN
			version := contacts_internal.extension_version(number);
		EXCEPTION WHEN OTHERS THEN
			problem := SQLERRM;
		END;
		RETURN NEXT;
	END LOOP;
	PERFORM contacts_internal.warn_of_waiting();
END
$$;
COMMENT ON FUNCTION contacts.partitions() IS
	'the partitions: where each is, which version of contact_upsert it has, and why it cannot be called, if it cannot; warns where nothing ends '
	'a call to one that does not answer';
REVOKE ALL ON FUNCTION contacts.partitions() FROM PUBLIC;
