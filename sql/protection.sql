-- Protection: the triggers on the tables, and row level security. contacts.install() brings back what is missing, because a table that
-- a user has copied (CREATE TABLE ... LIKE), to partition it, has neither.
--
-- What is there stays as it is: a trigger that is disabled, and a policy of the user's own, are the user's choice. But a trigger that
-- is to fire always does so again where it is enabled: ENABLE TRIGGER ALL, which ends a pg_restore --disable-triggers, knows no other way.

CREATE FUNCTION contacts_internal.ensure_trigger(table_name text, trigger_name text, definition text, always boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	guarded CONSTANT regclass := format('contacts.%I', table_name);
	part regclass;
BEGIN
	IF EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = guarded AND t.tgname = trigger_name) THEN
		FOR part IN
			SELECT t.tgrelid
			FROM pg_trigger t
			WHERE always AND t.tgname = trigger_name AND t.tgenabled = 'O'
				AND (t.tgrelid = guarded OR t.tgrelid IN (SELECT p.relid FROM pg_partition_tree(guarded) p))
		LOOP
			EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', part, trigger_name);
		END LOOP;
		RETURN;
	END IF;
	-- A trigger for each row is made on the partitions too, and one of that name may be there: on the old table, now a partition.
	FOR part IN
		SELECT p.relid
		FROM pg_partition_tree(guarded) p JOIN pg_trigger t ON t.tgrelid = p.relid AND t.tgname = trigger_name AND t.tgparentid = 0
			JOIN pg_proc f ON f.oid = t.tgfoid AND f.pronamespace = 'contacts_internal'::regnamespace
		WHERE p.relid <> guarded
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', trigger_name, part);
	END LOOP;
	EXECUTE format('CREATE TRIGGER %I %s', trigger_name, format(definition, format('contacts.%I', table_name)));
	IF always THEN
		EXECUTE format('ALTER TABLE contacts.%I ENABLE ALWAYS TRIGGER %I', table_name, trigger_name);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.ensure_trigger(text, text, text, boolean) IS
	'part of contacts.install(): makes a trigger on one of the tables, unless there is one of that name; always: it fires whatever '
	'session_replication_role is';
REVOKE ALL ON FUNCTION contacts_internal.ensure_trigger(text, text, text, boolean) FROM PUBLIC;

CREATE FUNCTION contacts_internal.ensure_triggers() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM contacts_internal.ensure_trigger(t.table_name, t.trigger_name, t.timing || ' ON %s ' || t.action, t.always)
		FROM (VALUES
			('workspace', 'new_definitions_version', 'BEFORE INSERT OR UPDATE',
				'FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_workspace_write()', false),
			('workspace', 'define_email_address', 'AFTER INSERT',
				'FOR EACH ROW EXECUTE FUNCTION contacts_internal.after_workspace_insert()', false),
			('workspace', 'delete_contacts', 'AFTER DELETE',
				'FOR EACH ROW EXECUTE FUNCTION contacts_internal.after_workspace_delete()', false),
			('field', 'keep_identity', 'BEFORE INSERT OR UPDATE OR DELETE',
				'FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_field_write()', false),
			('field', 'keep_immutable', 'BEFORE TRUNCATE',
				'EXECUTE FUNCTION contacts_internal.before_field_truncate()', false),
			('field', 'delete_values', 'AFTER DELETE',
				'FOR EACH ROW EXECUTE FUNCTION contacts_internal.after_field_delete()', false),
			-- It stands for the column's default, and so is there under session_replication_role = replica too.
			('tag', 'draw_id', 'BEFORE INSERT',
				'FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_tag_insert()', true),
			('tag', 'keep_identity', 'BEFORE UPDATE',
				'FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_tag_update()', false),
			('tag', 'definitions_truncated', 'AFTER TRUNCATE',
				'EXECUTE FUNCTION contacts_internal.after_definitions_change()', false),
			-- Whatever way members change, also by replication.
			('member', 'members_changed', 'AFTER INSERT OR UPDATE OR DELETE',
				'FOR EACH ROW EXECUTE FUNCTION contacts_internal.after_member_change()', true),
			('member', 'members_truncated', 'AFTER TRUNCATE',
				'EXECUTE FUNCTION contacts_internal.after_member_change()', true),
			-- The rules hold for every row, replicated ones too; triggers run in the order of their names, and this one last.
			('contact', 'zzz_contact_is_valid', 'BEFORE INSERT OR UPDATE',
				'FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_contact_write()', true),
			('contact', 'leave_suppression', 'AFTER DELETE',
				'FOR EACH ROW WHEN (OLD.status IN (''UNSUBSCRIBED'', ''CLEANED'', ''COMPLAINED''))
				EXECUTE FUNCTION contacts_internal.after_contact_delete()', false),
			('contact', 'address_changed', 'AFTER UPDATE OF workspace_id, email_address',
				'FOR EACH ROW WHEN ((OLD.workspace_id, OLD.email_address) IS DISTINCT FROM (NEW.workspace_id, NEW.email_address))
				EXECUTE FUNCTION contacts_internal.after_address_change()', false),
			('consumer', 'wait_for_writers', 'BEFORE INSERT OR UPDATE OF types, active',
				'EXECUTE FUNCTION contacts_internal.before_consumer_change()', false),
			('consumer', 'keep_unique', 'BEFORE INSERT',
				'FOR EACH ROW EXECUTE FUNCTION contacts_internal.before_consumer_insert()', false),
			('consumer', 'delete_deliveries', 'AFTER DELETE',
				'FOR EACH ROW EXECUTE FUNCTION contacts_internal.after_consumer_delete()', false),
			('event', 'delete_deliveries', 'AFTER DELETE',
				'REFERENCING OLD TABLE AS deleted EXECUTE FUNCTION contacts_internal.after_event_delete()', false),
			('event', 'truncate_deliveries', 'AFTER TRUNCATE',
				'EXECUTE FUNCTION contacts_internal.after_event_delete()', false)
		) AS t (table_name, trigger_name, timing, action, always);

	-- A trigger with a transition table is for one kind of statement.
	PERFORM contacts_internal.ensure_trigger(d.table_name, t.trigger_name, format('AFTER %s ON %%s REFERENCING %s TABLE AS changed '
			'EXECUTE FUNCTION contacts_internal.after_definitions_change()', t.event, t.side), false)
		FROM (VALUES ('field'), ('tag')) AS d (table_name),
			(VALUES ('definitions_inserted', 'INSERT', 'NEW'), ('definitions_updated', 'UPDATE', 'NEW'),
				('definitions_deleted', 'DELETE', 'OLD')) AS t (trigger_name, event, side);
END
$$;
COMMENT ON FUNCTION contacts_internal.ensure_triggers() IS 'part of contacts.install(): the triggers on the tables, where they are missing';
REVOKE ALL ON FUNCTION contacts_internal.ensure_triggers() FROM PUBLIC;

CREATE FUNCTION contacts_internal.ensure_policies() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	wanted record;
BEGIN
	FOR wanted IN
		SELECT t.table_name, t.policy_name, t.rule
		FROM (VALUES
			('workspace', 'members_only', 'USING (contacts_internal.is_member(workspace_id))'),
			('field', 'members_only', 'USING (contacts_internal.is_member(workspace_id))'),
			('tag', 'members_only', 'USING (contacts_internal.is_member(workspace_id))'),
			('deleted_workspace', NULL, NULL), -- without a policy: the owner's alone
			-- to_regrole() gives null, and no error, for a role that has been dropped.
			('member', 'own_roles_only', 'USING (pg_has_role(to_regrole(quote_ident(role_name)), ''MEMBER''))'),
			('contact', 'members_only', 'USING (contacts_internal.is_member(workspace_id))'),
			('statistics', 'members_only', 'USING (contacts_internal.is_member(workspace_id))'),
			-- For SELECT alone: members have no other privilege on these.
			('event', 'members_only', 'FOR SELECT USING (contacts_internal.is_member(workspace_id))'),
			('consumer', 'members_only', 'FOR SELECT USING (contacts_internal.is_member(workspace_id))'),
			('low_water_mark', NULL, NULL),
			-- Deliveries of a consumer of every workspace are hidden: their last_error is for the owner of the tables.
			('delivery', 'members_only', 'FOR SELECT USING (contacts_internal.is_member(workspace_id) '
				'AND contacts_internal.is_consumer_of(consumer_id, workspace_id))'),
			('history', 'members_only', 'FOR SELECT USING (contacts_internal.is_member(workspace_id))'),
			('suppression', 'members_only', 'FOR SELECT USING (contacts_internal.is_member(workspace_id))'),
			('import_progress', 'members_only', 'USING (contacts_internal.is_member(workspace_id))'),
			('import_chunk', 'members_only', 'USING (contacts_internal.is_member(workspace_id))'),
			('import_error', 'members_only', 'USING (contacts_internal.is_member(workspace_id))'),
			('import_kept', 'members_only', 'USING (contacts_internal.is_member(workspace_id))')
		) AS t (table_name, policy_name, rule)
			JOIN pg_class c ON c.relnamespace = 'contacts'::regnamespace AND c.relname = t.table_name AND NOT c.relrowsecurity
		WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
	LOOP
		EXECUTE format('ALTER TABLE contacts.%I ENABLE ROW LEVEL SECURITY', wanted.table_name);
		IF wanted.policy_name IS NOT NULL THEN
			EXECUTE format('CREATE POLICY %I ON contacts.%I %s', wanted.policy_name, wanted.table_name, wanted.rule);
		END IF;
	END LOOP;
	PERFORM contacts_internal.protect_partitions();
END
$$;
COMMENT ON FUNCTION contacts_internal.ensure_policies() IS
	'part of contacts.install(): row level security, where a table has none';
REVOKE ALL ON FUNCTION contacts_internal.ensure_policies() FROM PUBLIC;
