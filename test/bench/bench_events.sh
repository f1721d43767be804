#!/bin/bash
# Usage: bench_events.sh one|throughput|drain|latency|horizon
# Measures the outbox on the server that PGHOST and the like name, and prints tables of ratios taken in one run:
#   throughput  upserts a second that raise one event each, under each setting of contact_upsert.notify and with the relay,
#               beside the same upserts on a field that is not tracked
#   one         what one event costs a call without NOTIFY, alone and with a delivery for one consumer, in rate and in processor time
#   drain       events a second that 1, 2 and 4 workers acknowledge, and what a backlog costs
#   latency     from the commit to the worker's line, 200 events a second with notify = events; needs track_commit_timestamp
#   horizon     claims while a transaction is held open and 3,000 events a second come and go
# SECONDS_EACH sets how long a cell of one and of throughput takes (3), ROUNDS how often (3), HELD how long the transaction is held (60).
set -euo pipefail

seconds_each=${SECONDS_EACH:-3}
rounds=${ROUNDS:-3}
held=${HELD:-60}
export PGDATABASE=contact_upsert_bench
dir=$(mktemp -d)
workers=()

finish() {
	stop_workers
	dropdb --if-exists --force contact_upsert_bench 2>/dev/null || dropdb --if-exists contact_upsert_bench
	rm -rf "$dir"
}
trap finish EXIT

value() { psql -XAtqc "$1"; }

stop_workers() {
	if ((${#workers[@]} > 0)); then
		kill -TERM "${workers[@]}" 2>/dev/null || true
		wait "${workers[@]}" 2>/dev/null || true
	fi
	workers=()
}

start_worker() {
	contact-worker "$@" >/dev/null &
	workers+=($!)
}

set_up() {
	createdb contact_upsert_bench
	psql -qXo /dev/null <<-'SQL'
		CREATE EXTENSION contact_upsert;
		SELECT contacts.install();
		SELECT contacts.define_field('tracked', 'Tracked', tracked => true), contacts.define_field('plain', 'Plain');
		SELECT count(contact_upsert(jsonb_build_object('email_address', 'c' || i || '@example.com'))) FROM generate_series(1, 10000) i;
		SELECT contacts.subscribe('bench');
	SQL
	for field in plain tracked; do
		cat >"$dir/$field.sql" <<-SQL
			\\set n random(1, 10000)
			\\set v random(1, 2000000000)
			SELECT contact_upsert(jsonb_build_object('email_address', 'c' || :n::int || '@example.com', 'partial_update', true,
				'fields', jsonb_build_object('$field', :v::bigint)));
		SQL
	done
}

# Upserts a second of so many clients; the setting, and the field that they write.
upserts() {
	PGOPTIONS="-c contact_upsert.notify=$2" pgbench -n -c "$1" -j 2 -M prepared -T "$seconds_each" -f "$dir/$3.sql" 2>&1 |
		sed -n 's/^tps = \([0-9]*\).*/\1/p'
}

# Runs each way with so many clients; prints upserts a second in the order of the table's columns.
run_ways() {
	local none off wakeup events relay
	none=$(upserts "$1" off plain)
	off=$(upserts "$1" off tracked)
	wakeup=$(upserts "$1" wakeup tracked)
	events=$(upserts "$1" events tracked)
	psql -qXc "TRUNCATE contacts.delivery"
	start_worker --consumer bench --notify contact_automation
	relay=$(upserts "$1" off tracked)
	stop_workers
	psql -qXc "TRUNCATE contacts.delivery, contacts.event"
	echo "$none $off $wakeup $relay $events"
}

# For awk: the median of a column of all lines.
# shellcheck disable=SC2016 # awk's
median='function median(values, column,    i, j, sorted, swap) {
	for (i = 1; i <= NR; i++) sorted[i] = values[column, i]
	for (i = 1; i <= NR; i++) for (j = i + 1; j <= NR; j++)
		if (sorted[j] < sorted[i]) { swap = sorted[i]; sorted[i] = sorted[j]; sorted[j] = swap }
	return sorted[int((NR + 1) / 2)]
}'

# Of the lines of run_ways: the median of each column, and that of each round's ratio to "off", of "off" to "none".
medians() {
	awk "$median"'
		{ for (i = 1; i <= 5; i++) { rate[i, NR] = $i; ratio[i, NR] = i == 2 ? $2 / $1 : $i / $2 } }
		END {
			printf "%10d", median(rate, 1)
			for (i = 2; i <= 5; i++) printf "%9d (%.2f)", median(rate, i), median(ratio, i)
			print ""
		}'
}

# Seconds of processor time that backends have used which have ended.
backend_seconds() {
	local postmaster
	postmaster=$(value "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")
	awk -v hertz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($14 + $15) / hertz }' "/proc/$postmaster/stat"
}

# Upserts a second of so many clients that write a field, and microseconds of processor time that the server spends on each.
cost() {
	local before after rate
	before=$(backend_seconds)
	rate=$(PGOPTIONS="-c contact_upsert.notify=off" pgbench -n -c "$1" -j 2 -M prepared -T "$seconds_each" -f "$dir/$2.sql" 2>&1 |
		sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p; s/^tps = \([0-9.]*\).*/\1/p' | tr '\n' ' ')
	after=$(backend_seconds)
	awk -v before="$before" -v after="$after" -v rate="$rate" 'BEGIN { split(rate, r); print r[2], (after - before) * 1e6 / r[1] }'
}

one() {
	local clients
	set_up
	echo "fsync $(value 'SHOW fsync'), notify off, medians of $rounds rounds of $seconds_each s a cell; in brackets: to no event, within a round"
	printf '%7s %12s %18s %18s %16s %18s %18s\n' clients 'calls a s' 'one event' 'and a consumer' 'CPU us a call' 'one event' 'and a consumer'
	for clients in 1 8; do
		printf '%7s ' "$clients"
		for ((round = 0; round < rounds; round++)); do
			psql -qXc "UPDATE contacts.consumer SET active = false"
			echo "$(cost "$clients" plain) $(cost "$clients" tracked)"
			psql -qXc "UPDATE contacts.consumer SET active = true"
			cost "$clients" tracked
			psql -qXc "TRUNCATE contacts.delivery, contacts.event"
		done | paste -d ' ' - - | awk "$median"'
			{ for (i = 1; i <= 6; i++) { figure[i, NR] = $i; ratio[i, NR] = $i / $(2 - i % 2) } }
			END {
				printf "%12d %11d (%.2f) %11d (%.2f)", median(figure, 1), median(figure, 3), median(ratio, 3), median(figure, 5), median(ratio, 5)
				printf " %16.1f %11.1f (%.2f) %11.1f (%.2f)\n", median(figure, 2), median(figure, 4), 1 / median(ratio, 4), median(figure, 6), 1 / median(ratio, 6)
			}'
	done
	echo "in brackets, of processor time: that of no event to that of the event"
}

throughput() {
	local clients
	set_up
	echo "fsync $(value 'SHOW fsync'), commit_delay $(value 'SHOW commit_delay'), medians of $rounds rounds of $seconds_each s a cell"
	printf '%7s %10s %15s %15s %15s %15s\n' clients 'no events' off wakeup relay events
	for clients in 1 4 8 16; do
		printf '%7s ' "$clients"
		for ((round = 0; round < rounds; round++)); do run_ways "$clients"; done | medians
	done
	echo "in brackets: off to no events, the others to off, within a round"
}

# Queues so many events, one for each of as many contacts.
queue_events() {
	psql -qXo /dev/null <<-SQL
		TRUNCATE contacts.delivery, contacts.event;
		WITH e AS (
			INSERT INTO contacts.event (workspace_id, contact_id, contact_version, ordinal, type, detail)
			SELECT 1, lpad(to_hex(i), 24, '0'), 2, 1, 'FIELD_UPDATED',
				'{"field":{"merge_tag":"tracked","label":"Tracked","old":"x","new":"y"}}' FROM generate_series(1, $1) i
			RETURNING event_id, contact_id, contact_version, ordinal)
		INSERT INTO contacts.delivery (workspace_id, consumer_id, event_id, contact_id, contact_version, ordinal)
		SELECT 1, consumer_id, event_id, contact_id, contact_version, ordinal FROM e, contacts.consumer WHERE name = 'bench';
		VACUUM ANALYZE contacts.delivery;
	SQL
}

# Events a second that so many workers acknowledge: of so many events, until none is left. The first number is that of the workers.
drain_rate() {
	local started ended n=$1 events=$2
	shift 2
	queue_events "$events"
	started=$(date +%s%N)
	for ((i = 0; i < n; i++)); do start_worker --consumer bench --once "$@"; done
	wait "${workers[@]}"
	ended=$(date +%s%N)
	workers=()
	if [[ $(value "SELECT count(*) FROM contacts.delivery") != 0 ]]; then echo "there are deliveries left" >&2; return 1; fi
	awk -v n="$events" -v t=$((ended - started)) 'BEGIN { printf "%d\n", n * 1e9 / t }'
}

drain() {
	local n way waiting
	local -a rate=()
	set_up
	# shellcheck disable=SC2016 # for the handler's shell
	printf 'while IFS= read -r line; do echo ok; done\n' >"$dir/handler.sh"
	echo "events a second, of 100,000 waiting (with a handler 20,000) until none is left, medians of $rounds"
	for n in 1 2 4; do
		for way in "100000" "20000 -- sh $dir/handler.sh" "100000 --notify contact_automation"; do
			# shellcheck disable=SC2086 # a list of words
			rate+=("$(for ((round = 0; round < rounds; round++)); do drain_rate "$n" $way; done | sort -n | sed -n "$(((rounds + 1) / 2))p")")
		done
		printf '%d workers: printed %s, with a handler in sh %s, relayed %s\n' "$n" "${rate[@]}"
		rate=()
	done
	psql -qX <<-'SQL'
		CREATE PROCEDURE claim_and_ack(OUT microseconds numeric) LANGUAGE plpgsql AS $$
		DECLARE
			started timestamptz := clock_timestamp();
			claimed contacts.claimed_event[];
		BEGIN
			FOR i IN 1..10 LOOP
				claimed := ARRAY(SELECT c FROM contacts.claim('bench', 1000) c);
				PERFORM contacts.ack('bench', claimed[1].lease, ARRAY(SELECT c.event_id FROM unnest(claimed) c));
				COMMIT;
			END LOOP;
			microseconds := round(extract(epoch FROM clock_timestamp() - started) * 100, 1);
		END $$;
	SQL
	echo "microseconds an event for claim and ack of 10 times 1,000"
	for waiting in 10000 100000 1000000; do
		queue_events "$waiting"
		printf '%8d waiting: %s\n' "$waiting" "$(value "CALL claim_and_ack(NULL)")"
	done
}

# Prints milliseconds from the commit of each event to the arrival of its line.
latency() {
	set_up
	if [[ $(value 'SHOW track_commit_timestamp') != on ]]; then echo "latency needs track_commit_timestamp = on" >&2; return 1; fi
	# shellcheck disable=SC2016 # for perl
	contact-worker --consumer bench > >(exec perl -MTime::HiRes=time -ne '$| = 1; printf "%s %.6f\n", $1, time if /"event_id":"(\d+)"/' >"$dir/lines") &
	workers+=($!)
	sleep 1
	PGOPTIONS="-c contact_upsert.notify=events" pgbench -n -c 4 -j 2 -M prepared -R 200 -T $((seconds_each * rounds)) -f "$dir/tracked.sql" >/dev/null 2>&1
	sleep 1
	stop_workers
	psql -XAtv ON_ERROR_STOP=1 <<-SQL
		CREATE TABLE line (event_id bigint, at numeric);
		\\copy line FROM '$dir/lines' (DELIMITER ' ')
		SELECT format('%s events, 200 a second, notify = events: from the commit to the line p50 %s ms, p99 %s ms, at most %s ms', count(*),
				round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric, 2), round(percentile_cont(0.99) WITHIN GROUP (ORDER BY ms)::numeric, 2),
				round(max(ms), 2))
			FROM (SELECT (l.at - extract(epoch FROM pg_xact_commit_timestamp(e.xmin))) * 1000 AS ms FROM line l JOIN contacts.event e USING (event_id)) t;
	SQL
}

horizon() {
	set_up
	printf '%8s %10s %12s %12s\n' seconds waiting 'dead rows' 'claim (ms)'
	PGOPTIONS="-c contact_upsert.notify=off" pgbench -n -c 4 -j 1 -M prepared -R 3000 -T $((held + 20)) -f "$dir/tracked.sql" >/dev/null 2>&1 &
	local load=$! holder='' started=$SECONDS
	start_worker --consumer bench
	while kill -0 "$load" 2>/dev/null; do
		if [[ -z $holder ]] && ((SECONDS - started >= 10)); then
			psql -qX -c 'BEGIN ISOLATION LEVEL REPEATABLE READ' -c 'SELECT 1' -c "SELECT pg_sleep($held)" >/dev/null &
			holder=$!
			echo "-------- a transaction is held open for $held s"
		fi
		printf '%8d %10s %12s %12s\n' $((SECONDS - started)) "$(value "SELECT count(*) FROM contacts.delivery")" \
			"$(value "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = 'contacts.delivery'::regclass")" \
			"$(psql -XAtq -c '\timing on' -c "BEGIN" -c "SELECT count(*) FROM contacts.claim('bench', 100)" -c ROLLBACK |
				sed -n '/^[0-9]*$/{n;s/^Time: \([0-9.]*\) ms.*/\1/p}' | head -n 1)"
		sleep 5
	done
	wait "$holder" 2>/dev/null || true
}

case ${1:-} in
	one | throughput | drain | latency | horizon) "$1" ;;
	*)
		sed -n '2p' "$0" >&2
		exit 2
		;;
esac
