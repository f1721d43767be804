#!/bin/bash
# Runs the workers of docs/clients.md: two in Python and two in Node.js consume the same events, one is killed at work. Every event is
# handled, and again only the one that the killed worker had in hand; each is acknowledged once; a contact's come in order. Wants PGHOST
# and the like for a server on which the extension is installed. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=../../scripts/tap_report.sh
. scripts/tap_report.sh
# shellcheck source=clients.sh
. test/clients/clients.sh

handled=$out/handled.txt
workers=()
finish() {
	((${#workers[@]} == 0)) || kill -KILL "${workers[@]}" 2>/dev/null || true
	remove_databases
}
trap finish EXIT

sql() {
	psql -qXAt -v ON_ERROR_STOP=1 -c "$1"
}
# Waits up to 30 seconds until a query's answer is true.
wait_until() {
	for ((i = 0; i < 300; i++)); do
		if [[ $(sql "$1") == t ]]; then return; fi
		sleep 0.1
	done
	echo "never true: $1"
	return 1
}
# 50 contacts, each with four changes that raise events.
change_contacts() {
	sql "SELECT count(*) FROM generate_series(1, 4) change, contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object(
		'email_address', '$1' || n || '@example.com', 'tags', jsonb_build_array(1 + change % 2))) FROM generate_series(1, 50) n))" >/dev/null
}
none() {
	nothing "$(sql "$1")"
}

prepare
npm_packages drivers
cp test/clients/drivers/worker.mjs "$out/drivers"
export PGDATABASE=${template}_workers
createdb --template="$template" "$PGDATABASE"
sql "SELECT contacts.subscribe('mailer');
	CREATE TABLE acknowledged (event_id bigint);
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.acknowledged VALUES (OLD.event_id); RETURN NULL; END';
	CREATE TRIGGER note AFTER DELETE ON contacts.delivery FOR EACH ROW EXECUTE FUNCTION note();
	CREATE TABLE handled (line bigint GENERATED ALWAYS AS IDENTITY, said jsonb)" >/dev/null
change_contacts before
rm -f "$handled" "$out/workers.txt"
for i in 1 2; do
	/usr/bin/python3 test/clients/drivers/worker.py mailer '2 s' >>"$handled" 2>>"$out/workers.txt" </dev/null &
	workers+=($!)
	node "$out/drivers/worker.mjs" mailer '2 s' >>"$handled" 2>>"$out/workers.txt" </dev/null &
	workers+=($!)
done
for ((i = 0; i < 300 && $(wc -l <"$handled") < 50; i++)); do sleep 0.05; done
kill -KILL "${workers[0]}"
wait "${workers[0]}" 2>/dev/null || true # without bash's word about it
workers=("${workers[@]:1}")
change_contacts meanwhile
report "all events are acknowledged" wait_until "SELECT NOT EXISTS (SELECT FROM contacts.delivery)"
change_contacts afterwards
report "events of workers that wait" wait_until "SELECT NOT EXISTS (SELECT FROM contacts.delivery)"
kill -TERM "${workers[@]}"
status=0
for worker in "${workers[@]}"; do wait "$worker" || status=$?; done
workers=()
report "TERM ends the workers" test "$status" = 0

psql -qX -c "\\copy handled (said) FROM '$handled'"
report "there were events" test "$(sql 'SELECT count(*) FROM contacts.event')" -ge 600
report "each was handled" none "SELECT event_id FROM contacts.event EXCEPT SELECT (said ->> 'event')::bigint FROM handled"
report "none but one was handled twice" test "$(sql "SELECT count(*) - count(DISTINCT said ->> 'event') FROM handled")" -le 1
report "each was acknowledged once" none "SELECT event_id, count(a.event_id) FROM contacts.event e LEFT JOIN acknowledged a USING (event_id)
	GROUP BY event_id HAVING count(a.event_id) <> 1"
report "those of a contact came in order" none "SELECT * FROM (SELECT line, (contact_version, ordinal) AS at,
	lag((contact_version, ordinal)) OVER (PARTITION BY contact_id ORDER BY line) AS before
	FROM handled JOIN contacts.event ON event_id = (said ->> 'event')::bigint) h WHERE at < before"
report "no worker complained" nothing "$(cat "$out/workers.txt")"
report_end
