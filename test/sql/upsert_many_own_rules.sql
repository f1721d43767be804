-- What the user has added to contacts.contact: an array does with it what single calls do, and a contact that it refuses fails
-- alone.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('score', 'Score', 'NUMBER', tracked => true);
INSERT INTO contacts.contact (workspace_id, email_address, data)
	SELECT 1, 'old' || i || '@example.com', jsonb_build_object('score', i) FROM generate_series(1, 3) i;

-- What must not differ.
CREATE FUNCTION regress_stored() RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object(
		'contacts', (SELECT jsonb_agg(to_jsonb(c) - '{id,created_at,updated_at,number}'::text[] ORDER BY email_address) FROM contacts.contact c),
		'events', (SELECT jsonb_agg(jsonb_build_array(c.email_address, e.type, e.detail) ORDER BY c.email_address, e.event_id)
			FROM contacts.event e JOIN contacts.contact c ON c.id = e.contact_id))
$$;
-- What single calls leave and raise. They are taken back.
CREATE FUNCTION regress_single_calls(requests jsonb, OUT errors jsonb, OUT stored jsonb) LANGUAGE plpgsql AS $$
DECLARE
	request jsonb;
BEGIN
	errors := '[]';
	FOR request IN SELECT r FROM jsonb_array_elements(requests) r LOOP
		BEGIN
			PERFORM contact_upsert(request);
			errors := errors || '""'::jsonb;
		EXCEPTION WHEN OTHERS THEN
			-- of a partitioned table PostgreSQL names the partition, and an array the table
			errors := errors || to_jsonb(SQLSTATE || ' ' || regexp_replace(SQLERRM, '\mcontact_\d', 'contact', 'g'));
		END;
	END LOOP;
	stored := regress_stored();
	RAISE SQLSTATE 'ROLLB';
EXCEPTION WHEN SQLSTATE 'ROLLB' THEN
END $$;
-- Single calls and then an array, with what a statement adds to the table. For the array: outcomes, whether single calls do the
-- same, by how many transactions and subtransactions the contacts were written, and the errors. All is taken back.
CREATE FUNCTION regress_compare(ddl text, OUT outcomes text, OUT same boolean, OUT writers bigint, OUT refused text)
	LANGUAGE plpgsql AS $$
DECLARE
	requests CONSTANT jsonb := (
		SELECT jsonb_agg(jsonb_build_object('email_address', address || '@example.com', 'fields', jsonb_build_object('score', score)))
		FROM (VALUES ('new2', 7), ('old3', 8), ('old1', 7), ('new1', 9), ('old1', 9), ('old2', 2)) r (address, score));
	single record;
	many record;
BEGIN
	EXECUTE ddl;
	single := regress_single_calls(requests);
	SELECT string_agg(r.outcome::text, ' ' ORDER BY "position") AS outcomes,
			string_agg(DISTINCT concat_ws(' ', error ->> 'sqlstate', error ->> 'message'), ', ') FILTER (WHERE error IS NOT NULL) AS refused,
			jsonb_agg(concat_ws(' ', error ->> 'sqlstate', error ->> 'message') ORDER BY "position") AS errors
		INTO many FROM contacts.upsert_many(requests) r;
	outcomes := many.outcomes;
	refused := many.refused;
	same := (many.errors, regress_stored()) IS NOT DISTINCT FROM (single.errors, single.stored);
	IF NOT same THEN
		RAISE NOTICE E'% %\n% %', single.errors, single.stored, many.errors, regress_stored();
	END IF;
	SELECT count(DISTINCT xmin::text) INTO writers FROM contacts.contact WHERE version > 1 OR email_address LIKE 'new%';
	RAISE SQLSTATE 'ROLLB';
EXCEPTION WHEN SQLSTATE 'ROLLB' THEN
	RESET ROLE;
END $$;
CREATE FUNCTION regress_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_ARGV[0] = 'status' THEN
		NEW.status := 'UNSUBSCRIBED';
	ELSIF TG_ARGV[0] = 'statement' THEN
		RAISE 'nobody may %', TG_OP;
	ELSIF NEW.data -> 'score' = '7' THEN
		CASE TG_ARGV[0]
			WHEN 'refuse' THEN
				RAISE 'not 7' USING ERRCODE = TG_ARGV[1], HINT = 'Take another.', DETAIL = 'It is odd.';
			WHEN 'skip' THEN
				RETURN NULL;
			WHEN 'divide' THEN
				PERFORM 1 / 0;
			WHEN 'broken' THEN
				PERFORM no_such_function();
			ELSE
				NULL;
		END CASE;
	END IF;
	RETURN NEW;
END $$;

-- Nothing of the user's own, or nothing that takes part: no subtransaction.
SELECT regress_compare('') AS nothing;
SELECT regress_compare('ALTER TABLE contacts.contact ADD note text, ADD remark varchar(3); CREATE INDEX ON contacts.contact (note);
	CREATE TRIGGER regress AFTER DELETE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_trigger(''refuse'', ''P0001'')') AS idle;
SELECT regress_compare('ALTER TABLE contacts.contact ADD note text NOT NULL DEFAULT ''x''; ALTER TABLE contacts.contact DROP note') AS dropped;
SELECT regress_compare('CREATE TRIGGER regress BEFORE INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_trigger(''status'');
	ALTER TABLE contacts.contact DISABLE TRIGGER regress') AS disabled;
SELECT regress_compare('CREATE TRIGGER regress BEFORE INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_trigger(''status'');
	SET LOCAL session_replication_role = replica') AS replica;
SELECT regress_compare('ALTER TABLE contacts.contact ADD CONSTRAINT contact_is_valid
	CHECK (contacts_internal.check_contact(id, email_address, tags, data, version, created_at, updated_at))') AS our_constraint;

-- What acts on an INSERT does not see contacts that exist, and none is refused that an UPDATE takes.
SELECT regress_compare('CREATE TRIGGER regress BEFORE INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_trigger(''status'')') AS before_insert;
SELECT regress_compare('CREATE TRIGGER regress BEFORE INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_trigger(''status'');
	ALTER TABLE contacts.contact ENABLE REPLICA TRIGGER regress; SET LOCAL session_replication_role = replica') AS before_insert_replica;
SELECT regress_compare('CREATE TRIGGER regress BEFORE INSERT ON contacts.contact FOR EACH STATEMENT EXECUTE FUNCTION regress_trigger(''statement'')') AS before_insert_statement;
SELECT regress_compare('CREATE TRIGGER regress BEFORE UPDATE ON contacts.contact FOR EACH STATEMENT EXECUTE FUNCTION regress_trigger(''statement'')') AS before_update_statement;
SELECT regress_compare('ALTER TABLE contacts.contact ADD note text; UPDATE contacts.contact SET note = ''x'';
	ALTER TABLE contacts.contact ALTER note SET NOT NULL') AS not_null;
SELECT regress_compare('ALTER TABLE contacts.contact ADD note text; UPDATE contacts.contact SET note = ''x'';
	ALTER TABLE contacts.contact ALTER note SET NOT NULL, ALTER note SET DEFAULT NULL') AS not_null_default_null;
SELECT regress_compare('ALTER TABLE contacts.contact ADD note int; ALTER TABLE contacts.contact ALTER note SET DEFAULT 1 / length('''')') AS default_fails;
SELECT regress_compare('CREATE DOMAIN regress_domain AS text CHECK (VALUE IS NOT NULL); ALTER TABLE contacts.contact ADD note regress_domain DEFAULT ''x'';
	ALTER TABLE contacts.contact ALTER note DROP DEFAULT') AS domain;
SELECT regress_compare('ALTER TABLE contacts.contact ADD note int; UPDATE contacts.contact SET note = 1;
	ALTER TABLE contacts.contact ADD twice int GENERATED ALWAYS AS (1 / (CASE WHEN note IS NULL THEN 0 ELSE 1 END)) STORED') AS generated;
SELECT regress_compare('ALTER TABLE contacts.contact ADD note text; UPDATE contacts.contact SET note = ''x'';
	ALTER TABLE contacts.contact ADD CONSTRAINT regress CHECK (note IS NOT NULL)') AS checked;
SELECT regress_compare('ALTER TABLE contacts.contact ALTER id DROP DEFAULT') AS no_default;
-- A sequence is not drawn from for contacts that exist.
CREATE TEMP SEQUENCE drawn;
SELECT regress_compare('ALTER TABLE contacts.contact ADD number int; ALTER TABLE contacts.contact ALTER number SET DEFAULT nextval(''drawn'')') AS serial;
SELECT last_value AS drawn_for_2_contacts_twice FROM drawn;
-- Policies, as a member.
CREATE ROLE regress_contacts_rules;
SELECT contacts.grant_access('regress_contacts_rules', 1);
SELECT regress_compare('SET LOCAL ROLE regress_contacts_rules') AS members_only;
SELECT regress_compare('CREATE POLICY regress ON contacts.contact AS RESTRICTIVE FOR INSERT WITH CHECK (id <> id); SET LOCAL ROLE regress_contacts_rules') AS restrictive_insert;
SELECT regress_compare('CREATE POLICY regress ON contacts.contact AS RESTRICTIVE FOR UPDATE WITH CHECK (data -> ''score'' <> ''7''); SET LOCAL ROLE regress_contacts_rules') AS restrictive_update;
SELECT regress_compare('ALTER POLICY members_only ON contacts.contact WITH CHECK (data -> ''score'' <> ''7''); SET LOCAL ROLE regress_contacts_rules') AS altered_policy;

-- What refuses: the others are written.
SELECT regress_compare('ALTER TABLE contacts.contact ADD CONSTRAINT regress CHECK (data -> ''score'' <> ''7'')') AS checked;
SELECT regress_compare('CREATE DOMAIN regress_data AS jsonb CHECK (VALUE -> ''score'' <> ''7''); ALTER TABLE contacts.contact ALTER data TYPE regress_data') AS type;
SELECT regress_compare('CREATE UNIQUE INDEX ON contacts.contact (workspace_id, (data -> ''score''))') AS unique_index;
SELECT regress_compare('CREATE UNIQUE INDEX ON contacts.contact (workspace_id, data)') AS unique_index;
SELECT regress_compare('ALTER TABLE contacts.contact ADD UNIQUE (workspace_id, data) DEFERRABLE') AS deferrable;
SELECT regress_compare('CREATE INDEX ON contacts.contact ((1 / ((data ->> ''score'')::int - 7)))') AS index_expression;
-- PostgreSQL takes it for a partitioned table from 17 on, for one of its partitions ever since
SELECT max(tableoid::regclass::text) AS part FROM contacts.contact \gset
SELECT regress_compare(format('ALTER TABLE %s ADD CONSTRAINT regress EXCLUDE ((data -> ''score'') WITH =)', :'part')) AS excluded;
SELECT regress_compare('CREATE TABLE regress_known (data jsonb PRIMARY KEY);
	INSERT INTO regress_known SELECT jsonb_build_object(''score'', i) FROM generate_series(1, 9) i WHERE i <> 7;
	ALTER TABLE contacts.contact ADD CONSTRAINT regress FOREIGN KEY (data) REFERENCES regress_known') AS foreign_key;
SELECT regress_compare(format('CREATE TRIGGER regress %s ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_trigger(%s)', at, what)) AS trigger, at, what
FROM unnest(ARRAY['BEFORE INSERT OR UPDATE', 'BEFORE UPDATE', 'AFTER INSERT', 'AFTER INSERT OR UPDATE']) at,
	unnest(ARRAY['''refuse'', ''P0001''', '''refuse'', ''AB123''', '''refuse'', ''23514''', '''divide''', '''skip''']) what;
-- A trigger raises what is an error of its row's, and what is not.
CREATE FUNCTION regress_refuse(code text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('CREATE TRIGGER regress BEFORE UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_trigger(%s)', code);
	SELECT string_agg(outcome::text, ' ' ORDER BY "position") INTO result
		FROM contacts.upsert_many('[{"email_address":"old1@example.com","fields":{"score":8}},{"email_address":"old2@example.com","fields":{"score":7}}]');
	RAISE SQLSTATE 'ROLLB';
EXCEPTION WHEN SQLSTATE 'ROLLB' THEN
	RETURN result;
WHEN query_canceled OR assert_failure OR OTHERS THEN
	RETURN 'raised ' || SQLSTATE;
END $$;
SELECT code, regress_refuse('''refuse'', ''' || code || '''') FROM unnest(ARRAY[
	'22000', '23000', '44000', 'P0000', 'P0001', 'P0004', '27000', 'AB000', '99999', '0A000', '21000', '25006', '38000', '40001', '42501', '42P01',
	'53100', '54000', '55000', '55P03', '57014', '58000', 'XX000']) code;
SELECT regress_refuse('''broken''') AS undefined_function;

-- The row, and what is raised on 'stop': the original DETAIL is in ours.
CREATE TRIGGER regress AFTER INSERT OR UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_trigger('refuse', 'AB123');
CREATE UNIQUE INDEX regress ON contacts.contact (workspace_id, (data -> 'score'));
\x on
SELECT "position", outcome, id IS NOT NULL AS has_id, email_address, version, changes, events, contact IS NOT NULL AS has_contact, error
FROM contacts.upsert_many('[{"email_address":"old1@example.com","fields":{"score":2}},{"email_address":"new@example.com","fields":{"score":7}},
	{"email_address":"old2@example.com","fields":{"score":7}},{"email_address":"old2@example.com","fields":{"score":4}},{}]');
\x off
CREATE FUNCTION regress_raised(requests jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	a text; b text; c text; e text; f text; g text; h text; i text;
BEGIN
	PERFORM contacts.upsert_many(requests, 'stop');
	RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS a = RETURNED_SQLSTATE, b = MESSAGE_TEXT, c = PG_EXCEPTION_DETAIL, e = PG_EXCEPTION_HINT, f = SCHEMA_NAME, g = TABLE_NAME,
		h = CONSTRAINT_NAME, i = PG_EXCEPTION_CONTEXT;
	RETURN concat_ws(' | ', a, b, c, e, f, g, h, split_part(i, E'\n', 1));
END $$;
SELECT regress_raised('[{"email_address":"old3@example.com","fields":{"score":5}},{"email_address":"old1@example.com","fields":{"score":2}},
	{"email_address":"new@example.com","fields":{"score":7}}]');
SELECT regress_raised('[{"email_address":"old3@example.com","fields":{"score":5}},{"email_address":"old1@example.com","fields":{"score":7}},
	{"email_address":"new@example.com","fields":{"score":2}}]');
SELECT regress_raised('[{"email_address":"old3@example.com","fields":{"score":5}},{"email_address":"z@example.com","fields":{"score":"x"}},
	{"email_address":"new@example.com","fields":{"score":2}}]');
SELECT email_address, version, data FROM contacts.contact ORDER BY 1;
-- The same address again, behind a refusal.
SELECT "position", outcome, version, error ->> 'code' AS code FROM contacts.upsert_many('[{"email_address":"again@example.com","fields":{"score":7}},
	{"email_address":"again@example.com","fields":{"score":10}},{"email_address":"again@example.com","fields":{"score":7}},
	{"email_address":"again@example.com","fields":{"score":11}},{"email_address":"again@example.com","fields":{"score":11}}]');
DROP INDEX contacts.regress;
-- Many, of which every third is bad: nothing leaks.
DO $$
BEGIN
	FOR i IN 1 .. 20 LOOP
		PERFORM FROM contacts.upsert_many((
			SELECT jsonb_agg(jsonb_build_object('email_address', 'l' || n || '@example.com', 'fields', jsonb_build_object('score',
				CASE WHEN n % 3 = 0 THEN 7 ELSE 1000 * i + n END))) FROM generate_series(1, 300) n));
	END LOOP;
END $$;
SELECT count(*), min(version), max(version), count(*) FILTER (WHERE substring(email_address FROM '\d+')::int % 3 = 0) AS bad
FROM contacts.contact WHERE email_address LIKE 'l%';
SELECT count(*) AS events, count(DISTINCT (contact_id, contact_version)) AS versions
FROM contacts.event e JOIN contacts.contact c ON c.id = e.contact_id WHERE c.email_address LIKE 'l%';
-- A cancel is no error of a row's.
ALTER TABLE contacts.contact DISABLE TRIGGER regress;
CREATE FUNCTION regress_sleep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(10); RETURN NEW; END $$;
CREATE TRIGGER sleep BEFORE UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION regress_sleep();
SET statement_timeout = '100ms';
SELECT contacts.upsert_many('[{"email_address":"new@example.com","fields":{"score":12}},{"email_address":"old1@example.com","fields":{"score":12}}]');
RESET statement_timeout;
SELECT count(*) AS new FROM contacts.contact WHERE email_address = 'new@example.com';
DROP TRIGGER sleep ON contacts.contact;
DROP FUNCTION regress_sleep();
DROP TRIGGER regress ON contacts.contact;

-- A partition has rules of its own.
SET client_min_messages = warning;
ALTER TABLE contacts.statistics DROP CONSTRAINT statistics_workspace_id_contact_id_fkey;
DELETE FROM contacts.contact WHERE email_address !~ 'old';
ALTER TABLE contacts.contact RENAME TO contact_whole;
CREATE TABLE contacts.contact (LIKE contacts.contact_whole INCLUDING ALL) PARTITION BY LIST (workspace_id);
CREATE TABLE contacts.contact_first PARTITION OF contacts.contact FOR VALUES IN (1) PARTITION BY HASH (workspace_id);
CREATE TABLE contacts.contact_first_0 PARTITION OF contacts.contact_first FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE contacts.contact_others PARTITION OF contacts.contact DEFAULT;
INSERT INTO contacts.contact SELECT * FROM contacts.contact_whole;
RESET client_min_messages;
SELECT regress_compare('') AS partitioned;
SELECT regress_compare('CREATE TRIGGER regress BEFORE INSERT ON contacts.contact_first_0 FOR EACH ROW EXECUTE FUNCTION regress_trigger(''status'')') AS before_insert;
SELECT regress_compare('ALTER TABLE contacts.contact ADD note text; UPDATE contacts.contact SET note = ''x'';
	ALTER TABLE contacts.contact_first_0 ALTER note SET NOT NULL') AS not_null;
SELECT regress_compare('ALTER TABLE contacts.contact ADD note text; ALTER TABLE contacts.contact_first_0 ALTER note SET DEFAULT 1 / length('''')') AS default_of_partition;
SELECT regress_compare('CREATE TRIGGER regress AFTER UPDATE ON contacts.contact_first_0 FOR EACH ROW EXECUTE FUNCTION regress_trigger(''refuse'', ''P0001'')') AS after_update;
SELECT regress_compare('CREATE UNIQUE INDEX ON contacts.contact_first_0 ((data -> ''score''))') AS unique_index;
SELECT regress_compare('ALTER TABLE contacts.contact_first_0 ADD CONSTRAINT regress CHECK (data -> ''score'' <> ''7'')') AS checked;

DROP OWNED BY regress_contacts_rules;
DROP ROLE regress_contacts_rules;
DROP FUNCTION regress_compare(text), regress_single_calls(jsonb), regress_stored(), regress_refuse(text), regress_raised(jsonb), regress_trigger() CASCADE;
