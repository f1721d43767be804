-- History (docs/api.md, "History"): contacts.history says what a change made of a contact, who made it, when and from where, and
-- keeps the evidence of consent. contacts.workspace.history says how much of it a workspace keeps.
--
-- No role but the owner of the tables has a privilege to write it. Upserts write it through C, in the transaction of the
-- change (src/pg/history.c).

CREATE FUNCTION contacts_internal.install_history(partitions integer) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM contacts_internal.make_table('history', $columns$
		workspace_id bigint NOT NULL,
		history_id bigint GENERATED ALWAYS AS IDENTITY,
		contact_id text COLLATE "C" NOT NULL,
		contact_version bigint NOT NULL,
		changed_at timestamptz NOT NULL DEFAULT now(),
		changed_by name NOT NULL,
		source text,
		import_id bigint,
		changes jsonb NOT NULL DEFAULT '{}',
		evidence jsonb,
		PRIMARY KEY (workspace_id, history_id)
	$columns$, NULL, partitions);
	CREATE INDEX history_contact_idx ON contacts.history (workspace_id, contact_id, contact_version);
	CREATE INDEX history_import_idx ON contacts.history (workspace_id, import_id, contact_id) WHERE import_id IS NOT NULL;
	-- For erase() and export() of an address whose contact is gone.
	CREATE INDEX history_address_idx ON contacts.history (workspace_id, (changes #>> '{email_address,new}'))
		WHERE changes ? 'email_address';
	COMMENT ON TABLE contacts.history IS
		'contact_upsert: what changed of contacts, by whom, when, from where, and the evidence of consent, until purge_history(); '
		'of a contact by contact_version, then by history_id';
END
$$;
COMMENT ON FUNCTION contacts_internal.install_history(integer) IS 'part of contacts.install(): what changed of the contacts';
REVOKE ALL ON FUNCTION contacts_internal.install_history(integer) FROM PUBLIC;

CREATE FUNCTION contacts.purge_history(older_than interval, max integer DEFAULT 10000) RETURNS integer
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
	doomed bigint[];
	purged integer := 0;
BEGIN
	PERFORM contacts_internal.require_writing('contacts.purge_history()');
	PERFORM contacts_internal.check_versions();
	IF older_than IS NULL OR older_than < interval '0' OR max IS NULL OR max < 1 THEN
		RAISE EXCEPTION 'older_than must not be negative, and max must be positive.'
			USING ERRCODE = 'invalid_parameter_value', SCHEMA = 'contacts', TABLE = 'history',
				HINT = 'SELECT contacts.purge_history(''3 years''), again until it returns 0.';
	END IF;
	IF cardinality(contacts_internal.workspaces_elsewhere()) > 0 THEN
		RETURN contacts_internal.purge_there('purge_history', older_than, max);
	END IF;
	LOOP
		-- From one workspace of the history to the next, by its key: some have been deleted while a writer was under way.
		SELECT h.workspace_id INTO workspace
			FROM contacts.history h WHERE h.workspace_id > workspace ORDER BY h.workspace_id LIMIT 1;
		EXIT WHEN NOT FOUND;
		exists_still := EXISTS (SELECT FROM contacts.workspace w WHERE w.workspace_id = workspace);
		-- By the key, whose order is that of time but for transactions side by side: what is left out today goes tomorrow.
		SELECT h.history_id INTO first_kept
			FROM contacts.history h
			WHERE h.workspace_id = workspace AND h.changed_at >= now() - older_than AND exists_still
			ORDER BY h.history_id LIMIT 1;
		doomed := ARRAY(
			SELECT old.history_id
			FROM contacts.history old
			WHERE old.workspace_id = workspace AND (first_kept IS NULL OR old.history_id < first_kept)
			ORDER BY old.history_id
			LIMIT max - purged);
		-- An import whose history has gaps can no longer be undone.
		UPDATE contacts.import_progress p SET history_purged_at = now()
			WHERE p.workspace_id = workspace AND p.history_purged_at IS NULL AND p.import_id IN (
				SELECT h.import_id FROM contacts.history h WHERE h.workspace_id = workspace AND h.history_id = ANY (doomed));
		DELETE FROM contacts.history h WHERE h.workspace_id = workspace AND h.history_id = ANY (doomed);
		purged := purged + cardinality(doomed);
		EXIT WHEN purged >= max;
	END LOOP;
	RETURN purged;
END
$$;
COMMENT ON FUNCTION contacts.purge_history(interval, integer) IS
	'deletes up to max rows of the history that are older; returns how many; for the owner of the tables';
REVOKE ALL ON FUNCTION contacts.purge_history(interval, integer) FROM PUBLIC;
