-- The half of equivalence.pl that runs in each database: calls one by one or as an array, and what is compared of them.

SET contact_upsert.unknown_keys = ignore;
CREATE EXTENSION contact_upsert;
SELECT contacts.install();
SELECT contacts.subscribe('every', workspace_id => 0), contacts.subscribe('idle', workspace_id => 0);
UPDATE contacts.consumer SET active = false WHERE name = 'idle';

CREATE TABLE call (n int PRIMARY KEY, workspace_id bigint, on_error text, requests jsonb, at timestamptz, last_event bigint);
CREATE TABLE answer (n int, LIKE contacts.upsert_result, raised jsonb);

-- What an error says.
-- What the user has added: a trigger refuses contacts here and there, and another makes arrays write one by one.
\if :refuses
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('test.running', true) = 'yes' AND hashtext(NEW.data::text || NEW.status) % 8 = 0 THEN
		RAISE 'not %', NEW.email_address USING ERRCODE = 'AB001', DETAIL = 'by "the" hash', HINT = 'Try another.', CONSTRAINT = 'of ours';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER refuse AFTER INSERT OR UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION refuse();
\endif
\if :acts_on_insert
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER keep BEFORE INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION keep();
\endif

CREATE TYPE diagnosis AS (sqlstate text, message text, detail text, hint text,
	schema_name text, table_name text, column_name text, constraint_name text);
CREATE FUNCTION as_json(d diagnosis) RETURNS jsonb LANGUAGE sql AS $$
	SELECT to_jsonb(d) || jsonb_build_object('detail', d.detail::jsonb)
$$;
-- The same for an error that is the user's own.
CREATE FUNCTION own_detail(d diagnosis) RETURNS text LANGUAGE sql AS $$
	SELECT jsonb_build_object('code', d.sqlstate, 'status', 400, 'detail', d.detail, 'constraint', d.constraint_name)
$$;

-- The events of the outbox that are younger, as an answer shows them.
CREATE FUNCTION last_event(workspace bigint) RETURNS bigint LANGUAGE sql AS $$
	SELECT coalesce(max(event_id), 0) FROM contacts.event WHERE workspace_id = workspace
$$;
CREATE FUNCTION events_after(workspace bigint, last_event bigint) RETURNS jsonb LANGUAGE sql AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('type', type) || detail ORDER BY event_id), '[]')
	FROM contacts.event WHERE workspace_id = workspace AND event_id > last_event
$$;
CREATE FUNCTION tags_of(events jsonb, wanted text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_path_query_array(events, '$[*] ? (@.type == $type).tag', jsonb_build_object('type', wanted))
$$;

-- Running a call

CREATE FUNCTION upsert_one(call, pos bigint, OUT result contacts.upsert_result, OUT error diagnosis) LANGUAGE plpgsql AS $$
DECLARE
	request jsonb := $1.requests -> pos::int - 1;
	last_event bigint := last_event($1.workspace_id);
	applied contacts.upsert_result;
BEGIN
	result := contacts.preview(request, workspace_id => $1.workspace_id);
	result.position := pos;
	BEGIN
		-- The answer of upsert is a contact; where there is none, apply says so.
		IF pos % 2 = 0 OR result.outcome = 'skipped' AND result.contact IS NULL THEN
			applied := contacts.apply(request, workspace_id => $1.workspace_id);
			result.contact := applied.contact;
		ELSE
			result.contact := contacts.upsert(request, workspace_id => $1.workspace_id) -> 'data';
		END IF;
	EXCEPTION WHEN data_exception THEN
		GET STACKED DIAGNOSTICS error.sqlstate = RETURNED_SQLSTATE, error.message = MESSAGE_TEXT,
			error.detail = PG_EXCEPTION_DETAIL, error.hint = PG_EXCEPTION_HINT, error.schema_name = SCHEMA_NAME,
			error.table_name = TABLE_NAME, error.column_name = COLUMN_NAME, error.constraint_name = CONSTRAINT_NAME;
	WHEN SQLSTATE 'AB001' THEN
		GET STACKED DIAGNOSTICS error.sqlstate = RETURNED_SQLSTATE, error.message = MESSAGE_TEXT,
			error.detail = PG_EXCEPTION_DETAIL, error.hint = PG_EXCEPTION_HINT, error.schema_name = SCHEMA_NAME,
			error.table_name = TABLE_NAME, error.column_name = COLUMN_NAME, error.constraint_name = CONSTRAINT_NAME;
		error.detail := own_detail(error);
		result.outcome := 'failed';
		result.changes := NULL;
		result.events := '[]';
		result.contact := NULL;
		result.error := error.detail::jsonb
			|| jsonb_build_object('sqlstate', error.sqlstate, 'message', error.message, 'hint', error.hint);
	END;
	IF result.error IS DISTINCT FROM
		error.detail::jsonb || jsonb_build_object('sqlstate', error.sqlstate, 'message', error.message, 'hint', error.hint) THEN
		RAISE assert_failure USING MESSAGE = format('preview says %s and the call %s', result.error, error);
	END IF;
	SELECT c.id, c.version INTO result.id, result.version FROM contacts.contact c
		WHERE c.workspace_id = $1.workspace_id AND c.email_address = result.email_address;
	IF applied.outcome <> result.outcome OR applied.id <> result.id OR applied.version <> result.version THEN
		RAISE assert_failure USING MESSAGE = format('preview says %s and apply %s', result, applied);
	END IF;
	IF result.events <> '[]' THEN -- with the ids of new tags, which preview does not know
		result.events := events_after($1.workspace_id, last_event);
		result.changes := jsonb_set(result.changes, '{tags,added}', tags_of(result.events, 'TAG_ADDED'), false);
	END IF;
END $$;

-- What an array does first: it creates the tags of all requests whose keys, address and tags are good, and whose mode does not leave
-- their contact alone. A contact that exists, and is asked for nothing else, shows which those are.
CREATE FUNCTION create_tags(call) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	request jsonb;
	address contacts.upsert_result;
	exists_already boolean;
	wanted jsonb;
	created text[] := ARRAY(
		SELECT p.email_address
		FROM jsonb_array_elements($1.requests) r,
			contacts.preview(jsonb_build_object('email_address', r -> 'email_address'), workspace_id => $1.workspace_id) p
		WHERE jsonb_typeof(r) = 'object' AND r -> 'mode' IS DISTINCT FROM '"update"' AND p.email_address IS NOT NULL);
BEGIN
	FOR request IN SELECT r FROM jsonb_array_elements($1.requests) r WHERE r -> 'create_tags' = 'true' LOOP
		address := contacts.preview(workspace_id => $1.workspace_id, request => (
			SELECT jsonb_object_agg(key, CASE key WHEN 'email_address' THEN value END) FROM jsonb_each(request)));
		CONTINUE WHEN address.error ->> 'code' IN ('INVALID_REQUEST', 'EMAIL_REQUIRED', 'EMAIL_INVALID');
		exists_already := EXISTS (SELECT FROM contacts.contact c
			WHERE c.workspace_id = $1.workspace_id AND c.email_address = address.email_address);
		CONTINUE WHEN request ->> 'mode' = 'create' AND exists_already
			OR request ->> 'mode' = 'update' AND NOT exists_already AND address.email_address <> ALL (created);
		SELECT jsonb_object_agg(key, value) || jsonb_build_object('email_address', 'tags@example.com', 'partial_update', true) INTO wanted
			FROM jsonb_each(request) WHERE key IN ('tags', 'add_tags', 'remove_tags', 'create_tags');
		INSERT INTO contacts.tag (workspace_id, name)
			SELECT $1.workspace_id, tag ->> 'name'
			FROM contacts.preview(workspace_id => $1.workspace_id, request => wanted) p,
				jsonb_array_elements(p.contact -> 'tags') WITH ORDINALITY AS t (tag, n)
			WHERE tag -> 'id' = 'null' ORDER BY n;
	END LOOP;
END $$;

CREATE FUNCTION call_one_by_one(call) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	one record;
	raised jsonb;
BEGIN
	PERFORM create_tags($1);
	FOR pos IN 1 .. jsonb_array_length($1.requests) LOOP
		one := upsert_one($1, pos);
		IF (one.error).sqlstate IS NOT NULL AND $1.on_error = 'stop' THEN
			raised := jsonb_set(as_json(one.error), '{detail,position}', to_jsonb(pos));
			RAISE raise_exception; -- takes back what was written
		END IF;
		INSERT INTO answer SELECT $1.n, (one.result).*;
	END LOOP;
EXCEPTION WHEN raise_exception THEN
	INSERT INTO answer (n, raised) VALUES ($1.n, raised);
END $$;

CREATE FUNCTION call_with_array(call) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	error diagnosis;
BEGIN
	INSERT INTO answer SELECT $1.n, a.* FROM contacts.upsert_many($1.requests, $1.on_error, workspace_id => $1.workspace_id) a;
EXCEPTION WHEN data_exception OR SQLSTATE 'AB001' THEN
	GET STACKED DIAGNOSTICS error.sqlstate = RETURNED_SQLSTATE, error.message = MESSAGE_TEXT,
		error.detail = PG_EXCEPTION_DETAIL, error.hint = PG_EXCEPTION_HINT, error.schema_name = SCHEMA_NAME,
		error.table_name = TABLE_NAME, error.column_name = COLUMN_NAME, error.constraint_name = CONSTRAINT_NAME;
	INSERT INTO answer (n, raised) VALUES ($1.n, as_json(error));
END $$;

-- What a call's answers say must be what it left in the tables, ids and times included.

CREATE FUNCTION check_contacts(call) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	wrong record;
BEGIN
	SELECT a.*, p.outcome AS then_outcome, p.contact AS then_contact INTO wrong
		FROM (
				SELECT DISTINCT ON (email_address) * FROM answer
				WHERE n = $1.n AND outcome <> 'failed' AND id IS NOT NULL
				ORDER BY email_address, "position" DESC) a,
			jsonb_build_object('email_address', a.email_address, 'partial_update', true) look,
			contacts.preview(look, workspace_id => $1.workspace_id) p
		WHERE (p.outcome, p.id, p.contact) IS DISTINCT FROM ('unchanged', a.id, a.contact) OR a.id <> a.contact ->> 'id'
		LIMIT 1;
	IF FOUND THEN
		RAISE 'call %: the last answer for a contact is not what is stored: %', $1.n, to_json(wrong);
	END IF;
END $$;

CREATE FUNCTION check_events(call) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	wrong record;
BEGIN
	SELECT a.id, a.events AS answered, e.events AS stored, e.in_order INTO wrong
		FROM (
				SELECT id, jsonb_agg(event ORDER BY "position", ordinality) FILTER (WHERE event IS NOT NULL) AS events
				FROM answer LEFT JOIN LATERAL jsonb_array_elements(events) WITH ORDINALITY AS e (event) ON true
				WHERE n = $1.n AND id IS NOT NULL GROUP BY id) a
			FULL JOIN (
				SELECT contact_id AS id,
					jsonb_agg(jsonb_build_object('type', type) || detail ORDER BY contact_version, ordinal) AS events,
					array_agg(event_id ORDER BY contact_version, ordinal) = array_agg(event_id ORDER BY event_id)
						AND array_agg(event_id ORDER BY contact_version, type, (detail #>> '{tag,id}')::bigint, ordinal)
							= array_agg(event_id ORDER BY event_id)
						AND count(*) = count(DISTINCT (contact_version, ordinal)) AND max(ordinal) <= count(*) AS in_order
				FROM contacts.event WHERE workspace_id = $1.workspace_id AND event_id > $1.last_event GROUP BY contact_id) e USING (id)
		WHERE a.events IS DISTINCT FROM e.events OR NOT e.in_order
		LIMIT 1;
	IF FOUND THEN
		RAISE 'call %: the events of the answers are not those in the outbox: %', $1.n, to_json(wrong);
	END IF;
END $$;

CREATE FUNCTION check_answers(call) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	wrong record;
BEGIN
	SELECT a.* INTO wrong
		FROM answer a, CAST(outcome = 'failed' AS boolean) failed, CAST(outcome = 'skipped' AND id IS NULL AS boolean) absent
		WHERE n = $1.n AND raised IS NULL AND (
			failed <> (error IS NOT NULL) OR (failed OR absent) <> (contact IS NULL) OR failed AND events <> '[]' OR events IS NULL
			OR NOT failed AND NOT absent AND (id <> contact ->> 'id' OR id IS NULL) OR (id IS NULL) <> (version IS NULL)
			OR id <> (SELECT c.id FROM contacts.contact c WHERE (c.workspace_id, c.email_address) = ($1.workspace_id, a.email_address))
			OR (outcome = 'updated') <> (changes IS NOT NULL)
			OR outcome = 'updated' AND (coalesce(changes #> '{tags,added}', '[]'), coalesce(changes #> '{tags,removed}', '[]'))
				<> (tags_of(events, 'TAG_ADDED'), tags_of(events, 'TAG_REMOVED')))
		LIMIT 1;
	IF FOUND THEN
		RAISE 'call %: an answer contradicts itself: %', $1.n, to_json(wrong);
	END IF;
END $$;

CREATE FUNCTION run(which int, arrays boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c call;
BEGIN
	PERFORM set_config('test.running', 'yes', true);
	UPDATE call SET at = now(), last_event = last_event(workspace_id) WHERE n = which RETURNING * INTO c;
	IF arrays THEN
		PERFORM call_with_array(c);
	ELSE
		PERFORM call_one_by_one(c);
	END IF;
	PERFORM check_answers(c), check_contacts(c), check_events(c);
END $$;

-- What is compared. Tags: by id where RandomContacts.pm gave it, else by name, in an order that does not depend on other
-- ids. Times: by the call that they are of.

CREATE FUNCTION known(id bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN id BETWEEN 999999 AND 99999999 THEN id END
$$;

CREATE FUNCTION same_tags(tags jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT coalesce(jsonb_agg(t || jsonb_build_object('id', id) ORDER BY id, t ->> 'name' COLLATE "C"), '[]')
	FROM jsonb_array_elements(tags) t, known((t ->> 'id')::bigint) id
$$;

CREATE FUNCTION same_changes(changes jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT CASE WHEN changes ? 'tags' THEN changes || jsonb_build_object('tags', (
		SELECT jsonb_object_agg(key, same_tags(value)) FROM jsonb_each(changes -> 'tags'))) ELSE changes END
$$;

CREATE FUNCTION same_events(events jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_agg(CASE WHEN e ? 'tag' THEN jsonb_set(e, '{tag,id}', coalesce(to_jsonb(id), 'null')) ELSE e END
		ORDER BY (e ->> 'type')::contacts.event_type, id, e #>> '{tag,name}' COLLATE "C", ordinality)
	FROM jsonb_array_elements(events) WITH ORDINALITY AS e (e), known((e #>> '{tag,id}')::bigint) id
$$;

CREATE FUNCTION same_contact(contact jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT contact - 'id' || jsonb_build_object('tags', same_tags(contact -> 'tags'),
		'created_at', left(contact ->> 'created_at', 4), 'updated_at', left(contact ->> 'updated_at', 4))
$$;

CREATE FUNCTION same_time(t timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT coalesce((SELECT 'call ' || n FROM call WHERE at = t),
		CASE WHEN t BETWEEN (SELECT min(at) FROM call) AND now() THEN 'between' ELSE t::text END)
$$;

CREATE VIEW same_answer AS
	SELECT n, "position", format('%s %s version=%s changes=%s events=%s contact=%s error=%s raised=%s', outcome, email_address, version,
		same_changes(changes), same_events(events), same_contact(contact), error, raised) AS answer
	FROM answer;

CREATE VIEW same_state AS
	SELECT format('contact %s %s %s version=%s tags=%s data=%s created=%s updated=%s statistics=%s',
		c.workspace_id, c.email_address, c.status, c.version, t.tags, c.data, same_time(c.created_at), same_time(c.updated_at),
		(s.total_opens, s.total_clicks, s.total_bounces, s.total_delivered)) AS line
	FROM contacts.contact c
		LEFT JOIN contacts.statistics s ON (s.workspace_id, s.contact_id) = (c.workspace_id, c.id),
		LATERAL (
			SELECT array_agg(coalesce(known(i)::text, t.name, 'lost') ORDER BY known(i), t.name COLLATE "C") AS tags
			FROM unnest(c.tags) i LEFT JOIN contacts.tag t ON t.workspace_id = c.workspace_id AND t.tag_id = i) t
	UNION ALL
	SELECT format('events %s %s version=%s %s', e.workspace_id, c.email_address, e.contact_version, same_events(jsonb_agg(
		jsonb_build_object('type', e.type, 'at', same_time(e.created_at), 'for', d.consumers) || e.detail ORDER BY e.ordinal)))
	FROM contacts.event e
		LEFT JOIN contacts.contact c ON c.workspace_id = e.workspace_id AND c.id = e.contact_id
		LEFT JOIN (
			SELECT d.workspace_id, d.event_id, d.contact_id,
				array_agg(format('%s %s %s', k.workspace_id, k.name, d.attempts) ORDER BY k.workspace_id, k.name) AS consumers
			FROM contacts.delivery d JOIN contacts.consumer k USING (consumer_id) GROUP BY 1, 2, 3
		) d ON (d.workspace_id, d.event_id, d.contact_id) = (e.workspace_id, e.event_id, e.contact_id)
	GROUP BY e.workspace_id, c.email_address, e.contact_version
	UNION ALL
	SELECT format('history %s %s version=%s %s %s %s %s %s %s', h.workspace_id, c.email_address, h.contact_version, h.changed_by,
		same_time(h.changed_at), h.source, same_changes(h.changes), h.evidence, h.import_id)
	FROM contacts.history h LEFT JOIN contacts.contact c ON c.workspace_id = h.workspace_id AND c.id = h.contact_id
	UNION ALL
	SELECT format('%s deliveries', count(*)) FROM contacts.delivery
	UNION ALL
	SELECT format('tag %s %s %s %s', workspace_id, known(tag_id), name, description) FROM contacts.tag
	UNION ALL
	SELECT format('tags created in %s: %s', workspace_id, string_agg(name, ', ' ORDER BY tag_id))
		FROM contacts.tag WHERE known(tag_id) IS NULL GROUP BY workspace_id
	UNION ALL
	SELECT format('workspace %s %s %s', workspace_id, status_policy, history) FROM contacts.workspace;
