# shellcheck shell=bash
# Sourced by the tests of http/; they want PGHOST and the like for a server on which the extension is installed.
#   $dir              a directory that is gone at the end
#   prepare NAME      makes a database, PGDATABASE, and in it what setup.sql makes
#   block NAME        prints the block of docs/http.md below the comment that names it: what the page shows is what the tests run
#   free_port         a port of 127.0.0.1 that is free
#   background COMMAND...   starts it, by the prefix "${as[@]}"; it is ended at the end
#   wait_for PORT PID LOG   until that process listens there; shows the log, and ends the test, if it does not
#   model NAME HOST PORT [SED...]   starts a model of PostgREST that connects there, with http/postgrest.conf but for what sed changes; it
#                     logs to $dir/NAME.log
#   nginx NAME...     starts nginx with http/nginx.conf in front of each of these models
#   ${model_port[NAME]}, ${model_pid[NAME]}, ${nginx_port[NAME]}
#   "${server_user[@]}"   before a command: runs it as the user of the server, whose directory nobody else may enter
#   finish            for a trap at the end
# shellcheck source=tester.sh
. test/http/tester.sh
dir=$(mktemp -d /tmp/contact_upsert_http.XXXXXX)
started=()
as=(env)
# shellcheck disable=SC2034 # for the scripts that source this one
server_user=(env)
# shellcheck disable=SC2034
if ((EUID == 0)); then server_user=(setpriv --reuid "$(stat -c %U "$PGHOST")" --regid "$(stat -c %G "$PGHOST")" --init-groups); fi
declare -A model_port model_pid nginx_port
secret=of-the-test-and-of-at-least-32-characters
echo "$secret" >"$dir/jwt-secret"
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

model() {
	local conf=$dir/$1.conf uri="host=$2 port=$3 user=contacts_authenticator dbname=$PGDATABASE"
	model_port[$1]=$(free_port)
	sed -e "s|^db-uri = .*|db-uri = \"$uri\"|" -e "s|^jwt-secret = .*|jwt-secret = \"@$dir/jwt-secret\"|" \
		-e "s|^server-port = .*|server-port = ${model_port[$1]}|" "${@:4}" http/postgrest.conf >"$conf"
	background /usr/bin/python3 test/http/postgrest_model.py "$conf" >"$dir/$1.log" 2>&1
	model_pid[$1]=${started[-1]}
	wait_for "${model_port[$1]}" "${model_pid[$1]}" "$dir/$1.log"
}

# As an ordinary user: as root it would want one that owns its files.
nginx() {
	local name temporary
	for name in "$@"; do
		nginx_port[$name]=$(free_port)
		sed -e "s|listen 8080;|listen 127.0.0.1:${nginx_port[$name]};|" -e "s|127\.0\.0\.1:3000|127.0.0.1:${model_port[$name]}|" \
			-e "s|contacts_postgrest|postgrest_$name|" http/nginx.conf >"$dir/$name.nginx"
	done
	{
		echo "daemon off; pid $dir/nginx.pid; error_log $dir/nginx.log; events {}"
		echo "http { access_log off;"
		for temporary in client_body proxy fastcgi uwsgi scgi; do echo "${temporary}_temp_path $dir/$temporary;"; done
		echo "include $dir/*.nginx; }"
	} >"$dir/nginx.conf"
	if ((EUID == 0)); then
		as=(setpriv --reuid nobody --clear-groups)
		chown -R nobody "$dir"
	fi
	background "$(PATH=$PATH:/usr/sbin type -P nginx)" -e "$dir/nginx.log" -c "$dir/nginx.conf" >"$dir/nginx.out" 2>&1
	as=(env)
	wait_for "${nginx_port[$1]}" "${started[-1]}" "$dir/nginx.log"
}

finish() {
	if ((${#started[@]} > 0)); then
		kill "${started[@]}" 2>/dev/null || true # they may have ended
		wait "${started[@]}" 2>/dev/null || true
	fi
	dropdb --force --if-exists "$PGDATABASE"
	psql -qX -d postgres -c 'SET client_min_messages = warning' -c 'DROP ROLE IF EXISTS contacts_member, contacts_api,
		contacts_authenticator, contact_upsert_two, contact_upsert_both, contact_upsert_stranger, contact_upsert_nobody,
		contact_upsert_hurried, contact_upsert_strict'
	rm -rf "$dir"
}
