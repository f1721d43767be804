-- The rules of the API page as one would write them in PL/pgSQL: validation, merge, guarded writing, events, answer. On the
-- benchmark's rows it does what contact_upsert does: equivalence.sql compares the two. Simplified in its favour: one
-- workspace, the types that occur in the rows, tags by id, no status policy, no consumers, no limits, no DETAIL or HINT, and a
-- date that is not on the calendar raises the cast's own error, because catching it would cost a subtransaction.
SET client_min_messages = warning;

-- The value as it is stored; NULL for none. Raises what is wrong with it.
CREATE FUNCTION plpgsql.field_value(field contacts.field, value jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	kind text := jsonb_typeof(value);
	value_text text := value #>> '{}';
BEGIN
	IF value_text IS NULL OR value_text = '' THEN
		RETURN NULL;
	END IF;
	CASE field.type
		WHEN 'TEXT' THEN
			IF kind = 'string' AND octet_length(value_text) <= 65535 THEN
				RETURN value;
			ELSIF kind IN ('number', 'boolean') THEN
				RETURN to_jsonb(value_text);
			END IF;
		WHEN 'NUMBER' THEN
			IF kind = 'number' THEN
				RETURN value;
			ELSIF kind = 'string' AND value_text ~ '^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$' THEN
				RETURN value_text::jsonb;
			END IF;
		WHEN 'DATE' THEN
			-- The patterns leave "today", "infinity" and their like out.
			IF kind = 'string' AND value_text ~ '^\d{4}-\d\d-\d\d$' THEN
				PERFORM value_text::date;
				RETURN value;
			ELSIF kind = 'string' AND value_text ~* '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$' THEN
				RETURN to_jsonb(to_char(value_text::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
			END IF;
		WHEN 'DROPDOWN_SINGLE' THEN
			IF kind = 'string' AND value_text = ANY (field.options) THEN
				RETURN value;
			END IF;
	END CASE;
	RAISE 'Field ''%'' is not a valid %.', field.label, field.type USING ERRCODE = '22023';
END $$;

-- The address as it is stored.
CREATE FUNCTION plpgsql.read_email(request jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	email text := lower(btrim(request ->> 'email_address', E' \t\r\n') COLLATE "C");
BEGIN
	IF email IS NULL OR email = '' THEN
		RAISE 'Email address is required for upsert operation.' USING ERRCODE = '22004';
	END IF;
	IF octet_length(email) > 254
		OR email !~ '^[a-z0-9.!#$%&''*+/=?^_`{|}~-]+@[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$'
	THEN
		RAISE 'The email address you provided is not valid.' USING ERRCODE = '22023';
	END IF;
	RETURN email;
END $$;

-- The tag ids of the request, sorted and without duplicates; NULL if it has none.
CREATE FUNCTION plpgsql.read_tags(request jsonb) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	wanted bigint[];
	unknown bigint;
BEGIN
	IF jsonb_typeof(request -> 'tags') IS NOT DISTINCT FROM 'null' OR NOT request ? 'tags' THEN
		RETURN NULL;
	END IF;
	SELECT coalesce(array_agg(DISTINCT t::bigint ORDER BY t::bigint), '{}') INTO wanted
		FROM jsonb_array_elements_text(request -> 'tags') t;
	SELECT t INTO unknown FROM unnest(wanted) t
		WHERE NOT EXISTS (SELECT FROM contacts.tag g WHERE g.workspace_id = 1 AND g.tag_id = t) LIMIT 1;
	IF FOUND THEN
		RAISE 'Tag ID % does not exist in this workspace', unknown USING ERRCODE = '22023';
	END IF;
	RETURN wanted;
END $$;

-- Stores the events of an update.
CREATE FUNCTION plpgsql.store_events(old plpgsql.contact, new plpgsql.contact) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO plpgsql.event (workspace_id, contact_id, contact_version, ordinal, type, detail)
	SELECT 1, new.id, new.version, row_number() OVER (ORDER BY e.kind::contacts.event_type, e.tag_id, e.position), e.kind::contacts.event_type, e.detail
	FROM (
		SELECT 'TAG_ADDED', g.tag_id, NULL::int, jsonb_build_object('tag', jsonb_build_object('id', g.tag_id, 'name', g.name))
		FROM contacts.tag g WHERE g.workspace_id = 1 AND g.tag_id = ANY (new.tags) AND g.tag_id <> ALL (old.tags)
		UNION ALL
		SELECT 'TAG_REMOVED', g.tag_id, NULL, jsonb_build_object('tag', jsonb_build_object('id', g.tag_id, 'name', g.name))
		FROM contacts.tag g WHERE g.workspace_id = 1 AND g.tag_id = ANY (old.tags) AND g.tag_id <> ALL (new.tags)
		UNION ALL
		SELECT 'FIELD_UPDATED', NULL, f."position", jsonb_build_object('field', jsonb_build_object(
			'merge_tag', f.merge_tag, 'label', f.label, 'old', old.data -> f.merge_tag, 'new', new.data -> f.merge_tag))
		FROM contacts.field f
		WHERE f.workspace_id = 1 AND f.tracked AND old.data -> f.merge_tag IS DISTINCT FROM new.data -> f.merge_tag
	) e (kind, tag_id, "position", detail);
END $$;

-- The page's envelope.
CREATE FUNCTION plpgsql.answer(contact plpgsql.contact) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	statistics plpgsql.statistics;
BEGIN
	SELECT * INTO statistics FROM plpgsql.statistics s WHERE s.workspace_id = 1 AND s.contact_id = contact.id;
	RETURN jsonb_build_object('data', jsonb_build_object(
		'id', contact.id,
		'status', contact.status,
		'tags', (
			SELECT coalesce(jsonb_agg(jsonb_build_object('id', g.tag_id, 'name', g.name) ORDER BY g.tag_id), '[]')
			FROM contacts.tag g WHERE g.workspace_id = 1 AND g.tag_id = ANY (contact.tags)),
		'data', contact.data || jsonb_build_object('email_address', contact.email_address),
		'statistics', jsonb_build_object(
			'total_opens', coalesce(statistics.total_opens, 0), 'total_clicks', coalesce(statistics.total_clicks, 0),
			'total_bounces', coalesce(statistics.total_bounces, 0), 'total_delivered', coalesce(statistics.total_delivered, 0)),
		'created_at', to_char(contact.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
		'updated_at', to_char(contact.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
END $$;

-- The data that the contact will have. Raises what is wrong with the request's fields.
CREATE FUNCTION plpgsql.merge_fields(stored jsonb, given jsonb, is_partial boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	field contacts.field;
	value jsonb;
	result jsonb := '{}';
	missing text;
BEGIN
	FOR field IN SELECT * FROM contacts.field f WHERE f.workspace_id = 1 AND NOT f.immutable ORDER BY f."position" LOOP
		value := CASE
			WHEN given ? field.merge_tag THEN plpgsql.field_value(field, given -> field.merge_tag)
			WHEN is_partial THEN stored -> field.merge_tag
		END;
		IF value IS NULL AND NOT is_partial THEN
			value := field.default_value;
		END IF;
		IF value IS NOT NULL THEN
			result := result || jsonb_build_object(field.merge_tag, value);
		ELSIF field.required AND missing IS NULL AND (NOT is_partial OR given ? field.merge_tag) THEN
			missing := field.label;
		END IF;
	END LOOP;
	IF missing IS NOT NULL THEN
		RAISE 'Field ''%'' is required.', missing USING ERRCODE = '22004';
	END IF;
	RETURN result;
END $$;

CREATE FUNCTION plpgsql.upsert(request jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	email text := plpgsql.read_email(request);
	given jsonb := coalesce(nullif(request -> 'fields', 'null'), '{}');
	wanted bigint[];
	unknown text;
	is_partial boolean := coalesce((request -> 'partial_update')::boolean, false);
	stored plpgsql.contact;
	contact plpgsql.contact;
BEGIN
	SELECT k INTO unknown FROM jsonb_object_keys(given) k
		WHERE NOT EXISTS (SELECT FROM contacts.field f WHERE f.workspace_id = 1 AND f.merge_tag = k) LIMIT 1;
	IF FOUND THEN
		RAISE 'We were unable to find a field with the merge_tag %', unknown USING ERRCODE = '22023';
	END IF;
	IF request ->> 'status' NOT IN ('SUBSCRIBED', 'UNSUBSCRIBED', 'UNCONFIRMED', 'CLEANED', 'COMPLAINED') THEN
		RAISE 'The status you provided is not valid.' USING ERRCODE = '22023';
	END IF;
	wanted := plpgsql.read_tags(request);
	LOOP
		SELECT * INTO stored FROM plpgsql.contact c WHERE c.workspace_id = 1 AND c.email_address = email FOR NO KEY UPDATE;
		is_partial := is_partial AND FOUND;
		contact := stored;
		contact.status := coalesce((request ->> 'status')::contacts.status, CASE WHEN is_partial THEN stored.status END, 'SUBSCRIBED');
		contact.tags := coalesce(wanted, CASE WHEN is_partial THEN stored.tags END, '{}');
		contact.data := plpgsql.merge_fields(stored.data, given, is_partial);
		IF stored.id IS NULL THEN
			INSERT INTO plpgsql.contact AS c (workspace_id, email_address, status, tags, data)
				VALUES (1, email, contact.status, contact.tags, contact.data)
				ON CONFLICT (workspace_id, email_address) DO NOTHING RETURNING * INTO contact;
			-- Somebody else was faster: once more, on what is there now.
			CONTINUE WHEN NOT FOUND;
			IF contact.status = 'UNCONFIRMED' THEN
				INSERT INTO plpgsql.event (workspace_id, contact_id, contact_version, ordinal, type, detail)
					VALUES (1, contact.id, 1, 1, 'CONTACT_SUBSCRIBED_PENDING', '{}');
			END IF;
		ELSIF (contact.status, contact.tags, contact.data) IS DISTINCT FROM (stored.status, stored.tags, stored.data) THEN
			UPDATE plpgsql.contact c
				SET status = contact.status, tags = contact.tags, data = contact.data, version = c.version + 1,
					updated_at = greatest(c.updated_at, now())
				WHERE c.workspace_id = 1 AND c.id = stored.id
				RETURNING c.* INTO contact;
			IF contact.tags <> stored.tags OR EXISTS (
				SELECT FROM contacts.field f WHERE f.workspace_id = 1 AND f.tracked
					AND stored.data -> f.merge_tag IS DISTINCT FROM contact.data -> f.merge_tag)
			THEN
				PERFORM plpgsql.store_events(stored, contact);
			END IF;
		END IF;
		RETURN plpgsql.answer(contact);
	END LOOP;
END $$;
