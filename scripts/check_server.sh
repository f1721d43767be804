#!/bin/bash
# Usage: check_server.sh VERSION
# Before "make installcheck": whether the server that PGHOST, PGPORT and PGUSER name can run its tests with that version of the
# extension. Says on what they run if it can; otherwise prints a sentence that says what to do, and exits with 1.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
pg_config=$(scripts/pg_config.sh)

fail() {
	echo "make installcheck: $1" >&2
	exit 1
}

query() {
	"$("$pg_config" --bindir)/psql" --no-psqlrc -AtqX -d "${PGDATABASE:-postgres}" -c "$1" 2>&1
}

major=$(query "SELECT current_setting('server_version_num')::int / 10000") ||
	fail "$major. Start the server, or name another with PGHOST, PGPORT and PGUSER."
own=$("$pg_config" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
[[ $major == "$own" ]] ||
	fail "the server is PostgreSQL $major, and this was built for $own. Build for it with PG_CONFIG=/path/to/its/pg_config, or name another server."
[[ $(query 'SELECT rolsuper FROM pg_roles WHERE rolname = current_user') == t ]] ||
	fail "the tests need a superuser. Name one with PGUSER, or make one: sudo -u postgres createuser --superuser \"\$USER\"."
# Debian's pg_buildext has a server look for extensions in the package that is being built (extension_destdir), which the view does not.
[[ $(query "SELECT count(*) FROM pg_available_extension_versions WHERE name = 'contact_upsert' AND version = '$1'") == 1 ||
	$(query "SELECT coalesce(current_setting('extension_destdir', true), '')") == /* ]] ||
	fail "contact_upsert $1 is not installed on that server. Run \"sudo make install\" first."
# The test prepare_transaction has an expected output for each of the two.
echo "make installcheck: PostgreSQL $major, max_prepared_transactions = $(query 'SHOW max_prepared_transactions')"
