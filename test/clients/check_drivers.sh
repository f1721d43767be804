#!/bin/bash
# Runs the table of requests, requests.json, through the drivers of Python, Perl, C++ and Node.js, and compares what they saw: see
# check.py. Wants PGHOST and the like for a server on which the extension is installed. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=clients.sh
. test/clients/clients.sh

drivers=test/clients/drivers
trap remove_databases EXIT
prepare
# What takes long goes on beside the others. Debian's Python has Debian's drivers; another one that comes first on PATH may not.
npm_packages drivers &
npm=$!
build_libpqxx &
compiler=$!
for driver in psycopg psycopg2 asyncpg; do client "$driver" /usr/bin/python3 "$drivers/with_$driver.py"; done
client dbd_pg perl "$drivers/with_dbd_pg.pl"
wait "$compiler"
client libpqxx "$out/with_libpqxx"
wait "$npm" || true # the clients of Node.js say so
for driver in node_postgres postgres_js; do client "$driver" node "$out/drivers/with_$driver.mjs"; done
compare psycopg psycopg2 asyncpg dbd_pg libpqxx node_postgres postgres_js
