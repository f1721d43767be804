-- What check_settings.sh needs beside setup.sql: functions that show what a request runs with, and a role with a setting of the extension's.
CREATE FUNCTION api.shown_path() RETURNS text LANGUAGE sql STABLE AS 'SELECT current_setting(''search_path'')';
CREATE SCHEMA other;
CREATE FUNCTION other.shown_path() RETURNS text LANGUAGE sql STABLE AS 'SELECT current_setting(''search_path'')';
GRANT USAGE ON SCHEMA other TO contacts_api;

LOAD 'contact_upsert';
CREATE ROLE contact_upsert_strict;
GRANT contacts_api TO contact_upsert_strict;
GRANT contact_upsert_strict TO contacts_authenticator;
SELECT contacts.grant_access('contact_upsert_strict', 1);
ALTER ROLE contact_upsert_strict SET contact_upsert.unknown_keys = 'refuse';
