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

-- The first call of a session by a parallel query: PostgreSQL would lose each of the settings' values.
\set SHOW_CONTEXT never
CREATE FUNCTION own_workspace() RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$ BEGIN RETURN contacts_internal.current_workspace(); END $$;
CREATE TABLE many AS SELECT g FROM generate_series(1, 1000) g;
ANALYZE many;
ALTER ROLE CURRENT_USER SET parallel_setup_cost = 0;
ALTER ROLE CURRENT_USER SET parallel_tuple_cost = 0;
ALTER ROLE CURRENT_USER SET min_parallel_table_scan_size = 0;
SELECT name FROM pg_settings WHERE name LIKE 'contact\_upsert.%' ORDER BY name;
\c
SET contact_upsert.events = on;
SELECT own_workspace(), count(*) FROM many GROUP BY 1;
\c
SET contact_upsert.fast_path = on;
SELECT own_workspace(), count(*) FROM many GROUP BY 1;
\c
SET contact_upsert.notify = off;
SELECT own_workspace(), count(*) FROM many GROUP BY 1;
\c
SET contact_upsert.notify_interval = 1;
SELECT own_workspace(), count(*) FROM many GROUP BY 1;
\c
SET contact_upsert.unknown_keys = ignore;
SELECT own_workspace(), count(*) FROM many GROUP BY 1;
\c
SET contact_upsert.workspace_id = 2;
SELECT own_workspace(), count(*) FROM many GROUP BY 1;
SELECT own_workspace();
SELECT own_workspace(), count(*) FROM many GROUP BY 1;
ALTER ROLE CURRENT_USER RESET parallel_setup_cost;
ALTER ROLE CURRENT_USER RESET parallel_tuple_cost;
ALTER ROLE CURRENT_USER RESET min_parallel_table_scan_size;
DROP FUNCTION own_workspace;
DROP TABLE many;
