#!/bin/bash
# Usage: bench_history.sh
# Measures what the levels of history cost, beside the cost of one event, in one run on the server that PGHOST and the like name,
# which is on this machine. A call, or an array of 1,000, gives a field of contacts another value: in workspaces of the levels none,
# status and all, and in one of the level none where the field is tracked, so that each change raises an event. What counts is the
# processor time of the backend, as Linux has it in /proc, which others on the machine disturb least; a commit is not in it. The
# workspaces take turns. From the environment:
#   CONTACTS=10000     contacts of each workspace, each of which changes once a round
#   ROUNDS=5           rounds
set -euo pipefail

contacts=${CONTACTS:-10000}
rounds=${ROUNDS:-5}
ways=(none status all event)
dir=$(mktemp -d)
export PGDATABASE=contact_upsert_bench
trap 'dropdb --if-exists contact_upsert_bench; rm -rf "$dir"' EXIT

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
processor_time="split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::numeric"
declare -A statements=(
	[call]="SELECT count(contacts.upsert(jsonb_build_object('email_address', 'c' || n || '@example.com', 'partial_update', true,
		'fields', jsonb_build_object('value', :round)), :workspace)) AS changes FROM generate_series(1, $contacts) n"
	[array]="SELECT count(r) AS changes FROM generate_series(0, $contacts / 1000 - 1) a, LATERAL (
		SELECT jsonb_agg(jsonb_build_object('email_address', 'c' || n || '@example.com', 'partial_update', true,
			'fields', jsonb_build_object('value', -:round))) AS requests FROM generate_series(a * 1000 + 1, a * 1000 + 1000) n) j,
		contacts.upsert_many(j.requests, workspace_id => :workspace) r"
)

# KIND WAY ROUND: microseconds of a change
cost() {
	psql -XAtq -v ON_ERROR_STOP=1 -v round="$3" <<SQL
SELECT workspace_id AS workspace FROM contacts.workspace WHERE name = '$2' \\gset
SELECT contacts.upsert('{"email_address": "c1@example.com", "partial_update": true}', :workspace) IS NOT NULL AS warm \\gset
SELECT $processor_time AS before \\gset
${statements[$1]} \\gset
SELECT ($processor_time - :before) / 1000 / $contacts;
SQL
}

for ((round = 1; round <= rounds; round++)); do
	echo "round $round of $rounds" >&2
	for kind in call array; do
		for i in "${!ways[@]}"; do
			way=${ways[(i + round) % ${#ways[@]}]}
			echo "$kind $way $(cost "$kind" "$way" "$round")" >>"$dir/costs"
		done
	done
	psql -qXc 'VACUUM contacts.contact'
done

echo "$(psql -XAtqc "SELECT 'PostgreSQL ' || current_setting('server_version')"), $(nproc) CPUs ($(
	sed -n 's/^model name[ \t]*: //p' /proc/cpuinfo | head -n 1)), $contacts contacts, medians of $rounds rounds"
echo
echo "| | none | status | all | none, and one event |"
echo "|---|---|---|---|---|"
for kind in call array; do
	for way in "${ways[@]}"; do
		awk -v kind="$kind" -v way="$way" '$1 == kind && $2 == way { print $3 }' "$dir/costs" | sort -g |
			awk '{ cost[NR] = $1 } END { print NR % 2 ? cost[(NR + 1) / 2] : (cost[NR / 2] + cost[NR / 2 + 1]) / 2 }'
	done | awk -v kind="$kind" '{ us[NR] = $1 } END {
		printf "| %s, µs a change | %.1f | %.1f | %.1f | %.1f |\n", kind, us[1], us[2], us[3], us[4]
		printf "| %s, beside none | 1 | %.2f | %.2f | %.2f |\n", kind, us[2] / us[1], us[3] / us[1], us[4] / us[1] }'
done
