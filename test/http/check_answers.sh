#!/bin/bash
# Tests the table "Answers" of docs/http.md: each status and each code that it names is answered when it says so, by nginx with
# http/nginx.conf in front of a model of PostgREST (postgrest_model.py) of the server, and of another model of a standby of it, which is
# stopped at the end. Wants PGHOST and the like for a server on which the extension is installed. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=http.sh
. test/http/http.sh
trap finish EXIT
prepare contact_upsert_answers
psql -qXo /dev/null -v ON_ERROR_STOP=1 -f test/http/answers.sql

# Its data lies beside the server's, and is gone with it.
standby=$PGHOST/standby
as=("${server_user[@]}")
"${as[@]}" pg_basebackup --pgdata="$standby" --write-recovery-conf --checkpoint=fast --no-sync
read -r connections transactions < <(psql -qXAt -F ' ' -c "SELECT current_setting('max_connections'), current_setting('max_prepared_transactions')")
background "$("$PG_CONFIG" --bindir)/postgres" -D "$standby" -c port=5433 -c listen_addresses= -c unix_socket_directories="$PGHOST" -c fsync=off \
	-c max_connections="$connections" -c max_prepared_transactions="$transactions" >"$dir/standby.log" 2>&1
as=(env)
standby_pid=${started[-1]}
for ((try = 0; try < 300; try++)); do
	if pg_isready --quiet --port=5433; then break; fi
	sleep 0.1
done
pg_isready --quiet --port=5433 || {
	tail -n 20 "$dir/standby.log" | sed 's/^/# /'
	exit 1
}

model primary "$PGHOST" "${PGPORT:-5432}" -e 's/^db-pool = .*/db-pool = 2/' -e 's/^db-pool-acquisition-timeout = .*/db-pool-acquisition-timeout = 1/'
model standby "$PGHOST" 5433
nginx primary standby
/usr/bin/python3 test/http/answers_test.py "127.0.0.1:${nginx_port[primary]}" "127.0.0.1:${model_port[primary]}" \
	"127.0.0.1:${nginx_port[standby]}" "127.0.0.1:${model_port[standby]}" "$secret" "$standby_pid" || {
	tail -n 20 "$dir"/*.log | sed 's/^/# /'
	exit 1
}
