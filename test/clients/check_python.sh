#!/bin/bash
# Runs the table of requests through psycopg and psycopg2; see clients.py. Wants PGHOST and the like for a server on which
# the extension is installed. Prints TAP.
set -euo pipefail
cd "${BASH_SOURCE%/*}"

createdb contact_upsert_clients
trap 'dropdb --if-exists contact_upsert_clients' EXIT
export PGDATABASE=contact_upsert_clients
psql -qXo /dev/null <<'SQL'
CREATE EXTENSION contact_upsert;
SELECT contacts.install();
SELECT contacts.define_field('name', 'Name'), contacts.define_tag('vip');
SQL
# Debian's Python has Debian's drivers; another one that comes first on PATH may not.
/usr/bin/python3 clients.py
