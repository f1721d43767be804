#!/bin/bash
# Usage: instructions.sh
# Counts the instructions that a call takes, and an element of an array, beside the bare statement's: as the tables' owner and as a
# member under row level security. It prints a table. Valgrind's callgrind counts a single-user backend, so that no other process,
# no socket and no clock matters; the numbers are the same everywhere, but for what the C library chooses by the processor.
#
# A cell is a loop of instructions.sql that makes requests and calls, run three times in the one backend: to warm its caches, then with
# few calls, then with many. The difference of the last two is of calls alone. The same loop without a call is the caller's
# share, and taken off. Callgrind writes what it has counted whenever the backend comes by pg_backend_pid(), which nothing else calls.
#
# From the environment:
#   CONTACTS=200000    contacts in each table
#   CALLS=500          calls that a number is made of; and an array of 1,000 for each 250
#   PROFILES=          a directory that is to have callgrind's files of the loops, for callgrind_annotate --threshold=100
set -euo pipefail
bench=$(realpath "${BASH_SOURCE%/*}")
# shellcheck source=../../scripts/sandbox.sh
. "$bench/../../scripts/sandbox.sh"

contacts=${CONTACTS:-200000}
calls=${CALLS:-500}
arrays=$(((calls + 249) / 250))
roles=(owner member)
cells=("call unchanged" "call change" "call event" "call create" "array unchanged" "array change" "array create")
declare -A ways=([call]="none contact_upsert statement" [array]="none contact_upsert outcomes statement")

# FILE COMMAND...: runs the file's statements in a single-user backend, which COMMAND runs, if there is one. Pages are not
# logged whole after a checkpoint: which of them are differs from run to run.
single() {
	run "${as_server_user[@]}" "${@:2}" "$bindir/postgres" --single -F -j -D "$dir/data" -c exit_on_error=on -c timezone=UTC \
		-c shared_buffers=1GB -c full_page_writes=off -c max_wal_size=8GB -c client_min_messages=warning -c log_checkpoints=off \
		-c bench.contacts="$contacts" postgres <"$1" >"$dir/output" 2>"$dir/log" || { cat "$dir/log" >&2; return 1; }
}

statement() {
	printf '%s;\n\n' "$1"
}

# Prints the statements, and writes into $dir/loops a line for each file of callgrind's: role, kind, scenario, way, which of the three
# loops, and how many calls or elements. Requests have numbers, which no two loops have in common that write the same table.
print_calls() {
	local role cell kind scenario way loop count begin first next=1 created=0 changed=0 events=0
	local -A calls_in=([warm]=20 [few]=20 [many]=$((20 + calls))) arrays_in=([warm]=1 [few]=1 [many]=$((1 + arrays)))
	# Every page of the tables and their keys comes into memory.
	for way in contacts statement; do
		statement "SELECT count(*) FROM $way.contact WHERE version > 0"
		statement "SET enable_seqscan = off"
		statement "SELECT count(*) FROM (SELECT id FROM $way.contact ORDER BY workspace_id, id OFFSET 0) c"
		statement "SELECT count(*) FROM (SELECT email_address FROM $way.contact ORDER BY workspace_id, email_address OFFSET 0) c"
		statement "RESET enable_seqscan"
	done
	for role in "${roles[@]}"; do
		if [[ $role == member ]]; then statement "SET ROLE member"; fi
		for cell in "${cells[@]}"; do
			read -r kind scenario <<<"$cell"
			begin=$next
			for way in ${ways[$kind]}; do
				if [[ $way == outcomes ]]; then next=$first; fi
				first=$next
				for loop in warm few many; do
					if [[ $kind == call ]]; then count=${calls_in[$loop]}; else count=${arrays_in[$loop]}000; fi
					statement "SELECT ${kind}_$way('$scenario', $first, $((first + count - 1)))"
					statement "SELECT pg_backend_pid()"
					echo "$role $kind $scenario $way $loop $count" >>"$dir/loops"
					first=$((first + count))
				done
			done
			case $scenario in
				create) created=$((created + first - begin)) ;;
				change | event) changed=$((changed + first - begin)) ;;
			esac
			if [[ $scenario == event ]]; then events=$((events + first - begin)); fi
			next=$first
		done
	done
	statement "RESET ROLE"
	statement "SELECT check_calls($created, $changed, $events)"
}

# Prints the lines of $dir/loops with the instructions that callgrind counted. The file of the last statements is no loop's.
counts() {
	local -i i=0
	local loop
	while read -r loop; do
		i+=1
		echo "$loop $(sed -n 's/^totals: //p' "$dir/callgrind.$i")"
		if [[ -n $profiles ]]; then cp "$dir/callgrind.$i" "$profiles/$(cut -d ' ' -f 1-5 --output-delimiter - <<<"$loop").out"; fi
	done <"$dir/loops"
}

# The table, from those lines. An array has a row more, for results => 'outcomes'.
table() {
	awk '
		$5 == "few" { few[$1, $2, $3, $4] = $7; few_calls[$2] = $6 }
		$5 == "many" { cost[$1, $2, $3, $4] = ($7 - few[$1, $2, $3, $4]) / ($6 - few_calls[$2]) }
		$5 == "many" && !(($2, $3) in seen) { seen[$2, $3]; cell[++cells] = $2 SUBSEP $3 }
		function net(role, at, way) { return cost[role, at, way] - cost[role, at, "none"] }
		function row(at, name, way,  owner, floor, member, member_floor) {
			owner = net("owner", at, way); floor = net("owner", at, "statement")
			member = net("member", at, way); member_floor = net("member", at, "statement")
			printf "| %s | %d | %d | %d | %.2f | %d | %d | %.2f | %.2f |\n", name, cost["owner", at, "none"],
				floor, owner, owner / floor, member_floor, member, member / member_floor, member / owner
		}
		END {
			title["call", "unchanged"] = "a call that changes nothing"
			title["call", "change"] = "a call that changes a field"
			title["call", "event"] = "the same, and one event"
			title["call", "create"] = "a call that creates"
			title["array", "unchanged"] = "an element that changes nothing"
			title["array", "change"] = "an element that changes a field"
			title["array", "create"] = "an element that creates"
			print "| instructions of | taken off | statement | contact_upsert | to statement | member: statement | contact_upsert | to statement | to the owner |"
			print "|---|---|---|---|---|---|---|---|---|"
			for (i = 1; i <= cells; i++) {
				row(cell[i], title[cell[i]], "contact_upsert")
				if (("owner", cell[i], "outcomes") in cost) row(cell[i], "the same, outcomes alone", "outcomes")
			}
		}'
}

profiles=${PROFILES:+$(realpath -m "$PROFILES")}
if [[ -n $profiles ]]; then mkdir -p "$profiles"; fi
cd "$dir"
"${as_server_user[@]}" initdb --pgdata="$dir/data" --username=tester --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync \
	>"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
single "$bench/instructions.sql"
print_calls >"$dir/calls"
single "$dir/calls" valgrind --quiet --vgdb=no --tool=callgrind --dump-before=pg_backend_pid --callgrind-out-file="$dir/callgrind"
echo "PostgreSQL $("$bindir/postgres" --version | sed 's/.*) //'), $contacts contacts, $calls calls and $arrays arrays of 1,000 a number"
echo
counts | table
