#!/bin/bash
# Usage: proxy.sh [ROUNDS]
# What a call costs through PL/Proxy beside the same call on its partition, as ratios taken in one run: see proxy.py. Wants PGHOST and the like for a
# server of this machine on which the extensions are installed (scripts/server.sh test/bench/proxy.sh); makes three databases in it, and drops them.
set -euo pipefail

databases=(cu_bench_proxy cu_bench_0 cu_bench_1)
drop() { for d in "${databases[@]}"; do PGOPTIONS='-c client_min_messages=warning' dropdb --if-exists --force "$d"; done; }
trap drop EXIT
drop
for d in "${databases[@]}"; do createdb "$d"; done
sql() { psql -XAtq -v ON_ERROR_STOP=1 -v VERBOSITY=terse -d "$@" >/dev/null; }

for n in 0 1; do
	sql "cu_bench_$n" -c 'CREATE EXTENSION contact_upsert' -c 'SELECT contacts.install()' -c "SELECT contacts.set_partition($n, 2)"
done
PGOPTIONS='-c client_min_messages=warning' sql cu_bench_proxy -c 'CREATE EXTENSION contact_upsert_proxy CASCADE' \
	-c "CREATE SERVER contacts FOREIGN DATA WRAPPER plproxy OPTIONS (
		p0 'host=$PGHOST port=$PGPORT dbname=cu_bench_0', p1 'host=$PGHOST port=$PGPORT dbname=cu_bench_1')" \
	-c 'CREATE USER MAPPING FOR CURRENT_USER SERVER contacts'
sql cu_bench_1 -c "INSERT INTO contacts.workspace (workspace_id, name) VALUES (1, 'bench')" \
	-c "SELECT contacts.define_field('value', 'Value', workspace_id => 1)" \
	-c "SELECT contacts.upsert(jsonb_build_object('email_address', 'c' || i || '@example.com'), 1) FROM generate_series(1, 10000) i"
sql cu_bench_1 -c 'VACUUM ANALYZE'

python3 -B "${BASH_SOURCE%/*}/proxy.py" "${1:-10000}"
