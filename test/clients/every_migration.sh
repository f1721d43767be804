#!/bin/bash
# Runs the migrations of docs/clients.md as a role that may not create extensions, in a database that the administrator has prepared, and
# tests what the tools see of the tables. Who is not there is skipped, and said. Wants PGHOST and the like for a server on which the
# extension is installed. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=clients.sh
. test/clients/clients.sh

migrations=test/clients/migrations
template=contact_upsert_migrations
finish() {
	remove_databases
	psql -qXc 'DROP ROLE IF EXISTS migrations_app' -d postgres
}
trap finish EXIT

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
psql -qX -d "$template" -c 'GRANT CREATE ON DATABASE contact_upsert_migrations TO migrations_app; GRANT CREATE ON SCHEMA public TO migrations_app'

# migration NAME WANTED COMMAND...: what it prints must be WANTED, and the field must be there afterwards.
migration() {
	export PGDATABASE=${template}_$1
	createdb --template="$template" "$PGDATABASE"
	sql "GRANT CREATE ON DATABASE $PGDATABASE TO migrations_app"
	report "$1: its migration and what it sees" migrates "${@:2}"
}
migrates() {
	local got
	got=$("${@:2}") || return
	[[ $got == "$1" ]] || { echo "got: $got"; return 1; }
	[[ $(sql "SELECT count(*) FROM contacts.field WHERE merge_tag = 'first_name'") == 1 ]] || { echo "the field is missing"; return 1; }
}

tables=$(PGDATABASE=$template sql "SELECT count(*) FROM pg_tables WHERE schemaname = 'contacts'")
if /usr/bin/ruby -e "require 'active_record'; require 'pg'" 2>/dev/null; then
	migration rails $'enable_extension "contact_upsert"\nenable_extension "plpgsql"' /usr/bin/ruby "$migrations/rails.rb"
else
	report_skip rails "ActiveRecord is not available"
fi
if /usr/bin/python3 -c 'import django' 2>/dev/null; then
	mkdir -p "$out/crm/migrations"
	touch "$out/crm/__init__.py" "$out/crm/migrations/__init__.py"
	cp "$migrations/django_migration.py" "$out/crm/migrations/0001_contacts.py"
	PYTHONPATH=$out migration django "" /usr/bin/python3 "$migrations/django_app.py"
else
	report_skip django "it is not available"
fi
if /usr/bin/python3 -c 'import alembic' 2>/dev/null; then
	migration alembic "0"$'\n'"$tables"$'\n'"0" /usr/bin/python3 "$migrations/alembic_env.py"
else
	report_skip alembic "it is not available"
fi
if php -r 'require "Doctrine/DBAL/autoload.php";' 2>/dev/null; then
	migration doctrine $'1\n0' php "$migrations/doctrine.php" "$migrations/migration.sql"
else
	report_skip doctrine "it is not available"
fi
if npm_packages more; then
	mkdir -p "$out/drizzle/meta"
	cp "$migrations/migration.sql" "$out/drizzle/0000_contacts.sql"
	echo '{"version": "7", "dialect": "postgresql", "entries": [{"idx": 0, "version": "7", "when": 1, "tag": "0000_contacts", "breakpoints": true}]}' \
		>"$out/drizzle/meta/_journal.json"
	cp "$migrations/migrate.mjs" "$out/more"
	migration drizzle "" node "$out/more/migrate.mjs" "$out/drizzle"
else
	report_skip drizzle "its packages are not available"
fi
# Prisma's "migrate" fetches a program that npm does not have; its migrations are files of the same SQL.
migration prisma "first_name|1" psql -qXAt -U migrations_app -f "$migrations/migration.sql"
report_end
