#!/bin/bash
# Usage: scale_out.sh
# Compares installations that divide the tables with one that does not: calls that change a field, create a contact and change nothing, spread over many
# workspaces. Prints ratios of rates and of CPU a call, taken in one run: the scenarios take turns among the installations, several times.
#
# A way to install has one server or more, which make_server of scale_out_servers.sh makes; its CPU is that of all their processes. To compare another
# way: make its servers, "installation NAME SERVER...", and "row TITLE NAME BASE". The first server is the one that is called, unless called_of says
# which are, at the same time, each for the workspaces that first_of and step_of say; by prepared statements, unless protocol_of says otherwise.
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
# shellcheck source=scale_out_servers.sh
. "$bench/scale_out_servers.sh"

declare -A called_of=() protocol_of=() transactions=() seconds=() cpu=()
rows=()

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
	calls "$1" "$2" "$3" -M "${protocol_of[$2]:-prepared}" -c "$4" -j "$4" -T "$seconds_each"
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

# Hash-partitioned, and the plain one beside: both execute their statements.
statements="-c contact_upsert.fast_path=off"
install_with statements NULL "$statements"
for partitions in ${PARTITIONS:-1 8 32}; do
	install_with "partitions_$partitions" "$partitions" "$statements"
	row "hash-partitioned by $partitions to plain, both with the fast path off" "partitions_$partitions" statements
done

# PL/Proxy, and its two partitions called directly, each for its own workspaces. PL/Proxy prepares nothing, so the plain installation is called
# both by prepared statements and by the same messages without them (Parse, Bind, Execute in each call).
install_with plain NULL
installation unprepared plain
protocol_of[unprepared]=extended
row "one server without prepared statements, to one with them" unprepared plain
install_proxy
row "PL/Proxy, two partitions, to one server" proxy plain
installation partitions_alone partition_0 partition_1
called_of[partitions_alone]=proxy
row "of it, the CPU of the partitions" partitions_alone plain
row "the same, to one server without prepared statements" partitions_alone unprepared
installation direct partition_0 partition_1
called_of[direct]="partition_0 partition_1"
row "direct connections to the two partitions, to one server" direct plain

for ((round = 0; round < rounds; round++)); do
	for scenario in "${scenarios[@]}"; do
		for name in "${!servers_of[@]}"; do load "$name" "$scenario"; done
	done
done

echo "PostgreSQL $("$bindir/postgres" --version | sed 's/.*) //'), $contacts contacts in $workspaces workspaces, $clients clients, $rounds rounds of $seconds_each s"
echo
table
