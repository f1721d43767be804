#!/bin/bash
# Usage: check_citus.sh [test/citus/NAME.pl...]
# Runs the tests of distributed tables with the Citus that is installed for the PostgreSQL of PG_CONFIG: each has a coordinator and workers of
# its own, on loopback, which are gone at the end. Where there is no Citus it fails: CI has none, and a test that did not run has not
# passed. The last line is "N passed, N failed".
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
pg_config=$(scripts/pg_config.sh)
export PG_CONFIG="$pg_config"

fail() {
	echo "check_citus.sh: $1" >&2
	echo "0 passed, 1 failed"
	exit 1
}

[[ -e $("$pg_config" --pkglibdir)/citus.so && -e $("$pg_config" --sharedir)/extension/citus.control ]] ||
	fail "there is no Citus for $("$pg_config" --version), whose pg_config is $pg_config: install it, or name another with PG_CONFIG=/path/to/pg_config"
tests=("$@")
if ((${#tests[@]} == 0)); then tests=(test/citus/*.pl); fi
# Of its own for each run: two at once do not count each other's tests.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
scripts/tap.sh "${tests[@]}" 2>&1 | tee "$log" || status=$?
read -r passed failed _ < <(awk -f scripts/count.awk "$log")
if ((status != 0 && failed == 0)); then failed=1; fi
echo "$passed passed, $failed failed"
exit $((failed > 0 || passed == 0))
