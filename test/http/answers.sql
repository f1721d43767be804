-- What check_answers.sh needs beside setup.sql: a trigger that raises, waits or deadlocks, as the address says, and a role of little time.
CREATE FUNCTION misbehave() RETURNS trigger
	LANGUAGE plpgsql
	AS $$
BEGIN
	IF NEW.email_address = 'raise@example.com' THEN
		RAISE 'Not on Sundays.' USING HINT = 'Try again tomorrow.';
	ELSIF NEW.email_address LIKE 'slow%' THEN
		PERFORM pg_sleep(60);
	ELSIF NEW.email_address = 'deadlock@example.com' THEN
		PERFORM pg_advisory_xact_lock(2);
		-- until the session that has 1 waits for 2
		WHILE NOT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objid = 2 AND NOT l.granted) LOOP
			PERFORM pg_sleep(0.01);
		END LOOP;
		PERFORM pg_advisory_xact_lock(1);
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER misbehave AFTER INSERT ON contacts.contact FOR EACH ROW EXECUTE FUNCTION misbehave();

CREATE ROLE contact_upsert_hurried;
GRANT contacts_api TO contact_upsert_hurried;
GRANT contact_upsert_hurried TO contacts_authenticator;
SELECT contacts.grant_access('contact_upsert_hurried', 1);
ALTER ROLE contact_upsert_hurried SET statement_timeout = '300ms';
