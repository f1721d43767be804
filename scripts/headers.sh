#!/bin/bash
# Compiles PostgreSQL's half against the server headers of every other major version, from 15 on, that a release of Debian
# has: a package of headers is just files, so it is unpacked and not installed. Reports in TAP; a version that the README does
# not claim, such as a release candidate, is a test still to do. Without a network it says so and skips.
# PG_WARNINGS are the compiler's options for warnings.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
# shellcheck source=tap_report.sh
. scripts/tap_report.sh

own=$("$(scripts/pg_config.sh)" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
newest=$(scripts/tested.sh newest)
dir=build/headers
rm -rf "$dir"
mkdir -p "$dir"
# Newer releases' headers leave strlcpy to the C library, and an older one has none.
echo '__SIZE_TYPE__ strlcpy(char *, const char *, __SIZE_TYPE__);' >"$dir/strlcpy.h"

compile() {
	local source failed=0
	for source in src/pg/*.c; do
		# shellcheck disable=SC2086 # a list of options
		"${CC:-cc}" -std=gnu11 -O1 ${PG_WARNINGS:-} -Werror -include "$dir/strlcpy.h" -DCU_VERSION='"0"' \
			-Isrc -isystem "$1" -c -o /dev/null "$source" || failed=1
	done
	return "$failed"
}

if ! versions=$(scripts/debian.sh more-versions 2>build/headers.log); then
	report_skip "compiles with other PostgreSQLs" "no packages of other releases: $(tail -n 1 build/headers.log)"
	report_end
fi
while read -r major release; do
	if ((major < 15 || major == own)); then continue; fi
	version=$(scripts/debian.sh headers "$major" "$release" "$dir/$major")
	if ((major > newest)); then todo="the README does not claim $major"; else todo=; fi
	report_todo "$todo" "compiles with PostgreSQL ${version%%-*}" compile "$dir/$major/usr/include/postgresql/$major/server"
done <<<"$versions"
report_end
