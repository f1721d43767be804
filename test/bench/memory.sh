#!/bin/bash
# Shows what memory a session takes, on the server that PGHOST and the like name, whose /proc this is: its anonymous memory
# after so many calls of contact_upsert, a transaction each, and at most while contacts.upsert_many works on arrays of up to so
# many requests. From the environment: CALLS=1000000, ELEMENTS=100000.
# shellcheck source=common.sh
. "${BASH_SOURCE%/*}/common.sh"

calls=${CALLS:-1000000}
elements=${ELEMENTS:-100000}
export PGDATABASE=contact_upsert_bench PGOPTIONS="-c synchronous_commit=off"

show() {
	psql -qX -P border=2 -P footer=off -c "$1" | to_markdown
}

# A session that creates, changes and leaves unchanged, and notes its own memory from time to time.
many_calls() {
	cat >"$dir/script.sql" <<-'SQL'
		\set i :i + 1
		\set n random(1, 100000)
		\set score random(1, 5)
	SQL
	cat calls/contact_upsert.sql - >>"$dir/script.sql" <<-'SQL'
		\if :i = 1000 or :i = 10000 or :i = 100000 or :i = 1000000
		INSERT INTO memory SELECT :i, substring(pg_read_file('/proc/self/status', 0, 100000) FROM 'RssAnon:\s*(\d+)')::bigint;
		\endif
	SQL
	psql -qXc "CREATE TABLE memory (calls bigint, kilobytes bigint)"
	pgbench -n -M prepared -c 1 -t "$calls" -D i=0 -f "$dir/script.sql" >"$dir/pgbench" 2>&1 || { cat "$dir/pgbench" >&2; return 1; }
	show "SELECT calls, kilobytes AS \"anonymous memory, kB\" FROM memory ORDER BY calls"
}

anonymous_memory() {
	sed -n 's/^RssAnon:[ \t]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2>/dev/null
}

# ELEMENTS SCORE: runs an array of so many requests in a session of its own; prints its memory before and at most, in kB.
array_memory() {
	local client backend='' first now most=0
	PGAPPNAME=array psql -qXo /dev/null -c "SELECT count(*) FROM contacts.upsert_many('[]', workspace_id => 1)" -c "SELECT pg_sleep(1)" \
		-c "SELECT count(*) FROM batch b, contacts.upsert_many(b.requests, workspace_id => 1) u WHERE b.scenario = '$1' AND b.number = $2" &
	client=$!
	while [[ -z $backend ]]; do
		backend=$(psql -XAtqc "SELECT pid FROM pg_stat_activity WHERE application_name = 'array' AND query ~ 'pg_sleep'")
	done
	first=$(anonymous_memory "$backend")
	while now=$(anonymous_memory "$backend") && [[ -n $now ]]; do
		if ((now > most)); then most=$now; fi
		sleep 0.01
	done
	wait "$client"
	echo "$first, $most"
}

arrays() {
	local n scenario
	psql -qXc "CREATE TABLE array_memory (elements int, scenario text, first bigint, most bigint)"
	for n in 1000 10000 100000; do
		if ((n > elements)); then break; fi
		psql -qXc "INSERT INTO batch SELECT '$n', score, jsonb_agg(request_of(i + $n * 10000000::bigint, score))
			FROM generate_series(1::bigint, $n) i, generate_series(1, 2) score GROUP BY score"
		# The same addresses three times: new, with another score, and with that score again.
		for scenario in create:1 change:2 unchanged:2; do
			psql -qXc "INSERT INTO array_memory VALUES ($n, '${scenario%:*}', $(array_memory "$n" "${scenario#*:}"))"
		done
	done
	show "SELECT elements, pg_column_size(requests) / 1024 AS \"the array, kB\", a.scenario,
		first AS \"memory before, kB\", most AS \"at most, kB\"
		FROM array_memory a JOIN batch b ON b.scenario = a.elements::text AND b.number = 1
		ORDER BY elements, array_position(ARRAY['create', 'change', 'unchanged'], a.scenario)"
}

make_database contact_upsert_bench 10000 1
many_calls
arrays
