#!/bin/bash
# Times contact_upsert beside what one would write without it, in one run on one server, and prints ratios: a bare
# INSERT ... ON CONFLICT DO UPDATE of the finished row (no validation, no merge, no answer), and the page's rules in PL/pgSQL
# (upsert_plpgsql.sql). CALLS sets how many calls a cell makes. Wants PGHOST and the like.
set -euo pipefail
cd "${BASH_SOURCE%/*}"

createdb contact_upsert_bench
trap 'dropdb --if-exists contact_upsert_bench' EXIT
export PGDATABASE=contact_upsert_bench
psql -qX -v ON_ERROR_STOP=1 -f upsert_plpgsql.sql -f upsert.sql -v calls="${CALLS:-20000}"
