#!/bin/bash
# Usage: server.sh COMMAND [ARGUMENT...]
# Runs a command with a PostgreSQL server of its own: PGHOST, PGPORT, PGUSER and PGDATABASE point to it. Data and socket live
# in a directory under /tmp (a checkout may lie deeper than the 107 bytes of a socket's path, or where the server's user
# cannot go), and its log is $PGHOST/log; the server listens on no network address. It is gone when the command has ended,
# however that ended. Exits with the command's status; when that is not 0, shows the server's gravest words.
# The superuser is called "tester": a test that says "postgres" where it means the superuser fails here, not at a user's.
# SERVER_OPTIONS adds options of postgres, such as "-c fsync=on". START_SECONDS is how long its start may take. With SERVER_PORT it
# listens on that port of 127.0.0.1, too: for clients that know no sockets of Unix.
set -euo pipefail
# shellcheck source=sandbox.sh
. "${BASH_SOURCE%/*}/sandbox.sh"
export PGHOST="$dir" PGPORT=${SERVER_PORT:-5432} PGUSER=tester PGDATABASE=postgres
server=

before_end() {
	if (($1 != 0)); then grep -E 'PANIC|FATAL|TRAP|terminated|WARNING' "$dir/log" | tail -n 50; fi
	if [[ -n $server ]]; then kill -INT "$server" 2>/dev/null && wait "$server"; fi
}

(cd "$dir" && "${as_server_user[@]}" initdb --pgdata="$dir/data" --username="$PGUSER" --auth=trust \
	--encoding=UTF8 --locale=C.UTF-8 --no-sync >"$dir/log" 2>&1) || { cat "$dir/log"; exit 1; }

settings=(
	-c listen_addresses="${SERVER_PORT:+127.0.0.1}" -c unix_socket_directories="$dir" -c port="$PGPORT"
	-c fsync=off -c shared_buffers=128MB -c max_connections=100 -c max_prepared_transactions=20
	-c wal_level=logical -c log_line_prefix='%m [%p] %q%a ' -c timezone=UTC
)
# pdeathsig: even a SIGKILL of this script leaves no server behind.
# shellcheck disable=SC2086 # SERVER_OPTIONS is a list of words
(cd "$dir" && exec "${as_server_user[@]}" setpriv --pdeathsig INT \
	"$bindir/postgres" -D "$dir/data" "${settings[@]}" ${SERVER_OPTIONS:-} >"$dir/log" 2>&1 </dev/null) &
server=$!
for ((i = 0; ; i++)); do
	if pg_isready -q; then break; fi
	if ((i == ${START_SECONDS:-30} * 10)) || ! kill -0 "$server" 2>/dev/null; then
		echo "server.sh: the server did not start:" >&2
		cat "$dir/log" >&2
		exit 1
	fi
	sleep 0.1
done

run "$@"
