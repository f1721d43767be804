-- Erasure: contacts.erase, and contacts.suppression, which remembers that an address has opted out when its contact is gone.
--
-- A suppression is the SHA-256 of an address: enough to know the address when it comes again, and not to read it. Triggers on
-- contacts.contact leave one (src/pg/suppression.c); no role but the owner of the tables has a privilege to write them.

CREATE FUNCTION contacts_internal.after_contact_delete() RETURNS trigger
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_after_contact_delete';
COMMENT ON FUNCTION contacts_internal.after_contact_delete() IS
	'trigger: suppresses the address of a deleted contact that had opted out';
REVOKE ALL ON FUNCTION contacts_internal.after_contact_delete() FROM PUBLIC;

CREATE FUNCTION contacts_internal.after_address_change() RETURNS trigger
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_after_address_change';
COMMENT ON FUNCTION contacts_internal.after_address_change() IS
	'trigger: suppresses the address that a contact had which has opted out, and notes the change in the history';
REVOKE ALL ON FUNCTION contacts_internal.after_address_change() FROM PUBLIC;

CREATE FUNCTION contacts_internal.install_erasure() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- Without a foreign key to workspace, like contacts: to check one would lock the workspace's row.
	CREATE TABLE contacts.suppression (
		workspace_id bigint NOT NULL,
		address_hash bytea NOT NULL,
		status contacts.status NOT NULL,
		reason text NOT NULL,
		created_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (workspace_id, address_hash),
		CONSTRAINT "address_hash is a SHA-256" CHECK (octet_length(address_hash) = 32)
	);
	COMMENT ON TABLE contacts.suppression IS
		'contact_upsert: addresses that have opted out and whose contact is gone; address_hash is '
		'sha256(convert_to(email_address, ''UTF8'')), status the one that the contact had, reason what it went by';
END
$$;
COMMENT ON FUNCTION contacts_internal.install_erasure() IS 'part of contacts.install(): suppressions';
REVOKE ALL ON FUNCTION contacts_internal.install_erasure() FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_suppressed(email_address text, workspace_id bigint) RETURNS boolean
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_is_suppressed';
COMMENT ON FUNCTION contacts_internal.is_suppressed(text, bigint) IS
	'whether a normalised address is suppressed, as all that is committed by now says';
REVOKE ALL ON FUNCTION contacts_internal.is_suppressed(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.mentions_address(value jsonb, addresses text[]) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_mentions_address';
COMMENT ON FUNCTION contacts_internal.mentions_address(jsonb, text[]) IS
	'whether a string in the value is one of the normalised addresses, or has one as a whole in it, in whatever case';
REVOKE ALL ON FUNCTION contacts_internal.mentions_address(jsonb, text[]) FROM PUBLIC;

CREATE FUNCTION contacts_internal.known_addresses(id text, email_address text, workspace_id bigint) RETURNS text[]
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT ARRAY(
			SELECT a.address
			FROM (
				SELECT known_addresses.email_address
				UNION
				SELECT v.address
				FROM contacts.history h
					CROSS JOIN LATERAL (VALUES (h.changes #>> '{email_address,new}'), (h.changes #>> '{email_address,old}')) v (address)
				WHERE h.workspace_id = known_addresses.workspace_id AND h.contact_id = known_addresses.id
			) AS a (address)
			-- An earlier address that another contact has by now is that one's.
			WHERE a.address <> '' AND NOT EXISTS (
				SELECT FROM contacts.contact c
				WHERE c.workspace_id = known_addresses.workspace_id AND c.email_address = a.address
					AND c.id IS DISTINCT FROM known_addresses.id)
			ORDER BY a.address)
	$$;
COMMENT ON FUNCTION contacts_internal.known_addresses(text, text, bigint) IS
	'the address of a contact and, as its history knows them, those that it and its duplicates had, unless another contact has them';
REVOKE ALL ON FUNCTION contacts_internal.known_addresses(text, text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.gone_contacts(addresses text[], workspace_id bigint) RETURNS text[]
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT ARRAY(
			SELECT DISTINCT h.contact_id
			FROM contacts.history h
			-- as the index history_address_idx has it
			WHERE h.workspace_id = gone_contacts.workspace_id AND h.changes ? 'email_address'
				AND h.changes #>> '{email_address,new}' = ANY (addresses)
				AND NOT EXISTS (
					SELECT FROM contacts.contact c
					WHERE c.workspace_id = gone_contacts.workspace_id AND c.id = h.contact_id)
			ORDER BY h.contact_id)
	$$;
COMMENT ON FUNCTION contacts_internal.gone_contacts(text[], bigint) IS
	'the ids of contacts that are gone and had one of the addresses, as what is left of their history says';
REVOKE ALL ON FUNCTION contacts_internal.gone_contacts(text[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts.erase(contact text, suppress boolean DEFAULT NULL, workspace_id bigint DEFAULT NULL) RETURNS boolean
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_erase';
COMMENT ON FUNCTION contacts.erase(text, boolean, bigint) IS
	'deletes a contact, by its id or address, with its statistics, history, events and rows of imports; returns whether there '
	'was one. It leaves a suppression if the contact had opted out, with suppress => true in any case';
REVOKE ALL ON FUNCTION contacts.erase(text, boolean, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.lift_suppression(email_address text, workspace_id bigint DEFAULT NULL) RETURNS boolean
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'contacts_lift_suppression';
COMMENT ON FUNCTION contacts.lift_suppression(text, bigint) IS
	'takes back that an address is suppressed, where there is consent; returns whether it was';
REVOKE ALL ON FUNCTION contacts.lift_suppression(text, bigint) FROM PUBLIC;
