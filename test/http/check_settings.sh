#!/bin/bash
# Tests http/postgrest.conf, and what docs/http.md says of settings: which of PostgREST's the model reads, what those that matter do when they
# are as they are there and when they are not, and what a role's settings and pgbouncer do. Wants PGHOST and the like for a server on which the
# extension is installed. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=http.sh
. test/http/http.sh
trap finish EXIT
prepare contact_upsert_settings
psql -qXo /dev/null -v ON_ERROR_STOP=1 -f test/http/settings.sql

model shipped "$PGHOST" "${PGPORT:-5432}"
psql -qX -c "ALTER ROLE contacts_authenticator SET session_preload_libraries = 'contact_upsert'"
model changed "$PGHOST" "${PGPORT:-5432}" -e 's/^db-schemas = .*/db-schemas = "api, other"/' -e 's/^db-extra-search-path = .*/db-extra-search-path = "public, more"/' \
	-e 's/^db-tx-end = .*/db-tx-end = "commit-allow-override"/' -e '$ a db-anon-role = "contacts_member"'
model rollback "$PGHOST" "${PGPORT:-5432}" -e 's/^db-tx-end = .*/db-tx-end = "rollback"/'

# The trap's two settings, each model with a connection that the other uses, too
pooler=$(PATH=$PATH:/usr/sbin type -P pgbouncer || true)
pooled=()
if [[ -n $pooler ]]; then
	port=$(free_port)
	echo '"contacts_authenticator" ""' >"$dir/users"
	cat >"$dir/pgbouncer.ini" <<-INI
		[databases]
		$PGDATABASE = host=$PGHOST port=${PGPORT:-5432}
		[pgbouncer]
		listen_addr = 127.0.0.1
		listen_port = $port
		unix_socket_dir =
		auth_type = trust
		auth_file = $dir/users
		pool_mode = transaction
		default_pool_size = 1
	INI
	chmod a+rx "$dir" && chmod a+r "$dir/users" "$dir/pgbouncer.ini"
	as=("${server_user[@]}")
	background "$pooler" "$dir/pgbouncer.ini" >"$dir/pgbouncer.log" 2>&1
	as=(env)
	wait_for "$port" "${started[-1]}" "$dir/pgbouncer.log"
	for name in pooled_1 pooled_2; do
		model "$name" 127.0.0.1 "$port" -e 's/^db-prepared-statements = .*/db-prepared-statements = false/' -e 's/^db-channel-enabled = .*/db-channel-enabled = false/'
		pooled+=("127.0.0.1:${model_port[$name]}")
	done
fi
/usr/bin/python3 test/http/settings_test.py "$secret" "127.0.0.1:${model_port[shipped]}" "127.0.0.1:${model_port[changed]}" \
	"127.0.0.1:${model_port[rollback]}" "${pooled[@]}" || {
	tail -n 20 "$dir"/*.log | sed 's/^/# /'
	exit 1
}
