-- contacts.undo_import() (docs/files.md, "Undo") takes an import back, contact by contact, in the order of their ids, and commits
-- chunk by chunk. undo_begin.sql says who may, undo_plan.sql what is to be done.

CREATE FUNCTION contacts_internal.restore_contacts(requests jsonb, workspace_id bigint) RETURNS SETOF contacts.upsert_result
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 1000
	AS 'MODULE_PATHNAME', 'contacts_restore_contacts';
COMMENT ON FUNCTION contacts_internal.restore_contacts(jsonb, bigint) IS
	'part of contacts.undo_import(): the failures of contacts.upsert_many for requests that restore what was: no policy and no required field '
	'speaks against it';
REVOKE ALL ON FUNCTION contacts_internal.restore_contacts(jsonb, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.note_undo(
	import_id bigint, undone_up_to text, restored bigint, deleted bigint, kept_ids text[], codes text[], messages text[],
	workspace_id bigint
) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	moment CONSTANT timestamptz := clock_timestamp();
BEGIN
	INSERT INTO contacts.import_kept (workspace_id, import_id, contact_id, code, message)
		SELECT note_undo.workspace_id, note_undo.import_id, k.contact_id, k.code, k.message
		FROM unnest(kept_ids, codes, messages) AS k (contact_id, code, message);
	UPDATE contacts.import_progress p
		SET restored = p.restored + note_undo.restored, deleted = p.deleted + note_undo.deleted,
			kept = p.kept + coalesce(cardinality(kept_ids), 0), undone_up_to = note_undo.undone_up_to,
			updated_at = moment
		WHERE p.workspace_id = note_undo.workspace_id AND p.import_id = note_undo.import_id;
END
$$;
COMMENT ON FUNCTION contacts_internal.note_undo(bigint, text, bigint, bigint, text[], text[], text[], bigint) IS
	'part of contacts.undo_import(): lists the contacts that are kept, and counts all in contacts.import_progress';
REVOKE ALL ON FUNCTION contacts_internal.note_undo(bigint, text, bigint, bigint, text[], text[], text[], bigint) FROM PUBLIC;

-- delete_created() and undo_contacts() have every name qualified and pin no search_path: so triggers of the user's own find what
-- they find in any upsert.
CREATE FUNCTION contacts_internal.delete_created(ids text[], workspace_id bigint) RETURNS TABLE (contact_id text, code text, message text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET DateStyle = ISO
	AS $$
DECLARE
	created_id text;
	deleted bigint;
BEGIN
	BEGIN
		DELETE FROM contacts.contact c
			WHERE c.workspace_id OPERATOR(pg_catalog.=) delete_created.workspace_id AND c.id OPERATOR(pg_catalog.=) ANY (ids);
		GET DIAGNOSTICS deleted = ROW_COUNT;
		IF deleted OPERATOR(pg_catalog.=) COALESCE(pg_catalog.cardinality(ids), 0) THEN
			RETURN;
		END IF;
	EXCEPTION WHEN OTHERS THEN
		NULL; -- once more, one by one, to see which it is
	END;
	FOREACH created_id IN ARRAY ids LOOP
		BEGIN
			DELETE FROM contacts.contact c
				WHERE c.workspace_id OPERATOR(pg_catalog.=) delete_created.workspace_id AND c.id OPERATOR(pg_catalog.=) created_id;
			-- The contact may have gone with another: then there is none to keep.
			IF NOT FOUND AND EXISTS (
				SELECT FROM contacts.contact c
				WHERE c.workspace_id OPERATOR(pg_catalog.=) delete_created.workspace_id
					AND c.id OPERATOR(pg_catalog.=) created_id) THEN
				RAISE EXCEPTION 'The contact could not be deleted: look for a trigger on contacts.contact that returns NULL, or a policy.'
					USING ERRCODE = 'triggered_data_change_violation';
			END IF;
		EXCEPTION WHEN OTHERS THEN
			-- A row that refers to the contact, or a trigger, may speak against it; all else ends the undo.
			IF pg_catalog.left(SQLSTATE, 2) OPERATOR(pg_catalog.<>) ALL (ARRAY['22', '23', '27', '44', 'P0']) THEN
				RAISE;
			END IF;
			contact_id := created_id;
			code := SQLSTATE;
			message := SQLERRM;
			RETURN NEXT;
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.delete_created(text[], bigint) IS
	'part of contacts.undo_import(): deletes contacts; returns those that a rule of the user''s own keeps';
REVOKE ALL ON FUNCTION contacts_internal.delete_created(text[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.undo_contacts(import_id bigint, ids text[], workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
DECLARE
	created text[];
	restored_ids text[];
	requests pg_catalog.jsonb;
	kept_ids text[];
	codes text[];
	messages text[];
	failed_ids text[];
	failed_codes text[];
	failed_messages text[];
	failed_restores pg_catalog.int8;
BEGIN
	SELECT pg_catalog.array_agg(p.contact_id ORDER BY p.contact_id) FILTER (WHERE p.action OPERATOR(pg_catalog.=) 'delete'),
			pg_catalog.array_agg(p.contact_id ORDER BY p.contact_id) FILTER (WHERE p.action OPERATOR(pg_catalog.=) 'restore'),
			pg_catalog.jsonb_agg(p.request ORDER BY p.contact_id) FILTER (WHERE p.action OPERATOR(pg_catalog.=) 'restore'),
			pg_catalog.array_agg(p.contact_id ORDER BY p.contact_id) FILTER (WHERE n.code IS NOT NULL),
			pg_catalog.array_agg(n.code ORDER BY p.contact_id) FILTER (WHERE n.code IS NOT NULL),
			pg_catalog.array_agg(n.message ORDER BY p.contact_id) FILTER (WHERE n.code IS NOT NULL)
		INTO created, restored_ids, requests, kept_ids, codes, messages
		FROM contacts_internal.undo_plan(import_id, ids, workspace_id) p
			LEFT JOIN LATERAL (
				VALUES
					('keep', 'CHANGED_SINCE', 'The contact has changed since the import, and is kept as it is.'),
					('prove', 'EVIDENCE_SINCE', 'Evidence has been given for the contact since the import, and it is kept as it is.'),
					('gone', 'DELETED_SINCE', 'The contact has been deleted since the import.'),
					('restore', CASE WHEN p.lost IS NOT NULL THEN 'FIELD_GONE' END, pg_catalog.concat(
						'The contact is restored, but not the fields that are gone: ', p.lost))
			) n (action, code, message) ON n.action OPERATOR(pg_catalog.=) p.action;
	SELECT pg_catalog.array_agg(r.id), pg_catalog.array_agg(r.error OPERATOR(pg_catalog.->>) 'code'),
			pg_catalog.array_agg(r.error OPERATOR(pg_catalog.->>) 'message'), pg_catalog.count(*)
		INTO failed_ids, failed_codes, failed_messages, failed_restores
		FROM contacts_internal.restore_contacts(requests, workspace_id) r
		WHERE r.outcome OPERATOR(pg_catalog.=) 'failed';
	SELECT pg_catalog.array_cat(failed_ids, pg_catalog.array_agg(d.contact_id)),
			pg_catalog.array_cat(failed_codes, pg_catalog.array_agg(d.code)),
			pg_catalog.array_cat(failed_messages, pg_catalog.array_agg(d.message))
		INTO failed_ids, failed_codes, failed_messages
		FROM contacts_internal.delete_created(created, workspace_id) d;
	-- A contact that could not be restored is not one of which a field is gone.
	SELECT pg_catalog.array_agg(k.id), pg_catalog.array_agg(k.code), pg_catalog.array_agg(k.message)
		INTO kept_ids, codes, messages
		FROM (
			SELECT k.id, k.code, k.message FROM ROWS FROM (
				pg_catalog.unnest(kept_ids), pg_catalog.unnest(codes), pg_catalog.unnest(messages)) k (id, code, message)
			WHERE k.id OPERATOR(pg_catalog.<>) ALL (COALESCE(failed_ids, '{}'))
			UNION ALL
			SELECT f.id, f.code, f.message FROM ROWS FROM (
				pg_catalog.unnest(failed_ids), pg_catalog.unnest(failed_codes), pg_catalog.unnest(failed_messages)) f (id, code, message)
		) k;
	PERFORM contacts_internal.note_undo(import_id, ids[pg_catalog.cardinality(ids)],
		COALESCE(pg_catalog.cardinality(restored_ids), 0) OPERATOR(pg_catalog.-) failed_restores,
		COALESCE(pg_catalog.cardinality(created), 0)
			OPERATOR(pg_catalog.-) (COALESCE(pg_catalog.cardinality(failed_ids), 0) OPERATOR(pg_catalog.-) failed_restores),
		kept_ids, codes, messages, workspace_id);
END
$$;
COMMENT ON FUNCTION contacts_internal.undo_contacts(bigint, text[], bigint) IS
	'part of contacts.undo_import(): restores, deletes or keeps contacts that are locked, and notes what became of them';
REVOKE ALL ON FUNCTION contacts_internal.undo_contacts(bigint, text[], bigint) FROM PUBLIC;

-- undo_chunk() pins no search_path, as undo_contacts() does not, and tries again as load_chunk() does.
CREATE FUNCTION contacts_internal.undo_chunk(import_id bigint, workspace_id bigint) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
DECLARE
	tries CONSTANT integer := 10;
	ids text[];
BEGIN
	IF contacts_internal.is_elsewhere(workspace_id) THEN
		RETURN contacts_internal.call_there('undo_chunk', workspace_id, import_id::pg_catalog.text);
	END IF;
	FOR try IN 1 .. tries LOOP
		BEGIN
			ids := contacts_internal.next_undo(import_id, workspace_id);
			IF ids IS NULL THEN
				RETURN false;
			END IF;
			PERFORM contacts_internal.undo_contacts(import_id, ids, workspace_id);
			RETURN true;
		EXCEPTION WHEN deadlock_detected OR serialization_failure THEN
			-- All that the chunk has locked is free again, which is what the other session waits for.
			IF try OPERATOR(pg_catalog.=) tries THEN
				RAISE;
			END IF;
			PERFORM pg_catalog.pg_sleep(0.1);
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.undo_chunk(bigint, bigint) IS
	'part of contacts.undo_import(): undoes the next contacts, again where a deadlock or a serialization failure has ended that; '
	'false if there are none';
REVOKE ALL ON FUNCTION contacts_internal.undo_chunk(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.undo_counts(import_id bigint, after text, workspace_id bigint) RETURNS bigint[]
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	counts bigint[] := '{0,0,0}';
	ids text[];
BEGIN
	IF contacts_internal.is_elsewhere(workspace_id) THEN
		RETURN contacts_internal.call_there('undo_counts', workspace_id, import_id::text, after);
	END IF;
	LOOP
		ids := contacts_internal.undo_ids(import_id, after, workspace_id);
		EXIT WHEN cardinality(ids) = 0;
		SELECT ARRAY[counts[1] + count(*) FILTER (WHERE p.action = 'restore'), counts[2] + count(*) FILTER (WHERE p.action = 'delete'),
				counts[3] + count(*) FILTER (WHERE p.action IN ('keep', 'prove', 'gone') OR p.action = 'restore' AND p.lost IS NOT NULL)]
			INTO counts
			FROM contacts_internal.undo_plan(import_id, ids, workspace_id) p;
		after := ids[cardinality(ids)];
	END LOOP;
	RETURN counts;
END
$$;
COMMENT ON FUNCTION contacts_internal.undo_counts(bigint, text, bigint) IS
	'part of contacts.undo_import(): how many contacts, behind the one with that id, it would restore, delete and keep';
REVOKE ALL ON FUNCTION contacts_internal.undo_counts(bigint, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.count_undo(import_id bigint, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	progress record;
	counts bigint[];
BEGIN
	SELECT * INTO progress
		FROM contacts.import_progress p
		WHERE p.workspace_id = count_undo.workspace_id AND p.import_id = count_undo.import_id;
	IF progress.import_id IS NULL THEN
		RETURN;
	END IF;
	counts := contacts_internal.undo_counts(count_undo.import_id, coalesce(progress.undone_up_to, ''), count_undo.workspace_id);
	RAISE NOTICE 'Undo of import % of %: % to restore, % to delete, % to keep.', progress.import_id,
			progress.staging_table, progress.restored + counts[1], progress.deleted + counts[2], progress.kept + counts[3]
		USING HINT = format('Nothing was written. CALL contacts.undo_import(%s); does it, and lists in contacts.import_kept what it keeps.',
			progress.import_id);
END
$$;
COMMENT ON FUNCTION contacts_internal.count_undo(bigint, bigint) IS 'part of contacts.undo_import(): says what it would do';
REVOKE ALL ON FUNCTION contacts_internal.count_undo(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.end_undo(import_id bigint, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	progress record;
BEGIN
	SELECT * INTO progress
		FROM contacts.import_progress p
		WHERE p.workspace_id = end_undo.workspace_id AND p.import_id = end_undo.import_id;
	IF progress.import_id IS NULL THEN
		RETURN;
	END IF;
	RAISE NOTICE 'Import % of % is undone: % restored, % deleted, % kept.', progress.import_id,
			progress.staging_table, progress.restored, progress.deleted, progress.kept
		USING HINT = CASE WHEN progress.kept > 0 THEN format(
			'SELECT * FROM contacts.import_kept WHERE workspace_id = %s AND import_id = %s;',
			progress.workspace_id, progress.import_id) ELSE 'contacts.import_progress keeps these numbers.' END;
END
$$;
COMMENT ON FUNCTION contacts_internal.end_undo(bigint, bigint) IS 'part of contacts.undo_import(): says what became of it';
REVOKE ALL ON FUNCTION contacts_internal.end_undo(bigint, bigint) FROM PUBLIC;

-- A procedure that commits cannot pin its search_path: every name in it is qualified.
CREATE PROCEDURE contacts.undo_import(
	import_id bigint,
	dry_run boolean DEFAULT false,
	workspace_id bigint DEFAULT NULL
)
	LANGUAGE plpgsql
	AS $$
DECLARE
	workspace CONSTANT bigint := COALESCE(workspace_id, contacts_internal.current_workspace());
BEGIN
	PERFORM contacts_internal.check_undo(import_id, dry_run, workspace);
	IF dry_run THEN
		PERFORM contacts_internal.count_undo(import_id, workspace);
		RETURN;
	END IF;
	-- Where no commit is possible this is the error, before anything is done.
	COMMIT;
	SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
	PERFORM contacts_internal.begin_undo(import_id, workspace);
	LOOP
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		EXIT WHEN NOT contacts_internal.undo_chunk(import_id, workspace);
	END LOOP;
	COMMIT;
	PERFORM contacts_internal.end_undo(import_id, workspace);
END
$$;
COMMENT ON PROCEDURE contacts.undo_import(bigint, boolean, bigint) IS
	'takes an import back: what nobody has changed since gets its old values, tags and status, or is deleted if the import has '
	'created it; the rest is kept and listed in contacts.import_kept. Commits chunk by chunk; called again after an interruption it '
	'goes on. dry_run => true says what it would do. Not inside a transaction';
REVOKE ALL ON PROCEDURE contacts.undo_import(bigint, boolean, bigint) FROM PUBLIC;
