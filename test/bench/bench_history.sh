#!/bin/bash
# Usage: bench_history.sh
# Times what the levels of history cost, beside the cost of one event, in one run on the server that PGHOST and the like name. A call,
# or an array of 1,000, gives a field of contacts another value: in workspaces of the levels none, status and all, and in one of
# the level none where the field is tracked, so that each change raises an event. The workspaces take turns within a round, so that
# whatever else the machine does meets them all. From the environment:
#   CONTACTS=20000     contacts of each workspace
#   ROUNDS=5           rounds
#   SECONDS_EACH=2     seconds for a cell: one workspace in one round
set -euo pipefail

contacts=${CONTACTS:-20000}
rounds=${ROUNDS:-5}
seconds_each=${SECONDS_EACH:-2}
ways=(none status all event)
dir=$(mktemp -d)
export PGDATABASE=contact_upsert_bench
trap 'dropdb --if-exists contact_upsert_bench; rm -rf "$dir"' EXIT
export PGOPTIONS='-c synchronous_commit=off'

createdb "$PGDATABASE"
psql -qXo /dev/null <<SQL
SET client_min_messages = warning;
CREATE EXTENSION contact_upsert;
SELECT contacts.install();
SELECT contacts.define_field('value', 'Value', 'NUMBER', tracked => name = 'event',
	workspace_id => contacts.define_workspace(name, history => CASE name WHEN 'event' THEN 'none' ELSE name END::contacts.history_level))
FROM unnest(string_to_array('${ways[*]}', ' ')) WITH ORDINALITY w (name, n);
INSERT INTO contacts.contact (workspace_id, email_address)
SELECT w.workspace_id, 'c' || n || '@example.com' FROM contacts.workspace w, generate_series(1, $contacts) n WHERE w.name <> 'default';
VACUUM ANALYZE;
SQL
cat >"$dir/call.sql" <<'SQL'
\set contact random(1, :contacts)
\set value random(1, 1000000000)
SELECT contacts.upsert(jsonb_build_object('email_address', 'c' || :contact || '@example.com', 'partial_update', true,
	'fields', jsonb_build_object('value', :value)), :workspace);
SQL
cat >"$dir/array.sql" <<'SQL'
\set first random(1, :contacts - 1000)
\set value random(1, 1000000000)
SELECT count(*) FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', 'c' || n || '@example.com',
	'partial_update', true, 'fields', jsonb_build_object('value', :value))) FROM generate_series(:first, :first + 999) n),
	workspace_id => :workspace);
SQL

# KIND WAY: changes of contacts a second
rate() {
	local workspace tps
	workspace=$(psql -XAtqc "SELECT workspace_id FROM contacts.workspace WHERE name = '$2'")
	pgbench -n -T "$seconds_each" -f "$dir/$1.sql" -D contacts="$contacts" -D workspace="$workspace" >"$dir/pgbench" 2>&1 ||
		{ cat "$dir/pgbench" >&2; return 1; }
	tps=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$dir/pgbench")
	awk -v tps="$tps" -v each="$([[ $1 == array ]] && echo 1000 || echo 1)" 'BEGIN { print tps * each }'
}

for ((round = 1; round <= rounds; round++)); do
	echo "round $round of $rounds" >&2
	for kind in call array; do
		for i in "${!ways[@]}"; do
			way=${ways[(i + round) % ${#ways[@]}]}
			echo "$kind $way $(rate "$kind" "$way")" >>"$dir/rates"
		done
	done
	psql -qXc 'VACUUM contacts.contact'
done

echo "$(psql -XAtqc "SELECT 'PostgreSQL ' || current_setting('server_version')"), $(nproc) CPUs ($(
	sed -n 's/^model name[ \t]*: //p' /proc/cpuinfo | head -n 1)), medians of $rounds rounds of $seconds_each s a cell"
echo
echo "| | none | status | all | none, and one event |"
echo "|---|---|---|---|---|"
for kind in call array; do
	for way in "${ways[@]}"; do
		awk -v kind="$kind" -v way="$way" '$1 == kind && $2 == way { print $3 }' "$dir/rates" | sort -g |
			awk '{ rate[NR] = $1 } END { print NR % 2 ? rate[(NR + 1) / 2] : (rate[NR / 2] + rate[NR / 2 + 1]) / 2 }'
	done | awk -v kind="$kind" '{ us[NR] = 1000000 / $1 } END {
		printf "| %s, µs a change | %.1f | %.1f | %.1f | %.1f |\n", kind, us[1], us[2], us[3], us[4]
		printf "| %s, beside none | 1 | %.2f | %.2f | %.2f |\n", kind, us[2] / us[1], us[3] / us[1], us[4] / us[1] }'
done
