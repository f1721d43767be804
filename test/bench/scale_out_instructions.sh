#!/bin/bash
# Usage: scale_out_instructions.sh
# Counts the instructions that a call takes in servers that divide the tables, beside one that does not: hash-partitioned, and through PL/Proxy in
# the partition and in the proxy. Rates of scale_out.sh say what a machine does, and vary by a fifth on a busy one; these do not. What the kernel
# does for a call is not counted.
#
# Callgrind counts each server process, and writes down its sum when it ends. A number is the difference of two sessions, one of few calls
# and one of many, so that what a session does once is in none.
#
# From the environment:
#   CONTACTS=16000     contacts in each installation
#   WORKSPACES=16      workspaces that they and the calls are spread over
#   PARTITIONS="8 32"  of the hash-partitioned installations
#   CALLS=320          calls that a number is made of
set -euo pipefail
bench=$(realpath "${BASH_SOURCE%/*}")
# shellcheck source=../../scripts/sandbox.sh
. "$bench/../../scripts/sandbox.sh"

contacts=${CONTACTS:-16000}
workspaces=${WORKSPACES:-16}
many=${CALLS:-320}
few=$((4 * workspaces))
scenarios=(change create unchanged refused)
# shellcheck source=scale_out_servers.sh
. "$bench/scale_out_servers.sh"

declare -A instructions=()
rows=()

# TITLE COUNTED BASE...: a row of the table; a base is what it is compared with, "-" with nothing.
row() {
	rows+=("$1|$2|${3:--}|${4:--}")
}

# SERVER...: all begin anew, each process of theirs counted.
count_in() {
	local server
	for server in "$@"; do
		stop_server "$server"
		"${as_server_user[@]}" mkdir "$dir/counts.$server"
		under=(valgrind --quiet --vgdb=no --tool=callgrind --trace-children=yes --callgrind-out-file="$dir/counts.$server/%p")
		start_server "$server" -c full_page_writes=off
		under=()
	done
}

# SERVER PID: waits until that session has ended, and prints its sum.
wait_for_sum() {
	local i
	for ((i = 0; i < 600; i++)); do
		if sed -n '/^totals: /{s///p;q}' "$dir/counts.$1/$2" 2>/dev/null | grep .; then return; fi
		sleep 0.1
	done
	echo "no session of $1 has been counted" >&2
	return 1
}

# NAME PROTOCOL CALLED COUNTED...: for each scenario the instructions of a call to a server, in each of the servers that take part.
count() {
	local name=$1 protocol=$2 called=$3 scenario calls server share
	local -a pids
	local -A sums=()
	for scenario in "${scenarios[@]}"; do
		for calls in "$few" $((few + many)); do
			read -r -a pids < <(PGOPTIONS=${options_of[$name]:-} python3 -B "$bench/calls.py" "${ports[$called]}" "$protocol" "$scenario" "$calls" \
				$((contacts / workspaces)) "$workspaces" "${@:4}")
			for server in "${@:3}"; do
				share=$(wait_for_sum "$server" "${pids[0]}")
				pids=("${pids[@]:1}")
				sums[$server, $calls]=$share
			done
		done
		for server in "${@:3}"; do
			share=$(((${sums[$server, $((few + many))]} - ${sums[$server, $few]}) / many))
			if [[ $server == "$called" ]]; then
				instructions[$name, $scenario]=$share
			else
				instructions[$name of the partitions, $scenario]=$((${instructions[$name of the partitions, $scenario]:-0} + share))
			fi
		done
	done
}

table() {
	local line title name bases base scenario
	printf '| instructions of a call |'; printf ' %s |' "${scenarios[@]}"
	printf '\n|---|'; printf -- '---|%.0s' "${scenarios[@]}"; echo
	for line in "${rows[@]}"; do
		IFS='|' read -r title name bases <<<"$line"
		printf '| %s |' "$title"
		for scenario in "${scenarios[@]}"; do
			printf ' %d' "${instructions[$name, $scenario]}"
			for base in ${bases//|/ }; do
				if [[ $base != - ]]; then
					awk -v a="${instructions[$name, $scenario]}" -v b="${instructions[$base, $scenario]}" 'BEGIN { printf ", %.2f", a / b }'
				fi
			done
			printf ' |'
		done
		echo
	done
}

# Both execute their statements.
statements="-c contact_upsert.fast_path=off"
install_with statements NULL "$statements"
count_in statements
count statements prepared statements
row "one server, the fast path off" statements
for partitions in ${PARTITIONS:-8 32}; do
	name=partitions_$partitions
	install_with "$name" "$partitions" "$statements"
	count_in "$name"
	count "$name" prepared "$name"
	row "hash-partitioned by $partitions; to that" "$name" statements
	stop_server "$name"
done
stop_server statements

install_with plain NULL
count_in plain
count plain prepared plain
count unprepared unprepared plain
stop_server plain
install_proxy
psql -qX -p "${ports[proxy]}" -c "CREATE FUNCTION session_of(number integer) RETURNS integer LANGUAGE plproxy AS
	'CLUSTER ''contacts''; RUN ON \$1; SELECT pg_backend_pid();'"
count_in partition_0 partition_1 proxy
count proxy prepared proxy partition_0 partition_1
row "one server" plain
row "one server without prepared statements; to that" unprepared plain
row "the partition of a proxy; to one server without prepared statements, with them" "proxy of the partitions" unprepared plain
row "the proxy itself; to the same two" proxy unprepared plain

echo "PostgreSQL $("$bindir/postgres" --version | sed 's/.*) //'), $contacts contacts in $workspaces workspaces, $many calls a number"
echo
table
