# shellcheck shell=bash
# Sourced by the tests of http/; they want PGHOST and the like for a server on which the extension is installed.
#   $dir              a directory that is gone at the end
#   prepare NAME      makes a database, PGDATABASE, and in it what setup.sql makes
#   block NAME        prints the block of docs/http.md below the comment that names it: what the page shows is what the tests run
#   free_port         a port of 127.0.0.1 that is free
#   background COMMAND...   starts it, by the prefix "${as[@]}"; it is ended at the end
#   wait_for PORT PID LOG   until that process listens there; shows the log, and ends the test, if it does not
#   finish            for a trap at the end
# shellcheck source=tester.sh
. test/http/tester.sh
dir=$(mktemp -d /tmp/contact_upsert_http.XXXXXX)
started=()
as=(env)
export PYTHONDONTWRITEBYTECODE=1

prepare() {
	export PGDATABASE=$1
	createdb "$PGDATABASE"
	psql -qXo /dev/null -v ON_ERROR_STOP=1 -f test/http/setup.sql
}

block() {
	awk -v wanted="<!-- $1 -->" '
		$0 == wanted { found = 1; next }
		found == 1 && /^```/ { found = 2; next }
		found == 2 && /^```/ { exit }
		found == 2' docs/http.md | grep .
}

free_port() {
	/usr/bin/python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'
}

background() {
	"${as[@]}" setpriv --pdeathsig TERM "$@" </dev/null &
	started+=($!)
}

wait_for() {
	local try
	for ((try = 0; try < 600; try++)); do
		# One that found its port taken has ended: who listens there is somebody else.
		kill -0 "$2" 2>/dev/null || break
		if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then sleep 0.1 && kill -0 "$2" && return; fi
		sleep 0.1
	done
	tail "$3" >&2
	return 1
}

finish() {
	if ((${#started[@]} > 0)); then
		kill "${started[@]}" 2>/dev/null || true # they may have ended
		wait "${started[@]}" 2>/dev/null || true
	fi
	dropdb --force --if-exists "$PGDATABASE"
	psql -qX -d postgres -c 'SET client_min_messages = warning' -c 'DROP ROLE IF EXISTS contacts_member, contacts_api,
		contacts_authenticator, contact_upsert_two, contact_upsert_both, contact_upsert_stranger, contact_upsert_nobody'
	rm -rf "$dir"
}
