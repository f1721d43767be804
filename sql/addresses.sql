-- Addresses: contacts.change_address gives a contact another one.
--
-- It locks the contact first (docs/architecture.md, "Order of locks"). What writes it pins no search_path, and qualifies every name
-- and operator, as import_rows() does: triggers of the user's own find what they find in an upsert. What only reads pins it.

CREATE FUNCTION contacts_internal.normalize_address(email_address text) RETURNS text
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_normalize_address';
COMMENT ON FUNCTION contacts_internal.normalize_address(text) IS
	'an address as it is stored and matched; an error as of contact_upsert() if it is none';
REVOKE ALL ON FUNCTION contacts_internal.normalize_address(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_address_key(schema_name text, constraint_name text) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT EXISTS (
			SELECT FROM pg_index i
				JOIN pg_class c ON c.oid = i.indexrelid
				JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = schema_name AND c.relname = constraint_name
				AND coalesce(pg_partition_root(i.indrelid), i.indrelid) IN ('contacts.contact'::regclass, contacts_internal.here('contacts.contact'))
				AND i.indisunique AND i.indnkeyatts = 2 AND i.indpred IS NULL
				AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text)
					FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::smallint[]))
					= '{email_address,workspace_id}')
	$$;
COMMENT ON FUNCTION contacts_internal.is_address_key(text, text) IS
	'whether a unique key is the one of contacts.contact, or of a partition or shard of it, that makes addresses unique';
REVOKE ALL ON FUNCTION contacts_internal.is_address_key(text, text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.hold_contact(
	contact text,
	workspace_id bigint,
	OUT id text, OUT email_address text, OUT status contacts.status
)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	named CONSTANT text := contacts_internal.contact_id(contact, workspace_id);
BEGIN
	SELECT c.id, c.email_address, c.status INTO hold_contact.id, hold_contact.email_address, hold_contact.status
		FROM contacts.contact c
		WHERE c.workspace_id = hold_contact.workspace_id AND c.id = named
		FOR UPDATE;
	IF FOUND THEN
		RETURN;
	END IF;
	IF EXISTS (SELECT FROM contacts.contact c WHERE c.workspace_id = hold_contact.workspace_id AND c.id = named) THEN
		PERFORM contacts_internal.raise_not_written(); -- a policy shows it, and keeps it
	END IF;
	PERFORM contacts_internal.raise_no_contact(contact);
END
$$;
COMMENT ON FUNCTION contacts_internal.hold_contact(text, bigint) IS
	'part of change_address(): locks a contact, named by its id or address; an error if there is none';
REVOKE ALL ON FUNCTION contacts_internal.hold_contact(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.raise_address_taken(schema_name text, constraint_name text, address text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF contacts_internal.is_address_key(schema_name, constraint_name) THEN
		PERFORM contacts_internal.raise_error('ADDRESS_TAKEN', 'Another contact has this email address.',
			'contacts.merge(duplicate, into_contact) makes one contact of two.', 'email_address', address);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.raise_address_taken(text, text, text) IS
	'part of change_address(): raises ADDRESS_TAKEN if the unique key that was violated is that of addresses';
REVOKE ALL ON FUNCTION contacts_internal.raise_address_taken(text, text, text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.move_to_address(contact text, address text, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET DateStyle = ISO
	AS $$
#variable_conflict use_column
DECLARE
	known record;
	schema_of_violated pg_catalog.text;
	violated pg_catalog.text;
BEGIN
	-- The lock of the contact is in the block: a deadlock lets go of it. The other session is an array that has made a contact with
	-- the new address and has still to write this one, or another change.
	FOR try IN 1 .. 3 LOOP
		BEGIN
			SELECT h.id, h.email_address, h.status INTO known
				FROM contacts_internal.hold_contact(contact, workspace_id) h;
			EXIT WHEN known.email_address OPERATOR(pg_catalog.=) address;
			UPDATE contacts.contact c
				SET email_address = address, updated_at = GREATEST(c.updated_at, pg_catalog.now())
				WHERE c.workspace_id OPERATOR(pg_catalog.=) move_to_address.workspace_id
					AND c.id OPERATOR(pg_catalog.=) known.id;
			IF NOT FOUND THEN
				PERFORM contacts_internal.raise_not_written();
			END IF;
			-- Only now, because the UPDATE has waited for a session that was deleting a contact with that address.
			PERFORM contacts_internal.guard_address(known.status, address, workspace_id);
			EXIT;
		EXCEPTION
			WHEN unique_violation THEN
				GET STACKED DIAGNOSTICS schema_of_violated = SCHEMA_NAME, violated = CONSTRAINT_NAME;
				PERFORM contacts_internal.raise_address_taken(schema_of_violated, violated, address);
				RAISE; -- a unique index of the user's own
			WHEN deadlock_detected THEN
				IF try OPERATOR(pg_catalog.=) 3 THEN
					RAISE;
				END IF;
				-- Tried at once, this session would have the contact again before the other one has woken up.
				PERFORM pg_catalog.pg_sleep(0.1);
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION contacts_internal.move_to_address(text, text, bigint) IS
	'part of change_address(): gives a contact a normalised address, or raises ADDRESS_TAKEN';
REVOKE ALL ON FUNCTION contacts_internal.move_to_address(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.guard_address(status contacts.status, address text, workspace_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	IF status IN ('SUBSCRIBED', 'UNCONFIRMED') AND contacts_internal.is_suppressed(address, workspace_id) AND EXISTS (
		SELECT FROM contacts.workspace w WHERE w.workspace_id = guard_address.workspace_id AND w.status_policy = 'guarded') THEN
		PERFORM contacts_internal.raise_error('RESUBSCRIBE_REFUSED',
			'This contact has opted out and cannot be resubscribed without consent.',
			'Whoever had this address has opted out. Where there is consent now, contacts.lift_suppression(email_address) '
			'comes first.', 'email_address', address);
	END IF;
END
$$;
COMMENT ON FUNCTION contacts_internal.guard_address(contacts.status, text, bigint) IS
	'part of change_address(): an error if a contact that can be mailed would get an address that has opted out';
REVOKE ALL ON FUNCTION contacts_internal.guard_address(contacts.status, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.change_address(contact text, email_address text, workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := COALESCE(change_address.workspace_id, contacts_internal.current_workspace());
	address pg_catalog.text;
BEGIN
	PERFORM contacts_internal.require_writing('contacts.change_address()');
	IF contacts_internal.is_elsewhere(workspace) THEN
		RETURN contacts_internal.call_there('change_address', workspace, change_address.contact, change_address.email_address);
	END IF;
	PERFORM contacts_internal.require_workspace(workspace);
	PERFORM contacts_internal.require_contact_triggers();
	address := contacts_internal.normalize_address(change_address.email_address);
	PERFORM contacts_internal.move_to_address(change_address.contact, address, workspace);
	RETURN contacts.upsert(pg_catalog.jsonb_build_object('email_address', address, 'partial_update', true), workspace);
END
$$;
COMMENT ON FUNCTION contacts.change_address(text, text, bigint) IS
	'gives a contact, by its id or address, another address; id, data, tags, statistics and history stay; returns the contact '
	'as contact_upsert() does';
REVOKE ALL ON FUNCTION contacts.change_address(text, text, bigint) FROM PUBLIC;
