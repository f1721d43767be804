#!/bin/bash
# Times contact_upsert beside what one would write without it, on the same rows, in one run on the server that PGHOST and the
# like name. The ways take turns within a round, so that whatever else the machine does meets them all; the table has the
# medians of the rounds, and of the ratios within each round. Settings of the environment:
#   CONTACTS=200000   contacts that each way starts with
#   ROUNDS=3          rounds
#   SECONDS_EACH=2    seconds for a cell: one way, one scenario, one number of clients
#   CLIENTS="1 2 4 8" numbers of clients
#   COMMITS="on off"  settings of synchronous_commit
set -euo pipefail
cd "${BASH_SOURCE%/*}"

contacts=${CONTACTS:-200000}
rounds=${ROUNDS:-3}
seconds_each=${SECONDS_EACH:-2}
read -r -a clients <<<"${CLIENTS:-1 2 4 8}"
read -r -a commits <<<"${COMMITS:-on off}"
ways=(statement contact_upsert plpgsql driver)
scenarios=(create change unchanged)

createdb contact_upsert_bench
dir=$(mktemp -d)
trap 'dropdb --if-exists contact_upsert_bench; rm -rf "$dir"' EXIT
export PGDATABASE=contact_upsert_bench

# Calls a second: SCENARIO WAY CLIENTS COMMIT
call_rate() {
	cat "calls/$1.sql" "calls/$2.sql" >"$dir/call.sql"
	PGOPTIONS="-c synchronous_commit=$4" pgbench -n -M prepared -c "$3" -j 2 -T "$seconds_each" -f "$dir/call.sql" \
		-D contacts="$contacts" -D tags='{1,2}' -D changes="$([[ $1 == unchanged ]] && echo 0 || echo 1)" 2>"$dir/errors" |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p' | grep . || { cat "$dir/errors" >&2; return 1; }
}

# The table of a way as it was loaded, but for the scores.
tidy() {
	local table=$1.contact
	if [[ $1 == contact_upsert ]]; then table=contacts.contact; fi
	psql -qX -c "DELETE FROM $table WHERE created_at > '2025-01-01'" -c "VACUUM $table"
}

# One round: each cell's ways one after the other, beginning with another one each round.
run_round() {
	local round=$1 commit n scenario i way
	for commit in "${commits[@]}"; do
		for n in "${clients[@]}"; do
			for scenario in "${scenarios[@]}"; do
				for i in "${!ways[@]}"; do
					way=${ways[(i + round) % ${#ways[@]}]}
					echo "$scenario $n $commit $way $round $(call_rate "$scenario" "$way" "$n" "$commit")" >>"$dir/rates"
					if [[ $scenario == create ]]; then tidy "$way"; fi
				done
			done
		done
	done
}

psql -qX -v ON_ERROR_STOP=1 -v contacts="$contacts" -f tables.sql -f plpgsql.sql -f equivalence.sql
for table in contacts statement plpgsql driver; do psql -qXc "VACUUM ANALYZE $table.contact"; done
for ((round = 1; round <= rounds; round++)); do
	echo "round $round of $rounds" >&2
	run_round "$round"
done
psql -qX -f table.sql <"$dir/rates" | awk '/^\+/ && (++n % 3 != 2) { next } { gsub(/\+/, "|"); print }'
