#!/bin/bash
# Runs the table of requests, requests.json, through the drivers of Python, Perl, C++ and Node.js, and compares what they saw: see
# check.py. Who is not there is skipped, and said. Wants PGHOST and the like for a server on which the extension is installed. Prints
# TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=clients.sh
. test/clients/clients.sh

trap remove_databases EXIT
prepare
# What takes long goes on beside the others.
for driver in node_postgres libpqxx; do start_build $driver; done
seen=()
for driver in psycopg psycopg2 asyncpg dbd_pg libpqxx node_postgres postgres_js; do
	built $driver || continue
	run_driver $driver ""
	seen+=("$driver")
done
compare "${seen[@]}"
report_end
