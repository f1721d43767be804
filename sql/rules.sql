-- The rules that the tables' constraints, defaults and indexes call, so that they hold for every writer.

CREATE FUNCTION contacts_internal.object_id() RETURNS text
	LANGUAGE C VOLATILE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_object_id';
COMMENT ON FUNCTION contacts_internal.object_id() IS 'a new contact id: an ObjectId of 24 lower-case hex digits';
REVOKE ALL ON FUNCTION contacts_internal.object_id() FROM PUBLIC;

CREATE FUNCTION contacts_internal.check_contact(
	id text,
	email_address text,
	tags bigint[],
	data jsonb,
	version bigint,
	created_at timestamptz,
	updated_at timestamptz
) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_check_contact';
COMMENT ON FUNCTION contacts_internal.check_contact(text, text, bigint[], jsonb, bigint, timestamptz, timestamptz) IS
	'true, or an error that names the column and the rule of contacts.contact that it breaks';
REVOKE ALL ON FUNCTION contacts_internal.check_contact(text, text, bigint[], jsonb, bigint, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_tag_name(name text) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_is_tag_name';
COMMENT ON FUNCTION contacts_internal.is_tag_name(text) IS 'whether it has 1 to 64 characters and no white space around it';
REVOKE ALL ON FUNCTION contacts_internal.is_tag_name(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.trim(value text) RETURNS text
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_trim';
COMMENT ON FUNCTION contacts_internal.trim(text) IS 'the text without the Unicode white space around it';
REVOKE ALL ON FUNCTION contacts_internal.trim(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.fold_case(name text) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_fold_case';
COMMENT ON FUNCTION contacts_internal.fold_case(text) IS
	'the name without its case, in UTF-8, by Unicode''s simple case folding; the same under every locale';
REVOKE ALL ON FUNCTION contacts_internal.fold_case(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_option_list(options text[]) RETURNS boolean
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	AS $$
		SELECT pg_catalog.array_ndims(options) OPERATOR(pg_catalog.=) 1
			AND pg_catalog.count(DISTINCT o COLLATE pg_catalog."C") OPERATOR(pg_catalog.>=) 2
			AND pg_catalog.bool_and(o IS NOT NULL AND o OPERATOR(pg_catalog.<>) '')
		FROM pg_catalog.unnest(options) o
	$$;
COMMENT ON FUNCTION contacts_internal.is_option_list(text[]) IS 'whether there are at least 2 different options, none of them empty';
REVOKE ALL ON FUNCTION contacts_internal.is_option_list(text[]) FROM PUBLIC;

CREATE FUNCTION contacts_internal.is_field_value(type contacts.field_type, options text[], value jsonb) RETURNS boolean
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_is_field_value';
COMMENT ON FUNCTION contacts_internal.is_field_value(contacts.field_type, text[], jsonb) IS
	'whether a field of that type takes the value; null is one that every type takes';
REVOKE ALL ON FUNCTION contacts_internal.is_field_value(contacts.field_type, text[], jsonb) FROM PUBLIC;
