# shellcheck shell=bash
# Sourced by the scripts that run the workers of docs/clients.md; they want PGHOST and the like for a server on which the extension is
# installed.
#   $handled                 what the workers print: a line when handle() begins, {worker, event}, and one when it has done, {..., "done": true}
#   worker_database          makes a database with tables, in which the deletion of a delivery is noted in "acknowledged"; ends the script
#                            where a driver is not available
#   start NAME CONSUMER LEASE   starts a worker, in Python or Node.js as the name begins, as which its connections are known; what it
#                            complains about is in $out/worker_NAME.txt
#   stop                     ends all that are left with TERM; those that did not end with status 0 are in $stopped
#   sql STATEMENT            runs statements
#   is GOT WANTED, none QUERY, wait_until QUERY   for report: compares; fails unless a query finds nothing; waits for an answer of true
#   copy_handled             reads the lines of $handled into the table handled
# PAUSE says how long handle() takes, in seconds. Of a tag "fragile" the first try raises an error; of a tag "late" it waits for the file
# GATE.
# shellcheck source=clients.sh
. test/clients/clients.sh

handled=$out/handled.txt
declare -A workers=()
stopped=

end_workers() {
	# One that is stopped hears nothing else.
	((${#workers[@]} == 0)) || kill -KILL "${workers[@]}" 2>/dev/null || true
	remove_databases
}
trap end_workers EXIT

sql() {
	psql -qXAt -v ON_ERROR_STOP=1 -c "$1"
}

# is GOT WANTED
is() {
	[[ $1 == "$2" ]] || { echo "got: $1"; return 1; }
}

none() {
	nothing "$(sql "$1")"
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

worker_database() {
	prepare
	if ! built psycopg || ! built node_postgres; then report_end; fi
	cp test/clients/drivers/worker.mjs "$out/drivers"
	export PGDATABASE=${template}_workers
	createdb --template="$template" "$PGDATABASE"
	sql "SELECT contacts.define_tag('fragile'), contacts.define_tag('late');
		CREATE TABLE acknowledged (consumer_id bigint, event_id bigint, attempts integer, last_error text);
		CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql
			AS 'BEGIN INSERT INTO public.acknowledged VALUES (OLD.consumer_id, OLD.event_id, OLD.attempts, OLD.last_error); RETURN NULL; END';
		CREATE TRIGGER note AFTER DELETE ON contacts.delivery FOR EACH ROW EXECUTE FUNCTION note();
		CREATE TABLE handled (line bigint GENERATED ALWAYS AS IDENTITY, said jsonb, worker text GENERATED ALWAYS AS (said ->> 'worker') STORED,
			event_id bigint GENERATED ALWAYS AS ((said ->> 'event')::bigint) STORED, done boolean GENERATED ALWAYS AS (said ? 'done') STORED)" >/dev/null
	rm -f "$handled" "$out"/worker_*.txt
	touch "$handled"
}

copy_handled() {
	psql -qX -c 'TRUNCATE handled RESTART IDENTITY' -c "\\copy handled (said) FROM '$handled'"
}

start() {
	local program=(/usr/bin/python3 test/clients/drivers/worker.py)
	if [[ $1 == node* ]]; then program=(node "$out/drivers/worker.mjs"); fi
	PGAPPNAME=$1 "${program[@]}" "$2" "$3" >>"$handled" 2>"$out/worker_$1.txt" </dev/null &
	workers[$1]=$!
}

stop() {
	local name status
	kill -TERM "${workers[@]}"
	for name in "${!workers[@]}"; do
		status=0
		wait "${workers[$name]}" || status=$?
		if ((status != 0)); then stopped+="$name ended with status $status "; fi
		unset "workers[$name]"
	done
}
