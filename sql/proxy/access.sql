-- Access: who may call the proxy. What a call may do is decided in the partition, as whom the user mapping names there.

CREATE FUNCTION contacts_internal.proxy_privileges(verb text, role_name name) RETURNS SETOF text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('%s %s %s %I', verb, privilege, CASE verb WHEN 'GRANT' THEN 'TO' ELSE 'FROM' END, role_name)
		FROM (
			SELECT format('EXECUTE ON ROUTINE %s', p.oid::regprocedure)
			FROM pg_extension x
				JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid
					AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
				JOIN pg_proc p ON p.oid = d.objid
			WHERE x.extname = 'contact_upsert_proxy'
				AND p.proname NOT IN ('grant_proxy', 'revoke_proxy', 'proxy_privileges')
			UNION ALL
			SELECT format('USAGE ON SCHEMA %I', n.nspname)
			FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace
			WHERE x.extname = 'contact_upsert_proxy' AND n.nspname <> 'public'
			UNION ALL
			SELECT format('USAGE ON FOREIGN SERVER %I', s.srvname) FROM pg_foreign_server s WHERE s.srvname = 'contacts'
			UNION ALL
			VALUES ('USAGE ON SCHEMA contacts, contacts_internal'), ('SELECT ON contacts.consumer, contacts.event_lag, contacts.import_counts')
		) AS needed (privilege)
	$$;
COMMENT ON FUNCTION contacts_internal.proxy_privileges(text, name) IS
	'part of grant_proxy and revoke_proxy: the statements that grant or revoke what a role needs to call the proxy';
REVOKE ALL ON FUNCTION contacts_internal.proxy_privileges(text, name) FROM PUBLIC;

CREATE FUNCTION contacts.grant_proxy(role_name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	statement text;
BEGIN
	FOR statement IN SELECT contacts_internal.proxy_privileges('GRANT', role_name) LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts.grant_proxy(name) IS
	'lets a role call this proxy; what it may do in a partition is up to the role there that its user mapping names';
REVOKE ALL ON FUNCTION contacts.grant_proxy(name) FROM PUBLIC;

CREATE FUNCTION contacts.revoke_proxy(role_name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	statement text;
BEGIN
	FOR statement IN SELECT contacts_internal.proxy_privileges('REVOKE', role_name) LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts.revoke_proxy(name) IS
	'takes back what grant_proxy gave';
REVOKE ALL ON FUNCTION contacts.revoke_proxy(name) FROM PUBLIC;

-- The last statement of the script: takes back what ALTER DEFAULT PRIVILEGES grants on a new object.
DO $$
DECLARE
	statement text;
BEGIN
	FOR statement IN
		WITH made (object, acl, owner) AS (
			SELECT format('SCHEMA %I', n.nspname), n.nspacl, n.nspowner
				FROM pg_catalog.pg_namespace n WHERE n.nspname IN ('contacts', 'contacts_internal')
			UNION ALL
			SELECT format('TABLE %s', c.oid::regclass), c.relacl, c.relowner
				FROM pg_catalog.pg_class c WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind = 'v'
			UNION ALL
			SELECT format('TYPE %s', t.oid::regtype), t.typacl, t.typowner
				FROM pg_catalog.pg_type t
				WHERE t.typnamespace = 'contacts'::regnamespace AND t.typcategory <> 'A'
					AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
			UNION ALL
			SELECT format('ROUTINE %s', p.oid::regprocedure), p.proacl, p.proowner
				FROM pg_catalog.pg_proc p
				WHERE p.pronamespace IN ('contacts'::regnamespace, 'contacts_internal'::regnamespace)
					OR p.proname = 'contact_upsert' AND p.prolang = (SELECT l.oid FROM pg_catalog.pg_language l WHERE l.lanname = 'c')
		)
		SELECT DISTINCT format('REVOKE ALL ON %s FROM %s', m.object,
			CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
		FROM made m, aclexplode(m.acl) a
		WHERE a.grantee <> m.owner
	LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
