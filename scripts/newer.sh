#!/bin/bash
# Runs the SQL and isolation tests with the next newer PostgreSQL that Debian has, in a chroot (see check_pg.sh), and with what a
# server's default settings lack, as make installcheck finds it elsewhere: no prepared transactions, WAL for replicas only. Reports in
# TAP, one test a suite; shows what a failed one printed. Where there is neither root nor sudo without a password, nor a
# network, it says so and skips.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
# shellcheck source=tap_report.sh
. scripts/tap_report.sh

as_root=()
if ((EUID != 0)); then as_root=(sudo --non-interactive); fi
log=build/newer.log
mkdir -p build

skip() {
	report_skip "regress and isolation with a newer PostgreSQL" "$1"
	report_end
}
"${as_root[@]}" true 2>/dev/null || skip "only root can make a chroot"
scripts/debian.sh versions >"$log" 2>&1 || skip "no packages of other releases: $(tail -n 1 "$log")"

suites=(regress isolation)
"${as_root[@]}" env SERVER_OPTIONS="-c max_prepared_transactions=0 -c wal_level=replica" scripts/check_pg.sh next "${suites[@]}" >"$log" 2>&1 || cat "$log"
version=$(sed -n 's/^\(PostgreSQL [0-9]*\) in a chroot .*/\1/p' "$log")
for suite in "${suites[@]}"; do
	report "${version:-a newer PostgreSQL}: $suite, $(sed -n "s/^$suite  *\(.*passed\).*/\1/p" "$log" | tr -s ' ')" \
		grep -qE "^$suite +[1-9][0-9]* passed +0 failed" "$log"
done
report_end
