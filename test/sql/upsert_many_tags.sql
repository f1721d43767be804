-- Tags that an array creates: all names first, in the order of the requests.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
\set SHOW_CONTEXT never
SELECT contacts.define_field('score', 'Score', 'NUMBER');
SELECT contacts.define_tag('known');

-- Ids come in the order of the array and of its requests, as with single calls, not in that of names or addresses.
SELECT "position", outcome, contact -> 'tags' AS tags, error ->> 'message' AS message FROM contacts.upsert_many('[
	{"email_address":"z@example.com","tags":["zebra","ant","Zebra"],"add_tags":["mole"],"create_tags":true},
	{"email_address":"y@example.com","tags":["later"]},
	{"email_address":"x@example.com","add_tags":["ANT","bee"],"create_tags":true},
	{"email_address":"a@example.com","tags":["KNOWN","later"],"create_tags":true}]');
SELECT tag_id, name FROM contacts.tag ORDER BY tag_id;
SELECT contact_upsert('{"email_address":"single@example.com","tags":["wasp","Cow"],"add_tags":["bull"],"create_tags":true}') #> '{data,tags}' AS tags;

-- What a request creates that fails for another reason stays. A bad address or bad tags create nothing.
SELECT "position", outcome, error ->> 'message' AS message FROM contacts.upsert_many(jsonb_build_array(
	'{"email_address":"b@example.com","tags":["stays 1"],"create_tags":true,"fields":{"score":"x"}}'::jsonb,
	'{"email_address":"b@example.com","tags":["stays 2"],"create_tags":true,"fields":{"unknown":1}}'::jsonb,
	'{"email_address":"nobody","tags":["never 1"],"create_tags":true}'::jsonb,
	'{"email_address":"b@example.com","tags":["never 2", 99],"create_tags":true}'::jsonb,
	'{"email_address":"b@example.com","tags":["never 3"]}'::jsonb,
	'{"email_address":"b@example.com","tags":["never 4"],"create_tags":"true"}'::jsonb,
	'{"email_address":"b@example.com","tags":["never 5"],"remove_tags":["Never 5"],"create_tags":true}'::jsonb,
	jsonb_build_object('email_address', 'b@example.com', 'tags', jsonb_build_array('never 6', repeat('x', 65)), 'create_tags', true),
	jsonb_build_object('email_address', 'b@example.com', 'tags', jsonb_build_array('never 7'), 'create_tags', true, 'x', repeat('x', 1024 * 1024))));
SELECT name FROM contacts.tag WHERE name ~ 'stays|never' ORDER BY tag_id;
-- On 'stop' nothing stays.
SELECT contacts.upsert_many('[{"email_address":"b@example.com","tags":["stopped"],"create_tags":true},{}]', on_error => 'stop');
SELECT count(*) FROM contacts.tag WHERE name = 'stopped';
-- Where nothing is to be created nothing is locked.
BEGIN;
SELECT outcome FROM contacts.upsert_many('[{"email_address":"a@example.com","tags":["known","later"],"create_tags":true}]');
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
COMMIT;

-- A tag that is created, and is not there, is an error, and no loop.
SET statement_timeout = '20s';
CREATE FUNCTION regress_tag() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.name := NEW.name || ' renamed';
	RETURN CASE TG_ARGV[0] WHEN 'rename' THEN NEW END;
END $$;
CREATE TRIGGER regress BEFORE INSERT ON contacts.tag FOR EACH ROW EXECUTE FUNCTION regress_tag('rename');
SELECT contacts.upsert_many('[{"email_address":"c@example.com"},{"email_address":"d@example.com","tags":["wanted"],"create_tags":true}]');
SELECT contact_upsert('{"email_address":"d@example.com","tags":["wanted"],"create_tags":true}');
DROP TRIGGER regress ON contacts.tag;
CREATE TRIGGER regress BEFORE INSERT ON contacts.tag FOR EACH ROW EXECUTE FUNCTION regress_tag('drop');
SELECT contacts.upsert_many('[{"email_address":"c@example.com"},{"email_address":"d@example.com","tags":["known","wanted"],"create_tags":true}]');
SELECT contact_upsert('{"email_address":"d@example.com","tags":["known","wanted"],"create_tags":true}');
DROP TRIGGER regress ON contacts.tag;
DROP FUNCTION regress_tag();
SET session_replication_role = replica;
\set VERBOSITY sqlstate
SELECT contacts.upsert_many('[{"email_address":"c@example.com"},{"email_address":"d@example.com","tags":["wanted"],"create_tags":true}]');
SELECT contact_upsert('{"email_address":"d@example.com","tags":["wanted"],"create_tags":true}');
\set VERBOSITY default
RESET session_replication_role;
RESET statement_timeout;
SELECT count(*) FROM contacts.contact WHERE email_address IN ('c@example.com', 'd@example.com');
SELECT count(*) FROM contacts.tag WHERE name ~ 'wanted';

-- A trigger of the user's deletes a tag while an array is under way: it is created again.
CREATE FUNCTION regress_contact() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM contacts.tag WHERE name = 'fleeting'; RETURN NULL; END $$;
CREATE TRIGGER regress AFTER INSERT ON contacts.contact FOR EACH ROW WHEN (NEW.email_address = 'e1@example.com') EXECUTE FUNCTION regress_contact();
SELECT outcome, contact #> '{tags,0,name}' AS tag FROM contacts.upsert_many('[{"email_address":"e1@example.com"},
	{"email_address":"e1@example.com","tags":["fleeting"],"create_tags":true}]');
DROP TRIGGER regress ON contacts.contact;
DROP FUNCTION regress_contact();
