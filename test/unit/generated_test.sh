#!/bin/bash
# Tests that the tables in src/core are what their generators make of the packages of Debian 12. Reports in TAP; fails if not.
set -euo pipefail
cd "${BASH_SOURCE%/*}/../.."
# shellcheck source=../../scripts/tap_report.sh
. scripts/tap_report.sh

generated=$(mktemp)
trap 'rm -f "$generated"' EXIT

is_current() {
	"$1" >"$generated" && diff -u "$2" "$generated"
}

# Another release of Debian has other versions of the packages, and so other tables.
compare() {
	local version
	version=$(dpkg-query --show --showformat '${Version}' "$3")
	if [[ $version == "$4"* ]]; then
		report "$2" is_current "src/core/$1" "src/core/$2"
	else
		report "$2 # SKIP it is of $3 $4, and $version is installed" true
	fi
}
compare generate_countries.sh country_codes.inc iso-codes 4.15
compare generate_country_names.pl country_names.inc iso-codes 4.15
compare generate_case_folding.pl case_folding.inc unicode-data 15.0
compare generate_accents.pl accents.inc unicode-data 15.0

# Users' indexes hold what this table made of names. One that folds an old character in another way needs, in its upgrade step,
# REINDEX INDEX contacts.tag_name_key, and a word in the changelog; then the sum is changed here.
folds=de16d0c19dce11d758c196c54fdf054dbdaacc910d4b24b253a690316471c4d7
is_folding_of_the_indexes() {
	[[ $(sha256sum <src/core/case_folding.inc) == "$folds "* ]]
}
report "case_folding.inc is the table that contacts.tag_name_key was built with" is_folding_of_the_indexes

report_end
