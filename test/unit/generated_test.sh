#!/bin/bash
# Tests that the tables in src/core are what their generators make of the Debian packages. Reports in TAP; fails if not.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=../../scripts/tap_report.sh
. scripts/tap_report.sh

generated=$(mktemp)
trap 'rm -f "$generated"' EXIT

is_current() {
	"$1" >"$generated" && diff -u "$2" "$generated"
}
report "country_codes.inc" is_current src/core/generate_countries.sh src/core/country_codes.inc
report "case_folding.inc" is_current src/core/generate_case_folding.pl src/core/case_folding.inc

report_end
