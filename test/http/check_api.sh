#!/bin/bash
# Tests http/api.sql: where it cannot be run it says why and leaves nothing, it may be run again, and it gives nobody more than it says.
# Wants PGHOST and the like for a server on which the extension is installed. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=../../scripts/tap_report.sh
. scripts/tap_report.sh

# shellcheck source=tester.sh
. test/http/tester.sh
export PGDATABASE=contact_upsert_api
roles=(contacts_member contacts_api contacts_authenticator contact_upsert_other)
finish() {
	dropdb --force --if-exists "$PGDATABASE"
	dropdb --force --if-exists "${PGDATABASE}_2"
	for role in "${roles[@]}" '"we""ird 1"' '"we""ird 2"' '"we""ird 3"' '"Jane.Doe 7"'; do
		psql -qX -d postgres -c 'SET client_min_messages = warning' -c "DROP ROLE IF EXISTS $role"
	done
	rm -rf "$dir"
}
dir=$(mktemp -d)
trap finish EXIT

sql() {
	psql -qXAt -v ON_ERROR_STOP=1 -c "$1"
}
# A command for report: the query succeeds and finds nothing.
finds_nothing() {
	local found
	found=$(sql "$1") && nothing "$found"
}
# Prints nothing, or what went wrong: message and hint.
run_api() {
	psql -qX "$@" -f http/api.sql 2>&1 | sed -n 's/^psql:[^ ]* ERROR:  //p; s/^HINT:  /HINT: /p; /NOTICE\|WARNING/p'
}
# The roles of ours that there are, and the schema.
left() {
	sql "SELECT rolname FROM pg_roles WHERE rolname LIKE 'contacts\_%' UNION ALL SELECT nspname FROM pg_namespace WHERE nspname = 'api'"
}
is() {
	[[ $1 == "$2" ]] || { printf 'got: %s\nwanted: %s\n' "$1" "$2"; return 1; }
}

createdb "$PGDATABASE"
report "without the extension" is "$(run_api)" 'The extension contact_upsert is not installed in this database.
HINT: CREATE EXTENSION contact_upsert; SELECT contacts.install();'
sql 'CREATE EXTENSION contact_upsert'
report "without the tables" is "$(run_api)" 'The contact tables are not installed in this database.
HINT: SELECT contacts.install();'
sql 'SELECT contacts.install()' >/dev/null
sql 'CREATE ROLE contact_upsert_other; CREATE SCHEMA api AUTHORIZATION contact_upsert_other'
report "where another role has a schema of that name" is "$(run_api)" 'There is a schema "api" that belongs to another role.
HINT: Run this as its owner, ALTER SCHEMA api OWNER TO …, or write another name for "api" in this file.'
sql 'DROP SCHEMA api'
report "a workspace that is not there" is "$(run_api -v workspace=7 | head -n 1)" 'Workspace 7 does not exist.'
report "nothing is left by them" nothing "$(left)"

report "it runs, and says nothing" nothing "$(run_api)"
pg_dump --schema=api >"$dir/first"
# What a stranger may have made where PUBLIC may create in public: psql runs what format() returns.
sql "CREATE FUNCTION public.format(text, text) RETURNS text LANGUAGE sql AS \$\$ SELECT 'ALTER ROLE contact_upsert_other SUPERUSER' \$\$;
	CREATE FUNCTION public.format(text, regprocedure) RETURNS text LANGUAGE sql AS \$\$ SELECT 'ALTER ROLE contact_upsert_other SUPERUSER' \$\$"
report "it runs again" nothing "$(run_api)"
report "and runs no function of a stranger's" is "$(sql "SELECT rolsuper FROM pg_roles WHERE rolname = 'contact_upsert_other'")" f
sql 'DROP FUNCTION public.format(text, text), public.format(text, regprocedure)'
pg_dump --schema=api >"$dir/second"
# What pg_dump writes into \restrict is another word each time.
report "and leaves the same" diff <(grep -v '^.\(un\)\?restrict' "$dir/first") <(grep -v '^.\(un\)\?restrict' "$dir/second")

api="pg_proc p WHERE pronamespace = 'api'::regnamespace"
while read -r function; do
	sql "ALTER FUNCTION $function OWNER TO contact_upsert_other"
	report "where another role has $function" is "$(run_api)" 'There are functions in schema "api" that belong to another role.
HINT: Look at them with \df+ api.*, and ALTER FUNCTION … OWNER TO …, or DROP FUNCTION.'
	sql "ALTER FUNCTION $function OWNER TO tester"
done < <(sql "SELECT oid::regprocedure FROM $api")
sql "CREATE FUNCTION api.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION api.mine() OWNER TO contact_upsert_other"
report "where another role has added one of its own, it runs" nothing "$(run_api)"
sql 'DROP FUNCTION api.mine()'
report "there are twelve functions" is "$(sql "SELECT count(*) FROM $api")" 12
report "each is one that contacts_api may call" finds_nothing "SELECT oid::regprocedure FROM $api AND NOT has_function_privilege('contacts_api', oid, 'EXECUTE')"
report "and not PUBLIC" finds_nothing "SELECT oid::regprocedure FROM $api AND has_function_privilege('contact_upsert_other', oid, 'EXECUTE')"
report "each runs as its caller" finds_nothing "SELECT oid::regprocedure FROM $api AND prosecdef"
report "none is overloaded" finds_nothing "SELECT proname FROM $api GROUP BY 1 HAVING count(*) > 1"
report "each has a summary and a description" finds_nothing "SELECT oid::regprocedure FROM $api
	AND coalesce(obj_description(oid, 'pg_proc'), '') !~ '^[^\n]+\n\n[^\n]'"
report "docs/http.md names each" nothing "$(sql "SELECT proname FROM $api" | while read -r name; do grep -qw -- "$name" docs/http.md || echo "$name"; done)"
report "PUBLIC cannot see the schema" is "$(sql "SELECT has_schema_privilege('contact_upsert_other', 'api', 'USAGE')")" f
report "the authenticator has no right but to become the member" is "$(sql "SELECT rolinherit, rolsuper, rolcreaterole, rolcreatedb,
	has_schema_privilege('contacts_authenticator', 'api', 'USAGE') FROM pg_roles WHERE rolname = 'contacts_authenticator'")" 'f|f|f|f|f'
report "only the authenticator may log in" is "$(sql "SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolname LIKE 'contacts\_%' AND rolcanlogin")" \
	contacts_authenticator

# Why a setting of ours on the role of a token may be lost: PostgREST applies those that pg_settings shows.
ours="SELECT count(*) > 0 FROM pg_settings WHERE name LIKE 'contact\_upsert.%'"
report "a new session shows no setting of the extension" is "$(sql "$ours")" f
report "with session_preload_libraries it does" is "$(PGOPTIONS='-c session_preload_libraries=contact_upsert' sql "$ours")" t

report "roles of other names" nothing "$(run_api -v authenticator='we"ird 1' -v api='we"ird 2' -v member='we"ird 3')"
# shellcheck disable=SC2016 # psql's
report "which may call it" is "$(sql "SET ROLE \"we\"\"ird 3\"; SELECT api.upsert_contact('{\"email_address\": \"a@example.com\"}') -> 'data' ->> 'status'")" SUBSCRIBED
sql 'REVOKE ALL ON ALL FUNCTIONS IN SCHEMA api FROM "we""ird 2"; REVOKE ALL ON SCHEMA api FROM "we""ird 2"'
sql "SELECT contacts.revoke_access('we\"ird 3', 1)" >/dev/null

other_runner() {
	createdb "${PGDATABASE}_2"
	sql 'CREATE ROLE "Jane.Doe 7" SUPERUSER LOGIN'
	PGDATABASE=${PGDATABASE}_2 sql 'CREATE EXTENSION contact_upsert; SELECT contacts.install()' >/dev/null
	PGDATABASE=${PGDATABASE}_2 PGUSER="Jane.Doe 7" run_api
	PGDATABASE=${PGDATABASE}_2 PGUSER="Jane.Doe 7" run_api
	dropdb "${PGDATABASE}_2"
}
report "it runs twice as a role of another name" nothing "$(other_runner 2>&1)"

restore() {
	createdb "${PGDATABASE}_2"
	pg_dump | psql -qXo /dev/null -v ON_ERROR_STOP=1 -d "${PGDATABASE}_2"
	psql -qXAt -d "${PGDATABASE}_2" -c 'SET ROLE contacts_member' -c "SELECT api.get_contact('a@example.com') -> 'data' ->> 'status'" | grep -x SUBSCRIBED
}
report "a dump brings it back" restore
report_end
