#!/bin/bash
# Usage: scale_out.sh
# Compares installations that divide the tables with one that does not: calls that change a field, create a contact and change nothing, spread over many
# workspaces. Prints ratios of rates and of CPU a call, taken in one run: the scenarios take turns among the installations, several times.
#
# A way to install has one server or more, which start_server makes; its CPU is that of all their processes. To compare another way:
# start its servers, "installation NAME SERVER...", and "row TITLE NAME BASE". The first server is the one that is called, unless called_of says
# which are, at the same time, each for the workspaces that first_of and step_of say.
#
# From the environment:
#   CONTACTS=200000    contacts in each installation
#   WORKSPACES=16      workspaces that they and the calls are spread over
#   PARTITIONS="1 8 32"   of the hash-partitioned installations
#   CLIENTS=2          sessions that call
#   SECONDS_EACH=5     how long a scenario runs, each time
#   ROUNDS=3           how many times
set -euo pipefail
bench=$(realpath "${BASH_SOURCE%/*}")
# shellcheck source=../../scripts/sandbox.sh
. "$bench/../../scripts/sandbox.sh"

contacts=${CONTACTS:-200000}
workspaces=${WORKSPACES:-16}
clients=${CLIENTS:-2}
seconds_each=${SECONDS_EACH:-5}
rounds=${ROUNDS:-3}
scenarios=(change create unchanged)
export PGHOST=$dir PGUSER=tester PGDATABASE=postgres
cd "$dir"

declare -A postmasters=() ports=() servers_of=() called_of=() first_of=() step_of=() options_of=() transactions=() seconds=() cpu=()
rows=()

before_end() {
	local pid
	for pid in "${postmasters[@]}"; do kill -INT "$pid" 2>/dev/null && wait "$pid"; done
}

# NAME [OPTION...]: starts a server, whose port is then ${ports[NAME]}.
start_server() {
	local name=$1 i
	ports[$name]=$((5432 + ${#ports[@]}))
	"${as_server_user[@]}" initdb --pgdata="$dir/$name" --username="$PGUSER" --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync \
		>"$dir/$name.log" 2>&1 || { cat "$dir/$name.log" >&2; return 1; }
	"${as_server_user[@]}" setpriv --pdeathsig INT "$bindir/postgres" -D "$dir/$name" -c listen_addresses= -c unix_socket_directories="$dir" \
		-c port="${ports[$name]}" -c shared_buffers=512MB -c max_wal_size=8GB -c checkpoint_timeout=1h -c autovacuum=off -c fsync=off \
		"${@:2}" >>"$dir/$name.log" 2>&1 </dev/null &
	postmasters[$name]=$!
	for ((i = 0; ; i++)); do
		if pg_isready -q -p "${ports[$name]}"; then return; fi
		((i < 300)) || { cat "$dir/$name.log" >&2; return 1; }
		sleep 0.1
	done
}

# NAME SERVER...: a way to install; its calls go to the first server.
installation() {
	servers_of[$1]="${*:2}"
}

# TITLE NAME BASE: a row of the table.
row() {
	rows+=("$1|$2|$3")
}

# SERVER: the CPU that its processes have taken, in ticks: of those that have ended, too, which the postmaster has waited for.
ticks() {
	local pid=${postmasters[$1]} children
	read -r -a children <"/proc/$pid/task/$pid/children" || true
	# Behind the name of the program, which may be anything: utime and stime, and of those that it has waited for.
	for pid in "$pid" "${children[@]}"; do sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null || true; done |
		awk '{ sum += $12 + $13; if (NR == 1) sum += $14 + $15 } END { print sum }'
}

# NAME: the CPU of all servers of an installation.
ticks_of() {
	local server sum=0
	for server in ${servers_of[$1]}; do sum=$((sum + $(ticks "$server"))); done
	echo "$sum"
}

# NAME: waits until no server of an installation has a session any more: a process that ends is in no sum for a moment.
wait_for_sessions() {
	local server
	for server in ${servers_of[$1]}; do
		until [[ $(psql -qXAt -p "${ports[$server]}" -c "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()") == 0 ]]; do
			sleep 0.1
		done
	done
	sleep 0.3
}

# SERVER NAME SCENARIO CLIENTS: calls for some seconds; prints how many calls.
call() {
	local first=${first_of[$1]:-2} step=${step_of[$1]:-1}
	PGOPTIONS=${options_of[$2]:-} pgbench -n -M prepared -p "${ports[$1]}" -c "$4" -j "$4" -T "$seconds_each" \
		-D contacts=$((contacts / workspaces)) -D first="$first" -D step="$step" -D count=$(((workspaces + 1 - first) / step + 1)) \
		-f "$dir/$3.sql" >"$dir/pgbench.$1" 2>&1 || { cat "$dir/pgbench.$1" >&2; return 1; }
	sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$dir/pgbench.$1"
}

# NAME SCENARIO: calls for some seconds, and adds up calls, seconds and CPU.
load() {
	local name=$1 scenario=$2 called server before pid pids=()
	read -r -a called <<<"${called_of[$name]:-${servers_of[$name]%% *}}"
	before=$(ticks_of "$name")
	for server in "${called[@]}"; do
		call "$server" "$name" "$scenario" $((clients / ${#called[@]})) >"$dir/count.$server" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	wait_for_sessions "$name"
	cpu[$name, $scenario]=$((${cpu[$name, $scenario]:-0} + $(ticks_of "$name") - before))
	for server in "${called[@]}"; do
		transactions[$name, $scenario]=$((${transactions[$name, $scenario]:-0} + $(<"$dir/count.$server")))
	done
	seconds[$name, $scenario]=$((${seconds[$name, $scenario]:-0} + seconds_each))
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

table() {
	local line title name base scenario
	printf '| |'; printf ' %s: rate | CPU a call |' "${scenarios[@]}"
	printf '\n|---|'; printf -- '---|---|%.0s' "${scenarios[@]}"; echo
	for line in "${rows[@]}"; do
		IFS='|' read -r title name base <<<"$line"
		printf '| %s |' "$title"
		for scenario in "${scenarios[@]}"; do
			awk -v a="${transactions[$name, $scenario]}" -v b="${transactions[$base, $scenario]}" -v s="${seconds[$name, $scenario]}" \
				-v t="${seconds[$base, $scenario]}" -v c="${cpu[$name, $scenario]}" -v d="${cpu[$base, $scenario]}" \
				'BEGIN { printf " %.2f | %.2f |", a / s / (b / t), c / a / (d / b) }'
		done
		echo
	done
	echo
	for name in "${!servers_of[@]}"; do
		for scenario in "${scenarios[@]}"; do
			awk -v name="$name" -v scenario="$scenario" -v a="${transactions[$name, $scenario]}" -v s="${seconds[$name, $scenario]}" -v c="${cpu[$name, $scenario]}" \
				-v hertz="$(getconf CLK_TCK)" 'BEGIN { printf "%s, %s: %d calls a second, %.0f microseconds of CPU each\n", name, scenario, a / s, c / hertz / a * 1000000 }'
		done
	done | sort
}

write_scripts

# SERVER: the workspaces of a server, with their contacts; 1, which install() makes, is not among them.
fill() {
	psql -qX -p "${ports[$1]}" -v first="${first_of[$1]:-2}" -v step="${step_of[$1]:-1}" -v last=$((workspaces + 1)) -v contacts=$((contacts / workspaces)) \
		-f "$bench/scale_out.sql"
}

# NAME PARTITIONS [OPTIONS]: a server of its own.
install_with() {
	local name=$1
	start_server "$name"
	installation "$name" "$name"
	options_of[$name]=${3:-}
	psql -qXo /dev/null -v ON_ERROR_STOP=1 -p "${ports[$name]}" -c "CREATE EXTENSION contact_upsert" -c "SELECT contacts.install($2)"
	fill "$name"
}

# Hash-partitioned, and the plain one beside: both execute their statements.
statements="-c contact_upsert.fast_path=off"
install_with statements NULL "$statements"
for partitions in ${PARTITIONS:-1 8 32}; do
	install_with "partitions_$partitions" "$partitions" "$statements"
	row "hash-partitioned by $partitions to plain, both with the fast path off" "partitions_$partitions" statements
done

# PL/Proxy: two partitions and a proxy, each a server; and the same two called directly, each for its own workspaces.
install_with plain NULL
for number in 0 1; do
	server=partition_$number
	start_server "$server"
	first_of[$server]=$((2 + number)) step_of[$server]=2
	psql -qXo /dev/null -v ON_ERROR_STOP=1 -p "${ports[$server]}" -c "CREATE EXTENSION contact_upsert" -c "SELECT contacts.install()" \
		-c "SELECT contacts.set_partition($number, 2)"
	fill "$server"
done
start_server proxy
psql -qXo /dev/null -v ON_ERROR_STOP=1 -p "${ports[proxy]}" -c "SET client_min_messages = warning" -c "CREATE EXTENSION contact_upsert_proxy CASCADE" \
	-c "CREATE SERVER contacts FOREIGN DATA WRAPPER plproxy OPTIONS (p0 'host=$dir port=${ports[partition_0]} dbname=postgres',
		p1 'host=$dir port=${ports[partition_1]} dbname=postgres')" \
	-c "CREATE USER MAPPING FOR CURRENT_USER SERVER contacts OPTIONS (user '$PGUSER')"
installation proxy proxy partition_0 partition_1
row "PL/Proxy, two partitions, to plain" proxy plain
installation partitions_alone partition_0 partition_1
called_of[partitions_alone]=proxy
row "of it, the CPU of the partitions" partitions_alone plain
installation direct partition_0 partition_1
called_of[direct]="partition_0 partition_1"
row "direct connections to the two partitions, to plain" direct plain

for ((round = 0; round < rounds; round++)); do
	for scenario in "${scenarios[@]}"; do
		for name in "${!servers_of[@]}"; do load "$name" "$scenario"; done
	done
done

echo "PostgreSQL $("$bindir/postgres" --version | sed 's/.*) //'), $contacts contacts in $workspaces workspaces, $clients clients, $rounds rounds of $seconds_each s"
echo
table
