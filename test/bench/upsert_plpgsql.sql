-- The same tables without the extension's functions, and two ways to write to them: the statement alone, and the rules of the
-- API page as one would write them in PL/pgSQL. Simplified in its favour: three text fields, no typed values, no guard.
CREATE SCHEMA plain;
CREATE TABLE plain.contact (
	workspace_id bigint NOT NULL, id text NOT NULL, email_address text COLLATE "C" NOT NULL, status text NOT NULL,
	tags bigint[] NOT NULL, data jsonb NOT NULL, version bigint NOT NULL,
	created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
	PRIMARY KEY (workspace_id, id), UNIQUE (workspace_id, email_address)
) WITH (fillfactor = 85);
CREATE INDEX ON plain.contact USING gin (tags);
CREATE TABLE plain.field (merge_tag text PRIMARY KEY, label text, required boolean, tracked boolean);
INSERT INTO plain.field VALUES ('first_name', 'First Name', false, true), ('last_name', 'Last Name', false, false), ('city', 'City', false, false);
CREATE TABLE plain.tag (tag_id bigint PRIMARY KEY, name text);
INSERT INTO plain.tag VALUES (1, 'newsletter'), (2, 'vip');


CREATE FUNCTION plain.upsert(request jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	email text := lower(btrim(request ->> 'email_address'));
	is_partial boolean := coalesce((request ->> 'partial_update')::boolean, false);
	key text;
	found_row plain.contact;
	new_row plain.contact;
	wanted bigint[];
BEGIN
	IF email IS NULL OR email = '' THEN
		RAISE 'Email address is required for upsert operation.' USING ERRCODE = '22004';
	END IF;
	IF email !~ '^[a-z0-9.!#$%&''*+/=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)*$' THEN
		RAISE 'The email address you provided is not valid.' USING ERRCODE = '22023';
	END IF;
	FOR key IN SELECT k FROM jsonb_object_keys(coalesce(request -> 'fields', '{}')) k
		WHERE NOT EXISTS (SELECT FROM plain.field f WHERE f.merge_tag = k)
	LOOP
		RAISE 'We were unable to find a field with the merge_tag %', key USING ERRCODE = '22023';
	END LOOP;
	IF request ->> 'status' NOT IN ('SUBSCRIBED', 'UNSUBSCRIBED', 'UNCONFIRMED', 'CLEANED', 'COMPLAINED') THEN
		RAISE 'The status you provided is not valid.' USING ERRCODE = '22023';
	END IF;
	SELECT array_agg(DISTINCT t::bigint ORDER BY t::bigint) INTO wanted FROM jsonb_array_elements_text(request -> 'tags') t;
	FOR key IN SELECT t FROM unnest(wanted) t WHERE NOT EXISTS (SELECT FROM plain.tag g WHERE g.tag_id = t) LOOP
		RAISE 'Tag ID % does not exist in this workspace', key USING ERRCODE = '22023';
	END LOOP;
	SELECT * INTO found_row FROM plain.contact c WHERE c.workspace_id = 1 AND c.email_address = email FOR UPDATE;
	new_row := found_row;
	IF found_row.id IS NULL THEN
		new_row := ROW(1, encode(gen_random_uuid()::text::bytea, 'hex'), email, 'SUBSCRIBED', '{}', '{}', 0, now(), now());
	END IF;
	IF is_partial THEN
		new_row.data := jsonb_strip_nulls(new_row.data || coalesce(request -> 'fields', '{}'));
		new_row.tags := coalesce(wanted, new_row.tags);
		new_row.status := coalesce(request ->> 'status', new_row.status);
	ELSE
		new_row.data := jsonb_strip_nulls(coalesce(request -> 'fields', '{}'));
		new_row.tags := coalesce(wanted, '{}');
		new_row.status := coalesce(request ->> 'status', 'SUBSCRIBED');
	END IF;
	FOR key IN SELECT f.label FROM plain.field f WHERE f.required AND NOT new_row.data ? f.merge_tag LOOP
		RAISE 'Field ''%'' is required.', key USING ERRCODE = '22004';
	END LOOP;
	IF new_row IS DISTINCT FROM found_row THEN
		new_row.version := new_row.version + 1;
		new_row.updated_at := now();
		INSERT INTO plain.contact SELECT new_row.*
			ON CONFLICT (workspace_id, email_address) DO UPDATE
			SET data = excluded.data, tags = excluded.tags, status = excluded.status, version = contact.version + 1,
				updated_at = excluded.updated_at;
	END IF;
	RETURN jsonb_build_object('data', jsonb_build_object(
		'id', new_row.id, 'status', new_row.status,
		'tags', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', g.tag_id, 'name', g.name) ORDER BY g.tag_id), '[]')
			FROM plain.tag g WHERE g.tag_id = ANY (new_row.tags)),
		'data', jsonb_build_object('email_address', email) || new_row.data,
		'statistics', jsonb_build_object('total_opens', 0, 'total_clicks', 0, 'total_bounces', 0, 'total_delivered', 0),
		'created_at', to_char(new_row.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
		'updated_at', to_char(new_row.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
END $$;
