#!/bin/bash
# Times contact-import on files of new contacts beside COPY of the same file into a plain table, in one run on the server that PGHOST
# and the like name, which is on this machine; then loads the file once more, which changes nothing. Shows what memory the program and
# its server processes take at most, whatever the size of the file. Then the same rows in a staging table, by contacts.import without
# history, beside COPY of the contacts into a table with the keys and indexes of contacts.contact, and beside the peers' way. A file has eight columns: address, status, tags and five fields, three
# of whose texts are what people's files have and requests do not. From the environment:
#   SIZES="10000 1000000"   rows of the files
# shellcheck source=common.sh
. "${BASH_SOURCE%/*}/common.sh"

read -ra sizes <<<"${SIZES:-10000 1000000}"
export PGDATABASE=contact_upsert_bench

write_file() {
	psql -XAtq -o "$2" <<-SQL
		COPY (
			SELECT 'Person' || n || '@Example.com' AS "E-mail Address", CASE WHEN n % 10 = 0 THEN 'unsubscribed' ELSE 'active' END AS "Status",
				'newsletter;customers' AS "Tags", 'First ' || n % 1000 AS "First Name", 'Last ' || n AS "Last Name",
				to_char(n % 1000000 / 100.0, '"\$"FM9,990.00') AS "Spent", to_char(date '1950-01-01' + n % 20000, 'YYYY-MM-DD') AS "Birthday",
				(ARRAY['Germany', 'France', 'DNK', 'us'])[n % 4 + 1] AS "Country"
			FROM generate_series(1, $1) n) TO STDOUT (FORMAT csv, HEADER);
	SQL
}

seconds() {
	local start=$EPOCHREALTIME
	"$@" >"$dir/output" 2>&1 || { cat "$dir/output" >&2; return 1; }
	awk -v start="$start" -v end="$EPOCHREALTIME" 'BEGIN { printf "%.2f", end - start }'
}

# Own memory of a process, in kB.
anonymous_memory() {
	sed -n 's/^RssAnon:[ \t]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2>/dev/null
}

larger() {
	if [[ -n $2 ]] && (($2 > $1)); then echo "$2"; else echo "$1"; fi
}

# FILE OPTION...: runs contact-import and writes "program server", the most memory of either in kB, into $dir/memory. Memory is
# looked at ten times a second.
import_file() {
	local client program=0 server=0 backend
	contact-import --yes --quiet --chunk 1000 "$@" &
	client=$!
	while kill -0 "$client" 2>/dev/null; do
		program=$(larger "$program" "$(anonymous_memory "$client")")
		while IFS=/ read -r _ _ backend _; do
			server=$(larger "$server" "$(anonymous_memory "$backend")")
		done < <(grep -alz "^postgres: .* $PGDATABASE " /proc/[0-9]*/cmdline 2>/dev/null)
		sleep 0.1
	done
	echo "$program $server" >"$dir/memory"
	wait "$client"
}

# Makes the database, with a plain table for the file.
make_tables() {
	createdb "$PGDATABASE"
	contacts_in[$PGDATABASE]=0
	psql -qXo /dev/null <<-'SQL'
		SET client_min_messages = warning;
		CREATE EXTENSION contact_upsert;
		SELECT contacts.install();
		SELECT contacts.define_field('first_name', 'First Name'), contacts.define_field('last_name', 'Last Name'), contacts.define_field('spent', 'Spent', 'NUMBER'),
			contacts.define_field('birthday', 'Birthday', 'DATE'), contacts.define_field('country', 'Country', 'COUNTRY'),
			contacts.define_tag('newsletter'), contacts.define_tag('customers');
		CREATE TABLE plain (email_address text, status text, tags text, first_name text, last_name text, spent text, birthday text, country text);
	SQL
}

drop_tables() {
	dropdb "$PGDATABASE"
	unset "contacts_in[$PGDATABASE]"
}

# ROWS: an error unless so many contacts were loaded.
check_loaded() {
	local loaded
	loaded=$(psql -XAtqc "SELECT count(*) FROM contacts.contact WHERE data ->> 'country' IN ('DE', 'FR', 'DK', 'US')")
	if ((loaded != $1)); then echo "$loaded of $1 rows were loaded" >&2; exit 1; fi
}

for size in "${sizes[@]}"; do
	file=$dir/people_$size.csv
	make_tables
	write_file "$size" "$file"
	copy=$(seconds psql -qXc "\\copy plain FROM '$file' WITH (FORMAT csv, HEADER)")
	import=$(seconds import_file "$file")
	read -r program server <"$dir/memory"
	chunks=$(psql -XAtqc "SELECT round(seconds::numeric, 2) FROM contacts.import_progress WHERE state = 'finished' ORDER BY import_id DESC LIMIT 1")
	check_loaded "$size"
	again=$(seconds import_file --restart "$file")
	read -r program_again server_again <"$dir/memory"
	awk -v size="$size" -v copy="$copy" -v import="$import" -v chunks="$chunks" -v again="$again" -v program="$(larger "$program" "$program_again")" \
		-v server="$(larger "$server" "$server_again")" 'BEGIN {
		printf "| %d | %s | %s | %.1f | %s | %s | %d | %d |\n", size, copy, import, import / copy, chunks, again, program, server }' >>"$dir/programs"

	psql -qXc "\\copy contacts.contact (workspace_id, email_address, status, tags, data) TO '$dir/contacts'"
	drop_tables
	make_tables
	psql -qX -c "CREATE TABLE keyed (LIKE contacts.contact INCLUDING DEFAULTS INCLUDING INDEXES) WITH (fillfactor = 85)" \
		-c "\\copy plain FROM '$file' WITH (FORMAT csv, HEADER)" -f peers.sql
	peers=$(../../build/bench/peers_bench create 0 "$seconds_each")
	keyed=$(seconds psql -qXc "\\copy keyed (workspace_id, email_address, status, tags, data) FROM '$dir/contacts'")
	call=$(seconds psql -qXc "CALL contacts.import('plain', history => false, separator => ';')")
	check_loaded "$size"
	awk -v size="$size" -v keyed="$keyed" -v call="$call" -v peers="$peers" 'BEGIN {
		printf "| %d | %s | %s | %.2f | %d | %.1f |\n", size, keyed, call, keyed / call, peers, size / call / peers }' >>"$dir/calls"
	drop_tables
	rm "$file"
done
echo "| rows | COPY, s | contact-import, s | to COPY | of it, in chunks, s | again, s | program, kB | server process, kB |"
echo "|---|---|---|---|---|---|---|---|"
cat "$dir/programs"
echo
echo "| rows | COPY into keys and indexes, s | contacts.import, s | its rate to COPY | peers' way, rows a second | to peers |"
echo "|---|---|---|---|---|---|"
cat "$dir/calls"
