#!/bin/bash
# Usage: tested.sh newest                               the newest major version that the README says was tested, but for betas and candidates
#        tested.sh note VERSION PLATFORM SUITES RESULT   replaces, or adds, that major version's row with today's date;
#                                                       "15.20 under valgrind" has a row beside that of "15.20"
#        tested.sh note-compiler NAME PLATFORM SUITES RESULT   the same for a compiler, "GCC 13.3.0" or "GCC 12.2.0 for arm64"
# Keeps the README's tables of tested PostgreSQLs and of compilers, each between two comments: rows are written by the runs and by
# nothing else.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."

# The rows of the table behind a comment.
rows() {
	sed -n "/^<!-- $1 -->\$/,/^<!-- end -->\$/p" README.md | grep -E '^\| (GCC |clang )?[0-9]'
}

# note COMMENT KIND NAME PLATFORM SUITES RESULT
note() {
	local row key
	key=$(sed -E 's/^(GCC |clang )?([0-9]+)[^ ]*(.*)/\1\2([^0-9 ][^ ]*)?\3/' <<<"$3")
	row="| $3 | $4 | $5 | $6 | $(date -u +%F) |"
	mkdir -p build
	{ rows "$1" | grep -vE "^\| $key \|" || true; echo "$row"; } | sort -V >build/tested
	awk -v comment="<!-- $1 -->" -v head="| $2 | platform | suites | result | last run |" '
		$0 == comment {
			print; print head; print "|---|---|---|---|---|"
			while ((getline row < "build/tested") > 0) print row
			skipping = 1
		}
		/^<!-- end -->$/ { skipping = 0 }
		!skipping { print }' README.md >build/README.md
	cat build/README.md >README.md
}

case ${1:-} in
	newest) { rows tested | grep -vE '^\| [0-9]+~?(beta|rc)' || echo "| 15"; } | sed -E 's/^\| ([0-9]+).*/\1/' | sort -n | tail -n 1 ;;
	note) note tested PostgreSQL "${@:2}" ;;
	note-compiler) note compilers compiler "${@:2}" ;;
	*) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac
