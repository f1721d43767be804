-- The settings contact_upsert.*, also where they were made before the library was loaded: by \c each time.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS contact_upsert CASCADE;
CREATE EXTENSION contact_upsert;
SELECT contacts.install() IS NOT NULL AS installed;
RESET client_min_messages;
SELECT name, CASE name WHEN 'contact_upsert.fast_path' THEN boot_val ELSE setting END AS setting, enumvals, context
	FROM pg_settings WHERE name LIKE 'contact\_upsert.%' ORDER BY name; -- test/t/fast_path.pl runs all tests with fast_path off

SET contact_upsert.notify = 'sometimes';
\set VERBOSITY sqlstate
SET contact_upsert.notify_interval = -1; -- the message says it in other words from 16 on
\set VERBOSITY default
SET contact_upsert.unknown_keys = 'hide';
SET contact_upsert.no_such_setting = 1;

\c
SET contact_upsert.notify = 'sometimes';
SET contact_upsert.notify_interval = 'soon';
SET contact_upsert.unknown_keys = 'hide';
SELECT contact_upsert('{"email_address":"a@example.com"}') #>> '{data,status}' AS status;
SELECT name, setting FROM pg_settings WHERE name LIKE 'contact\_upsert.%' AND name <> 'contact_upsert.fast_path' ORDER BY name;
SELECT contact_upsert('{"email_address":"a@example.com"}') #>> '{data,status}' AS status;
\c
BEGIN;
SET LOCAL contact_upsert.notify = 'sometimes';
SELECT contact_upsert('{"email_address":"a@example.com"}') #>> '{data,status}' AS status;
COMMIT;
SHOW contact_upsert.notify;
\c
SET contact_upsert.notify = 'wakeup';
SET contact_upsert.unknown_keys = 'ignore';
SELECT contact_upsert('{"email_address":"a@example.com","x":1}') #>> '{data,status}' AS status;
SHOW contact_upsert.notify;
\c
SELECT current_setting('is_superuser') AS superuser \gset
ALTER ROLE CURRENT_USER SET contact_upsert.notify = 'sometimes';
\c
SELECT contact_upsert('{"email_address":"a@example.com"}') #>> '{data,status}' AS status;
ALTER ROLE CURRENT_USER RESET contact_upsert.notify;

-- what an import calls first, where PostgreSQL sends queries to another process (the setting's name changed in 16)
\c
SELECT set_config(name, 'on', false) AS parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT contacts_internal.check_versions();
