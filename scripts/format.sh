#!/bin/bash
# Usage: format.sh format|format-check
# Applies .clang-format to the C and C++ sources, or tests each of them and reports in TAP; then fails if one would change.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
# shellcheck source=tap_report.sh
. scripts/tap_report.sh

is_formatted() {
	clang-format "$1" | diff -u --label "$1" --label "$1, formatted" "$1" -
}

mapfile -t files < <(find src test -name '*.[ch]' -o -name '*.cpp' -o -name '*.hpp' | sort)
if [[ $1 == format ]]; then
	clang-format -i "${files[@]}"
	exit
fi
# The code is formatted alike by these two; others have ideas of their own.
if ! is_version clang-format 14 19; then
	report_skip "the sources are formatted" "this is neither clang-format 14 nor 19"
	report_end
fi
for file in "${files[@]}"; do report "$file" is_formatted "$file"; done
report_end
