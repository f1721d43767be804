#!/bin/bash
# Usage: check_asan.sh [SUITE...]
# Runs suites of check.sh on a PostgreSQL, an extension and its programs that are built with AddressSanitizer, all but the first
# with UndefinedBehaviorSanitizer, too (scripts/instrumented.sh). Fails if a test does or a sanitizer reports anything. Without
# arguments every suite that has a server runs. The result is noted in the README's table.
#
# A sanitized library in a server that is not needs LD_PRELOAD, and a gettext of its own besides, for bindtextdomain hangs
# in it. Here the server is sanitized: that needs neither, and its own code and its memory contexts are watched as well.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
scripts/setup.sh watch
# shellcheck source=instrumented.sh
. scripts/instrumented.sh

watch asan
# Leaks: a backend ends with all that its memory contexts hold, and PostgreSQL's programs end with what they have.
export ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:handle_sigill=1:log_path=$reports/asan"
build_postgresql -fsanitize=address "-I$PWD/test/sanitize"
# Undefined behaviour traps, and AddressSanitizer reports the trap (ILL) with its line: libubsan would know what it was, but beside
# libasan it only writes to stderr, and in a backend, whose environment PostgreSQL has overwritten, it finds no options.
# -Wno-error: with -fsanitize the compiler warns of more than is there.
export PROFILE="-fsanitize=address,undefined -fsanitize-undefined-trap-on-error -fno-omit-frame-pointer -O1 -DCU_PIECES_APART -Wno-error"
planted palloc_overrun use_after_pfree use_after_reset arena_overrun undefined_shift

# Servers take three to five times as long as they are used to.
export START_SECONDS=120 SUITE_SECONDS=7200 PG_TEST_TIMEOUT_DEFAULT=900 PGCTLTIMEOUT=300
take_checkout
# A test with a bound on a process's memory has no meaning here: what is freed is kept for a while, to see whether it is used.
grep -lE 'Vm(HWM|RSS)' "$checkout"/test/t/*.pl | xargs rm
suites=("$@")
if (($# == 0)); then suites=(regress isolation tap documents); fi
run_suites "${suites[@]}"
for program in contact_upsert.so contact-worker contact-import; do
	tell "$program is sanitized" grep -q __asan_report "$checkout/$program" || true
done
tell "AddressSanitizer reports no error" no_reports || true
note AddressSanitizer "${suites[@]}"
end_run
