#!/bin/bash
# Usage: bench.sh [PLOT.svg]
# Times contact_upsert beside what one would write without it, on the same rows, in one run on the server that PGHOST and the
# like name, and prints tables; draws them, too, into the file named. The ways take turns within a round, so that whatever
# else the machine does meets them all. From the environment:
#   CONTACTS=200000    contacts that each way starts with
#   ROUNDS=5           rounds
#   SECONDS_EACH=1     seconds for a cell: one way, one scenario, one number of clients
#   CLIENTS="1 2 4 8"  numbers of clients; ARRAY_CLIENTS=1 for arrays (the peers' way is one)
#   COMMITS="on off"   settings of synchronous_commit
plot=${1:+$(realpath "$1")}
# shellcheck source=common.sh
. "${BASH_SOURCE%/*}/common.sh"

contacts=${CONTACTS:-200000}
rounds=${ROUNDS:-5}
read -r -a commits <<<"${COMMITS:-on off}"
declare -A clients=([calls]=${CLIENTS:-1 2 4 8} [arrays]=${ARRAY_CLIENTS:-1})
declare -A ways=([calls]="contact_upsert statement plpgsql driver" [arrays]="contact_upsert outcomes member statement plpgsql copy peers")

# The ways of a kind for a scenario, beginning with another one each round.
ways_in_turn() {
	local all way i
	read -r -a all <<<"${ways[$1]}"
	for i in "${!all[@]}"; do
		way=${all[(i + $3) % ${#all[@]}]}
		if [[ $way != copy || $2 == create ]]; then echo "$way"; fi
	done
}

# KIND ROUND: each cell's ways one after the other.
run_round() {
	local commit n scenario way
	for commit in "${commits[@]}"; do
		export PGOPTIONS="-c synchronous_commit=$commit"
		for n in ${clients[$1]}; do
			for scenario in create change unchanged; do
				for way in $(ways_in_turn "$1" "$scenario" "$2"); do
					echo "$1 $scenario $n $commit $way $2 $(rate "$1" "$scenario" "$way" "$n")" >>"$dir/rates"
				done
			done
		done
	done
}

export PGDATABASE=contact_upsert_bench
# The checkpoint in it comes before the tables are filled: after it, the first write to each page would log the whole page.
make_wal 6
make_database contact_upsert_bench "$contacts" $((200 * seconds_each)) statement plpgsql driver copy peers
psql -qX -f copy_files.sql
sync
for ((round = 1; round <= rounds; round++)); do
	echo "round $round of $rounds" >&2
	run_round calls "$round"
	run_round arrays "$round"
done
echo "$(psql -XAtqc "SELECT 'PostgreSQL ' || current_setting('server_version')"), $(nproc) CPUs ($(
	sed -n 's/^model name[ \t]*: //p' /proc/cpuinfo | head -n 1)), $contacts contacts, medians of $rounds rounds of $seconds_each s a cell"
psql -qX -f table.sql <"$dir/rates" | to_markdown
if [[ -n $plot ]]; then
	psql -XAtqF ' ' -P null=0 -c "SELECT * FROM side_by_side" >"$dir/cells"
	gnuplot -c plot.gp "$dir/cells" "$plot"
fi
