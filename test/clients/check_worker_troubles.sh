#!/bin/bash
# Runs the workers of docs/clients.md, in Python and in Node.js, where something goes wrong: handle() raises an error, connections are
# cut, a handler outlasts its lease, more slow events are due at once than fit into one lease. Wants PGHOST and the like for a server on
# which the extension is installed. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=workers.sh
. test/clients/workers.sh
export PAUSE=0.003 GATE=$out/gate

# A new contact of that address gets that tag: one event for each consumer.
tag_contact() {
	local request="\"email_address\": \"$1@example.com\""
	sql "SELECT contacts.upsert('{$request}'), contacts.upsert('{$request, \"tags\": [\"$2\"]}')" >/dev/null
	event=$(sql "SELECT max(event_id) FROM contacts.event")
}

# Waits until these workers have begun on the event, or done it.
begun() {
	for ((i = 0; i < 300; i++)); do
		if ! printf '%s\n' "$@" | grep -vxFf <(jq -r --arg event "$event" 'select(.event == $event).worker' "$handled") >/dev/null; then return; fi
		sleep 0.1
	done
	echo "not begun on event $event: $*"
	return 1
}

connections="FROM pg_stat_activity WHERE application_name IN ('python', 'node') AND pid NOT IN (SELECT pid FROM cut)"
cut_connections() {
	sql "WITH these AS (INSERT INTO cut SELECT pid $connections RETURNING pid) SELECT pg_terminate_backend(pid) FROM these" >/dev/null
}
connected="SELECT count(*) = 4 AND count(*) FILTER (WHERE query = 'LISTEN contact_automation') = 2 $connections AND state = 'idle'"

none_left="SELECT NOT EXISTS (SELECT FROM contacts.delivery JOIN contacts.consumer USING (consumer_id) WHERE name IN ('python', 'node'))"

# What the two consumers have acknowledged of the last event: how often tried, and why it failed last.
acknowledged() {
	sql "SELECT string_agg(concat_ws(' ', name, attempts, last_error), ', ' ORDER BY name) FROM acknowledged JOIN contacts.consumer
		USING (consumer_id) WHERE event_id = $event"
}

worker_database
sql "CREATE TABLE cut (pid integer); SELECT contacts.subscribe(name, ARRAY['TAG_ADDED']::contacts.event_type[]) FROM unnest(ARRAY['python', 'node']) name;
	SELECT contacts.subscribe('slow', ARRAY['FIELD_UPDATED']::contacts.event_type[])" >/dev/null
rm -f "$GATE"

# Goes on beside the rest: 20 events of 0.2 s, and a lease of 3 s.
for amount in 1 2; do
	sql "SELECT count(*) FROM contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', n || '@example.com',
		'fields', jsonb_build_object('amount', $amount))) FROM generate_series(1, 20) n))" >/dev/null
done
for name in python_slow node_slow; do PAUSE=0.2 start $name slow '3 s'; done

for name in python node; do start $name $name '1 s'; done
report "workers listen" wait_until "$connected"
cut_connections
report "connections that are cut while they wait are made anew, and listen" wait_until "$connected"
tag_contact failing fragile
report "an event that fails comes again" wait_until "$none_left"
report "it has one more attempt, and its error" is "$(acknowledged)" "node 1 Error: Node has no paper, python 1 Python has no paper"

tag_contact cut late
report "workers are at work" begun python node
cut_connections
touch "$GATE"
report "connections that are cut at work are made anew" wait_until "$connected"
report "the event that could not be acknowledged comes again" wait_until "$none_left"
report "as one of a lease that ran out" is "$(acknowledged)" "node 1, python 1"
rm "$GATE"

tag_contact outlasting late
report "workers are at work again" begun python node
for name in python node; do start ${name}_beside $name '1 s'; done
report "when the lease is over another worker has the event" begun python_beside node_beside
report "and acknowledges it" wait_until "$none_left"
touch "$GATE"
report "all slow events are acknowledged" wait_until "SELECT NOT EXISTS (SELECT FROM contacts.delivery)"
stop
report "TERM ends the workers" nothing "$stopped"
for name in python node; do
	report "$name: says that it has outlasted the lease" is "$(grep outlasted "$out/worker_$name.txt")" \
		"event $event outlasted its lease: it is handled again"
done

copy_handled
report "no slow event was handled twice" is "$(sql "SELECT count(*) || ' ' || count(DISTINCT event_id) FROM handled WHERE worker LIKE '%\_slow'")" "40 20"
report "both workers handled slow events" is "$(sql "SELECT count(DISTINCT worker) FROM handled WHERE worker LIKE '%\_slow' AND done")" 2
report "the slow workers and those beside did not complain" nothing "$(cat "$out"/worker_*_*.txt)"
report_end
