#!/bin/bash
# Tests http/api.sql through PostGraphile, with the server of docs/http.md: what it shows, what a mutation does, and that an error is the
# API page's. Wants PGHOST and the like for a server on which the extension is installed. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=http.sh
. test/http/http.sh
# shellcheck source=../../scripts/npm.sh
. scripts/npm.sh
trap finish EXIT
out=$PWD/build/http
npm_install test/http "$out"
prepare contact_upsert_postgraphile

port=$(free_port)
block "check_postgraphile.sh: server" | sed -e "s|/etc/postgrest/jwt-secret|$dir/jwt-secret|" -e "s|listen(5000,|listen($port,|" >"$out/server.$port.mjs"
background node "$out/server.$port.mjs" >"$dir/server.log" 2>&1
wait_for "$port" "${started[-1]}" "$dir/server.log"
rm "$out/server.$port.mjs"
/usr/bin/python3 test/http/graphql_test.py "http://127.0.0.1:$port/graphql" "$secret" "$(block "check_postgraphile.sh: mutation")" || {
	tail -n 20 "$dir/server.log" | sed 's/^/# /'
	exit 1
}
