#!/bin/bash
# Usage: symbols.sh MODULE CORE_ARCHIVE
# Tests the wall between the halves: the core wants nothing but the C and C++ libraries, and of those nothing that reads
# the locale, prints or starts threads; the module exports what exports.txt lists and nothing else (modules are opened
# RTLD_GLOBAL), and what the SQL script calls is among it; whatever the module calls is there when it is loaded. Reports in TAP; fails if a test does.
set -euo pipefail
module=$1
core=$2
cd "${BASH_SOURCE%/*}/.."
# shellcheck source=tap_report.sh
. scripts/tap_report.sh

unresolved() {
	${CXX:-g++} -shared -o /dev/null -Wl,--no-undefined,--whole-archive "$core" -Wl,--no-whole-archive
}
report "the core needs the C and C++ libraries and nothing else" unresolved

names() {
	nm --portability "$@" | awk 'NF > 1 { sub(/@.*/, "", $1); print $1 }' | sort -u
}
wanted=$(names --undefined-only "$core")
forbidden='^(is(alnum|alpha|ascii|blank|digit|lower|print|punct|space|upper|xdigit)|to(lower|upper)|isw.*|tow.*|strto.*|ato[fil]'
forbidden+='|setlocale|newlocale|uselocale|localeconv|strcoll|strxfrm|strftime|.*printf.*|puts|putchar|fputs|fwrite|write'
forbidden+='|exit|abort|__assert_fail|pthread_create|__cxa_guard_acquire|_ZNSt6locale.*|_ZNSt8ios_base.*|_ZSt4c(out|err))$'
report "the core prints nothing, reads no locale, starts no thread, has no late static" \
	nothing "$(grep -E "$forbidden" <<<"$wanted" || true)"

server_header='^\s*#\s*include\s*["<](postgres|fmgr|libpq|utils/|executor/|catalog/|pg/|\.\./pg/)'
report "no file of the core includes a header of the server" nothing "$(grep -rnE "$server_header" src/core || true)"

listed=$(awk '/^[^#]/ { print $1 }' src/pg/exports.txt | sort -u)
exported=$(names --dynamic --defined-only "$module")
called=$(sed -n "s/.*'MODULE_PATHNAME', *'\([a-z0-9_]*\)'.*/\1\npg_finfo_\1/p" sql/contact_upsert--*.sql sql/contact_upsert_proxy--*.sql | sort -u)
only_in_first() {
	comm -23 <(echo "$1") <(echo "$2")
}
report "the module exports nothing that exports.txt does not list" nothing "$(only_in_first "$exported" "$listed")"
report "the module has all that exports.txt lists" nothing "$(only_in_first "$listed" "$exported")"
report "the module has each C function of the SQL script" nothing "$(only_in_first "$called" "$exported")"
# What an undeclared function leaves behind is found only when the server loads the module.
needed=$(nm --dynamic --undefined-only --portability "$module" | awk '$2 == "U" { sub(/@.*/, "", $1); print $1 }' | sort -u)
mapfile -t providers < <(ldd "$module" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p')
provided=$(names --dynamic --defined-only "$("$(scripts/pg_config.sh)" --bindir)/postgres" "${providers[@]}")
report "the server or a library that the module names has each function that the module calls" \
	nothing "$(only_in_first "$needed" "$provided")"
report "the module brings its C++ library" grep -q 'NEEDED.*libstdc++' <(readelf --dynamic "$module")

report_end
