#!/bin/bash
# Usage: tested.sh newest                               the newest major version that the README says was tested
#        tested.sh note VERSION PLATFORM SUITES RESULT   replaces, or adds, that major version's row with today's date;
#                                                       "15.20 under valgrind" has a row beside that of "15.20"
# Keeps the README's table of tested versions, between two comments: rows are written by the runs and by nothing else.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."

rows() {
	sed -n '/^<!-- tested -->$/,/^<!-- end -->$/p' README.md | grep -E '^\| [0-9]'
}

note() {
	local row key
	key=$(sed -E 's/^([0-9]+)[^ ]*(.*)/\1([^0-9 ][^ ]*)?\2/' <<<"$1")
	row="| $1 | $2 | $3 | $4 | $(date -u +%F) |"
	{ rows | grep -vE "^\| $key \|" || true; echo "$row"; } | sort -V >build/tested
	awk -v head='| PostgreSQL | platform | suites | result | last run |' '
		/^<!-- tested -->$/ {
			print; print head; print "|---|---|---|---|---|"
			while ((getline row < "build/tested") > 0) print row
			skipping = 1
		}
		/^<!-- end -->$/ { skipping = 0 }
		!skipping { print }' README.md >build/README.md
	cat build/README.md >README.md
}

case ${1:-} in
	newest) { rows || echo "| 15"; } | sed -E 's/^\| ([0-9]+).*/\1/' | sort -n | tail -n 1 ;;
	note) note "${@:2}" ;;
	*) sed -n '2,5p' "$0" >&2; exit 2 ;;
esac
