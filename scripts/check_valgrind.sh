#!/bin/bash
# Usage: check_valgrind.sh [SUITE...]
# Runs suites of check.sh on a PostgreSQL whose servers run under valgrind's memcheck (scripts/instrumented.sh). Fails if a test
# does or memcheck reports an error that neither PostgreSQL's list of suppressions knows nor ours. Without arguments regress and
# isolation run. The result is noted in the README's table.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."
scripts/setup.sh watch
# shellcheck source=instrumented.sh
. scripts/instrumented.sh

# Puts a script in the place of "postgres". What initdb runs is not watched, nor what only asks for the version or a setting.
wrap_postgres() {
	local bin=$work/postgresql/bin

	if [[ ! -e $bin/postgres.real ]]; then mv "$bin/postgres" "$bin/postgres.real"; fi
	cat >"$bin/postgres" <<-END
		#!/bin/bash
		case " \$* " in *" --boot "* | *" --single "* | *" --check "* | *" -V "* | *" --version "* | *" -C "*) exec $bin/postgres.real "\$@" ;; esac
		exec valgrind --quiet --leak-check=no --num-callers=40 --error-limit=no --log-file=$reports/%p \\
			--suppressions=$source/source/src/tools/valgrind.supp --suppressions=$PWD/test/sanitize/valgrind.supp $bin/postgres.real "\$@"
	END
	chmod 755 "$bin/postgres"
}

watch valgrind
build_postgresql "" ""
wrap_postgres
export PROFILE="-DCU_PIECES_APART -Wno-error"
# A server starts in seconds and runs twenty to fifty times as long as it is used to.
export START_SECONDS=300 SUITE_SECONDS=14400 PGISOLATIONTIMEOUT=3600 PG_TEST_TIMEOUT_DEFAULT=3600 PGCTLTIMEOUT=600
planted palloc_overrun use_after_pfree use_after_reset arena_overrun uninitialised

take_checkout
suites=("$@")
if (($# == 0)); then suites=(regress isolation); fi
run_suites "${suites[@]}"
tell "valgrind reports no error" no_reports || true
note valgrind "${suites[@]}"
end_run
