#!/bin/bash
# Runs the migrations of docs/clients.md as a role that may not create extensions, in a database that the administrator has prepared, and
# in databases that tools make for tests; tests what the tools see of the tables. Who is not there is skipped, and said. Wants PGHOST and
# the like for a server on which the extension is installed, and which is the test's alone: roles, databases and template1 are changed. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=clients.sh
. test/clients/clients.sh

migrations=test/clients/migrations
template=contact_upsert_migrations
sql() {
	psql -qXAt -v ON_ERROR_STOP=1 -c "$1"
}
mkdir -p "$out"
createdb "$template"
PGDATABASE=$template psql -qX -v ON_ERROR_STOP=1 -o /dev/null <<'SQL'
-- region: administrator
CREATE ROLE migrations_app LOGIN;
CREATE EXTENSION contact_upsert;
SELECT contacts.install();
SELECT contacts.grant_access('migrations_app', 1);
-- end region
SQL
# In a new database the tools may do what GRANT CREATE ON SCHEMA or DATABASE allows.
new_database() {
	export PGDATABASE=${template}_$1
	createdb --template="$template" "$PGDATABASE"
	sql "GRANT CREATE ON ${2/DATABASE/DATABASE $PGDATABASE} TO migrations_app"
}

# migration NAME WHERE WANTED COMMAND...: with that one grant, what it prints must be WANTED, and the field must be there afterwards.
migration() {
	new_database "$1" "$2"
	report "$1: its migration and what it sees, with CREATE ON $2" migrates "${@:3}"
}
migrates() {
	local got
	got=$("${@:2}") || { echo "$got"; return 1; }
	[[ $got == "$1" ]] || { echo "got: $got"; return 1; }
	[[ $(sql "SELECT count(*) FROM contacts.field WHERE merge_tag = 'first_name'") == 1 ]] || { echo "the field is missing"; return 1; }
}

# refused ERROR COMMAND...: it must fail, and say that among else.
refused() {
	local got
	if got=$("${@:2}" 2>&1); then echo "no error: $got"; return 1; fi
	[[ $got == *"$1"* ]] || { echo "$got"; return 1; }
}
as_app() {
	psql -qXAt -v ON_ERROR_STOP=1 -U migrations_app "$@"
}

tables=$(PGDATABASE=$template sql "SELECT count(*) FROM pg_tables WHERE schemaname = 'contacts'")
if /usr/bin/ruby -e "require 'active_record'; require 'pg'" 2>/dev/null; then
	migration rails 'SCHEMA public' $'enable_extension "contact_upsert"\nenable_extension "plpgsql"' /usr/bin/ruby "$migrations/rails.rb"
else
	report_skip rails "ActiveRecord is not available"
fi
if /usr/bin/python3 -c 'import django' 2>/dev/null; then
	mkdir -p "$out/crm/migrations"
	touch "$out/crm/__init__.py" "$out/crm/migrations/__init__.py"
	cp "$migrations/django_migration.py" "$out/crm/migrations/0001_contacts.py"
	export PYTHONPATH=$out
	new_database django_alone DATABASE
	report "django: CREATE ON DATABASE does not do" refused "permission denied for schema public" /usr/bin/python3 "$migrations/django_app.py"
	migration django "SCHEMA public" "" /usr/bin/python3 "$migrations/django_app.py"
else
	report_skip django "it is not available"
fi
if /usr/bin/python3 -c 'import alembic' 2>/dev/null; then
	migration alembic "SCHEMA public" "0"$'\n'"$tables"$'\n'"0" /usr/bin/python3 "$migrations/alembic_env.py"
else
	report_skip alembic "it is not available"
fi
if php -r 'require "Doctrine/DBAL/autoload.php";' 2>/dev/null; then
	migration doctrine 'SCHEMA public' $'1\n0' php "$migrations/doctrine.php" "$migrations/migration.sql"
else
	report_skip doctrine "it is not available"
fi
# drizzle_kit COMMAND...: in the directory of the packages. It prints a spinner.
drizzle_kit() {
	(cd "$out/more" && DATABASE_URL="postgresql://migrations_app@localhost/$PGDATABASE?host=$PGHOST" \
		timeout 60 node_modules/.bin/drizzle-kit "$@" --config=drizzle.config.mjs </dev/null 2>&1)
}
drizzle_migrates() {
	# The second time it finds nothing to do.
	for _ in 1 2; do
		drizzle_kit migrate >"$out/drizzle.log" || { cat "$out/drizzle.log"; return 1; }
	done
}
drizzle_fails_silently() {
	local said
	if said=$(drizzle_kit migrate); then echo "no error: $said"; return 1; fi
	if [[ $said == *denied* ]]; then echo "$said"; return 1; fi
	grep -q "ERROR:  permission denied for database $PGDATABASE" "$PGHOST/log"
}
drizzle_push_fails() {
	local said
	said=$(drizzle_kit push --force) || { echo "status $?"; return 1; }
	[[ $said == *"permission denied for schema public"* ]] || { echo "$said"; return 1; }
}
# Its table is made, and ours are as they were.
drizzle_pushes() {
	local before
	before=$(sql "$our_tables")
	drizzle_kit push --force >"$out/drizzle.log"
	[[ $(sql "SELECT to_regclass('public.deal') IS NOT NULL") == t ]] || { cat "$out/drizzle.log"; return 1; }
	[[ $(sql "$our_tables") == "$before" && $(sql "$our_tables" | wc -l) == "$tables" ]] || { sql "$our_tables"; return 1; }
}
our_tables="SELECT oid, relname FROM pg_class WHERE relnamespace = 'contacts'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1"
if npm_packages more; then
	cp "$migrations"/drizzle* "$out/more"
	rm -rf "$out/more/drizzle"
	drizzle_kit generate --custom --name=contacts >"$out/drizzle.log" || cat "$out/drizzle.log"
	cp "$migrations/migration.sql" "$out"/more/drizzle/*_contacts.sql
	new_database drizzle_alone "SCHEMA public"
	report "drizzle: CREATE ON SCHEMA public does not do, and drizzle-kit does not say so" drizzle_fails_silently
	migration drizzle DATABASE "" drizzle_migrates
	report "drizzle-kit push without CREATE ON SCHEMA public says so, and ends with 0" drizzle_push_fails
	sql "GRANT CREATE ON SCHEMA public TO migrations_app"
	report "drizzle-kit push leaves our tables alone" drizzle_pushes
else
	report_skip drizzle "its packages are not available"
fi
# Prisma's "migrate" fetches a program that npm does not have; its migrations are files of the same SQL.
migration prisma "SCHEMA public" "first_name|1" as_app -f "$migrations/migration.sql"

psql -qX -v ON_ERROR_STOP=1 -o /dev/null <<'SQL'
-- region: template
CREATE DATABASE contacts_template IS_TEMPLATE true;
ALTER ROLE migrations_app CREATEDB;
\connect contacts_template
CREATE EXTENSION contact_upsert;
SELECT contacts.install();
SELECT contacts.grant_access('migrations_app', 1);
-- end region
SQL
as_app -d postgres -c "CREATE DATABASE ${template}_empty"
PGDATABASE=${template}_empty
report "who is no superuser cannot create the extension, in a database of its own either" refused \
	'ERROR:  permission denied to create extension "contact_upsert"
HINT:  Must be superuser to create this extension.' as_app -c 'CREATE EXTENSION contact_upsert'
report "where nothing is prepared a migration says so" refused 'schema "contacts" does not exist' as_app -f "$migrations/migration.sql"
if /usr/bin/python3 -c 'import django' 2>/dev/null; then
	report "Django's test runner, with the template" env TEMPLATE=contacts_template /usr/bin/python3 "$migrations/django_tests.py"
	report "Django's test runner, without it" refused 'schema "contacts" does not exist' env TEMPLATE=template1 /usr/bin/python3 "$migrations/django_tests.py"
else
	report_skip "Django's test runner" "it is not available"
fi
if /usr/bin/ruby -e "require 'active_record'; require 'pg'" 2>/dev/null; then
	report "Rails' test database, with the template" /usr/bin/ruby "$migrations/rails_test_database.rb" "${template}_rails_test"
else
	report_skip "Rails' test database" "ActiveRecord is not available"
fi
# As Prisma makes a shadow database, which takes no template.
psql -qX -d template1 -o /dev/null -c 'CREATE EXTENSION contact_upsert' -c 'SELECT contacts.install()' -c "SELECT contacts.grant_access('migrations_app', 1)"
as_app -d postgres -c "CREATE DATABASE ${template}_shadow"
PGDATABASE=${template}_shadow
report "a new database where template1 has the extension" migrates "first_name|1" as_app -f "$migrations/migration.sql"
report "DROP SCHEMA public CASCADE takes all with it" refused 'schema "contacts" does not exist' as_app -c 'DROP SCHEMA public CASCADE' -c 'SELECT contacts.tables_version()'
report_end
