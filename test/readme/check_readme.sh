#!/bin/bash
# Runs every ```sql block of README.md in order, in one session on a database of its own, and compares what it prints with the
# ```text block behind it. Ids and times are compared by their form. Prints TAP. Wants PGHOST and the like for a server on
# which the extension is installed. WRITE=1 writes what was printed into README.md instead.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."

createdb contact_upsert_readme
trap 'dropdb --if-exists contact_upsert_readme; psql -qXc "DROP ROLE IF EXISTS app"' EXIT
PGDATABASE=contact_upsert_readme perl test/readme/readme.pl README.md
