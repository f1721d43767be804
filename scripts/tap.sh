#!/bin/bash
# Usage: tap.sh [test/t/NAME.pl...]
# Runs the TAP tests, all of them by default. They start servers of their own, so they run as the server's user, in a copy of
# test/ and sql/ under /tmp that is removed at the end, with any server that a dying test has left. Exits with prove's
# status, after the ends of the logs if a test failed. TAP_MODULE is a module of test/t/ that each test is run with.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
# shellcheck source=sandbox.sh
. scripts/sandbox.sh

before_end() {
	local log pids
	if (($1 != 0)); then
		for log in "$dir"/tmp_check/log/regress_log_*; do
			# A test failed, or the file ended early.
			if grep -qE 'not ok|Looks like your test exited' "$log" || ! grep -qE '(^|\) )1\.\.[0-9]' "$log"; then tail -n 60 "$log"; fi
		done
		find "$dir/tmp_check" -name '*.log' -exec grep -hE 'PANIC|TRAP|terminated by signal' {} + 2>/dev/null
	fi
	mapfile -t pids < <(find "$dir" -name postmaster.pid -exec sed -n 1p {} \;)
	if ((${#pids[@]} > 0)); then kill -QUIT "${pids[@]}" 2>/dev/null; fi
}

tests=("$@")
if ((${#tests[@]} == 0)); then
	tests=(test/t/*.pl)
	[[ -e ${tests[0]} ]] || { echo "tap.sh: no test found" >&2; exit 1; }
fi
cp -R test expected sql docs contact_upsert.control contact_upsert_proxy.control "$dir"
if ((EUID == 0)); then chown -R "$server_user" "$dir"; fi
cd "$dir"

pgxs=$("$pg_config" --pgxs)
source_tree=${pgxs%/src/makefiles/pgxs.mk}/src/test
export HOME="$dir" TMPDIR="$dir" PG_REGRESS="$source_tree/regress/pg_regress" PERL5LIB="$source_tree/perl:$dir/test/t"
# 15 and newer look for the latter two, older ones for the first
export TESTDIR="$dir" TESTDATADIR="$dir/tmp_check" TESTLOGDIR="$dir/tmp_check/log"
run "${as_server_user[@]}" prove --verbose --timer --exec "perl ${TAP_MODULE:+-M$TAP_MODULE}" "${tests[@]}" </dev/null
