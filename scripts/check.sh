#!/bin/bash
# Usage: check.sh [SUITE...]
# Installs what is missing, builds with -Werror, installs, runs the suites (each is a target of the Makefile; without
# arguments all of them) and counts their tests. What a failed suite printed is shown. The last line is "N passed, N failed";
# a suite that ran nothing, died or took too long has failed. Exits with 1 if anything failed. SUITE_SECONDS is how long one
# may take; tap, and headers, lint and newer, which run beside the others, three times as long.
set -euo pipefail
cd "${BASH_SOURCE%/*}/.."

suites=("$@")
((${#suites[@]} > 0)) || suites=(format-check lint headers symbols unit fuzz-corpus regress isolation tap documents newer)
# What the suites need: the server alone, or the tests' libraries, or the tools for format and lint too.
group=demo
for suite in "${suites[@]}"; do
	case $suite in
		regress | isolation | symbols) ;;
		format-check | lint) group=check ;;
		*) [[ $group == check ]] || group="test" ;;
	esac
done

passed=0 failed=0
declare -A beside=() begun=()
logs=build/check
table=$logs/summary
failures=$logs/failures
rm -rf "$logs"
mkdir -p "$logs"
export PROFILE="-Werror ${PROFILE:-}"

# Ends with the summary, whatever happened.
finish() {
	status=$?
	if ((${#beside[@]} > 0)); then
		kill "${beside[@]}" 2>/dev/null || true # they may have ended
		wait "${beside[@]}" 2>/dev/null || true
	fi
	if ((status != 0 && failed == 0)); then failed=1; fi
	echo
	if [[ -s $failures ]]; then cat "$failures"; echo; fi
	echo "$passed passed, $failed failed" >>"$table"
	cat "$table"
	exit $((failed > 0))
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

suite_seconds=${SUITE_SECONDS:-1200}
make_suite=(make --no-print-directory -j"$(nproc)")

run_suite() {
	local suite=$1 status=0 start=$SECONDS
	echo "$suite ..."
	timeout --foreground --kill-after=20 "$suite_seconds" "${make_suite[@]}" "$suite" >"$logs/$suite.log" 2>&1 </dev/null || status=$?
	count_suite "$suite" "$status" $((SECONDS - start))
}

# Some take long, and want little of the others: what is installed, the sources, or a copy of them in a chroot; debian.sh takes turns.
# tap has a processor's time like the others, for its tests wait for servers; the rest have what time is left.
is_beside() {
	[[ $1 == tap || $1 == headers || $1 == lint || $1 == newer ]]
}

start_beside() {
	local suite=$1 nice=10
	if [[ $suite == tap ]]; then nice=0; fi
	echo "$suite, beside the others ..."
	# Not in the foreground: timeout ends the whole group that it leads when finish() ends it.
	nice -n "$nice" timeout --kill-after=20 $((suite_seconds * 3)) "${make_suite[@]}" "$suite" >"$logs/$suite.log" 2>&1 </dev/null &
	beside[$suite]=$!
	begun[$suite]=$SECONDS
}

wait_for_beside() {
	local suite=$1 status=0
	echo "$suite ..."
	wait "${beside[$suite]}" || status=$?
	unset "beside[$suite]"
	count_suite "$suite" "$status" $((SECONDS - begun[$suite]))
}

count_suite() {
	local suite=$1 status=$2 seconds=$3 log=$logs/$1.log counts
	read -r -a counts < <(awk -f scripts/count.awk "$log")
	if ((status == 124)); then echo "check.sh: $suite took too long, $seconds seconds" >>"$log"; fi
	if ((counts[0] + counts[1] == 0)); then echo "check.sh: $suite ran no test" >>"$log"; fi
	if ((counts[1] == 0 && (status != 0 || counts[0] == 0))); then counts[1]=1; fi
	if ((counts[1] > 0)); then
		echo "--- $suite failed:"
		tail -n "${LOG_LINES:-600}" "$log"
		echo "--- end of $suite"
		# Again at the end, where they are seen: whoever keeps only the end of a log keeps these.
		grep -hE '^(not ok|test .*FAILED|check.sh:)|: (error|warning):' "$log" | cut -c1-160 | sed "s/^/$suite: /" | head -n 20 >>"$failures" || true
	fi
	passed=$((passed + counts[0]))
	failed=$((failed + counts[1]))
	printf '%-14s %5d passed %5d failed %5d skipped %5d s\n' "$suite" "${counts[@]}" "$seconds" >>"$table"
}

scripts/setup.sh "$group"
# Built anew, so that a warning of an earlier build is an error now.
rm -rf build/built-for build/core
echo "build ..."
make --no-print-directory -j"$(nproc)" all >"$logs/build.log" 2>&1 || { cat "$logs/build.log"; exit 1; }
scripts/install.sh
for suite in "${suites[@]}"; do
	if is_beside "$suite"; then start_beside "$suite"; fi
done
for suite in "${suites[@]}"; do
	if ! is_beside "$suite"; then run_suite "$suite"; fi
done
for suite in "${suites[@]}"; do
	if is_beside "$suite"; then wait_for_beside "$suite"; fi
done
