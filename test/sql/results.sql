-- contacts.upsert_result: what a row says of the contact, and what ALTER TYPE does to it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT contacts.define_field('age', 'Age', 'NUMBER');

-- id, email_address and version are the contact's; events is never null.
CREATE FUNCTION pg_temp.preview(request jsonb) RETURNS TABLE (outcome contacts.outcome, id text, email_address text, version bigint, events jsonb)
LANGUAGE sql AS $$
	SELECT p.outcome, CASE WHEN p.id = c.id THEN 'its id' ELSE p.id END, p.email_address, p.version, p.events
	FROM contacts.preview(request => request) p LEFT JOIN contacts.contact c ON c.email_address = p.email_address
$$;
SELECT * FROM pg_temp.preview('{"email_address":"arya@example.com"}');
SELECT contact_upsert('{"email_address":"arya@example.com"}') #>> '{data,status}' AS status;
SELECT * FROM pg_temp.preview('{"email_address":"arya@example.com"}');
SELECT * FROM pg_temp.preview('{"email_address":"arya@example.com","fields":{"age":9}}');
SELECT * FROM pg_temp.preview('{"email_address":" Arya@example.com","fields":{"age":"x"}}');
SELECT * FROM pg_temp.preview('{"email_address":"nobody@example.com","fields":{"age":"x"}}');
SELECT * FROM pg_temp.preview('{"email_address":"nobody"}');
SELECT r.outcome, r.id IS NOT NULL AS has_id, r.email_address, r.version, r.events
FROM contacts.upsert_many(requests => '[{"email_address":"arya@example.com"}, {"email_address":"arya@example.com","fields":{"age":9}},
	{"email_address":"arya@example.com","fields":{"age":"x"}}, {"email_address":"sansa@example.com"}, {"email_address":"nobody"},
	{"email_address":"nobody@example.com","fields":{"age":"x"}}, {"email_address":"arya@example.com","fields":{"age":8}}]') r
ORDER BY r.position;

-- A row type that is not ours is an error, not a crash.
CREATE FUNCTION pg_temp.call(alter_type text) RETURNS TABLE (call text, answer text) LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	FOREACH call IN ARRAY ARRAY[
		$q$SELECT count(p.outcome)::text FROM contacts.preview(request => '{"email_address":"arya@example.com"}') p$q$,
		$q$SELECT count(p.outcome)::text FROM contacts.upsert_many(requests => '[{"email_address":"arya@example.com"},{}]') p$q$] LOOP
		BEGIN
			EXECUTE alter_type;
			EXECUTE call INTO answer;
			RAISE 'it works: %', answer;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
			answer := concat_ws(' ', SQLSTATE, SQLERRM, nullif(hint, ''));
		END;
		call := substring(call FROM 'contacts.\w+');
		RETURN NEXT;
	END LOOP;
END $$;
\x on
SELECT a.alter_type, c.* FROM unnest(ARRAY[
	'ALTER TYPE contacts.upsert_result ADD ATTRIBUTE extra text',
	'ALTER TYPE contacts.upsert_result DROP ATTRIBUTE error',
	'ALTER TYPE contacts.upsert_result DROP ATTRIBUTE id',
	'ALTER TYPE contacts.upsert_result DROP ATTRIBUTE id, ADD ATTRIBUTE id text',
	'ALTER TYPE contacts.upsert_result ALTER ATTRIBUTE contact TYPE text',
	'ALTER TYPE contacts.upsert_result ALTER ATTRIBUTE "position" TYPE text',
	'ALTER TYPE contacts.upsert_result ALTER ATTRIBUTE outcome TYPE text',
	'ALTER TYPE contacts.outcome RENAME VALUE ''failed'' TO ''bad''',
	'ALTER TYPE contacts.upsert_result RENAME ATTRIBUTE contact TO person']) a (alter_type), pg_temp.call(a.alter_type) c;
\x off
-- It can be undone.
ALTER TYPE contacts.upsert_result ADD ATTRIBUTE extra text;
SELECT outcome FROM contacts.preview(request => '{"email_address":"arya@example.com"}');
ALTER TYPE contacts.upsert_result DROP ATTRIBUTE extra;
SELECT outcome FROM contacts.preview(request => '{"email_address":"arya@example.com"}');
SELECT "position", outcome FROM contacts.upsert_many(requests => '[{"email_address":"arya@example.com"},{}]');
