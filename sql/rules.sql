-- The rules that the tables' constraints, defaults and indexes call, so that they hold for every writer.

CREATE FUNCTION contacts.object_id() RETURNS text
	LANGUAGE C VOLATILE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_object_id';
COMMENT ON FUNCTION contacts.object_id() IS 'a new contact id: an ObjectId of 24 lower-case hex digits';
REVOKE ALL ON FUNCTION contacts.object_id() FROM PUBLIC;

CREATE FUNCTION contacts.is_object_id(id text) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_is_object_id';
COMMENT ON FUNCTION contacts.is_object_id(text) IS 'whether it is 24 lower-case hex digits';
REVOKE ALL ON FUNCTION contacts.is_object_id(text) FROM PUBLIC;

CREATE FUNCTION contacts.is_stored_email(email_address text) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_is_stored_email';
COMMENT ON FUNCTION contacts.is_stored_email(text) IS
	'whether it is a valid e-mail address in the form that is stored: trimmed, ASCII letters in lower case';
REVOKE ALL ON FUNCTION contacts.is_stored_email(text) FROM PUBLIC;

CREATE FUNCTION contacts.is_tag_set(tags bigint[]) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_is_tag_set';
COMMENT ON FUNCTION contacts.is_tag_set(bigint[]) IS 'whether the ids are ascending, without duplicates and nulls';
REVOKE ALL ON FUNCTION contacts.is_tag_set(bigint[]) FROM PUBLIC;

CREATE FUNCTION contacts.is_stored_data(data jsonb) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_is_stored_data';
COMMENT ON FUNCTION contacts.is_stored_data(jsonb) IS
	'whether it is an object of strings, numbers, booleans and lists of strings, none empty, without email_address';
REVOKE ALL ON FUNCTION contacts.is_stored_data(jsonb) FROM PUBLIC;

CREATE FUNCTION contacts.is_tag_name(name text) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_is_tag_name';
COMMENT ON FUNCTION contacts.is_tag_name(text) IS 'whether it has 1 to 64 characters and no white space around it';
REVOKE ALL ON FUNCTION contacts.is_tag_name(text) FROM PUBLIC;

CREATE FUNCTION contacts.trim(value text) RETURNS text
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_trim';
COMMENT ON FUNCTION contacts.trim(text) IS 'the text without the Unicode white space around it';
REVOKE ALL ON FUNCTION contacts.trim(text) FROM PUBLIC;

CREATE FUNCTION contacts.fold_case(name text) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_fold_case';
COMMENT ON FUNCTION contacts.fold_case(text) IS
	'the name without its case, in UTF-8, by Unicode''s simple case folding; the same under every locale';
REVOKE ALL ON FUNCTION contacts.fold_case(text) FROM PUBLIC;

CREATE FUNCTION contacts.is_option_list(options text[]) RETURNS boolean
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	AS $$
		SELECT pg_catalog.array_ndims(options) OPERATOR(pg_catalog.=) 1
			AND pg_catalog.count(DISTINCT o COLLATE pg_catalog."C") OPERATOR(pg_catalog.>=) 2
			AND pg_catalog.bool_and(o IS NOT NULL AND o OPERATOR(pg_catalog.<>) '')
		FROM pg_catalog.unnest(options) o
	$$;
COMMENT ON FUNCTION contacts.is_option_list(text[]) IS 'whether there are at least 2 different options, none of them empty';
REVOKE ALL ON FUNCTION contacts.is_option_list(text[]) FROM PUBLIC;

CREATE FUNCTION contacts.is_field_value(type contacts.field_type, options text[], value jsonb) RETURNS boolean
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_is_field_value';
COMMENT ON FUNCTION contacts.is_field_value(contacts.field_type, text[], jsonb) IS
	'whether a field of that type takes the value; null is one that every type takes';
REVOKE ALL ON FUNCTION contacts.is_field_value(contacts.field_type, text[], jsonb) FROM PUBLIC;
