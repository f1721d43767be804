# shellcheck shell=bash
# Sourced by the scripts that time the ways to write a contact. Makes this directory the current one, and drops and removes at
# the end what was made here. From the environment: SECONDS_EACH, how long a cell takes (1), that is one way, one scenario and
# one number of clients.
#   $dir                                        a directory for files
#   make_database NAME CONTACTS ARRAYS WAY...   a database with everything to compare: so many contacts for each of the ways,
#                                               and so many arrays of new ones
#   rate calls|arrays SCENARIO WAY CLIENTS      prints contacts a second, in $PGDATABASE
#   make_wal GIGABYTES                          has the server make files for so much WAL, which costs time when they are used first
#   to_markdown                                 a filter: psql's tables with border 2 as those of Markdown
set -euo pipefail
cd "${BASH_SOURCE%/*}"

seconds_each=${SECONDS_EACH:-1}
dir=$(mktemp -d)
declare -A contacts_in=() new_arrays_in=()

finish() {
	local database
	for database in "${!contacts_in[@]}"; do dropdb --if-exists "$database"; done
	psql -qX -d postgres -c "SET client_min_messages = warning" -c "DROP ROLE IF EXISTS contact_upsert_bench_member"
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

make_wal() {
	psql -qXo /dev/null -d postgres -c "SELECT count(pg_logical_emit_message(false, '', repeat('x', 10000000))) FROM generate_series(1, $1 * 100)" \
		-c CHECKPOINT
}

make_database() {
	local database=$1 way
	contacts_in[$database]=$2 new_arrays_in[$database]=$3
	createdb "$database"
	PGDATABASE=$database psql -qX -v contacts="$2" -v arrays="$3" \
		-f tables.sql -f plpgsql.sql -f equivalence.sql -f load.sql -f arrays.sql
	for way in "${@:4}"; do
		if [[ $way == peers ]]; then psql -qX -d "$database" -f peers.sql; continue; fi
		psql -qX -d "$database" -c "INSERT INTO $way.contact SELECT * FROM contacts.contact" -c "VACUUM ANALYZE $way.contact"
	done
}

# How many arrays of 1,000 there are for a scenario; as arrays.sql makes them.
array_count() {
	local chunks=$((contacts_in[$PGDATABASE] / 2000))
	if ((chunks > 50)); then chunks=50; fi
	case $1 in
		create) echo "${new_arrays_in[$PGDATABASE]}" ;;
		change) echo $((2 * chunks)) ;;
		unchanged) echo $((chunks)) ;;
	esac
}

# Removes what a cell has created.
tidy() {
	local table
	case $1 in
		contact_upsert | outcomes | member) table=contacts.contact ;;
		peers) table=peers.subscriber ;;
		*) table=$1.contact ;;
	esac
	psql -qX -c "DELETE FROM $table WHERE created_at > '2025-01-01'" -c "VACUUM $table"
}

# Runs the script $dir/script.sql: transactions a second.
transactions() {
	pgbench -n -c "$1" -j 2 -T "$seconds_each" -f "$dir/script.sql" "${@:2}" >"$dir/pgbench" 2>&1 || { cat "$dir/pgbench" >&2; return 1; }
	sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$dir/pgbench"
}

call_rate() {
	cat "calls/$1.sql" "calls/$2.sql" >"$dir/script.sql"
	transactions "$3" -M prepared -D contacts="${contacts_in[$PGDATABASE]}" -D tags='{1,2}' \
		-D changes="$([[ $1 == unchanged ]] && echo 0 || echo 1)"
}

# Member and outcomes are contact_upsert's arrays otherwise: as a member under row level security, and with results => 'outcomes'.
array_rate() {
	local mode=prepared script=$2 table=$2 directory tps
	case $2 in
		peers)
			../../build/bench/peers_bench "$1" "${contacts_in[$PGDATABASE]}" "$seconds_each"
			return
			;;
		copy) mode=simple ;;
		member) script=contact_upsert table=contact_upsert ;;
		outcomes) table=contact_upsert ;;
	esac
	cp "arrays/$script.sql" "$dir/script.sql"
	directory=$(psql -XAtqc 'SHOW data_directory')
	if [[ $2 == member ]]; then local -x PGOPTIONS="$PGOPTIONS -c role=contact_upsert_bench_member"; fi
	tps=$(transactions "$3" -M "$mode" -D scenario="$1" -D turn="turn_${table}_$1" -D arrays="$(array_count "$1")" \
		-D directory="$directory")
	awk -v tps="$tps" 'BEGIN { print tps * 1000 }'
}

rate() {
	if [[ $1 == calls ]]; then call_rate "${@:2}"; else array_rate "${@:2}"; fi
	if [[ $2 == create ]]; then tidy "$3"; fi
}

to_markdown() {
	awk '!/^\+/ { print; next } ++line % 3 == 2 { gsub(/\+/, "|"); print }'
}
