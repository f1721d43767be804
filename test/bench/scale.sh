#!/bin/bash
# Shows how the cost of a contact grows with the number of contacts, on the server that PGHOST and the like name: a database
# for each size, all of them measured in turn within a round, so that a size is compared with the others at the same time. The
# bare statement is measured too, for it shows how much of the growth is PostgreSQL's. From the environment:
#   SIZES="10000 100000 1000000 5000000"   numbers of contacts
#   ROUNDS=3, SECONDS_EACH=1               as in bench.sh
# shellcheck source=common.sh
. "${BASH_SOURCE%/*}/common.sh"

read -r -a sizes <<<"${SIZES:-10000 100000 1000000 5000000}"
rounds=${ROUNDS:-5}
# Two clients, so that no time is lost while one process waits for the other to wake up.
clients=2
export PGOPTIONS="-c synchronous_commit=off"

run_round() {
	local kind scenario way size
	for kind in calls arrays; do
		for scenario in create change unchanged; do
			for way in contact_upsert statement; do
				for size in "${sizes[@]}"; do
					PGDATABASE=contact_upsert_bench_$size
					echo "$kind $scenario $way $size $1 $(rate "$kind" "$scenario" "$way" "$clients")" >>"$dir/rates"
				done
			done
		done
	done
}

export PGDATABASE
for size in "${sizes[@]}"; do
	echo "loading $size contacts" >&2
	make_database "contact_upsert_bench_$size" "$size" $((200 * seconds_each)) statement
done
sync
for ((round = 1; round <= rounds; round++)); do
	echo "round $round of $rounds" >&2
	run_round "$round"
done
psql -qX -d postgres -v smallest="${sizes[0]}" -f scale_table.sql <"$dir/rates" | to_markdown
