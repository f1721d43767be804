#!/bin/bash
# Usage: check_partitioned.sh [test/t/NAME.pl...]
# Runs the TAP tests, all of them by default, where contacts.install() makes hash-partitioned tables (test/t/Partitioned.pm). The tests in
# SQL run so with every "make tap" (test/t/partitions.pl). Those that are about plain tables are left out, and named with the reason.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."

declare -A plain=(
	[fast_path]="looks contacts up by index, which plain tables alone allow"
	[fast_events]="stores events without statements, which plain tables alone allow"
	[array_writes]="counts the scans of the fast path, which plain tables alone allow"
	[claim_places]="finds deliveries by their place, which plain tables alone allow"
	[partitions]="makes partitioned installations itself, and plain ones to compare"
)

tests=("$@")
if ((${#tests[@]} == 0)); then
	for test in test/t/*.pl; do
		name=$(basename "$test" .pl)
		if [[ -v "plain[$name]" ]]; then echo "# left out: $test, which ${plain[$name]}"; else tests+=("$test"); fi
	done
fi
TAP_MODULE=Partitioned exec scripts/tap.sh "${tests[@]}"
