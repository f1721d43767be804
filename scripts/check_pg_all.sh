#!/bin/bash
# Usage: check_pg_all.sh [VERSION...]
# Runs check_pg.sh with each PostgreSQL from 15 on that a release of Debian or Ubuntu has, or with these major versions, one after
# the other: each notes its row in the README's table. One that fails does not keep the others from running. Ends with
# a line for each, and "N passed, N failed" of all. Needs root and the network, and about half an hour for each.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."

((EUID == 0)) || { echo "make check-pg-all needs root, to make chroots." >&2; exit 1; }
versions=("$@")
if ((${#versions[@]} == 0)); then
	mapfile -t versions < <(scripts/debian.sh more-versions | awk '$1 >= 15 { print $1 }')
fi
((${#versions[@]} > 0)) || { echo "No release of Debian or Ubuntu can be reached." >&2; exit 1; }

logs=build/check-pg
mkdir -p "$logs"
summary=$logs/summary
: >"$summary"
passed=0 failed=0
for version in "${versions[@]}"; do
	echo "PostgreSQL $version: $logs/$version.log"
	status=0
	scripts/check_pg.sh "$version" >"$logs/$version.log" 2>&1 || status=$?
	# The last line of check.sh, where it came so far.
	result=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$logs/$version.log" | tail -n 1 || true)
	read -r these_passed _ these_failed _ <<<"${result:-0 passed, 1 failed}"
	if ((status != 0 && these_failed == 0)); then these_failed=1; fi
	if ((these_failed > 0)); then tail -n "${LOG_LINES:-100}" "$logs/$version.log"; fi
	passed=$((passed + these_passed))
	failed=$((failed + these_failed))
	printf '%-4s %5d passed %5d failed\n' "$version" "$these_passed" "$these_failed" >>"$summary"
done
cat "$summary"
echo "$passed passed, $failed failed"
exit $((failed > 0))
