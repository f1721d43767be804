-- Reading: what is stored of a contact, of many, and of a person.

CREATE FUNCTION contacts_internal.contact_id(contact text, workspace_id bigint) RETURNS text
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_contact_id';
COMMENT ON FUNCTION contacts_internal.contact_id(text, bigint) IS
	'an id as it is, there or not; of an e-mail address the id of the contact that has it; else null';
REVOKE ALL ON FUNCTION contacts_internal.contact_id(text, bigint) FROM PUBLIC;
