# shellcheck shell=bash
# Sourced by the scripts that run clients; they want PGHOST and the like for a server on which the extension is installed.
#   $out                     the directory of what clients print
#   prepare                  makes it, the table as clients read it, and a template of their databases
#   remove_databases         drops what it and the clients have made; for a trap at the end
#   client NAME COMMAND...   runs a client on a database of its own, PGDATABASE, with the table's path behind its arguments. What it printed
#                            is in $out/NAME.jsonl; if it dies, or takes over a minute, that is there too. With POOLED, behind a pooler, the
#                            script's warm_pool DATABASE is called before
#   npm_packages DIRECTORY   installs what package-lock.json of that directory says into $out/DIRECTORY, beside copies of its programs
#   driver_available NAME, build_driver NAME, run_driver NAME SUFFIX   for the clients of drivers/
#   available NAME           whether a client's library and tools are there; prints why not
#   build NAME               makes of it what can be run. A script that has more clients than drivers/ defines these two anew
#   start_build NAME         begins both in the background
#   built NAME               waits for them, and fails unless the client can be run: reports one that is not available as skipped, with the
#                            reason, and one that could not be built as failed
#   compare NAME...          compares what these clients printed with the table, and reports
# shellcheck source=../../scripts/tap_report.sh
. scripts/tap_report.sh
# shellcheck source=../../scripts/npm.sh
. scripts/npm.sh
out=$PWD/build/clients
template=contact_upsert_clients
drivers=test/clients/drivers
not_available=77 # a status that no compiler ends with
declare -A builds=()
export PYTHONDONTWRITEBYTECODE=1

prepare() {
	mkdir -p "$out"
	rm -f "$out"/*.jsonl "$out"/*.log "$out"/*/failed
	/usr/bin/python3 test/clients/check.py expand >"$out/requests.json"
	/usr/bin/python3 test/clients/check.py lines >"$out/requests.lines"
	createdb "$template"
	jq -r '.setup[] + ";"' "$out/requests.json" | psql -qXo /dev/null -v ON_ERROR_STOP=1 "$template"
}

remove_databases() {
	psql -qXAt -d postgres -c "SELECT format('DROP DATABASE %I WITH (FORCE);', datname) FROM pg_database
		WHERE starts_with(datname, '$template')" | psql -qX -d postgres
}

client() {
	local name=$1 status=0 table=requests.json
	case $name in libpqxx* | jdbc*) table=requests.lines ;; esac
	# Not through a pooler, which may keep a connection to the template.
	PGHOST=${SERVER_HOST:-$PGHOST} PGPORT=${SERVER_PORT:-$PGPORT} createdb --template="$template" "${template}_$name"
	if [[ -n ${POOLED:-} ]]; then warm_pool "${template}_$name"; fi
	PGDATABASE=${template}_$name timeout --kill-after=5 60 "${@:2}" "$out/$table" >"$out/$name.jsonl" 2>"$out/$name.log" </dev/null ||
		status=$?
	if ((status != 0)); then
		{
			echo "the client ended with status $status"
			tail -n 20 "$out/$name.log"
		} >>"$out/$name.jsonl"
	fi
}

npm_packages() {
	local directory=$out/$1
	mkdir -p "$directory"
	cp "$drivers/steps.mjs" "test/clients/$1"/with_*.mjs "$directory"
	# One that could not be had is not asked for again: that takes minutes.
	if [[ ! -e $directory/failed ]]; then
		npm_install "test/clients/$1" "$directory" 2>"$directory/failed" && rm "$directory/failed" && return
	fi
	cat "$directory/failed" >&2
	return 1
}

# libpqxx 7.10 calls exec_params() deprecated, and libpqxx 6 has nothing else.
# 8 wants C++20, and older libraries are built as C++17.
build_libpqxx() {
	local major
	major=$("${CXX:-g++}" -std=c++20 -E -dM -include pqxx/version -x c++ /dev/null | sed -n 's/^#define PQXX_VERSION_MAJOR *//p')
	"${CXX:-g++}" -std=c++$((major < 8 ? 17 : 20)) -Wall -Wextra -Wno-deprecated-declarations -o "$out/with_libpqxx" test/clients/drivers/with_libpqxx.cpp -lpqxx -lpq
}

libpqxx_available() {
	"${CXX:-g++}" -E -include pqxx/version -x c++ /dev/null >/dev/null || {
		echo "the compiler finds no pqxx/version"
		return 1
	}
}

driver_available() {
	case $1 in
		psycopg | psycopg2 | asyncpg) /usr/bin/python3 -c "import $1" ;;
		dbd_pg) perl -MDBD::Pg -e 1 ;;
		libpqxx) libpqxx_available ;;
		node_postgres | postgres_js) npm_packages drivers ;;
	esac
}

build_driver() {
	if [[ $1 == libpqxx ]]; then build_libpqxx; fi
}

# Debian's Python has Debian's drivers; another one that comes first on PATH may not.
run_driver() {
	case $1 in
		psycopg | psycopg2 | asyncpg) client "$1$2" /usr/bin/python3 "$drivers/with_$1.py" ;;
		dbd_pg) client "$1$2" perl "$drivers/with_dbd_pg.pl" ;;
		libpqxx) client "$1$2" "$out/with_libpqxx" ;;
		node_postgres | postgres_js) client "$1$2" node "$out/drivers/with_$1.mjs" ;;
	esac
}

available() {
	driver_available "$1"
}

build() {
	build_driver "$1"
}

start_build() {
	(
		available "$1" || exit "$not_available"
		build "$1"
	) >"$out/$1.build" 2>&1 &
	builds[$1]=$!
}

built() {
	local status=0
	if [[ -z ${builds[$1]:-} ]]; then start_build "$1"; fi
	wait "${builds[$1]}" || status=$?
	case $status in
		0) return ;;
		"$not_available") report_skip "$1" "it is not available: $(grep -v '^ *$' "$out/$1.build" | tail -n 1)" ;;
		*) report "$1 is built" nothing "status $status: $(tail -n 30 "$out/$1.build")" ;;
	esac
	return 1
}

compare() {
	COUNTED=$report_count /usr/bin/python3 test/clients/check.py compare "${@/#/$out/}" >"$out/compared" || report_failed=1
	cat "$out/compared"
	report_count=$((report_count + $(grep -cE '^(not )?ok ' "$out/compared" || true))) # grep fails where it counts 0
}
