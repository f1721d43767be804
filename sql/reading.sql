-- Reading: what is stored of a contact, of many, and of a person.

CREATE FUNCTION contacts_internal.contact_id(contact text, workspace_id bigint) RETURNS text
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_contact_id';
COMMENT ON FUNCTION contacts_internal.contact_id(text, bigint) IS
	'an id as it is, there or not; of an e-mail address the id of the contact that has it; else null';
REVOKE ALL ON FUNCTION contacts_internal.contact_id(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.get(contact text, workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'contacts_get';
COMMENT ON FUNCTION contacts.get(text, bigint) IS
	'the contact with that id or e-mail address as contact_upsert answers it, with its version beside data; null if there is none';
REVOKE ALL ON FUNCTION contacts.get(text, bigint) FROM PUBLIC;

CREATE FUNCTION contacts.search(
	filter jsonb,
	after text DEFAULT NULL,
	max integer DEFAULT 100,
	workspace_id bigint DEFAULT NULL
) RETURNS SETOF contacts.upsert_result
	LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 100
	AS 'MODULE_PATHNAME', 'contacts_search';
COMMENT ON FUNCTION contacts.search(jsonb, text, integer, bigint) IS
	'contacts by status, tags (all, any, none), fields and updated_since, in the order of id, behind the id after';
REVOKE ALL ON FUNCTION contacts.search(jsonb, text, integer, bigint) FROM PUBLIC;

-- JSON Schema writes regular expressions as JavaScript does. White space is Unicode's White_Space, which its \s is not.
CREATE FUNCTION contacts_internal.padded_pattern(pattern text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('^%1$s*(?:%2$s)?%1$s*$', '[\t-\r \u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]', pattern)
	$$;
COMMENT ON FUNCTION contacts_internal.padded_pattern(text) IS
	'part of request_schema(): a pattern with white space around it, or white space alone';
REVOKE ALL ON FUNCTION contacts_internal.padded_pattern(text) FROM PUBLIC;

CREATE FUNCTION contacts_internal.field_schema(type contacts.field_type, options text[]) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE type
			WHEN 'TEXT' THEN jsonb_build_object('type', '["string", "number", "boolean", "null"]'::jsonb,
				'anyOf', jsonb_build_array('{"maxLength": 65535}'::jsonb, '{"$ref": "#/$defs/blank"}'::jsonb))
			WHEN 'NUMBER' THEN jsonb_build_object('type', '["number", "string", "null"]'::jsonb, 'pattern',
				contacts_internal.padded_pattern('-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?'))
			WHEN 'BOOLEAN' THEN jsonb_build_object('type', '["boolean", "string", "null"]'::jsonb, 'pattern',
				contacts_internal.padded_pattern('[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]'))
			WHEN 'DATE' THEN jsonb_build_object('type', '["string", "null"]'::jsonb, 'pattern', contacts_internal.padded_pattern(
				'[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])'
				'(?:[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]))?'))
			WHEN 'DROPDOWN_SINGLE' THEN jsonb_build_object('anyOf', jsonb_build_array(
				jsonb_build_object('enum', to_jsonb(options) || '[null, ""]'),
				'{"$ref": "#/$defs/padded"}'::jsonb))
			WHEN 'DROPDOWN_MULTIPLE' THEN jsonb_build_object('type', '["array", "string", "null"]'::jsonb,
				'items', jsonb_build_object('anyOf', jsonb_build_array(
					jsonb_build_object('enum', options), '{"$ref": "#/$defs/padded"}'::jsonb)))
			WHEN 'COUNTRY' THEN jsonb_build_object('type', '["string", "null"]'::jsonb, 'pattern',
				contacts_internal.padded_pattern('[A-Za-z]{2}'))
		END
	$$;
COMMENT ON FUNCTION contacts_internal.field_schema(contacts.field_type, text[]) IS
	'part of request_schema(): the schema of the values that such a field takes';
REVOKE ALL ON FUNCTION contacts_internal.field_schema(contacts.field_type, text[]) FROM PUBLIC;

CREATE FUNCTION contacts_internal.key_schema(keys text[]) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		-- A key that is one of these but for case, "_" and "-" is none. (The call looks at the first 64 bytes.)
		SELECT jsonb_build_object('anyOf', jsonb_build_array(
			jsonb_build_object('enum', keys),
			'{"minLength": 65}'::jsonb,
			jsonb_build_object('not', jsonb_build_object('pattern',
				format('^[_-]*(?:%s)$', (
					SELECT string_agg((
							SELECT string_agg(format('[%s%s][_-]*', letter, upper(letter)), '' ORDER BY number)
							FROM regexp_split_to_table(replace(key, '_', ''), '') WITH ORDINALITY AS l (letter, number)
						), '|')
					FROM unnest(keys) AS key))))))
	$$;
COMMENT ON FUNCTION contacts_internal.key_schema(text[]) IS
	'part of request_schema(): the schema of the keys of a request';
REVOKE ALL ON FUNCTION contacts_internal.key_schema(text[]) FROM PUBLIC;

CREATE FUNCTION contacts.request_schema(workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(request_schema.workspace_id, contacts_internal.current_workspace());
	flag CONSTANT jsonb := '{"type": ["boolean", "null"]}';
	tags CONSTANT jsonb := '{"type": ["array", "null"], "maxItems": 1000, "items": {"type": ["integer", "string"], "minimum": 1}}';
	properties jsonb;
	fields jsonb;
	required text[]; -- fields that a creation and a full replace must give a value
	schema jsonb;
BEGIN
	IF contacts_internal.is_elsewhere(workspace) THEN
		RETURN contacts_internal.call_there('request_schema', workspace, VARIADIC '{}');
	END IF;
	PERFORM contacts_internal.require_workspace(workspace);
	SELECT coalesce(jsonb_object_agg(f.merge_tag,
				jsonb_build_object('title', f.label)
				|| CASE WHEN f.default_value IS NULL THEN '{}' ELSE jsonb_build_object('default', f.default_value) END
				|| contacts_internal.field_schema(f.type, f.options)), '{}'),
			array_agg(f.merge_tag ORDER BY f."position", f.merge_tag) FILTER (WHERE f.required AND f.default_value IS NULL)
		INTO fields, required
		FROM contacts.field f
		WHERE f.workspace_id = workspace AND NOT f.immutable;
	properties := jsonb_build_object(
		'email_address', '{"type": "string", "pattern": "^[^@]+@[^@]+$"}'::jsonb,
		'fields', jsonb_build_object('type', '["object", "array", "null"]'::jsonb, 'maxItems', 0, 'maxProperties', 1000,
			'properties', fields || '{"email_address": true}', 'additionalProperties', false),
		'status', jsonb_build_object('enum', to_jsonb(enum_range(NULL::contacts.status)) || 'null'),
		'tags', tags, 'add_tags', tags, 'remove_tags', tags, 'create_tags', flag,
		'partial_update', flag, 'resubscribe', flag,
		'mode', '{"enum": ["upsert", "create", "update", "fill", null]}'::jsonb,
		'if_version', '{"type": ["integer", "null"], "minimum": 0, "maximum": 9223372036854775807}'::jsonb,
		'source', '{"type": ["string", "null"], "maxLength": 255}'::jsonb,
		'evidence', '{"type": ["object", "array", "null"], "maxItems": 0}'::jsonb);
	schema := jsonb_build_object(
		'$schema', 'https://json-schema.org/draft/2020-12/schema',
		'title', 'Create or Update Contact',
		'type', 'object',
		'required', '["email_address"]'::jsonb,
		'properties', properties,
		'propertyNames', contacts_internal.key_schema(ARRAY(SELECT jsonb_object_keys(properties))),
		'$defs', jsonb_build_object(
			'blank', jsonb_build_object('pattern', contacts_internal.padded_pattern('')),
			'padded', jsonb_build_object('type', 'string', 'pattern',
				'^[\t-\r \u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]'
				'|[\t-\r \u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]$')));
	IF required IS NULL THEN
		RETURN schema;
	END IF;
	-- In other modes the call may leave the contact alone, and does not ask for its fields then.
	RETURN schema || jsonb_build_object(
		'if', '{"properties": {"partial_update": {"not": {"const": true}}, "mode": {"enum": ["upsert", null]}}}'::jsonb,
		'then', jsonb_build_object('required', '["fields"]'::jsonb, 'properties', jsonb_build_object('fields', jsonb_build_object(
			'type', 'object', 'required', required, 'properties',
			(SELECT jsonb_object_agg(r, '{"not": {"enum": [null, "", []]}}'::jsonb) FROM unnest(required) r)))));
END
$$;
COMMENT ON FUNCTION contacts.request_schema(bigint) IS
	'JSON Schema (2020-12) of a request in the workspace: what contact_upsert accepts validates, but not the other way round';
REVOKE ALL ON FUNCTION contacts.request_schema(bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.export_events(ids text[], workspace_id bigint) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	SET TimeZone = 'UTC'
	AS $$
		SELECT jsonb_agg(to_jsonb(e) - '{workspace_id,contact_id}'::text[] || jsonb_build_object('deliveries', (
				SELECT coalesce(jsonb_agg(jsonb_build_object('consumer', c.name, 'attempts', d.attempts, 'dead', d.dead,
					'last_error', d.last_error) ORDER BY c.name), '[]')
				FROM contacts.delivery d
					JOIN contacts.consumer c ON c.workspace_id IN (d.workspace_id, 0) AND c.consumer_id = d.consumer_id
				WHERE d.workspace_id = export_events.workspace_id AND d.event_id = e.event_id
			)) ORDER BY e.contact_version, e.ordinal, e.event_id)
		FROM contacts.event e
		WHERE e.workspace_id = export_events.workspace_id AND e.contact_id = ANY (ids)
	$$;
COMMENT ON FUNCTION contacts_internal.export_events(text[], bigint) IS
	'part of export(): the events of contacts, and what their deliveries say; null if there are none';
REVOKE ALL ON FUNCTION contacts_internal.export_events(text[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts_internal.export_import_rows(addresses text[], workspace_id bigint) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT jsonb_agg(jsonb_build_object('import_id', r.import_id, 'row_number', r.row_number, 'row', r.row, 'error', r.error)
			ORDER BY r.import_id, r.row_number, r.error_number)
		FROM (
			SELECT c.import_id, coalesce(c.row_numbers[u.number], c.first_row + u.number - 1) AS row_number, 0 AS error_number,
				u.row, NULL::jsonb AS error
			FROM contacts.import_progress p JOIN contacts.import_chunk c ON c.workspace_id = p.workspace_id AND c.import_id = p.import_id,
				unnest(c.rows) WITH ORDINALITY AS u ("row", number)
			WHERE p.workspace_id = export_import_rows.workspace_id AND c.workspace_id = export_import_rows.workspace_id
				AND contacts_internal.mentions_address(u.row -> contacts_internal.address_column(p.matched), addresses)
			UNION ALL
			SELECT e.import_id, e.row_number, e.error_number, e.row, e.error
			FROM contacts.import_error e
			WHERE e.workspace_id = export_import_rows.workspace_id
				AND (e.import_id, e.row_number) IN (
					SELECT f.import_id, f.row_number
					FROM contacts.import_progress p
						JOIN contacts.import_error f ON f.workspace_id = p.workspace_id AND f.import_id = p.import_id
					WHERE p.workspace_id = export_import_rows.workspace_id AND f.workspace_id = export_import_rows.workspace_id
						AND contacts_internal.mentions_address(jsonb_build_array(
							f.row -> contacts_internal.address_column(p.matched), f.value, f.message, f.error), addresses))
		) AS r
	$$;
COMMENT ON FUNCTION contacts_internal.export_import_rows(text[], bigint) IS
	'part of export(): the rows of imports that erase() would take for the addresses, those that wait and those that failed; null if '
	'there are none';
REVOKE ALL ON FUNCTION contacts_internal.export_import_rows(text[], bigint) FROM PUBLIC;

CREATE FUNCTION contacts.export(contact text, workspace_id bigint DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
	SET TimeZone = 'UTC'
	AS $$
#variable_conflict use_column
DECLARE
	workspace CONSTANT bigint := coalesce(export.workspace_id, contacts_internal.current_workspace());
	id text;
	held jsonb;
	address text;
	addresses text[];
	ids text[]; -- of the contact, and of contacts with its addresses that are gone
	history jsonb;
	events jsonb;
	import_rows jsonb;
	import_kept jsonb;
	suppressions jsonb;
BEGIN
	IF contacts_internal.is_elsewhere(workspace) THEN
		RETURN contacts_internal.call_there('export', workspace, export.contact);
	END IF;
	PERFORM contacts_internal.require_workspace(workspace);
	id := contacts_internal.contact_id(export.contact, workspace);
	held := contacts.get(coalesce(id, export.contact), workspace_id => workspace);
	-- Of an address that no contact has any more there may be rows of imports, and that it must not be mailed.
	address := coalesce(held #>> '{data,data,email_address}',
		translate(contacts_internal.trim(export.contact), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'));
	addresses := contacts_internal.known_addresses(id, address, workspace);
	ids := contacts_internal.gone_contacts(addresses, workspace) || id;
	SELECT jsonb_agg(to_jsonb(h) - '{workspace_id,contact_id}'::text[] ORDER BY h.contact_version, h.history_id) INTO history
		FROM contacts.history h
		WHERE h.workspace_id = workspace AND h.contact_id = ANY (ids);
	events := contacts_internal.export_events(ids, workspace);
	import_rows := contacts_internal.export_import_rows(addresses, workspace);
	SELECT jsonb_agg(to_jsonb(k) - '{workspace_id,contact_id}'::text[] ORDER BY k.import_id) INTO import_kept
		FROM contacts.import_kept k
		WHERE k.workspace_id = workspace AND k.contact_id = ANY (ids);
	SELECT jsonb_agg(to_jsonb(s) - '{workspace_id,address_hash}'::text[] ORDER BY s.created_at, s.address_hash) INTO suppressions
		FROM contacts.suppression s
		WHERE s.workspace_id = workspace
			AND s.address_hash = ANY (ARRAY(SELECT sha256(convert_to(a, 'UTF8')) FROM unnest(addresses) a));
	IF coalesce(held, history, events, import_rows, import_kept, suppressions) IS NULL THEN
		RETURN NULL;
	END IF;
	RETURN jsonb_build_object('contact', held -> 'data' || jsonb_build_object('version', held -> 'version'),
		'history', coalesce(history, '[]'), 'events', coalesce(events, '[]'), 'import_rows', coalesce(import_rows, '[]'),
		'import_kept', coalesce(import_kept, '[]'), 'suppressions', coalesce(suppressions, '[]'));
END
$$;
COMMENT ON FUNCTION contacts.export(text, bigint) IS
	'all that is held of a person: contact, history, events, rows of imports, suppressions; null if nothing is';
REVOKE ALL ON FUNCTION contacts.export(text, bigint) FROM PUBLIC;
