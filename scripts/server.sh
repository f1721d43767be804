#!/bin/bash
# Usage: server.sh COMMAND [ARGUMENT...]
# Runs a command with a PostgreSQL server of its own: PGHOST, PGPORT, PGUSER and PGDATABASE point to it, and its programs
# come first on PATH. Data and socket live in one directory under /tmp (a checkout may lie deeper than the 107 bytes of a
# socket's path, or where the server's user cannot go). The server listens on no network address, and is gone when the
# command has ended, however it ended. Exits with the command's status; when that is not 0, shows the server's gravest words.
# SERVER_OPTIONS adds options of postgres, such as "-c fsync=on".
set -euo pipefail
# shellcheck source=as_server_user.sh
. "${BASH_SOURCE%/*}/as_server_user.sh"

pg_config=$(find_pg_config)
bindir=$("$pg_config" --bindir)
command=
server=
dir=$(mktemp -d /tmp/contact_upsert.XXXXXX)

finish() {
	status=$?
	trap '' INT TERM HUP
	if [[ -n $command ]]; then kill "$command" 2>/dev/null && wait "$command"; fi
	if ((status != 0)); then grep -E 'PANIC|FATAL|TRAP|terminated|WARNING' "$dir/log" | tail -n 50; fi
	if [[ -n $server ]]; then kill -INT "$server" 2>/dev/null && wait "$server"; fi
	rm -rf "$dir"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Nothing of the caller's reaches the server or the tests but what is set here.
unset "${!PG@}" "${!LC_@}" LANGUAGE
export LANG=C.UTF-8 TZ=UTC PG_CONFIG="$pg_config"
export PATH="$bindir:$PATH" PGHOST="$dir" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres

give_to_server_user "$dir"
(cd "$dir" && "${as_server_user[@]}" "$bindir/initdb" --pgdata="$dir/data" --username=postgres --auth=trust \
	--encoding=UTF8 --locale=C.UTF-8 --no-sync >"$dir/log" 2>&1) || { cat "$dir/log"; exit 1; }

settings=(
	-c listen_addresses= -c unix_socket_directories="$dir" -c port="$PGPORT"
	-c fsync=off -c shared_buffers=128MB -c max_connections=100 -c max_prepared_transactions=20
	-c wal_level=logical -c log_line_prefix='%m [%p] %q%a ' -c timezone=UTC
)
# pdeathsig: even a SIGKILL of this script leaves no server behind.
# shellcheck disable=SC2086 # SERVER_OPTIONS is a list of words
(cd "$dir" && exec "${as_server_user[@]}" setpriv --pdeathsig INT \
	"$bindir/postgres" -D "$dir/data" "${settings[@]}" ${SERVER_OPTIONS:-} >"$dir/log" 2>&1 </dev/null) &
server=$!
for ((i = 0; ; i++)); do
	"$bindir/pg_isready" -q && break
	if ((i == 300)) || ! kill -0 "$server" 2>/dev/null; then
		echo "server.sh: the server did not start" >&2
		exit 1
	fi
	sleep 0.1
done

# In the background, for only then does a signal reach this script before the command has ended.
"$@" <&0 &
command=$!
wait "$command" && status=0 || status=$?
command=
exit "$status"
