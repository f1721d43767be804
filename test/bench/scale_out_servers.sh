# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by scale_out.sh and scale_out_instructions.sh: makes the installations that they compare, each with $contacts contacts in $workspaces
# workspaces, and the calls, in files of pgbench's. A way to install has one server or more. Wants scripts/sandbox.sh.
#   ${ports[SERVER]}              where it listens
#   ${servers_of[NAME]}           the servers of an installation; calls go to the first
#   ${first_of[SERVER]}, ${step_of[SERVER]}   which workspaces a server has, from 2 and each by default
#   ${options_of[NAME]}           PGOPTIONS of the calls
#   "${under[@]}"                 a command that runs postgres

export PGHOST=$dir PGUSER=tester PGDATABASE=postgres
cd "$dir" || exit

declare -A postmasters=() ports=() servers_of=() first_of=() step_of=() options_of=()
under=()

before_end() {
	local pid
	for pid in "${postmasters[@]}"; do kill -INT "$pid" 2>/dev/null && wait "$pid"; done
}

# SERVER [OPTION...]: starts a server, whose data are there.
start_server() {
	local name=$1 i
	"${as_server_user[@]}" setpriv --pdeathsig INT "${under[@]}" "$bindir/postgres" -D "$dir/$name" -c listen_addresses= -c unix_socket_directories="$dir" \
		-c port="${ports[$name]}" -c shared_buffers=512MB -c max_wal_size=8GB -c checkpoint_timeout=1h -c autovacuum=off -c fsync=off \
		"${@:2}" >>"$dir/$name.log" 2>&1 </dev/null &
	postmasters[$name]=$!
	for ((i = 0; ; i++)); do
		if pg_isready -q -p "${ports[$name]}"; then return; fi
		((i < 600)) || { cat "$dir/$name.log" >&2; return 1; }
		sleep 0.1
	done
}

# SERVER: ends it.
stop_server() {
	kill -INT "${postmasters[$1]}"
	wait "${postmasters[$1]}" || true
	unset "postmasters[$1]"
}

# SERVER: makes a server, and starts it.
make_server() {
	ports[$1]=$((5432 + ${#ports[@]}))
	"${as_server_user[@]}" initdb --pgdata="$dir/$1" --username="$PGUSER" --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync \
		>"$dir/$1.log" 2>&1 || { cat "$dir/$1.log" >&2; return 1; }
	start_server "$1"
}

# NAME SERVER...: a way to install.
installation() {
	servers_of[$1]="${*:2}"
}

# SERVER: the workspaces of a server, with their contacts; 1, which install() makes, is not among them.
fill() {
	psql -qX -p "${ports[$1]}" -v first="${first_of[$1]:-2}" -v step="${step_of[$1]:-1}" -v last=$((workspaces + 1)) -v contacts=$((contacts / workspaces)) \
		-f "$bench/scale_out.sql"
}

# NAME PARTITIONS [OPTIONS]: an installation of one server, with so many partitions or NULL.
install_with() {
	local name=$1
	make_server "$name"
	installation "$name" "$name"
	options_of[$name]=${3:-}
	psql -qXo /dev/null -v ON_ERROR_STOP=1 -p "${ports[$name]}" -c "CREATE EXTENSION contact_upsert" -c "SELECT contacts.install($2)"
	fill "$name"
}

# Two partitions, which share the workspaces, and a proxy: three servers.
install_proxy() {
	local number server
	for number in 0 1; do
		server=partition_$number
		make_server "$server"
		first_of[$server]=$((2 + number)) step_of[$server]=2
		psql -qXo /dev/null -v ON_ERROR_STOP=1 -p "${ports[$server]}" -c "CREATE EXTENSION contact_upsert" -c "SELECT contacts.install()" \
			-c "SELECT contacts.set_partition($number, 2)"
		fill "$server"
	done
	make_server proxy
	psql -qXo /dev/null -v ON_ERROR_STOP=1 -p "${ports[proxy]}" -c "SET client_min_messages = warning" -c "CREATE EXTENSION contact_upsert_proxy CASCADE" \
		-c "CREATE SERVER contacts FOREIGN DATA WRAPPER plproxy OPTIONS (query_timeout '60', p0 'host=$dir port=${ports[partition_0]} dbname=postgres',
			p1 'host=$dir port=${ports[partition_1]} dbname=postgres')" \
		-c "CREATE USER MAPPING FOR CURRENT_USER SERVER contacts OPTIONS (user '$PGUSER')"
	installation proxy proxy partition_0 partition_1
}

# SERVER NAME SCENARIO OPTION...: pgbench of a scenario.
calls() {
	local first=${first_of[$1]:-2} step=${step_of[$1]:-1}
	PGOPTIONS=${options_of[$2]:-} pgbench -n -p "${ports[$1]}" "${@:4}" \
		-D contacts=$((contacts / workspaces)) -D first="$first" -D step="$step" -D count=$(((workspaces + 1 - first) / step + 1)) \
		-f "$dir/$3.sql" >"$dir/pgbench.$1" 2>&1 || { cat "$dir/pgbench.$1" >&2; return 1; }
}

# Contacts that change have even numbers, those that do not odd ones, whose score is as it was loaded.
write_scripts() {
	local call="SELECT contacts.upsert(('{\"email_address\": \"c' || :n::bigint || '@example.com\", \"partial_update\": true, \"fields\": {\"first_name\": \"Tywin\", \"score\": ' || :score::bigint || '}}')::jsonb, :w);"
	cat >change.sql <<<"\\set w :first + :step * random(0, :count - 1)
\\set n 2 * random(0, :contacts / 2 - 1)
\\set score random(2, 1000000000)
$call"
	cat >unchanged.sql <<<"\\set w :first + :step * random(0, :count - 1)
\\set n 2 * random(0, :contacts / 2 - 1) + 1
\\set score 1
$call"
	cat >create.sql <<<"\\set w :first + :step * random(0, :count - 1)
\\set n random(1000000000000, 9000000000000)
\\set score 1
$call"
}
