#!/bin/bash
# Tests that the reference is complete: each function, table, view, type and column that users see, each setting, each code of an
# error, each option and exit status of the programs stands in docs/*.md. Wants PGHOST and the like for a server on which the
# extension is installed. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=../../scripts/tap_report.sh
. scripts/tap_report.sh

export PGDATABASE=contact_upsert_names
createdb "$PGDATABASE"
trap 'dropdb --if-exists "$PGDATABASE"' EXIT
sql() {
	psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --command "$1"
}
sql 'CREATE EXTENSION contact_upsert; SELECT contacts.install()' >/dev/null

# The words of standard input that none of the files has. There must be some.
missing() {
	local word words
	mapfile -t words < <(grep .)
	((${#words[@]} > 0)) || echo "nothing to look for"
	for word in "${words[@]}"; do
		grep -qE -e "(^|[^A-Za-z0-9_.-])(contacts\.)?${word//./\\.}([^A-Za-z0-9_-]|$)" "$@" || echo "$word"
	done
}
complete() {
	report "$1" nothing "$(missing "${@:2}")"
}

complete "functions" docs/api.md < <(sql "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'contacts'::regnamespace")
complete "parameters of functions" docs/*.md < <(sql "SELECT DISTINCT unnest(proargnames) FROM pg_proc
	WHERE pronamespace = 'contacts'::regnamespace")
complete "tables and views" docs/api.md docs/events.md < <(sql "SELECT relname FROM pg_class
	WHERE relnamespace = 'contacts'::regnamespace AND relkind IN ('r', 'p', 'v')")
complete "tables and views on the page about personal data" docs/gdpr.md < <(sql "SELECT 'contacts.' || relname FROM pg_class
	WHERE relnamespace = 'contacts'::regnamespace AND relkind IN ('r', 'p', 'v')")
complete "columns" docs/*.md < <(sql "SELECT DISTINCT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
	WHERE relnamespace = 'contacts'::regnamespace AND relkind IN ('r', 'p', 'v', 'c') AND attnum > 0 AND NOT attisdropped")
complete "values of types" docs/*.md < <(sql "SELECT DISTINCT enumlabel FROM pg_enum JOIN pg_type t ON t.oid = enumtypid
	WHERE typnamespace = 'contacts'::regnamespace")
complete "settings" docs/api.md < <(sql "LOAD 'contact_upsert'; SELECT name FROM pg_settings WHERE name LIKE 'contact\_upsert.%'")
complete "values of settings" docs/*.md < <(sql "LOAD 'contact_upsert'; SELECT DISTINCT unnest(enumvals) FROM pg_settings
	WHERE name LIKE 'contact\_upsert.%'")
complete "codes of errors" docs/api.md < <(sed -n '/kCodeNames/,/};/s/.*"\([A-Z_]*\)".*/\1/p' src/core/names.hpp)
complete "options of contact-worker" docs/events.md < <(./contact-worker --help | grep -oE '^ +(-[a-z], +)?--[a-z-]+' | grep -oE -- '--.*')
complete "exit statuses of contact-worker" docs/events.md < <(./contact-worker --help | sed -n '/^Exit status/,$s/^ *\([0-9]\) .*/\1/p')
complete "options of contact-import" docs/contact-import.md < <(./contact-import --help | grep -oE '^ +(-[a-z], +)?--[a-z-]+' | grep -oE -- '--.*')
complete "exit statuses of contact-import" docs/contact-import.md < <(./contact-import --help | sed -n '/^Exit status/,$s/^ *\([0-9]\) .*/\1/p')
report_end
