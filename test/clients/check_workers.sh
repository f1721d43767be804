#!/bin/bash
# Runs the workers of docs/clients.md: two in Python and two in Node.js consume the same events, and one of each is killed at work. Every
# event is handled, and again only what a killed worker had in hand; each is acknowledged once; a contact's come in order. Wants PGHOST
# and the like for a server on which the extension is installed. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=workers.sh
. test/clients/workers.sh
export PAUSE=0.003

# 50 contacts, each with four changes that raise events.
change_contacts() {
	sql "SELECT count(*) FROM generate_series(1, 4) change, contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object(
		'email_address', '$1' || n || '@example.com', 'tags', jsonb_build_array(1 + change % 2))) FROM generate_series(1, 50) n))" >/dev/null
}

has_run_dry() {
	(($(sql 'SELECT count(*) FROM contacts.delivery') < 50))
}

# Events until each of the four has handled one.
all_handle() {
	for ((i = 0; i < 300; i++)); do
		if has_run_dry; then change_contacts before; fi
		if [[ $(jq -r 'select(.done).worker' "$handled" | sort -u | wc -l) == 4 ]]; then return; fi
		sleep 0.1
	done
	echo "at work: $(jq -r .worker "$handled" | sort | uniq -c)"
	return 1
}

# Waits until a process has heard SIGSTOP; fails if it has ended.
is_stopped() {
	local state
	while true; do
		state=$(sed -n 's/^State:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null) || true
		case $state in
			*stopped*) return ;;
			'' | Z* | X*) return 1 ;;
		esac
		sleep 0.01
	done
}

# Kills a worker that has an event in hand. Says which one in $in_hand.
kill_at_work() {
	local pid=${workers[$1]}
	for ((i = 0; i < 1000; i++)); do
		if has_run_dry; then change_contacts meanwhile; fi
		if ! kill -STOP "$pid" || ! is_stopped "$pid"; then
			echo "# $1 has ended: $(paste -sd ' ' "$out/worker_$1.txt")"
			return 1
		fi
		in_hand=$(jq -rn --arg worker "$1" '[inputs | select(.worker == $worker)] | last | select(. and (.done | not)).event' "$handled")
		if [[ -n $in_hand ]]; then
			kill -KILL "$pid"
			wait "$pid" 2>/dev/null || true # without bash's word about it
			unset "workers[$1]"
			return
		fi
		kill -CONT "$pid"
		sleep 0.02
	done
	echo "# $1 was never at work"
	return 1
}

worker_database
sql "SELECT contacts.subscribe('mailer')" >/dev/null
for name in python_1 node_1 python_2 node_2; do start $name mailer '3 s'; done
report "each of the four handles events" all_handle
again=()
for name in python_1 node_1; do
	in_hand=
	kill_at_work $name || report "$name is killed at work" false
	again+=("${in_hand:-0}")
done
report "all events are acknowledged" wait_until "SELECT NOT EXISTS (SELECT FROM contacts.delivery)"
change_contacts afterwards
report "events of workers that wait" wait_until "SELECT NOT EXISTS (SELECT FROM contacts.delivery)"
stop
report "TERM ends the workers" nothing "$stopped"

copy_handled
report "there were events" test "$(sql 'SELECT count(*) FROM contacts.event')" -ge 600
report "each was handled" none "SELECT event_id FROM contacts.event EXCEPT SELECT event_id FROM handled WHERE done"
report "none but those that the killed had in hand was begun twice" is \
	"$(sql "SELECT string_agg(event_id::text, ' ' ORDER BY event_id) FROM (SELECT event_id FROM handled WHERE NOT done GROUP BY 1 HAVING count(*) > 1) h")" \
	"$(printf '%s\n' "${again[@]}" | sort -n | paste -sd ' ')"
report "each was acknowledged once" none "SELECT event_id, count(a.event_id) FROM contacts.event e LEFT JOIN acknowledged a USING (event_id)
	GROUP BY event_id HAVING count(a.event_id) <> 1"
report "those of a contact came in order" none "SELECT * FROM (SELECT line, (contact_version, ordinal) AS at,
	lag((contact_version, ordinal)) OVER (PARTITION BY contact_id ORDER BY line) AS before
	FROM handled JOIN contacts.event USING (event_id) WHERE done) h WHERE at < before"
report "no worker complained" nothing "$(cat "$out"/worker_*.txt | head -n 20)"
report_end
