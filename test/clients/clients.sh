# shellcheck shell=bash
# Sourced by the scripts that run clients; they want PGHOST and the like for a server on which the extension is installed.
#   $out                     the directory of what clients print
#   prepare                  makes it, the table as clients read it, and a template of their databases
#   remove_databases         drops what it and the clients have made; for a trap at the end
#   client NAME COMMAND...   runs a client on a database of its own, PGDATABASE, with the table's path behind its arguments. What it printed
#                            is in $out/NAME.jsonl; if it dies, or takes over a minute, that is there too
#   npm_packages DIRECTORY   installs what package-lock.json of that directory says into $out/DIRECTORY, beside copies of its programs
#   build_libpqxx            compiles $out/with_libpqxx
#   compare NAME...          compares what these clients printed with the table; prints TAP
# shellcheck source=../../scripts/npm.sh
. scripts/npm.sh
out=$PWD/build/clients
template=contact_upsert_clients
export PYTHONDONTWRITEBYTECODE=1

prepare() {
	mkdir -p "$out"
	rm -f "$out"/*.jsonl "$out"/*.log
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
	cp test/clients/drivers/steps.mjs "$directory"
	cp "test/clients/$1"/with_*.mjs "$directory"
	npm_install "test/clients/$1" "$directory"
}

# libpqxx 7.10 calls exec_params() deprecated, and libpqxx 6 has nothing else.
# 8 wants C++20, and older libraries are built as C++17.
build_libpqxx() {
	local major
	major=$("${CXX:-g++}" -std=c++20 -E -dM -include pqxx/version -x c++ /dev/null | sed -n 's/^#define PQXX_VERSION_MAJOR *//p')
	"${CXX:-g++}" -std=c++$((major < 8 ? 17 : 20)) -Wall -Wextra -Wno-deprecated-declarations -o "$out/with_libpqxx" test/clients/drivers/with_libpqxx.cpp -lpqxx -lpq
}

compare() {
	/usr/bin/python3 test/clients/check.py compare "${@/#/$out/}"
}
